//! Means over the iterations of a tick.

use std::time::Duration;

use candle_core::{DType, Result, Tensor};

use crate::StepOutcome;

/// Adds up on the device what iterations leave, so that no iteration waits for a number.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sum: Option<Tensor>,
    steps: u64,
    skipped: u64,
    waited: Duration,
}

/// Means over a tick.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) d_loss: f64,
    pub(crate) g_loss: f64,
    pub(crate) real_score: f64,
    pub(crate) fake_score: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) skipped: u64,
    pub(crate) waited: Duration,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: &StepOutcome) -> Result<()> {
        let StepOutcome { d_loss, g_loss, real_score, fake_score, gradient_norm, skipped } = outcome;
        let row = Tensor::stack(&[d_loss, g_loss, real_score, fake_score, gradient_norm], 0)?
            .to_dtype(DType::F32)?;
        self.sum = Some(match self.sum.take() {
            Some(sum) => (sum + row)?,
            None => row,
        });
        self.steps += 1;
        self.skipped += u64::from(*skipped);
        Ok(())
    }

    pub(crate) fn waited(&mut self, for_data: Duration) {
        self.waited += for_data;
    }

    /// The means since the last call.
    pub(crate) fn take(&mut self) -> Result<Statistics> {
        let Self { sum, steps, skipped, waited } = std::mem::take(self);
        let Some(sum) = sum else { return Ok(Statistics { skipped, waited, ..Statistics::default() }) };
        let means = sum.to_vec1::<f32>()?;
        let mean = |index: usize| f64::from(means[index]) / steps as f64;
        Ok(Statistics {
            d_loss: mean(0),
            g_loss: mean(1),
            real_score: mean(2),
            fake_score: mean(3),
            gradient_norm: mean(4),
            skipped,
            waited,
        })
    }
}
