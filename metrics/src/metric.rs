//! What all measures of two sets have in common.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::{Features, Moments};

/// A measure of two sets, which is shown batches and then asked for its numbers.
///
/// It keeps no more of a batch than it needs in the end. What a batch is, pictures or features, says the
/// [`Measure`](crate::Measure) that it belongs to.
pub trait Metric: Send {
    /// Takes in a batch; of a set that it does not need, nothing.
    ///
    /// # Shapes
    /// - `batch`: pictures, `[batch, channels, height, width]` in 0..255, `u8` or `f32`, of one size in all batches of both
    ///   sets; or features, `[batch, dim]`
    ///
    /// # Errors
    /// If it is not made for batches of this shape.
    fn add(&mut self, set: Set, batch: &Tensor) -> Result<()>;

    /// A copy with all that it was shown: what it was shown of the reals serves for several sets of fakes.
    fn copied(&self) -> Box<dyn Metric>;

    /// Its numbers of all that it was shown, each with what stands behind the measure's name; the first is the one to look at.
    ///
    /// # Errors
    /// If that is too little, or more of one set than of the other where the counts must be equal.
    fn numbers(&self) -> Result<Numbers>;
}

/// Numbers, each with what stands behind the name of its measure: nothing, or such as `_recall`.
pub type Numbers = Vec<(String, f64)>;

/// Whose pictures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Of the training's data.
    Reals,
    /// Of a generator.
    Fakes,
}

/// What is kept of the features of a set.
pub(crate) trait Gathered: Clone + Default + Send + Sync + 'static {
    /// Takes in `[pictures, dim]`.
    fn add(&mut self, rows: &Tensor) -> Result<()>;
}

impl Gathered for Features {
    fn add(&mut self, rows: &Tensor) -> Result<()> {
        self.add(rows)
    }
}

impl Gathered for Moments {
    fn add(&mut self, rows: &Tensor) -> Result<()> {
        self.add(rows)
    }
}

/// A metric of what is kept of the features of both sets.
#[derive(Clone, Debug)]
pub(crate) struct OfFeatures<T> {
    /// Copies share them.
    reals: Arc<T>,
    fakes: T,
    numbers: fn(&T, &T) -> Result<Numbers>,
}

impl<T: Gathered> OfFeatures<T> {
    /// The metric of this function of reals and fakes.
    pub(crate) fn new(numbers: fn(&T, &T) -> Result<Numbers>) -> Self {
        Self { reals: Arc::default(), fakes: T::default(), numbers }
    }
}

impl<T: Gathered> Metric for OfFeatures<T> {
    fn add(&mut self, set: Set, batch: &Tensor) -> Result<()> {
        match set {
            Set::Reals => Arc::make_mut(&mut self.reals).add(batch),
            Set::Fakes => self.fakes.add(batch),
        }
    }

    fn copied(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }

    fn numbers(&self) -> Result<Numbers> {
        (self.numbers)(&self.reals, &self.fakes)
    }
}
