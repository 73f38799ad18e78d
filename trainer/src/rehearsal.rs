//! Iterations that change nothing, in which a GPU shows how much of its memory a training takes.

use candle_core::{DType, Device, DeviceLocation, Result, Tensor, bail};
use stylegan_generator::W_AVG;
use stylegan_ops::{GpuMemory, Key, RandomTensors, Resolution, gpu_name, is_out_of_memory};
use tracing::field::{Empty, display};
use tracing::{debug, info_span};

use crate::draws::IterationDraws;
use crate::fit::{DeviceMemory, Evidence, largest_that_fits, try_doubtful};
use crate::memory::estimate_bytes;
use crate::step::process_reals;
use crate::{LevelPlan, OutOfMemory, OversizedLevel, Settings, Trainer};

/// Share of the memory, and most bytes of it, that a level that fits must leave for what else there is in a run: pictures
/// on their way to the GPU, and pieces between tensors that are too small.
const SPARE: (u64, u64) = (32, 256 << 20);
/// Pictures drawn at a time, no fewer than are drawn beside a training: one of a grid, four to look for collapse.
const DRAWN_AT_ONCE: usize = 8;

impl Trainer {
    /// Does what takes memory in an iteration with these settings and in drawing grids, but updates nothing.
    ///
    /// Pictures are made up, and styles are mixed if they ever are, which takes more.
    ///
    /// # Errors
    /// If the device fails, such as for lack of memory.
    pub fn rehearse(&self, settings: Settings) -> Result<()> {
        // What was recorded of another level takes memory.
        self.replay.take();
        let mut kept = Vec::new();
        for (name, buffer) in self.networks().g.vars() {
            if name == W_AVG {
                kept.push((buffer.copy()?, buffer));
            }
        }
        let result = self.pass_through(settings);
        for (value, buffer) in kept {
            buffer.set(&value)?;
        }
        result
    }

    fn pass_through(&self, settings: Settings) -> Result<()> {
        let Settings { lod, resolution: Resolution { width, height }, batch, .. } = settings;
        let (dtype, device) = (self.dtype(), self.device());
        let mut config = self.config().clone();
        if config.training.style_mixing_prob > 0.0 {
            config.training.style_mixing_prob = 1.0;
        }
        let (key, share) = (Key::new("rehearsal", &[]), self.share());
        let draws = IterationDraws::new(
            &|purpose| key.child(purpose, 0),
            &config,
            (share, batch),
            lod,
            dtype,
            device,
        )?;
        let batch = share.len(batch).map_err(candle_core::Error::wrap)?;
        let shape = (batch, config.generator.num_channels, height, width);
        let reals = process_reals(&Tensor::zeros(shape, DType::U8, device)?, lod, dtype)?;
        let labels_of = |count: usize| match config.generator.label_dim {
            0 => Ok(None),
            label_dim => Tensor::zeros((count, label_dim), dtype, device).map(Some),
        };
        let labels = labels_of(batch)?;
        self.critic_pass(&reals, labels.as_ref(), &draws.critic, draws.loss.as_ref(), lod)?;
        self.generator_pass(labels.as_ref(), &draws.generator, lod)?;

        let z = key.child("grid", 0).normal((DRAWN_AT_ONCE, config.generator.z_dim), DType::F32, device)?;
        self.networks().draw_averaged(&z, labels_of(DRAWN_AT_ONCE)?.as_ref(), lod)?;
        Ok(())
    }
}

/// A GPU with a training on it, whose levels are tried.
pub(crate) struct Rehearsal<'a> {
    trainer: &'a Trainer,
    memory: GpuMemory,
    spare_bytes: u64,
}

/// Whether a level fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It fits by far.
    Untried,
    /// It fits, and takes so many bytes.
    Fits(u64),
    /// It does not, but a minibatch of so many pictures would, if there is one.
    TooLarge(Option<usize>),
}

impl<'a> Rehearsal<'a> {
    /// None on a CPU, which does not tell what it takes.
    pub(crate) fn new(trainer: &'a Trainer) -> Result<Option<Self>> {
        Ok(GpuMemory::of(trainer.device())?.map(|memory| {
            let (share, most) = SPARE;
            let spare_bytes = (memory.available_bytes.saturating_sub(memory.used_bytes) / share).min(most);
            Self { trainer, memory, spare_bytes }
        }))
    }

    pub(crate) fn memory(&self) -> GpuMemory {
        self.memory
    }

