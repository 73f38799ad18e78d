//! The walk of some photos' latents, step by step.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_base::Resolution;
use stylegan_checkpoint::ProjectionFile;
use stylegan_drawing::Painter;
use stylegan_generator::{Noise, Truncation};
use stylegan_ops::{AdamSlot, AdamSteps, AdamUpdate, Key, RandomTensors, adam_update, backward};

use crate::noise_maps::NoiseMaps;
use crate::parameter::Parameter;
use crate::pyramid::{pixel_distance, shrunk};
use crate::{
    Error, Job, LossWeights, MeanW, Perception, ProjectOptions, Result, Schedule, Seen, Space, Target,
};

/// Latents that are kept on the way, the first and the last besides.
const MOST_KEPT: u32 = 60;

/// The optimizer of `StyleGAN2`'s projector.
const ADAM: AdamUpdate = AdamUpdate { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learning_rate: 0.0 };

/// How far the pictures of latents are from their photos, a number for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Losses {
    /// By the perceptual network, if one looks.
    pub perceptual: Option<Vec<f32>>,
    /// By pixels.
    pub pixels: Vec<f32>,
}

/// A projection of photos, side by side, each with a latent of its own.
#[derive(Debug)]
pub struct Projection<'a> {
    painter: &'a Painter,
    perception: &'a Perception,
    mean: &'a MeanW,
    options: ProjectOptions,
    schedule: Schedule,
    job: Job,
    target: Target,
    /// The photos as they are compared.
    compared: Tensor,
    seen: Seen,
    /// `[batch, 1 or num_layers, w_dim]`
    w: Parameter,
    noise: Option<NoiseMaps>,
    adam: AdamSteps,
    step: u32,
    kept: Vec<Kept>,
}

/// A moment of the walk.
#[derive(Debug)]
struct Kept {
    step: u32,
    /// As [`Projection::w`]
    w: Tensor,
}

/// How far a projection is, as it is saved.
#[derive(Serialize, Deserialize)]
struct Progress {
    step: u32,
    adam_steps: u64,
    kept_steps: Vec<u32>,
}

impl<'a> Projection<'a> {
    /// A projection at its start, the mean w.
    ///
    /// # Errors
    /// If the options are impossible, the photos are not as large as the network draws or too small for the perceptual network,
    /// the network has no noise to be optimized, or the device fails.
    pub fn new(
        painter: &'a Painter,
        perception: &'a Perception,
        mean: &'a MeanW,
        options: &ProjectOptions,
        target: Target,
    ) -> Result<Self> {
        let violations = options.violations();
        if !violations.is_empty() {
            return Err(Error::Options(violations));
        }
        let (config, Resolution { width, height }) = (painter.config(), painter.resolution());
        if options.optimize_noise && !config.noise {
            return Err(Error::NoNoise);
        }
        let batch = target.numbers.len();
        let expected = [batch, config.num_channels, height, width];
        if target.pictures.dims() != expected || batch == 0 {
            return Err(Error::Shape { found: target.pictures.dims().to_vec(), expected: expected.to_vec() });
        }
        perception.check(height, width)?;
        let compared = shrunk(&target.pictures)?;
        let rows = match options.space {
            Space::W => 1,
            Space::WPlus => config.num_layers(),
        };
        let start = mean.mean.reshape((1, 1, ()))?.broadcast_as((batch, rows, config.w_dim))?.contiguous()?;
        let noise = options.optimize_noise.then(|| NoiseMaps::new(painter, options.seed, &target.numbers));
        Ok(Self {
            painter,
            perception,
            mean,
            options: options.clone(),
            schedule: Schedule::new(options),
            job: Job::new(painter, perception, options, &target)?,
            seen: perception.look(&compared)?,
            compared,
            target,
            w: Parameter::new("w", &start)?,
            noise: noise.transpose()?,
            adam: AdamSteps::new(0, painter.device())?,
            step: 0,
            kept: vec![Kept { step: 0, w: start }],
        })
    }

    /// How it is done.
    pub fn options(&self) -> &ProjectOptions {
        &self.options
    }

    /// What tells it from others.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// What it is about.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Width and height of the pictures.
    pub fn resolution(&self) -> Resolution {
        self.painter.resolution()
    }

