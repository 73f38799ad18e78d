//! Wasserstein loss with clipped weights.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use stylegan_discriminator::Critic;
use stylegan_ops::clamp_update;

use super::{Constant, CriticBatch, Loss, squared_gradient_norms};
use crate::{Adam, Report};

/// `D(fake) - D(real)` (Arjovsky et al. 2017, algorithm 1).
///
/// Nothing asks for the norm of the gradient of the reals' scores; it is reported since clipping makes it vanish or explode.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct WganClip {
    /// Largest absolute value of any weight of the critic.
    pub clip_limit: f64,
}

impl Default for WganClip {
    fn default() -> Self {
        Self { clip_limit: 0.01 }
    }
}

impl Loss for WganClip {
    fn constants(&mut self) -> Vec<Constant<'_>> {
        vec![Constant::positive("clip_limit", &mut self.clip_limit)]
    }

    fn critic(&self, critic: &Critic, batch: CriticBatch<'_>, report: &mut Report) -> Result<Tensor> {
        let CriticBatch { reals, fakes, labels, lod, .. } = batch;
        let (scores, recording) = critic.forward_sets(&[reals, fakes], lod, labels)?;
        let norms = squared_gradient_norms(critic, &recording, 0, lod)?.detach().sqrt()?;
        report.add("real_score", &scores[0]);
        report.add("fake_score", &scores[1]);
        report.add("gradient_norm", &norms);
        &scores[1] - &scores[0]
    }

    fn generator(&self, scores: &Tensor, _: &mut Report) -> Result<Tensor> {
        scores.neg()
    }

    /// Clips all weights.
    fn after_critic_step(&self, optimizer: &Adam) -> Result<()> {
        let parameters: Vec<&Tensor> = optimizer.parameters().map(|(_, parameter)| parameter).collect();
        clamp_update(&parameters, self.clip_limit, optimizer.steps())
    }
}
