//! Wasserstein loss with clipped weights.

use candle_core::Result;
use stylegan_discriminator::Critic;

use super::{CriticBatch, CriticLoss};

/// `D(fake) - D(real)` (Arjovsky et al. 2017, algorithm 1); the weights are clipped after each step.
pub(super) fn critic(critic: &Critic, batch: CriticBatch<'_>) -> Result<CriticLoss> {
    let CriticBatch { reals, fakes, labels, lod, .. } = batch;
    let (scores, _) = critic.forward_sets(&[reals, fakes], lod, labels)?;
    let (real_scores, fake_scores) = (scores[0].clone(), scores[1].clone());
    Ok(CriticLoss { loss: (&fake_scores - &real_scores)?, real_scores, fake_scores, gradient_norms: None })
}