    /// Steps behind.
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// One step of the optimizer.
    ///
    /// # Errors
    /// If what is drawn is not finite, or the device fails.
    pub fn step(&mut self) -> Result<()> {
        let noisy = (self.w.value.as_tensor() + self.w_noise()?)?;
        let noise = self.noise.as_ref().map_or(Noise::Const, |maps| Noise::Given(maps.images()));
        let loss = self.loss(&noisy, &noise)?;
        // A sum, so that no photo's gradient knows of the others.
        let total = loss.sum_all()?;
        if !total.to_scalar::<f32>()?.is_finite() {
            return Err(Error::Diverged { step: self.step });
        }
        let gradients = backward(&total)?;
        let maps = self.noise.iter().flat_map(NoiseMaps::parameters);
        let slots: Vec<AdamSlot<'_>> =
            [&self.w].into_iter().chain(maps).filter_map(|parameter| parameter.slot(&gradients)).collect();
        let update = AdamUpdate { learning_rate: self.schedule.learning_rate(self.step), ..ADAM };
        adam_update(&slots, &total, &self.adam, &update)?;
        if let Some(noise) = &self.noise {
            noise.normalize()?;
        }
        self.step += 1;
        self.keep()
    }

    /// Of each photo its own, whatever is beside it.
    fn w_noise(&self) -> Result<Tensor> {
        let (_, rows, w_dim) = self.w.value.dims3()?;
        let draw = |&photo: &u64| {
            let key = Key::new("noise on w in a projection", &[self.options.seed, photo, self.step.into()]);
            key.normal((1, rows, w_dim), DType::F32, self.painter.device())
        };
        let noise = self.target.numbers.iter().map(draw).collect::<candle_core::Result<Vec<_>>>()?;
        let deviation = self.mean.deviation * self.schedule.w_noise(self.step);
        Ok((Tensor::cat(&noise, 0)? * deviation)?)
    }

    /// `[batch]`
    fn loss(&self, w: &Tensor, noise: &Noise) -> Result<Tensor> {
        let LossWeights { perceptual, pixels, mean, noise: noise_weight } = self.options.weights;
        let (seen, by_pixels) = self.distances(&self.pictures(w, noise)?)?;
        let mut loss = (by_pixels * pixels)?;
        if let Some(seen) = seen {
            loss = (loss + (seen * perceptual)?)?;
        }
        if mean > 0.0 {
            let away = self.w.value.as_tensor().broadcast_sub(&self.mean.mean.reshape((1, 1, ()))?)?;
            let squares = away.sqr()?.sum(2)?.mean(1)?;
            loss = (loss + (squares * (mean / self.mean.deviation.powi(2)))?)?;
        }
        if let Some(found) = self.noise.as_ref().map(NoiseMaps::regularization).transpose()?.flatten() {
            loss = (loss + (found * noise_weight)?)?;
        }
        Ok(loss)
    }

    /// By the perceptual network and by pixels, `[batch]` each.
    fn distances(&self, pictures: &Tensor) -> Result<(Option<Tensor>, Tensor)> {
        let pictures = shrunk(pictures)?;
        let seen = self.perception.distance(&self.perception.look(&pictures)?, &self.seen)?;
        Ok((seen, pixel_distance(&pictures, &self.compared)?))
    }

    /// Pictures of `w`, `[batch, 1 or num_layers, w_dim]`.
    fn pictures(&self, w: &Tensor, noise: &Noise) -> Result<Tensor> {
        let (batch, rows, w_dim) = w.dims3()?;
        let num_layers = self.painter.config().num_layers();
        let w_plus = if rows == num_layers {
            w.clone()
        } else {
            w.broadcast_as((batch, num_layers, w_dim))?.contiguous()?
        };
        Ok(self.painter.generator().draw_w_plus(&w_plus, self.painter.lod(), Truncation::OFF, noise)?)
    }

    fn keep(&mut self) -> Result<()> {
        let kept = MOST_KEPT.min(self.options.steps);
        let number = |step: u32| u64::from(step) * u64::from(kept) / u64::from(self.options.steps);
        if number(self.step) > number(self.step - 1) {
            self.kept.push(Kept { step: self.step, w: self.present_w()? });
        }
        Ok(())
    }

    /// The latents as they are now, `[batch, w_dim]` or `[batch, num_layers, w_dim]`, not truncated.
    ///
    /// # Errors
    /// If the device fails.
    pub fn latents(&self) -> Result<Tensor> {
        let w = self.present_w()?;
        Ok(match self.options.space {
            Space::W => w.squeeze(1)?,
            Space::WPlus => w,
        })
    }

    /// A copy, as the variable changes in place.
    fn present_w(&self) -> Result<Tensor> {
        Ok(self.w.value.as_tensor().detach().copy()?)
    }

