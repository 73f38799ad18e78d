//! One iteration: a step of the critic, the average, a step of the generator.

use candle_core::{DType, Device, Result, Tensor};
use stylegan_generator::{Generator, Noise, is_buffer, mix_styles};
use stylegan_ops::{AdamSteps, Key, RandomTensors, blend, clamp_update, downscale2x, repeatedly, upscale2x};

use crate::losses::{CriticBatch, CriticLoss};
use crate::{Adam, LossKind, Networks, Settings, TrainConfig};

/// Networks and optimizers in training.
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    networks: Networks,
    pub(crate) g_adam: Adam,
    pub(crate) d_adam: Adam,
    /// Level of detail of the last iteration.
    pub(crate) last_lod: Option<f64>,
}

/// Everything random in one pass of the generator.
#[derive(Clone, Debug)]
pub struct Draws {
    /// `[batch, z_dim]`
    pub z: Tensor,
    /// The latent of the layers from `mix_cutoff` on, `[batch, z_dim]`; none without style mixing.
    pub z2: Option<Tensor>,
    /// First layer that takes the second latent.
    pub mix_cutoff: usize,
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
            noise: Noise::Random(key.child("noise", 0)),
        })
    }
}

/// What one iteration leaves for the statistics; tensors of one number, so that nothing waits for the device.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// Mean loss of the critic.
    pub d_loss: Tensor,
    /// Mean loss of the generator.
    pub g_loss: Tensor,
    /// Mean score of the reals.
    pub real_score: Tensor,
    /// Mean score of the fakes.
    pub fake_score: Tensor,
    /// Mean norm of the scores' gradient per full-size pixel; 0 where the loss looks at none.
    pub gradient_norm: Tensor,
}

impl Trainer {
    /// Networks at their first values, optimizers at their start.
    ///
    /// # Errors
    /// If the configuration is impossible or the device cannot hold them.
    pub fn new(config: TrainConfig, dtype: DType, device: &Device) -> Result<Self> {
        let networks = Networks::new(&config, dtype, device)?;
        Ok(Self {
            g_adam: Adam::new(config.adam, &networks.g, |name| !is_buffer(name))?,
            d_adam: Adam::new(config.adam, &networks.d, |_| true)?,
            last_lod: None,
            networks,
            config,
        })
    }

    /// The networks.
    pub fn networks(&self) -> &Networks {
        &self.networks
    }

    /// The configuration.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// One iteration: critic step, average, generator step, with fresh draws that are a function of the run's seed
    /// and `step`.
    ///
    /// # Shapes
    /// - `pixels_u8`: `[batch, 3, side, side]` of bytes, the reals
    /// - `labels`: `[batch, label_dim]` of the reals; the generator's step uses them as well
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn step(
        &mut self,
        pixels_u8: &Tensor,
        labels: Option<&Tensor>,
        settings: Settings,
        step: u64,
    ) -> Result<StepOutcome> {
        self.enter_level(settings)?;
        repeatedly(pixels_u8.device(), || {
            let (batch, ..) = pixels_u8.dims4()?;
            let key = |purpose| Key::new(purpose, &[self.config.run.seed, step]);
            let (dtype, device) = (self.networks.generator.w_avg().dtype(), pixels_u8.device());
            let draws = |purpose| Draws::new(key(purpose), &self.config, batch, settings.lod, dtype, device);
            let reals = process_reals(pixels_u8, settings.lod, dtype)?;
            let mix = key("share of fakes").uniform_tensor((batch, 1, 1, 1), dtype, device)?;
            let (d_draws, g_draws) = (draws("critic step")?, draws("generator step")?);

            let critic = self.critic_step(&reals, &mix, labels, &d_draws, settings)?;
            self.networks.update_average(self.config.training.ema_beta(batch))?;
            let g_loss = self.generator_step(labels, &g_draws, settings)?;
            Ok(StepOutcome { g_loss, ..critic })
        })
    }

    /// Forgets the optimizers' moments where a level of the growing network starts or ends.
    ///
    /// # Errors
    /// If the device fails.
    pub fn enter_level(&mut self, settings: Settings) -> Result<()> {
        if settings.changes_level(self.last_lod) {
            self.g_adam.reset()?;
            self.d_adam.reset()?;
        }
        self.last_lod = Some(settings.lod);
        Ok(())
    }

