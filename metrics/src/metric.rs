//! What all measures of two sets have in common.

use candle_core::{Result, Tensor};

use crate::Features;

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

/// A metric that needs all features of both sets.
#[derive(Clone, Debug)]
pub(crate) struct OfFeatures {
    reals: Features,
    fakes: Features,
    numbers: fn(&Features, &Features) -> Result<Numbers>,
}

impl OfFeatures {
    /// The metric of this function of reals and fakes.
    pub(crate) fn new(numbers: fn(&Features, &Features) -> Result<Numbers>) -> Self {
        Self { reals: Features::default(), fakes: Features::default(), numbers }
    }
}

impl Metric for OfFeatures {
    fn add(&mut self, set: Set, batch: &Tensor) -> Result<()> {
        match set {
            Set::Reals => self.reals.add(batch),
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
