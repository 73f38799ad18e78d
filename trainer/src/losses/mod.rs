//! Losses: what the critic and the generator minimize, one file each.

mod config;
mod logistic_r1;
mod wgan_clip;
mod wgan_gp;

use candle_core::{DType, Device, Result, Tensor};
use stylegan_discriminator::{Critic, Recording};
use stylegan_ops::{Key, Level};

use crate::bounds::outside;
use crate::{Adam, Report};
pub use config::{LossConfig, LossKind};
pub use logistic_r1::LogisticR1;
pub use wgan_clip::WganClip;
pub use wgan_gp::WganGp;

/// What a training minimizes.
///
/// It reports numbers by name, the same ones in every step. The mean of each over a tick stands in `stats.jsonl` and in
/// TensorBoard.
pub trait Loss {
    /// Its constants, keys of `[loss]` in a configuration.
    fn constants(&mut self) -> Vec<Constant<'_>>;

    /// What it draws for one step of the critic with `batch` pictures, `[batch, …]`. `key` gives the stream of this step for a purpose.
    ///
    /// # Errors
    /// If the device cannot hold it.
    fn draw(
        &self,
        _key: &dyn Fn(&str) -> Key,
        _batch: usize,
        _dtype: DType,
        _device: &Device,
    ) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// The critic's loss per sample, `[batch]`; the critic minimizes the mean.
    ///
    /// # Errors
    /// If shapes differ or `lod` is outside the network.
    fn critic(&self, critic: &Critic, batch: CriticBatch<'_>, report: &mut Report) -> Result<Tensor>;

    /// The generator's loss per sample, from the critic's `scores` `[batch]` of its pictures.
    ///
    /// # Errors
    /// If the device fails.
    fn generator(&self, scores: &Tensor, report: &mut Report) -> Result<Tensor>;

    /// What happens to the critic's weights after each of its steps.
    ///
    /// # Errors
    /// If the device fails.
    fn after_critic_step(&self, _optimizer: &Adam) -> Result<()> {
        Ok(())
    }
}

/// The pictures of one critic step, all `[batch, num_channels, height, width]` of the size of `lod`.
#[derive(Clone, Copy, Debug)]
pub struct CriticBatch<'a> {
    /// Pictures of the data set.
    pub reals: &'a Tensor,
    /// Pictures of the generator, not tracked.
    pub fakes: &'a Tensor,
    /// What the loss draws for them, as [`Loss::draw`] says.
    pub drawn: Option<&'a Tensor>,
    /// Labels of the reals and fakes alike, `[batch, label_dim]`.
    pub labels: Option<&'a Tensor>,
    /// Level of detail.
    pub lod: f64,
}

/// A number that a configuration gives to a loss.
#[derive(Debug)]
pub struct Constant<'a> {
    key: &'static str,
    value: &'a mut f64,
    least: f64,
}

impl<'a> Constant<'a> {
    /// One that may be 0 or more.
    pub fn not_negative(key: &'static str, value: &'a mut f64) -> Self {
        Self { key, value, least: 0.0 }
    }

    /// One that something may be divided by.
    pub fn positive(key: &'static str, value: &'a mut f64) -> Self {
        Self { key, value, least: 1e-6 }
    }

    fn violation(&self) -> Option<String> {
        outside(&format!("loss.{}", self.key), *self.value, self.least, 1e9)
    }
}

/// Squared norms of the gradients of a set's scores with respect to its pictures, per full-size pixel, `[batch]`.
fn squared_gradient_norms(critic: &Critic, recording: &Recording, set: usize, lod: f64) -> Result<Tensor> {
    let pixel_repeat = Level::new(critic.config().resolution, lod)?.pixel_repeat as f64;
    recording.input_gradient_of(set)?.flatten_from(1)?.sqr()?.sum(1)? / pixel_repeat.powi(2)
}

/// `log(1 + exp(x))`, without overflow: `max(x, 0) + log(1 + exp(-|x|))`.
fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + ((x.abs()?.neg()?.exp()? + 1.0)?.log()?)
}
