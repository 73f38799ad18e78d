//! Numbers that a training step reports.

use candle_core::{Result, Tensor, bail};

use crate::rewrite::rewrite;

/// Numbers by name, on the device that computed them, so that nothing waits for it.
#[derive(Clone, Debug, Default)]
pub struct Report(Vec<(&'static str, Tensor)>);

impl Report {
    /// Adds `values` of any shape, of which the mean is looked at.
    ///
    /// `name` becomes a key of `stats.jsonl` and a tag of TensorBoard.
    pub fn add(&mut self, name: &'static str, values: &Tensor) {
        // What is kept must not keep the graph.
        self.0.push((name, values.detach()));
    }

    /// The values added under `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, values)| values)
    }

    /// All of it, in the order in which it was added.
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, &Tensor)> {
        self.0.iter().map(|(name, values)| (*name, values))
    }

    /// The same with the mean of each.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn means(mut self) -> Result<Self> {
        for (_, values) in &mut self.0 {
            if values.rank() > 0 {
                *values = values.mean_all()?;
            }
        }
        Ok(self)
    }

    fn tensors(&self) -> Vec<&Tensor> {
        self.numbers().map(|(_, values)| values).collect()
    }

    /// The same in memory of its own.
    pub(crate) fn copy(&self) -> Result<Self> {
        self.0.iter().map(|(name, values)| Ok((*name, values.copy()?))).collect::<Result<_>>().map(Self)
    }

    /// Takes the values of another of the same numbers.
    pub(crate) fn take(&self, other: &Self) -> Result<()> {
        if !rewrite(&self.tensors(), &other.tensors())? {
            bail!("a loss reports other numbers than in the step before")
        }
        Ok(())
    }

    /// Takes other values for the same names, in their order.
    pub(crate) fn replace(&mut self, values: &mut impl Iterator<Item = Tensor>) {
        self.0.iter_mut().zip(values).for_each(|((_, own), value)| *own = value);
    }

    /// The same with what `other` says behind it.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}
