//! Wasserstein loss with gradient penalty.

use candle_core::Result;
use stylegan_discriminator::Critic;
use stylegan_ops::Level;

use super::{CriticBatch, CriticLoss, Loss, squared_norms};

/// `D(fake) - D(real) + λ/target² · (‖∇D(mixed)‖ - target)² + ε · D(real)²` (Gulrajani et al. 2017, equation 3, with
/// the drift term of Karras et al. 2018), where `mixed = real + (fake - real) · u`.
///
/// The original differentiates with respect to full-size pictures of repeated pixels. Each of our pixels stands for
/// `f × f` of those, so that their gradient's norm is ours divided by `f`.
pub(super) fn critic(loss: &Loss, critic: &Critic, batch: CriticBatch<'_>) -> Result<CriticLoss> {
    let CriticBatch { reals, fakes, mix, labels, lod } = batch;
    let mixed = (reals + (fakes - reals)?.broadcast_mul(mix)?)?;
    let (scores, recording) = critic.forward_sets(&[reals, fakes, &mixed], lod, labels)?;
    let (real_scores, fake_scores) = (scores[0].clone(), scores[1].clone());
    let pixel_repeat = Level::new(critic.config().resolution, lod)?.pixel_repeat as f64;
    let norms = (squared_norms(&recording.input_gradient_of(2)?)?.sqrt()? / pixel_repeat)?;
    let penalty = ((&norms - loss.wgan_target)?.sqr()? * (loss.gp_lambda / loss.wgan_target.powi(2)))?;
    let drift = (real_scores.sqr()? * loss.drift_epsilon)?;
    Ok(CriticLoss {
        loss: (((&fake_scores - &real_scores)? + penalty)? + drift)?,
        real_scores,
        fake_scores,
        gradient_norms: Some(norms),
    })
}
