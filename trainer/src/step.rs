//! One iteration: a step of the critic, the average, a step of the generator.

use std::cell::RefCell;
use std::rc::Rc;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, bail};
use stylegan_generator::{Generator, is_buffer, mix_styles};
use stylegan_ops::{AdamSteps, Key, backward, blend, downscale2x, ema_update, repeatedly, upscale2x};
use stylegan_peers::{Alone, Peers, Share};

use crate::draws::{Draws, Inputs, IterationDraws};
use crate::replay::Replay;
use crate::{Adam, CriticBatch, Networks, Report, Settings, TrainConfig};

/// Networks and optimizers in training.
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    peers: Rc<dyn Peers>,
    networks: Networks,
    pub(crate) g_adam: Adam,
    pub(crate) d_adam: Adam,
    /// Level of detail of the last iteration.
    pub(crate) last_lod: Option<f64>,
    pub(crate) replay: RefCell<Replay>,
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

    /// The same of the whole minibatch: all that each process has computed of its share is averaged, `w_avg` with it, which
    /// has taken in the mean of that share. So what is not finite in one of them is finite in none.
    fn averaged(self, peers: &dyn Peers, optimizer: &Adam, w_avg: &Tensor) -> Result<Self> {
        if peers.world() == 1 {
            return Ok(self);
        }
        let Self { loss, mut gradients, report } = self;
        let mut report = report.means()?;
        let parameters: Vec<&Tensor> = optimizer
            .parameters()
            .map(|(_, parameter)| parameter)
            .filter(|p| gradients.get(p).is_some())
            .collect();
        let mut tensors = vec![loss, w_avg.copy()?];
        tensors.extend(report.numbers().map(|(_, number)| number.clone()));
        tensors.extend(parameters.iter().filter_map(|parameter| gradients.get(parameter).cloned()));
        peers.mean(&mut tensors).map_err(candle_core::Error::wrap)?;
        let mut means = tensors.into_iter();
        let (Some(loss), Some(mean_w_avg)) = (means.next(), means.next()) else {
            bail!("the mean of {} tensors is none", parameters.len())
        };
        ema_update(&[(w_avg, &mean_w_avg)], 0.0)?;
        report.replace(&mut means);
        for (parameter, gradient) in parameters.into_iter().zip(means) {
            gradients.insert(parameter, gradient);
        }
        Ok(Self { loss, gradients, report })
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
            replay: RefCell::default(),
            peers: Rc::new(Alone),
            networks,
            config,
        })
    }

    /// The same as one of several processes, each of which computes its [`Share`] of every minibatch.
    #[must_use]
    pub fn with_peers(self, peers: Rc<dyn Peers>) -> Self {
        Self { peers, ..self }
    }

    /// The processes that train together.
    pub fn peers(&self) -> &Rc<dyn Peers> {
        &self.peers
    }

    /// Which samples of a minibatch this process computes.
    pub fn share(&self) -> Share {
        Share::among(&*self.peers, self.config.discriminator.switches.mbstd_group_size)
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
    /// Of several processes, each is given its share of the minibatch, and all report the same.
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
            let inputs = self.inputs(pixels, labels, settings, step)?;
            let is_recorded = self.config.device.graphs && device.is_cuda() && self.peers.world() == 1;
            if !is_recorded || settings.lod.fract() > 0.0 {
                return self.iteration(&inputs, settings);
            }
            let inputs = inputs.in_tensors(&self.config, &self.networks.generator, settings.lod)?;
            let mut replay = self.replay.take();
            let report =
                replay.iteration(device, settings, &inputs, |inputs| self.iteration(inputs, settings));
            self.replay.replace(replay);
            report
        })
    }

    /// What an iteration starts from.
    pub(crate) fn inputs(
        &self,
        pixels: &Tensor,
        labels: Option<&Tensor>,
        settings: Settings,
        step: u64,
    ) -> Result<Inputs> {
        let (share, batch) = (self.share(), pixels.dim(0)? * self.peers.world());
        let seed = self.config.run.seed;
        let key = |purpose: &str| Key::new(purpose, &[seed, step]);
        let (dtype, device) = (self.dtype(), pixels.device());
        let draws = IterationDraws::new(&key, &self.config, (share, batch), settings.lod, dtype, device)?;
        Ok(Inputs { pixels: pixels.clone(), labels: labels.cloned(), draws })
    }

    /// One iteration from all that differs between them; returns the numbers that it reports.
    pub(crate) fn iteration(&mut self, inputs: &Inputs, settings: Settings) -> Result<Report> {
        let Inputs { pixels, labels, draws: IterationDraws { critic, loss, generator } } = inputs;
        let (labels, batch) = (labels.as_ref(), pixels.dim(0)? * self.peers.world());
        let reals = process_reals(pixels, settings.lod, self.dtype())?;
        let (d_loss, d_report) = self.critic_step(&reals, labels, critic, loss.as_ref(), settings)?;
        self.networks.update_average(self.config.training.ema_beta(batch))?;
        let (g_loss, g_report) = self.generator_step(labels, generator, settings)?;
        let mut report = Report::default();
        report.add("d_loss", &d_loss);
        report.add("g_loss", &g_loss);
        report.and(d_report).and(g_report).means()
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
        let pass = self.critic_pass(reals, labels, draws, loss_draw, settings.lod)?;
        let Pass { loss, gradients, report } =
            pass.averaged(&*self.peers, &self.d_adam, self.networks.generator.w_avg())?;
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
        let pass = self.generator_pass(labels, draws, settings.lod)?;
        let Pass { loss, gradients, report } =
            pass.averaged(&*self.peers, &self.g_adam, self.networks.generator.w_avg())?;
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
            w_plus = match &draws.is_first {
                Some(is_first) => is_first.where_cond(&w_plus, &second)?,
                None => mix_styles(&w_plus, &second, draws.mix_cutoff)?,
            };
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
