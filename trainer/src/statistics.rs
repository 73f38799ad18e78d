//! Means over the iterations of a tick.

use std::time::Duration;

use candle_core::{DType, Result, Tensor};

use crate::StepOutcome;

/// Adds up on the device what iterations leave, so that no iteration waits for a number.
///
/// Iterations with a skipped update count as skipped and in no mean: their numbers are not finite.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// `[5]`; none before the first iteration.
    pub(crate) sum: Option<Tensor>,
    pub(crate) steps: u64,
    pub(crate) skipped: u64,
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
    /// Iterations in the means.
    pub(crate) steps: u64,
    pub(crate) skipped: u64,
    pub(crate) waited: Duration,
}

impl Tally {
    /// A tally that goes on from another's numbers.
    pub(crate) fn restored(sum: Option<Tensor>, steps: u64, skipped: u64) -> Self {
        Self { sum, steps, skipped, waited: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, outcome: &StepOutcome) -> Result<()> {
        let StepOutcome { d_loss, g_loss, real_score, fake_score, gradient_norm, skipped } = outcome;
        if *skipped > 0 {
            self.skipped += u64::from(*skipped);
            return Ok(());
        }
        let row = Tensor::stack(&[d_loss, g_loss, real_score, fake_score, gradient_norm], 0)?
            .to_dtype(DType::F32)?;
        self.sum = Some(match self.sum.take() {
            Some(sum) => (sum + row)?,
            None => row,
        });
        self.steps += 1;
        Ok(())
    }

    pub(crate) fn waited(&mut self, for_data: Duration) {
        self.waited += for_data;
    }

    /// The means so far.
    pub(crate) fn means(&self) -> Result<Statistics> {
        let Self { sum, steps, skipped, waited } = self;
        let (steps, skipped, waited) = (*steps, *skipped, *waited);
        let Some(sum) = sum else { return Ok(Statistics { skipped, waited, ..Statistics::default() }) };
        let means = sum.to_vec1::<f32>()?;
        let mean = |index: usize| f64::from(means[index]) / steps as f64;
        Ok(Statistics {
            d_loss: mean(0),
            g_loss: mean(1),
            real_score: mean(2),
            fake_score: mean(3),
            gradient_norm: mean(4),
            steps,
            skipped,
            waited,
        })
    }
}

impl Statistics {
    /// Whether the training makes sense: there was an iteration with finite numbers, and all means are finite.
    pub(crate) fn is_sound(&self) -> bool {
        let Self { d_loss, g_loss, real_score, fake_score, gradient_norm, .. } = self;
        self.steps > 0
            && [d_loss, g_loss, real_score, fake_score, gradient_norm].iter().all(|mean| mean.is_finite())
    }
}