    /// The most memory that iterations with these settings take, in bytes; none if it is not there.
    pub(crate) fn peak_bytes(&self, settings: Settings) -> Result<Option<u64>> {
        let device = self.trainer.device();
        let rehearse = || {
            let _spare = Tensor::zeros(self.spare_bytes as usize, DType::U8, device)?;
            // The first time, ways to convolve are looked for, which takes memory of its own.
            self.trainer.rehearse(settings)?;
            GpuMemory::reset_peak(device)?;
            self.trainer.rehearse(settings)?;
            device.synchronize()?;
            match GpuMemory::of(device)? {
                Some(memory) => Ok(Some(memory.peak_bytes.saturating_sub(self.spare_bytes))),
                None => bail!("expected a GPU"),
            }
        };
        match rehearse() {
            Err(error) if is_out_of_memory(&error) => Ok(None),
            result => result,
        }
    }

    /// The largest minibatch of `at_most` pictures or fewer that fits, at the level of these settings.
    pub(crate) fn largest(&self, settings: Settings, at_most: usize) -> Result<Option<usize>> {
        let group_size = self.trainer.config().discriminator.switches.mbstd_group_size;
        largest_that_fits(at_most, group_size, |batch| {
            Ok(self.peak_bytes(Settings { batch, ..settings })?.is_some())
        })
    }

    /// Tries levels, by what is left of them after `kimg`: all of them, or those alone that may not fit.
    pub(crate) fn levels(&self, levels: &[LevelPlan], kimg: f64, all: bool) -> Result<Vec<Fit>> {
        let total = levels.len() as u64;
        let span = info_span!("rehearsal", total, done = Empty, resolution = Empty, batch = Empty).entered();
        let mut done: u64 = 0;
        let config = self.trainer.config();
        let [g, d] = self.trainer.networks().parameter_counts();
        let estimates: Vec<u64> =
            levels.iter().map(|level| estimate_bytes(config, level.resolution, level.batch, g, d)).collect();
        let available = if all { 0 } else { self.memory.available_bytes };
        let mut fits = vec![Fit::Untried; levels.len()];
        try_doubtful(&estimates, available, |index| -> Result<_> {
            let level = &levels[index];
            span.record("resolution", display(level.resolution)).record("batch", level.batch);
            let settings = level.dearest(config.generator.resolution, kimg);
            let peak_bytes = self.peak_bytes(settings)?;
            fits[index] = match peak_bytes {
                Some(bytes) => Fit::Fits(bytes),
                None => Fit::TooLarge(self.largest(settings, level.batch - 1)?),
            };
            debug!(resolution = %level.resolution, batch = level.batch, peak_bytes, "level tried");
            done += 1;
            span.record("done", done);
            Ok(peak_bytes)
        })?;
        span.record("done", total);
        Ok(fits)
    }

    /// What to say if levels do not fit.
    pub(crate) fn shortage(&self, levels: &[LevelPlan], fits: &[Fit]) -> Option<OutOfMemory> {
        let oversized: Vec<OversizedLevel> = levels
            .iter()
            .zip(fits)
            .filter_map(|(level, fit)| match *fit {
                Fit::TooLarge(largest) => {
                    Some(OversizedLevel { resolution: level.resolution, batch: level.batch, largest })
                }
                _ => None,
            })
            .collect();
        (!oversized.is_empty()).then(|| self.out_of_memory(oversized, Evidence::Rehearsal))
    }

    /// What to say when iterations with these settings ran out of memory after all.
    pub(crate) fn explain(&self, settings: Settings, is_saved: bool) -> Result<OutOfMemory> {
        let Settings { resolution, batch, .. } = settings;
        let level = OversizedLevel { resolution, batch, largest: self.largest(settings, batch)? };
        Ok(self.out_of_memory(vec![level], Evidence::Training { is_saved }))
    }

    fn out_of_memory(&self, oversized: Vec<OversizedLevel>, evidence: Evidence) -> OutOfMemory {
        let GpuMemory { total_bytes, available_bytes, .. } = self.memory;
        let memory = DeviceMemory {
            device: format!("`{}`", short_name(self.trainer.device())),
            total_bytes,
            available_bytes,
        };
        OutOfMemory::new(memory, self.trainer.config(), oversized, evidence)
    }

    /// `cuda:0 NVIDIA H100 80GB HBM3`
    pub(crate) fn device_name(&self) -> Result<String> {
        let name = gpu_name(self.trainer.device())?.unwrap_or_default();
        Ok(format!("{} {name}", short_name(self.trainer.device())))
    }
}

/// As it is asked for on the command line.
fn short_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".to_owned(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}
