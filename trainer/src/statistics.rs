//! Means over the iterations of a tick.

use std::time::Duration;

use candle_core::{DType, Device, Result, Tensor};
use stylegan_ops::{AdamSteps, tally_update};

use crate::StepOutcome;

/// Numbers that an iteration leaves.
const NUMBERS: usize = 5;

/// Adds up on the device what iterations leave, so that no iteration waits for a number.
///
/// Iterations with a skipped update count as skipped and in no mean: their numbers are not finite.
#[derive(Debug)]
pub(crate) struct Tally {
    /// As [`tally_update`] has it.
    device_tally: Tensor,
    waited: Duration,
}

/// What was added up, read from the device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sums {
    /// Iterations in the sums.
    pub(crate) steps: u64,
    /// Updates skipped.
    pub(crate) skipped: u64,
    /// Losses of critic and generator, scores of reals and fakes, norms of gradients.
    pub(crate) values: [f32; NUMBERS],
}

/// Means over a tick.
#[derive(Debug)]
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
    /// Nothing yet.
    pub(crate) fn new(device: &Device) -> Result<Self> {
        let device_tally = Tensor::zeros(2 + NUMBERS, DType::F64, device)?;
        Ok(Self { device_tally, waited: Duration::ZERO })
    }

    /// A tally that goes on from another's numbers.
    pub(crate) fn restored(Sums { steps, skipped, values }: Sums, device: &Device) -> Result<Self> {
        let mut numbers = vec![steps as f64, skipped as f64];
        numbers.extend(values.map(f64::from));
        Ok(Self { device_tally: Tensor::new(numbers, device)?, waited: Duration::ZERO })
    }

    /// Takes in an iteration, unless one of its updates was skipped, which `adam_steps` tell.
    pub(crate) fn add(&mut self, outcome: &StepOutcome, adam_steps: [&AdamSteps; 2]) -> Result<()> {
        let StepOutcome { d_loss, g_loss, real_score, fake_score, gradient_norm } = outcome;
        tally_update(&self.device_tally, &[d_loss, g_loss, real_score, fake_score, gradient_norm], adam_steps)
    }

    pub(crate) fn waited(&mut self, for_data: Duration) {
        self.waited += for_data;
    }

    /// The sums so far. Waits for the device.
    pub(crate) fn sums(&self) -> Result<Sums> {
        let numbers = self.device_tally.to_vec1::<f64>()?;
        let values = std::array::from_fn(|index| numbers[2 + index] as f32);
        Ok(Sums { steps: numbers[0] as u64, skipped: numbers[1] as u64, values })
    }

    /// The means so far. Waits for the device.
    pub(crate) fn means(&self) -> Result<Statistics> {
        let Sums { steps, skipped, values } = self.sums()?;
        let [d_loss, g_loss, real_score, fake_score, gradient_norm] =
            values.map(|sum| if steps == 0 { 0.0 } else { f64::from(sum) / steps as f64 });
        let waited = self.waited;
        Ok(Statistics { d_loss, g_loss, real_score, fake_score, gradient_norm, steps, skipped, waited })
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
