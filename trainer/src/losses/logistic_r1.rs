//! Non-saturating logistic loss with the R1 penalty.

use candle_core::Result;
use stylegan_discriminator::Critic;
use stylegan_ops::Level;

use super::{CriticBatch, CriticLoss, Loss, softplus, squared_norms};

/// `softplus(D(fake)) + softplus(-D(real)) + γ/2 · ‖∇D(real)‖²` (Mescheder et al. 2018, equation 9), the gradient's
/// norm per full-size pixel as for WGAN-GP.
pub(super) fn critic(loss: &Loss, critic: &Critic, batch: CriticBatch<'_>) -> Result<CriticLoss> {
    let CriticBatch { reals, fakes, labels, lod, .. } = batch;
    let (scores, recording) = critic.forward_sets(&[reals, fakes], lod, labels)?;
    let (real_scores, fake_scores) = (scores[0].clone(), scores[1].clone());
    let pixel_repeat = Level::new(critic.config().resolution, lod)?.pixel_repeat as f64;
    let squared = (squared_norms(&recording.input_gradient_of(0)?)? / pixel_repeat.powi(2))?;
    let penalty = (&squared * (0.5 * loss.r1_gamma))?;
    Ok(CriticLoss {
        loss: ((softplus(&fake_scores)? + softplus(&real_scores.neg()?)?)? + penalty)?,
        real_scores,
        fake_scores,
        gradient_norms: Some(squared.detach().sqrt()?),
    })
}
