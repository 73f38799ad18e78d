//! The loop around the iteration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use stylegan_dataset::{Batch, BatchRequest, Order, Prefetcher, Pyramid};
use stylegan_ops::{GpuMemory, is_out_of_memory, upload};

use super::folder::RunFolder;
use super::grid::Grids;
use super::saving::Cause;
use super::state::Moment;
use super::watch::Watch;
use super::writer::Writer;
use super::{BeforeStep, Outcome, RunError, Signals, kimg};
use crate::listeners::Audience;
use crate::rehearsal::Rehearsal;
use crate::statistics::Tally;
use crate::{Event, Position, Settings, StepProgress, TrainConfig, Trainer};

/// Iterations between two looks at how many updates were skipped, for which the device is waited for. They are counted
/// from the start of the run, so that a stop changes none of them.
const LOOK_STEPS: u64 = 32;

/// A run in progress.
pub(super) struct Run<'a> {
    /// Before the folder, whose lock is to be held until nothing is written any more.
    pub(super) writer: Writer,
    pub(super) trainer: Trainer,
    pub(super) folder: RunFolder,
    pub(super) grids: Grids,
    pub(super) watch: Watch,
    pub(super) pyramid: Arc<Pyramid>,
    pub(super) device: Device,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) before_step: Option<BeforeStep>,
    pub(super) moment: Moment,
    pub(super) tally: Tally,
    /// Whether no iteration is under way, so that networks and optimizers are at the moment.
    pub(super) is_whole: bool,
    /// Level of detail whose memory is taken.
    pub(super) prepared_lod: Option<f64>,
    /// Time of the pair last written or being written.
    pub(super) last_saved: Option<u64>,
    pub(super) last_snapshot: PathBuf,
    pub(super) write_failures: u32,
    /// Seconds that the run took before it was started this time.
    pub(super) elapsed_before: f64,
    pub(super) started: Instant,
    pub(super) tick_started: Instant,
    pub(super) maintenance: Duration,
    pub(super) audience: Audience<'a>,
}