    /// One step of the critic; `g_loss` of the outcome is 0.
    ///
    /// # Shapes
    /// - `reals`: `[batch, 3, side, side]` in -1..1
    /// - `mix`: `[batch, 1, 1, 1]` in [0, 1)
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn critic_step(
        &mut self,
        reals: &Tensor,
        mix: &Tensor,
        labels: Option<&Tensor>,
        draws: &Draws,
        settings: Settings,
    ) -> Result<StepOutcome> {
        let lod = settings.lod;
        let fakes = self.draw(&self.networks.frozen_generator, draws, labels, lod)?;
        let parts = self.critic_loss(CriticBatch { reals, fakes: &fakes, mix, labels, lod })?;
        let loss = parts.loss.mean_all()?;
        self.d_adam.step(&loss, &loss.backward()?, settings.d_lrate)?;
        if self.config.loss.kind == LossKind::WganClip {
            let parameters: Vec<&Tensor> = self.d_adam.parameters().map(|(_, parameter)| parameter).collect();
            clamp_update(&parameters, self.config.loss.clip_limit, self.d_adam.steps())?;
        }
        let mean = |x: &Tensor| x.detach().mean_all();
        Ok(StepOutcome {
            g_loss: loss.zeros_like()?.detach(),
            d_loss: loss.detach(),
            real_score: mean(&parts.real_scores)?,
            fake_score: mean(&parts.fake_scores)?,
            gradient_norm: parts.gradient_norms.as_ref().map_or_else(|| loss.zeros_like(), mean)?,
        })
    }

    /// One step of the generator; returns its mean loss.
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn generator_step(
        &mut self,
        labels: Option<&Tensor>,
        draws: &Draws,
        settings: Settings,
    ) -> Result<Tensor> {
        let loss = self.generator_loss(draws, labels, settings.lod)?.mean_all()?;
        self.g_adam.step(&loss, &loss.backward()?, settings.g_lrate)?;
        Ok(loss.detach())
    }

    /// How far the optimizers of critic and generator are, and whether they skip the present step.
    pub fn adam_steps(&self) -> [&AdamSteps; 2] {
        [self.d_adam.steps(), self.g_adam.steps()]
    }

    /// The critic's loss and its parts, for all of the critic's weights to be trained by.
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn critic_loss(&self, batch: CriticBatch<'_>) -> Result<CriticLoss> {
        self.config.loss.critic(&self.networks.critic, batch)
    }

    /// The generator's loss per sample, `[batch]`, for all of the generator's weights to be trained by.
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn generator_loss(&self, draws: &Draws, labels: Option<&Tensor>, lod: f64) -> Result<Tensor> {
        let pictures = self.draw(&self.networks.generator, draws, labels, lod)?;
        let scores = self.networks.frozen_critic.forward(&pictures, lod, labels)?;
        self.config.loss.generator(&scores)
    }

    /// The generator's training path: the running mean of w takes in the first latents, styles are mixed, w is not
    /// truncated.
    pub(crate) fn draw(
        &self,
        generator: &Generator,
        draws: &Draws,
        labels: Option<&Tensor>,
        lod: f64,
    ) -> Result<Tensor> {
        let w = generator.mapping().forward(&draws.z, labels)?;
        generator.track_w_avg(&w, self.config.training.w_avg_beta)?;
        let mut w_plus = generator.broadcast(&w)?;
        if let Some(z2) = &draws.z2 {
            let second = generator.broadcast(&generator.mapping().forward(z2, labels)?)?;
            w_plus = mix_styles(&w_plus, &second, draws.mix_cutoff)?;
        }
        generator.synthesis().forward(&w_plus, lod, &draws.noise)
    }
}

/// Bytes to what the critic sees: 0..255 to -1..1, and while a level fades in, blended with its half-size self.
///
/// # Shapes
/// - `pixels_u8`: `[batch, 3, side, side]`
/// - returns: the same
///
/// # Errors
/// If the shape differs or the side is odd.
pub fn process_reals(pixels_u8: &Tensor, lod: f64, dtype: DType) -> Result<Tensor> {
    let x = pixels_u8.to_dtype(dtype)?.affine(2.0 / 255.0, -1.0)?;
    match lod.fract() {
        0.0 => Ok(x),
        fade => blend(&x, &upscale2x(&downscale2x(&x)?)?, fade),
    }
}
