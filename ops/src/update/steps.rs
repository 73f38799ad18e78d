//! The steps of Adam, counted where it computes.

use candle_core::{Device, Result, Tensor};

use super::{AdamUpdate, in_place};
use crate::float::Float;

/// How many steps Adam has done, and whether the present one is skipped, kept on the device: that depends on its numbers
/// being finite, and nobody waits for a GPU to find out.
#[derive(Debug)]
pub struct AdamSteps {
    /// `[4]` of `f64`: the steps done; the size of the present one; 1 if that is skipped, else 0; and 1 once a GPU, in
    /// looking at its numbers, has seen one that is not finite.
    state: Tensor,
}

impl AdamSteps {
    /// Where a GPU notes what it has seen.
    #[cfg(feature = "cuda")]
    pub(crate) const FOUND: usize = 3;

    /// After so many steps.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(done: u64, device: &Device) -> Result<Self> {
        Ok(Self { state: Tensor::new(&[done as f64, 0., 0., 0.], device)? })
    }

    /// Goes on as after so many steps.
    ///
    /// # Errors
    /// If the device fails.
    pub fn restart(&mut self, done: u64) -> Result<()> {
        self.state.slice_set(&Self::new(done, self.state.device())?.state, 0, 0)
    }

    /// Steps done, without those that were skipped. Waits for the device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn done(&self) -> Result<u64> {
        Ok(self.state.to_vec1::<f64>()?[0] as u64)
    }

    /// Whether the present step is skipped. Waits for the device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn is_skipped(&self) -> Result<bool> {
        Ok(self.state.to_vec1::<f64>()?[2] != 0.)
    }

    /// The state, in which GPUs count by themselves.
    #[cfg(feature = "cuda")]
    pub(crate) fn state(&self) -> &Tensor {
        &self.state
    }

    /// Counts one more step and returns its size, unless it is skipped.
    pub(super) fn advance(&self, is_finite: bool, update: &AdamUpdate) -> Result<Option<f64>> {
        let mut step_size = None;
        in_place("adam-steps", &self.state, |state, layout| {
            let state = f64::slice_mut(state, layout)?;
            if is_finite {
                state[0] += 1.;
                state[1] = update.step_size(state[0]);
                step_size = Some(state[1]);
            }
            state[2] = f64::from(u8::from(!is_finite));
            Ok(())
        })?;
        Ok(step_size)
    }
}
