//! Non-saturating logistic loss with the R1 penalty.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use stylegan_discriminator::Critic;

use super::{Constant, CriticBatch, Loss, softplus, squared_gradient_norms};
use crate::Report;

/// `softplus(D(fake)) + softplus(-D(real)) + γ/2 · ‖∇D(real)‖²` (Mescheder et al. 2018, equation 9), the gradient's
/// norm per full-size pixel as for WGAN-GP.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct LogisticR1 {
    /// γ, weight of the R1 penalty.
    pub r1_gamma: f64,
}

impl Default for LogisticR1 {
    fn default() -> Self {
        Self { r1_gamma: 10.0 }
    }
}

impl Loss for LogisticR1 {
    fn constants(&mut self) -> Vec<Constant<'_>> {
        vec![Constant::not_negative("r1_gamma", &mut self.r1_gamma)]
    }

    fn critic(&self, critic: &Critic, batch: CriticBatch<'_>, report: &mut Report) -> Result<Tensor> {
        let CriticBatch { reals, fakes, labels, lod, .. } = batch;
        let (scores, recording) = critic.forward_sets(&[reals, fakes], lod, labels)?;
        let (real_scores, fake_scores) = (&scores[0], &scores[1]);
        let squared = squared_gradient_norms(critic, &recording, 0, lod)?;
        let penalty = (&squared * (0.5 * self.r1_gamma))?;
        report.add("real_score", real_scores);
        report.add("fake_score", fake_scores);
        report.add("gradient_norm", &squared.detach().sqrt()?);
        report.add("penalty", &penalty);
        (softplus(fake_scores)? + softplus(&real_scores.neg()?)?)? + penalty
    }

    fn generator(&self, scores: &Tensor, _: &mut Report) -> Result<Tensor> {
        softplus(&scores.neg()?)
    }
}