    /// The w of every layer as it is now, `[batch, num_layers, w_dim]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn w_plus(&self) -> Result<Tensor> {
        let w = self.present_w()?;
        let (batch, _, w_dim) = w.dims3()?;
        Ok(w.broadcast_as((batch, self.painter.config().num_layers(), w_dim))?.contiguous()?)
    }

    /// The noise images as they are now by layer, `[batch, 1, height, width]` each, if they are optimized.
    ///
    /// # Errors
    /// If the device fails.
    pub fn noise(&self) -> Result<Option<Vec<Tensor>>> {
        let copies = |maps: &NoiseMaps| {
            maps.images().iter().map(|image| image.detach().copy()).collect::<candle_core::Result<_>>()
        };
        Ok(self.noise.as_ref().map(copies).transpose()?)
    }

    /// The pictures as they are now, `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn drawn(&self) -> Result<Tensor> {
        self.pictures(&self.present_w()?, &self.present_noise()?)
    }

    fn present_noise(&self) -> Result<Noise> {
        Ok(self.noise()?.map_or(Noise::Const, Noise::Given))
    }

    /// How far the pictures are from their photos now.
    ///
    /// # Errors
    /// If the device fails.
    pub fn losses(&self) -> Result<Losses> {
        self.losses_of(&self.drawn()?)
    }

    fn losses_of(&self, pictures: &Tensor) -> Result<Losses> {
        let (seen, pixels) = self.distances(pictures)?;
        let perceptual = seen.map(|seen| seen.to_vec1::<f32>()).transpose()?;
        Ok(Losses { perceptual, pixels: pixels.to_vec1::<f32>()? })
    }

    /// The walk so far: at some steps, from the start to now, the pictures and how far they are from their photos; noise is that of
    /// now.
    ///
    /// # Errors
    /// If the device fails.
    pub fn walk(&self) -> Result<impl ExactSizeIterator<Item = Result<(u32, Tensor, Losses)>>> {
        let noise = self.present_noise()?;
        Ok(self.kept.iter().map(move |Kept { step, w }| {
            let pictures = self.pictures(w, &noise)?;
            let losses = self.losses_of(&pictures)?;
            Ok((*step, pictures, losses))
        }))
    }

    /// Everything from which it goes on as if it had not been stopped.
    ///
    /// # Errors
    /// If the device fails.
    pub fn state(&self) -> Result<ProjectionFile> {
        let mut tensors = BTreeMap::new();
        for parameter in [&self.w].into_iter().chain(self.noise.iter().flat_map(NoiseMaps::parameters)) {
            parameter.save(&mut tensors);
        }
        let kept: Vec<&Tensor> = self.kept.iter().map(|kept| &kept.w).collect();
        tensors.insert("kept".to_owned(), Tensor::stack(&kept, 0)?);
        let progress = Progress {
            step: self.step,
            adam_steps: self.adam.done()?,
            kept_steps: self.kept.iter().map(|kept| kept.step).collect(),
        };
        let text = |result: serde_json::Result<String>| result.map_err(candle_core::Error::wrap);
        Ok(ProjectionFile {
            job: text(serde_json::to_string(&self.job))?,
            progress: text(serde_json::to_string(&progress))?,
            tensors,
        })
    }

    /// Goes on from a state; `path` is its file in messages.
    ///
    /// # Errors
    /// If it is that of another job, or lacks something; then this projection is of no use any more.
    pub fn restore(&mut self, file: &ProjectionFile, path: &Path) -> Result<()> {
        let refuse = |reason: String| Error::State { path: path.to_owned(), reason };
        let difference = self.job.difference(&file.job).map_err(|error| refuse(error.to_string()))?;
        if let Some(what) = difference {
            return Err(Error::OtherJob { path: path.to_owned(), what });
        }
        let Progress { step, adam_steps, kept_steps } =
            serde_json::from_str(&file.progress).map_err(|error| refuse(error.to_string()))?;
        let Some(kept) = file.tensors.get("kept") else { return Err(refuse("`kept` is missing".to_owned())) };
        let own = self.w.value.dims();
        let fits = kept.dims().split_first() == Some((&kept_steps.len(), own)) && step <= self.options.steps;
        if !fits || kept_steps.len() > MOST_KEPT as usize + 1 {
            return Err(refuse("what it holds of the way is not of this projection".to_owned()));
        }
        let maps = self.noise.iter_mut().flat_map(NoiseMaps::parameters_mut);
        for parameter in [&mut self.w].into_iter().chain(maps) {
            parameter.restore(&file.tensors).map_err(|error| refuse(error.to_string()))?;
        }
        let kept = kept.to_dtype(DType::F32)?.to_device(self.painter.device())?;
        let kept = kept_steps.into_iter().enumerate().map(|(at, step)| Ok(Kept { step, w: kept.get(at)? }));
        self.kept = kept.collect::<candle_core::Result<_>>()?;
        self.step = step;
        Ok(self.adam.restart(adam_steps)?)
    }
}
