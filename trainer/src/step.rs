//! One iteration: a step of the critic, the average, a step of the generator.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor};
use stylegan_generator::{Generator, Noise, is_buffer, mix_styles};
use stylegan_ops::{AdamSteps, Key, RandomTensors, backward, blend, downscale2x, repeatedly, upscale2x};

use crate::{Adam, CriticBatch, Networks, Report, Settings, TrainConfig};

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
    /// The draws of one iteration; `key` gives its stream for a purpose.
    pub(crate) fn new(
        key: &dyn Fn(&str) -> Key,
        config: &TrainConfig,
        batch: usize,
        lod: f64,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let draws = |purpose| Draws::new(key(purpose), config, batch, lod, dtype, device);
        Ok(Self {
            critic: draws("critic step")?,
            loss: config.loss.chosen().draw(key, batch, dtype, device)?,
            generator: draws("generator step")?,
        })
    }
}

/// What one pass through both networks gives.
#[derive(Debug)]
pub(crate) struct Pass {
    /// Mean loss; the graph is gone.
    loss: Tensor,
    gradients: GradStore,
    report: Report,
}

impl Pass {
    fn new(losses: &Tensor, report: Report) -> Result<Self> {
        let loss = losses.mean_all()?;
        Ok(Self { gradients: backward(&loss)?, loss: loss.detach(), report })
    }
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

    /// Where the networks live.
    pub fn device(&self) -> &Device {
        self.networks.averaged().w_avg().device()
    }

    /// Type of weights, latents and pictures.
    pub(crate) fn dtype(&self) -> DType {
        self.networks.averaged().w_avg().dtype()
    }

    /// One iteration: critic step, average, generator step, with fresh draws that are a function of the run's seed
    /// and `step`. Reports `d_loss` and `g_loss`, and what the loss reports, a number each.
    ///
    /// # Shapes
    /// - `pixels`: `[batch, num_channels, height, width]` in 0..255, bytes or finer, the reals
    /// - `labels`: `[batch, label_dim]` of the reals; the generator's step uses them as well
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn step(
        &mut self,
        pixels: &Tensor,
        labels: Option<&Tensor>,
        settings: Settings,
        step: u64,
    ) -> Result<Report> {
        self.enter_level(settings)?;
        let device = pixels.device();
        repeatedly(device, || {
            let (batch, ..) = pixels.dims4()?;
            let (seed, dtype) = (self.config.run.seed, self.dtype());
            let key = |purpose: &str| Key::new(purpose, &[seed, step]);
            let reals = process_reals(pixels, settings.lod, dtype)?;
            let draws = IterationDraws::new(&key, &self.config, batch, settings.lod, dtype, device)?;

            let IterationDraws { critic, loss, generator } = &draws;
            let (d_loss, d_report) = self.critic_step(&reals, labels, critic, loss.as_ref(), settings)?;
            self.networks.update_average(self.config.training.ema_beta(batch))?;
            let (g_loss, g_report) = self.generator_step(labels, generator, settings)?;
            let mut report = Report::default();
            report.add("d_loss", &d_loss);
            report.add("g_loss", &g_loss);
            report.and(d_report).and(g_report).means()
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

    /// One step of the critic; returns its mean loss and what the loss reports.
    ///
    /// # Shapes
    /// - `reals`: `[batch, num_channels, height, width]` in -1..1
    /// - `loss_draw`: as [`Loss::draw`](crate::Loss::draw) says
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn critic_step(
        &mut self,
        reals: &Tensor,
        labels: Option<&Tensor>,
        draws: &Draws,
        loss_draw: Option<&Tensor>,
        settings: Settings,
    ) -> Result<(Tensor, Report)> {
        let Pass { loss, gradients, report } =
            self.critic_pass(reals, labels, draws, loss_draw, settings.lod)?;
        self.d_adam.step(&loss, &gradients, settings.d_lrate)?;
        self.config.loss.chosen().after_critic_step(&self.d_adam)?;
        Ok((loss, report))
    }

    /// One step of the generator; returns its mean loss and what the loss reports.
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn generator_step(
        &mut self,
        labels: Option<&Tensor>,
        draws: &Draws,
        settings: Settings,
    ) -> Result<(Tensor, Report)> {
        let Pass { loss, gradients, report } = self.generator_pass(labels, draws, settings.lod)?;
        self.g_adam.step(&loss, &gradients, settings.g_lrate)?;
        Ok((loss, report))
    }

    /// What a step of the critic computes before it changes anything.
    pub(crate) fn critic_pass(
        &self,
        reals: &Tensor,
        labels: Option<&Tensor>,
        draws: &Draws,
        loss_draw: Option<&Tensor>,
        lod: f64,
    ) -> Result<Pass> {
        let fakes = self.draw(&self.networks.frozen_generator, draws, labels, lod)?;
        let mut report = Report::default();
        let batch = CriticBatch { reals, fakes: &fakes, drawn: loss_draw, labels, lod };
        Pass::new(&self.critic_loss(batch, &mut report)?, report)
    }

    /// What a step of the generator computes before it changes anything.
    pub(crate) fn generator_pass(&self, labels: Option<&Tensor>, draws: &Draws, lod: f64) -> Result<Pass> {
        let mut report = Report::default();
        Pass::new(&self.generator_loss(draws, labels, lod, &mut report)?, report)
    }

    /// How far the optimizers of critic and generator are, and whether they skip the present step.
    pub fn adam_steps(&self) -> [&AdamSteps; 2] {
        [self.d_adam.steps(), self.g_adam.steps()]
    }

    /// The critic's loss per sample, `[batch]`, for all of the critic's weights to be trained by.
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn critic_loss(&self, batch: CriticBatch<'_>, report: &mut Report) -> Result<Tensor> {
        self.config.loss.chosen().critic(&self.networks.critic, batch, report)
    }

    /// The generator's loss per sample, `[batch]`, for all of the generator's weights to be trained by.
    ///
    /// # Errors
    /// If a shape differs or the device fails.
    pub fn generator_loss(
        &self,
        draws: &Draws,
        labels: Option<&Tensor>,
        lod: f64,
        report: &mut Report,
    ) -> Result<Tensor> {
        let pictures = self.draw(&self.networks.generator, draws, labels, lod)?;
        let scores = self.networks.frozen_critic.forward(&pictures, lod, labels)?;
        self.config.loss.chosen().generator(&scores, report)
    }

    /// The generator's training path: the running mean of w takes in the first latents, styles are mixed, w is not
    /// truncated.
    fn draw(
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

/// Pixels to what the critic sees: 0..255 to -1..1, and while a level fades in, blended with its half-size self.
///
/// # Shapes
/// - `pixels`: `[batch, num_channels, height, width]`, bytes or finer
/// - returns: the same
///
/// # Errors
/// If the shape differs or a side is odd.
pub fn process_reals(pixels: &Tensor, lod: f64, dtype: DType) -> Result<Tensor> {
    let x = pixels.to_dtype(dtype)?.affine(2.0 / 255.0, -1.0)?;
    match lod.fract() {
        0.0 => Ok(x),
        fade => blend(&x, &upscale2x(&downscale2x(&x)?)?, fade),
    }
}
