//! Wasserstein loss with gradient penalty.

use candle_core::{DType, Device, Result, Tensor, bail};
use schemars::JsonSchema;
use stylegan_discriminator::Critic;
use stylegan_ops::{Key, RandomTensors};

use super::{Constant, CriticBatch, Loss, squared_gradient_norms};
use crate::Report;

/// `D(fake) - D(real) + λ/target² · (‖∇D(mixed)‖ - target)² + ε · D(real)²` (Gulrajani et al. 2017, equation 3, with
/// the drift term of Karras et al. 2018), where `mixed = real + (fake - real) · u`.
///
/// The original differentiates with respect to full-size pictures of repeated pixels. Each of our pixels stands for
/// `f × f` of those, so that their gradient's norm is ours divided by `f`.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct WganGp {
    /// λ, weight of the gradient penalty.
    pub gp_lambda: f64,
    /// Gradient norm, per full-size pixel, that the penalty pulls to.
    pub wgan_target: f64,
    /// ε, weight of the squared scores of reals, which keeps scores near zero.
    pub drift_epsilon: f64,
}

impl Default for WganGp {
    fn default() -> Self {
        Self { gp_lambda: 10.0, wgan_target: 1.0, drift_epsilon: 0.001 }
    }
}

impl Loss for WganGp {
    fn constants(&mut self) -> Vec<Constant<'_>> {
        vec![
            Constant::not_negative("gp_lambda", &mut self.gp_lambda),
            Constant::positive("wgan_target", &mut self.wgan_target),
            Constant::not_negative("drift_epsilon", &mut self.drift_epsilon),
        ]
    }

    /// `u`, the share of the fake in each mixed sample: `[batch, 1, 1, 1]` in [0, 1).
    fn draw(
        &self,
        key: &dyn Fn(&str) -> Key,
        batch: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>> {
        key("share of fakes").uniform_tensor((batch, 1, 1, 1), dtype, device).map(Some)
    }

    fn critic(&self, critic: &Critic, batch: CriticBatch<'_>, report: &mut Report) -> Result<Tensor> {
        let CriticBatch { reals, fakes, drawn, labels, lod } = batch;
        let Some(shares) = drawn else { bail!("wgan_gp: the shares of fakes in mixed samples are missing") };
        let mixed = (reals + (fakes - reals)?.broadcast_mul(shares)?)?;
        let (scores, recording) = critic.forward_sets(&[reals, fakes, &mixed], lod, labels)?;
        let (real_scores, fake_scores) = (&scores[0], &scores[1]);
        let norms = squared_gradient_norms(critic, &recording, 2, lod)?.sqrt()?;
        let penalty = ((&norms - self.wgan_target)?.sqr()? * (self.gp_lambda / self.wgan_target.powi(2)))?;
        let drift = (real_scores.sqr()? * self.drift_epsilon)?;
        report.add("real_score", real_scores);
        report.add("fake_score", fake_scores);
        report.add("gradient_norm", &norms);
        report.add("penalty", &penalty);
        ((fake_scores - real_scores)? + penalty)? + drift
    }

    fn generator(&self, scores: &Tensor, _: &mut Report) -> Result<Tensor> {
        scores.neg()
    }
}
