//! Losses: what the critic and the generator minimize.

mod logistic_r1;
mod wgan_clip;
mod wgan_gp;

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_discriminator::Critic;

/// Which loss is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Wasserstein loss with gradient penalty (Gulrajani et al. 2017) and a drift term.
    #[default]
    WganGp,
    /// Non-saturating logistic loss with the R1 penalty (Mescheder et al. 2018).
    LogisticR1,
    /// Wasserstein loss with clipped weights (Arjovsky et al. 2017), for comparison only.
    WganClip,
}

/// The loss and its constants; the defaults are the original's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loss {
    /// `wgan_gp`, `logistic_r1` or `wgan_clip`.
    pub kind: LossKind,
    /// Weight of the gradient penalty (`wgan_gp`).
    pub gp_lambda: f64,
    /// Gradient norm, per full-size pixel, that the penalty pulls to (`wgan_gp`).
    pub wgan_target: f64,
    /// Weight of the squared scores of reals, which keeps scores near zero (`wgan_gp`).
    pub drift_epsilon: f64,
    /// Weight of the R1 penalty (`logistic_r1`).
    pub r1_gamma: f64,
    /// Largest absolute value of any weight of the critic (`wgan_clip`).
    pub clip_limit: f64,
}

impl Default for Loss {
    fn default() -> Self {
        Self {
            kind: LossKind::WganGp,
            gp_lambda: 10.0,
            wgan_target: 1.0,
            drift_epsilon: 0.001,
            r1_gamma: 10.0,
            clip_limit: 0.01,
        }
    }
}

/// What a critic's loss is made of.
#[derive(Clone, Debug)]
pub struct CriticLoss {
    /// Per sample, `[batch]`; the critic minimizes the mean.
    pub loss: Tensor,
    /// Scores of the reals, `[batch]`.
    pub real_scores: Tensor,
    /// Scores of the fakes, `[batch]`.
    pub fake_scores: Tensor,
    /// Norm of the scores' gradient per full-size pixel, `[batch]`, where the loss looks at one.
    pub gradient_norms: Option<Tensor>,
}

/// The pictures of one critic step, all `[batch, 3, side, side]` at the side of `lod`.
#[derive(Clone, Copy, Debug)]
pub struct CriticBatch<'a> {
    /// Pictures of the data set.
    pub reals: &'a Tensor,
    /// Pictures of the generator, not tracked.
    pub fakes: &'a Tensor,
    /// Share of the fake in each mixed sample, `[batch, 1, 1, 1]` in [0, 1) (`wgan_gp`).
    pub mix: &'a Tensor,
    /// Labels of the reals and fakes alike, `[batch, label_dim]`.
    pub labels: Option<&'a Tensor>,
    /// Level of detail.
    pub lod: f64,
}

impl Loss {
    /// The critic's loss.
    ///
    /// # Errors
    /// If shapes differ or `lod` is outside the network.
    pub fn critic(&self, critic: &Critic, batch: CriticBatch<'_>) -> Result<CriticLoss> {
        match self.kind {
            LossKind::WganGp => wgan_gp::critic(self, critic, batch),
            LossKind::LogisticR1 => logistic_r1::critic(self, critic, batch),
            LossKind::WganClip => wgan_clip::critic(critic, batch),
        }
    }

    /// The generator's loss per sample, from the critic's `scores` `[batch]` of its pictures.
    ///
    /// # Errors
    /// If the device fails.
    pub fn generator(&self, scores: &Tensor) -> Result<Tensor> {
        match self.kind {
            LossKind::WganGp | LossKind::WganClip => scores.neg(),
            LossKind::LogisticR1 => softplus(&scores.neg()?),
        }
    }

    /// Everything wrong with it.
    pub fn violations(&self) -> Vec<String> {
        [
            ("gp_lambda", self.gp_lambda, 0.0),
            ("wgan_target", self.wgan_target, f64::MIN_POSITIVE),
            ("drift_epsilon", self.drift_epsilon, 0.0),
            ("r1_gamma", self.r1_gamma, 0.0),
            ("clip_limit", self.clip_limit, f64::MIN_POSITIVE),
        ]
        .into_iter()
        .filter(|&(_, value, least)| !(least..=1e9).contains(&value))
        .map(|(key, value, least)| {
            let bound = if least > 0.0 { "above 0" } else { "0 or more" };
            format!("`loss.{key}` is {value}, but must be {bound}")
        })
        .collect()
    }
}

/// Sum of squares of each sample, `[batch, ...]` to `[batch]`.
fn squared_norms(x: &Tensor) -> Result<Tensor> {
    x.flatten_from(1)?.sqr()?.sum(1)
}

/// `log(1 + exp(x))`, without overflow: `max(x, 0) + log(1 + exp(-|x|))`.
fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + ((x.abs()?.neg()?.exp()? + 1.0)?.log()?)
}
