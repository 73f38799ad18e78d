//! What is random in an iteration, and all else that differs from one to the next.

use candle_core::{DType, Device, Result, Tensor};
use stylegan_generator::{Generator, Noise};
use stylegan_ops::{Key, RandomTensors, upload};
use stylegan_peers::Share;

use crate::TrainConfig;
use crate::rewrite::rewrite;

/// Everything random in one pass of the generator.
#[derive(Clone, Debug)]
pub struct Draws {
    /// `[batch, z_dim]`
    pub z: Tensor,
    /// The latent of the layers from `mix_cutoff` on, `[batch, z_dim]`; none without style mixing.
    pub z2: Option<Tensor>,
    /// First layer that takes the second latent.
    pub mix_cutoff: usize,
    /// Which layers take the first latent, `u8` `[batch, num_layers, w_dim]`, if a tensor says it in the place of `mix_cutoff`: then
    /// the same kernels do for every cutoff.
    pub is_first: Option<Tensor>,
    /// The layers' noise.
    pub noise: Noise,
}

impl Draws {
    /// The draws of one pass, a function of `key`.
    ///
    /// With probability `style_mixing_prob` the cutoff is uniform in `1..active`, the layers in use at `lod`, one for
    /// the whole minibatch.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn new(
        key: Key,
        config: &TrainConfig,
        batch: usize,
        lod: f64,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let latents =
            |purpose: &str| key.child(purpose, 0).normal((batch, config.generator.z_dim), dtype, device);
        let active = config.generator.num_layers().saturating_sub(2 * lod.floor() as usize);
        let mixes = config.generator.styles
            && active > 1
            && key.child("mixes", 0).uniform() < config.training.style_mixing_prob;
        let mix_cutoff = if mixes {
            1 + (key.child("mix cutoff", 0).uniform() * (active - 1) as f64) as usize
        } else {
            active
        };
        Ok(Self {
            z: latents("z")?,
            z2: if mixes { Some(latents("z2")?) } else { None },
            mix_cutoff,
            is_first: None,
            noise: Noise::Random(key.child("noise", 0)),
        })
    }

    /// Those of a rank's samples, of draws for a whole minibatch of `batch`.
    fn shared(self, share: Share, batch: usize) -> Result<Self> {
        let samples = share.runs(batch).map_err(candle_core::Error::wrap)?;
        Ok(Self {
            z: share.of(&self.z)?,
            z2: self.z2.map(|z2| share.of(&z2)).transpose()?,
            mix_cutoff: self.mix_cutoff,
            is_first: self.is_first,
            noise: match self.noise {
                Noise::Random(key) if share.is_part() => Noise::RandomOf { key, batch, samples },
                noise => noise,
            },
        })
    }

    /// The same, all of it in tensors, as many for each pass at this level of detail.
    fn in_tensors(self, config: &TrainConfig, generator: &Generator, lod: f64) -> Result<Self> {
        let (batch, layers, w_dim) = (self.z.dim(0)?, config.generator.num_layers(), config.generator.w_dim);
        let noise = generator.synthesis().drawn(&self.noise, &self.z, lod)?;
        if !config.generator.styles || config.training.style_mixing_prob == 0.0 {
            return Ok(Self { noise, ..self });
        }
        let of_picture = (0..layers * w_dim).map(|place| u8::from(place / w_dim < self.mix_cutoff));
        let is_first = of_picture.collect::<Vec<u8>>().repeat(batch);
        let is_first = upload(&is_first, (batch, layers, w_dim), self.z.device())?;
        // Where no layer takes the second, any will do.
        let z2 = Some(self.z2.unwrap_or_else(|| self.z.clone()));
        Ok(Self { z2, is_first: Some(is_first), noise, ..self })
    }

    fn tensors(&self) -> Vec<&Tensor> {
        let noise: &[Tensor] = match &self.noise {
            Noise::Given(images) => images,
            _ => &[],
        };
        [&self.z].into_iter().chain(&self.z2).chain(&self.is_first).chain(noise).collect()
    }

    fn copy(&self) -> Result<Self> {
        let noise = match &self.noise {
            Noise::Given(images) => {
                Noise::Given(images.iter().map(Tensor::copy).collect::<Result<Vec<_>>>()?)
            }
            noise => noise.clone(),
        };
        Ok(Self {
            z: self.z.copy()?,
            z2: copy(self.z2.as_ref())?,
            mix_cutoff: self.mix_cutoff,
            is_first: copy(self.is_first.as_ref())?,
            noise,
        })
    }
}

/// Everything random in one iteration.
#[derive(Debug)]
pub(crate) struct IterationDraws {
    /// Of the generator's pass in the critic's step.
    pub(crate) critic: Draws,
    /// Of the loss.
    pub(crate) loss: Option<Tensor>,
    /// Of the generator's own step.
    pub(crate) generator: Draws,
}

impl IterationDraws {
    /// Those of a rank's samples, of the draws of one iteration with `batch` samples in all; `key` gives its stream for a
    /// purpose.
    pub(crate) fn new(
        key: &dyn Fn(&str) -> Key,
        config: &TrainConfig,
        (share, batch): (Share, usize),
        lod: f64,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let draws =
            |purpose| Draws::new(key(purpose), config, batch, lod, dtype, device)?.shared(share, batch);
        let loss = config.loss.chosen().draw(key, batch, dtype, device)?;
        Ok(Self {
            critic: draws("critic step")?,
            loss: loss.map(|draw| share.of(&draw)).transpose()?,
            generator: draws("generator step")?,
        })
    }
}

/// All that differs from one iteration to the next.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// The reals, `[batch, num_channels, height, width]` in 0..255.
    pub(crate) pixels: Tensor,
    /// Their labels, `[batch, label_dim]`.
    pub(crate) labels: Option<Tensor>,
    pub(crate) draws: IterationDraws,
}

impl Inputs {
    fn tensors(&self) -> Vec<&Tensor> {
        let IterationDraws { critic, loss, generator } = &self.draws;
        let pictures = [&self.pixels].into_iter().chain(&self.labels).chain(loss);
        pictures.chain(critic.tensors()).chain(generator.tensors()).collect()
    }

    /// The same, all of it in tensors, as many for each iteration with these settings.
    pub(crate) fn in_tensors(self, config: &TrainConfig, drawer: &Generator, lod: f64) -> Result<Self> {
        let IterationDraws { critic, loss, generator } = self.draws;
        let critic = critic.in_tensors(config, drawer, lod)?;
        let generator = generator.in_tensors(config, drawer, lod)?;
        Ok(Self { draws: IterationDraws { critic, loss, generator }, ..self })
    }

    /// Takes the values of others, if they are as many.
    pub(crate) fn take(&self, others: &Self) -> Result<bool> {
        rewrite(&self.tensors(), &others.tensors())
    }

    /// The same in memory of their own.
    pub(crate) fn copy(&self) -> Result<Self> {
        let IterationDraws { critic, loss, generator } = &self.draws;
        Ok(Self {
            pixels: self.pixels.copy()?,
            labels: copy(self.labels.as_ref())?,
            draws: IterationDraws {
                critic: critic.copy()?,
                loss: copy(loss.as_ref())?,
                generator: generator.copy()?,
            },
        })
    }
}

fn copy(tensor: Option<&Tensor>) -> Result<Option<Tensor>> {
    tensor.map(Tensor::copy).transpose()
}