impl Run<'_> {
    /// Trains to the end, or until it is asked to stop.
    pub(super) fn train(&mut self, signals: &Signals) -> Result<Outcome, RunError> {
        let total_nimg = self.trainer.config().schedule.total_nimg();
        let advanced = self.advance(total_nimg, signals);
        let is_out_of_memory = matches!(&advanced, Err(RunError::Networks(error)) if is_out_of_memory(error));
        // Pictures that cannot be read, or a device without memory, are no reason to lose what was trained before.
        let is_saved = match &advanced {
            Ok(()) | Err(RunError::Data(_) | RunError::NoMoreData) => true,
            _ => is_out_of_memory && self.is_whole,
        };
        if is_saved {
            self.save_and_wait()?;
        }
        if is_out_of_memory && let Some(rehearsal) = Rehearsal::new(&self.trainer, &self.device)? {
            let error = rehearsal.explain(self.settings(), is_saved)?;
            return Err(RunError::OutOfMemory(Box::new(error)));
        }
        advanced?;
        let finished = self.moment.position.nimg >= total_nimg;
        self.audience.tell(&Event::Stopped { finished, kimg: kimg(self.moment.position.nimg) });
        let snapshot = self.last_snapshot.clone();
        Ok(Outcome { run_dir: self.folder.path().to_owned(), snapshot, finished })
    }

    fn advance(&mut self, total_nimg: u64, signals: &Signals) -> Result<(), RunError> {
        if self.last_saved.is_none() && self.moment.position.nimg > 0 {
            // What a new folder goes on from is to be found in it.
            self.save(Cause::Schedule)?;
        }
        if self.is_tick_due() {
            // Of a run that could not close it.
            self.after_step(total_nimg, signals)?;
        }
        let mut reader = self.reader(total_nimg);
        self.tick_started = Instant::now();
        while self.moment.position.nimg < total_nimg && !signals.wants_stop() {
            let settings = self.settings();
            let batch = reader.next().ok_or(RunError::NoMoreData)??;
            self.tally.waited(reader.last_wait());
            self.step(&batch, settings)?;
            self.tell_step(settings, total_nimg);
            if let Some(written) = self.writer.finished() {
                self.settle(written)?;
            }
            if let Some(reason) = self.after_step(total_nimg, signals)? {
                self.roll_back(reason)?;
                reader = self.reader(total_nimg);
            }
        }
        Ok(())
    }

    /// Closes a tick and saves, where it is time to; returns what is wrong with the numbers, if something is.
    fn after_step(&mut self, total_nimg: u64, signals: &Signals) -> Result<Option<String>, RunError> {
        let snapshot_ticks = self.trainer.config().run.snapshot_ticks;
        let Position { nimg, step, .. } = self.moment.position;
        let mut trouble = None;
        if self.is_tick_due() {
            trouble = self.tick()?;
            if trouble.is_none() && self.moment.ticks.is_multiple_of(snapshot_ticks) {
                trouble = self.save(Cause::Schedule)?;
            }
        } else if step.is_multiple_of(LOOK_STEPS) {
            trouble = self.too_many(self.tally.sums()?.skipped);
        }
        if trouble.is_none() && nimg >= total_nimg {
            if nimg > self.moment.tick_nimg {
                trouble = self.tick()?;
            }
            if trouble.is_none() {
                trouble = self.save(Cause::Schedule)?;
            }
        } else if trouble.is_none() && signals.take_save() {
            trouble = self.save(Cause::Signal)?;
        }
        Ok(trouble)
    }

    /// What is wrong if so many updates were skipped in a tick, should they be too many.
    pub(super) fn too_many(&self, skipped: u64) -> Option<String> {
        (skipped > self.trainer.config().run.max_skipped)
            .then(|| format!("{skipped} updates skipped in a tick"))
    }

    fn is_tick_due(&self) -> bool {
        let Moment { position, tick_nimg, .. } = self.moment;
        let tick_kimg =
            self.trainer.config().run.tick_kimg.get(self.settings().side).unwrap_or(f64::INFINITY);
        kimg(position.nimg - tick_nimg) >= tick_kimg
    }

    /// What holds now: the schedule's settings, with what is left of the learning rates.
    pub(super) fn settings(&self) -> Settings {
        let TrainConfig { generator, schedule, .. } = self.trainer.config();
        let settings = schedule.at(generator.resolution, self.moment.position.round_nimg);
        let factor = self.moment.rate_factor;
        Settings { g_lrate: settings.g_lrate * factor, d_lrate: settings.d_lrate * factor, ..settings }
    }

    fn step(&mut self, batch: &Batch, settings: Settings) -> Result<(), RunError> {
        let config = self.trainer.config();
        let (label_dim, repeats) = (config.generator.label_dim, config.schedule.minibatch_repeats);
        let (pixels, labels) = self.upload(batch, label_dim)?;
        let position = self.moment.position;
        if let Some(before_step) = &mut self.before_step {
            before_step(&self.trainer, position);
        }
        self.prepare_level(settings)?;
        self.is_whole = false;
        let outcome = self.trainer.step(&pixels, labels.as_ref(), settings, position.step)?;
        self.tally.add(&outcome, self.trainer.adam_steps())?;
        self.moment.position = position.advanced(settings.batch, repeats);
        self.is_whole = true;
        Ok(())
    }

    /// Takes the memory of a GPU for a level that begins. If there is too little, it is known before anything of the level
    /// is trained, and all that was trained can be saved.
    fn prepare_level(&mut self, settings: Settings) -> Result<(), RunError> {
        if !self.device.is_cpu() && settings.changes_level(self.prepared_lod) {
            self.trainer.rehearse(settings)?;
            GpuMemory::reset_peak(&self.device)?;
            self.prepared_lod = Some(settings.lod);
        }
        Ok(())
    }

    fn tell_step(&mut self, settings: Settings, total_nimg: u64) {
        let Moment { position, tick_nimg, .. } = self.moment;
        self.audience.tell(&Event::Step(StepProgress {
            step: position.step,
            nimg: position.nimg,
            total_nimg,
            resolution: settings.side,
            fade: settings.lod.fract(),
            images_per_sec: (position.nimg - tick_nimg) as f64
                / self.tick_started.elapsed().as_secs_f64().max(1e-9),
        }));
    }

    /// Batches from the present position to the end, prepared ahead.
    fn reader(&self, total_nimg: u64) -> Prefetcher {
        let TrainConfig { generator, schedule, data, run, .. } = self.trainer.config().clone();
        let mut position = self.moment.position;
        let requests = std::iter::from_fn(move || {
            (position.nimg < total_nimg).then(|| {
                let settings = schedule.at(generator.resolution, position.round_nimg);
                let request = BatchRequest {
                    first_position: position.nimg,
                    batch: settings.batch,
                    resolution: settings.side,
                };
                position = position.advanced(settings.batch, schedule.minibatch_repeats);
                request
            })
        });
        let order = Order::new(run.seed, self.pyramid.len());
        Prefetcher::spawn(&self.runtime, self.pyramid.clone(), order, data.mirror, requests, data.prefetch)
    }

    fn upload(&self, batch: &Batch, label_dim: usize) -> Result<(Tensor, Option<Tensor>), RunError> {
        let BatchRequest { batch: count, resolution: side, .. } = batch.request;
        let pixels = upload(&batch.pixels_u8, (count, 3, side, side), &self.device)?;
        let labels = match &batch.labels {
            Some(labels) if label_dim > 0 => Some(upload(labels, (count, label_dim), &self.device)?),
            _ => None,
        };
        Ok((pixels, labels))
    }
}
