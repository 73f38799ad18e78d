//! The training loop: data in, iterations, ticks, snapshots.

mod error;
mod folder;
mod grid;
mod lock;
mod resume;
mod signals;
mod state;
mod watch;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use stylegan_checkpoint::{Disk, Files, Meta, Progress};
use stylegan_dataset::{Batch, BatchRequest, Order, Prefetcher, Pyramid};

use crate::listeners::{Audience, last_elapsed};
use crate::statistics::Tally;
use crate::{Event, Position, Settings, StepProgress, Tick, TrainConfig, Trainer, peak_memory_bytes};
pub use error::RunError;
use folder::RunFolder;
use grid::Grids;
pub use resume::Resume;
use resume::Start;
pub use signals::Signals;
use state::{Copy, Moment, not_finite};
use watch::Watch;
use writer::{Keep, Writer, Written};

/// Snapshots in a row that may fail to be written before the run stops.
const MAX_WRITE_FAILURES: u32 = 3;

/// Why a snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its time has come.
    Schedule,
    /// Someone asked for it, or the run cannot go on.
    Signal,
}

/// A look at the trainer before each iteration.
pub type BeforeStep = Box<dyn FnMut(&Trainer, Position)>;

/// Everything a run is given.
pub struct Job {
    /// What to train, and how.
    pub config: TrainConfig,
    /// The pictures, packed at the network's side or larger.
    pub pyramid: Arc<Pyramid>,
    /// The folder of all runs; this one gets its own inside.
    pub runs: PathBuf,
    /// Where the networks live.
    pub device: Device,
    /// Where batches are prepared and snapshots written beside the training.
    pub runtime: tokio::runtime::Handle,
    /// What to go on from.
    pub resume: Resume,
    /// Whether to go on although configuration or pictures differ from what was trained with.
    pub allow_changes: bool,
    /// How files reach the disk.
    pub files: Arc<dyn Files>,
    /// Called before each iteration, for experiments and for tests that do harm.
    pub before_step: Option<BeforeStep>,
}

impl Job {
    /// A job that goes on by itself where a run of this name was left, and writes to the file system.
    pub fn new(
        config: TrainConfig,
        pyramid: Arc<Pyramid>,
        runs: PathBuf,
        device: Device,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            config,
            pyramid,
            runs,
            device,
            runtime,
            resume: Resume::Auto,
            allow_changes: false,
            files: Arc::new(Disk),
            before_step: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run folder.
    pub run_dir: PathBuf,
    /// The last snapshot.
    pub snapshot: PathBuf,
    /// Whether it ran to the end of the schedule; else a person stopped it.
    pub finished: bool,
}

/// Trains to the end of the schedule, or until it is asked to stop; then the iteration is finished and everything
/// saved. A run that goes on where it was left ends as it would have ended without the stop, to the last bit.
///
/// # Errors
/// If the data does not fit the configuration or what is gone on from, if reading or the device fails, if snapshots
/// cannot be written, or if the numbers go bad again and again.
pub fn run(job: Job, signals: &Signals, on_event: &mut dyn FnMut(&Event)) -> Result<Outcome, RunError> {
    check_data(&job)?;
    let Start { folder, saved, is_new, notes, warnings } = Start::find(&job)?;
    let Job { config, pyramid, device, runtime, files, before_step, .. } = job;
    let mut trainer = Trainer::new(config, DType::F32, &device)?;
    let (moment, tally) = match &saved {
        Some(saved) => (saved.moment, saved.restore(&mut trainer)?),
        None => (Moment::default(), Tally::default()),
    };
    let config = trainer.config().clone();
    let opened = |source| RunError::File { path: folder.path().to_owned(), source };
    let mut audience = Audience::new(folder.path(), on_event).map_err(opened)?;
    audience.tell(&Event::Started {
        run_dir: folder.path().to_owned(),
        resumed_from: saved.as_ref().map(|saved| saved.path.clone()),
        kimg: kimg(moment.position.nimg),
        total_kimg: config.schedule.total_kimg,
    });
    for message in notes {
        audience.tell(&Event::Note { message });
    }
    for message in warnings {
        audience.warn(message);
    }
    let now = Instant::now();
    let mut run = Run {
        grids: Grids::new(&config, &pyramid, &device)?,
        watch: Watch::new(&config, &device)?,
        writer: Writer::new(runtime.clone(), files, Keep::of(&config.run)),
        elapsed_before: last_elapsed(folder.path(), kimg(moment.position.nimg)),
        last_saved: saved.as_ref().filter(|_| !is_new).map(|saved| saved.moment.position.nimg),
        last_snapshot: saved.map_or_else(|| folder.path().to_owned(), |saved| saved.snapshot),
        write_failures: 0,
        trainer,
        folder,
        pyramid,
        device,
        runtime,
        before_step,
        moment,
        tally,
        started: now,
        tick_started: now,
        maintenance: Duration::ZERO,
        audience,
    };
    if is_new {
        run.save_first_grids();
    }
    run.train(signals)
}

fn check_data(job: &Job) -> Result<(), RunError> {
    let (packed, wanted) = (job.pyramid.resolution(), job.config.generator.resolution);
    if packed < wanted {
        return Err(RunError::TooSmall { packed, wanted });
    }
    let wanted = job.config.generator.label_dim;
    let found = job.pyramid.labels().map_or(0, stylegan_dataset::Labels::width);
    // A data set's labels may be left unused, but not made up.
    if wanted != 0 && found != wanted {
        return Err(RunError::Labels { found, wanted });
    }
    Ok(())
}

struct Run<'a> {
    trainer: Trainer,
    folder: RunFolder,
    grids: Grids,
    watch: Watch,
    writer: Writer,
    pyramid: Arc<Pyramid>,
    device: Device,
    runtime: tokio::runtime::Handle,
    before_step: Option<BeforeStep>,
    moment: Moment,
    tally: Tally,
    /// Time of the pair last written or being written.
    last_saved: Option<u64>,
    last_snapshot: PathBuf,
    write_failures: u32,
    /// Seconds that the run took before it was started this time.
    elapsed_before: f64,
    started: Instant,
    tick_started: Instant,
    maintenance: Duration,
    audience: Audience<'a>,
}

impl Run<'_> {
    fn train(&mut self, signals: &Signals) -> Result<Outcome, RunError> {
        let config = self.trainer.config().clone();
        let total_nimg = config.schedule.total_nimg();
        let mut reader = self.reader(total_nimg);
        self.tick_started = Instant::now();
        if self.last_saved.is_none() && self.moment.position.nimg > 0 {
            // What a new folder goes on from is to be found in it.
            self.save(Cause::Schedule)?;
        }

        while self.moment.position.nimg < total_nimg && !signals.wants_stop() {
            let settings = self.settings();
            let batch = match reader.next() {
                Some(Ok(batch)) => batch,
                failed => {
                    self.save_and_wait()?;
                    return Err(failed.and_then(Result::err).map_or(RunError::NoMoreData, RunError::from));
                }
            };
            self.tally.waited(reader.last_wait());
            self.step(&batch, settings)?;
            self.tell_step(settings, total_nimg);
            if let Some(written) = self.writer.finished() {
                self.settle(written)?;
            }

            let nimg = self.moment.position.nimg;
            let tick_kimg = config.run.tick_kimg.get(settings.side).unwrap_or(f64::INFINITY);
            let mut trouble = None;
            if self.tally.skipped > config.run.max_skipped {
                trouble = Some(format!("{} updates skipped in a tick", self.tally.skipped));
            } else if kimg(nimg - self.moment.tick_nimg) >= tick_kimg {
                trouble = self.tick()?;
                if trouble.is_none() && self.moment.ticks.is_multiple_of(config.run.snapshot_ticks) {
                    trouble = self.save(Cause::Schedule)?;
                }
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
            if let Some(reason) = trouble {
                self.roll_back(reason)?;
                reader = self.reader(total_nimg);
            }
        }

        let finished = self.moment.position.nimg >= total_nimg;
        self.save_and_wait()?;
        self.audience.tell(&Event::Stopped { finished, kimg: kimg(self.moment.position.nimg) });
        let snapshot = self.last_snapshot.clone();
        Ok(Outcome { run_dir: self.folder.path().to_owned(), snapshot, finished })
    }

    /// What holds now: the schedule's settings, with what is left of the learning rates.
    fn settings(&self) -> Settings {
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
        let outcome = self.trainer.step(&pixels, labels.as_ref(), settings, position.step)?;
        self.tally.add(&outcome)?;
        self.moment.position = position.advanced(settings.batch, repeats);
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
        let pixels = Tensor::from_slice(&batch.pixels_u8, (count, 3, side, side), &self.device)?;
        let labels = match &batch.labels {
            Some(labels) if label_dim > 0 => {
                Some(Tensor::from_slice(labels, (count, label_dim), &self.device)?)
            }
            _ => None,
        };
        Ok((pixels, labels))
    }

    /// Closes a tick; returns what is wrong with its numbers, if something is.
    fn tick(&mut self) -> Result<Option<String>, RunError> {
        let nimg = self.moment.position.nimg;
        let settings = self.settings();
        let statistics = self.tally.take()?;
        let w_avg = self.trainer.networks().averaged().w_avg().to_dtype(DType::F32)?;
        let w_avg_norm = f64::from(w_avg.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
        // Reading the statistics has waited for the device; the clock may be read now.
        let sec_per_tick = self.tick_started.elapsed().as_secs_f64();
        let maintenance = Instant::now();
        let tick_kimg = kimg(nimg - self.moment.tick_nimg);
        if !statistics.is_sound() || !w_avg_norm.is_finite() {
            return Ok(Some("the losses of a tick were not finite".to_owned()));
        }
        let sight = self.watch.look(&self.trainer, &self.pyramid, settings.lod, settings.side)?;
        self.moment.ticks += 1;
        let tick = Tick {
            tick: self.moment.ticks,
            kimg: kimg(nimg),
            step: self.moment.position.step,
            lod: settings.lod,
            resolution: settings.side,
            batch: settings.batch,
            rate_factor: self.moment.rate_factor,
            rollbacks: self.moment.rollbacks,
            g_lrate: settings.g_lrate,
            d_lrate: settings.d_lrate,
            g_loss: statistics.g_loss,
            d_loss: statistics.d_loss,
            real_score: statistics.real_score,
            fake_score: statistics.fake_score,
            gradient_norm: statistics.gradient_norm,
            w_avg_norm,
            fake_distance: sight.fake_distance,
            real_distance: sight.real_distance,
            swd: sight.swd,
            skipped_updates: statistics.skipped,
            images_per_sec: tick_kimg * 1000.0 / sec_per_tick.max(1e-9),
            sec_per_kimg: sec_per_tick / tick_kimg.max(1e-9),
            sec_per_tick,
            maintenance_sec: self.maintenance.as_secs_f64(),
            data_wait_sec: statistics.waited.as_secs_f64(),
            elapsed_sec: self.elapsed_before + self.started.elapsed().as_secs_f64(),
            peak_memory_bytes: peak_memory_bytes().unwrap_or(0),
        };
        self.audience.tell(&Event::Tick(Box::new(tick)));
        if statistics.skipped > 0 {
            self.audience.warn(format!("{} updates skipped: gradients were not finite", statistics.skipped));
        }
        if let Some(alarm) = self.watch.alarm(&sight) {
            self.audience.warn(alarm);
        }
        self.save_grids(nimg, settings.lod, self.is_exact(Cause::Schedule));
        self.moment.tick_nimg = nimg;
        self.tick_started = Instant::now();
        self.maintenance = maintenance.elapsed();
        Ok(None)
    }

    /// Whether names tell thousandths in any case: between ticks, and at an end that is no full kimg.
    fn is_exact(&self, cause: Cause) -> bool {
        let nimg = self.moment.position.nimg;
        let is_end = nimg >= self.trainer.config().schedule.total_nimg();
        cause == Cause::Signal || (is_end && !nimg.is_multiple_of(1000))
    }

    fn save_first_grids(&mut self) {
        let Moment { position, .. } = self.moment;
        if let Err(error) = self.grids.save_reals(&self.folder) {
            self.audience.warn(format!("cannot save `reals.png`: {}", with_causes(&error)));
        }
        self.save_fakes(position.nimg, self.settings().lod, position.nimg > 0);
    }

    fn save_grids(&mut self, nimg: u64, lod: f64, exact: bool) {
        self.save_fakes(nimg, lod, exact);
        let path = self.folder.file_at("reals", nimg, exact, "png");
        let saved = self.grids.save_reals_at(&path, lod);
        self.tell_grid("reals", path, nimg, saved);
    }

    fn save_fakes(&mut self, nimg: u64, lod: f64, exact: bool) {
        let path = self.folder.file_at("fakes", nimg, exact, "png");
        let saved = self.grids.save_fakes(&path, &self.trainer, lod);
        self.tell_grid("fakes", path, nimg, saved);
    }

    /// A grid that cannot be saved is worth a warning, not the run.
    fn tell_grid(
        &mut self,
        name: &'static str,
        path: PathBuf,
        nimg: u64,
        saved: Result<(), grid::GridError>,
    ) {
        match saved {
            Ok(()) => self.audience.tell(&Event::Grid { name, path, kimg: kimg(nimg) }),
            Err(error) => {
                self.audience.warn(format!("cannot save `{}`: {}", path.display(), with_causes(&error)));
            }
        }
    }

    /// Starts to write a snapshot and its state beside the training; returns what is wrong with the numbers, if
    /// something is.
    fn save(&mut self, cause: Cause) -> Result<Option<String>, RunError> {
        let nimg = self.moment.position.nimg;
        if self.last_saved == Some(nimg) {
            return Ok(None);
        }
        let started = Instant::now();
        if let Some(written) = self.writer.wait() {
            self.settle(written)?;
        }
        if let Some(name) = not_finite(&self.trainer)? {
            return Ok(Some(format!("`{name}` is not finite")));
        }
        if cause == Cause::Schedule {
            self.moment.scheduled_nimg = Some(nimg);
        }
        let config = self.trainer.config();
        let meta = Meta {
            generator: config.generator.clone(),
            discriminator: Some(config.critic()),
            progress: Progress { nimg, lod: self.settings().lod },
            config: Some(config.lasting_toml()?),
        };
        let copy = Copy::of(&self.trainer, self.moment, &self.tally, meta, self.pyramid.fingerprint())?;
        let path = |stem, nimg, exact| self.folder.file_at(stem, nimg, exact, "safetensors");
        let exact = self.is_exact(cause);
        let pair = (path("network-snapshot-", nimg, exact), path("training-state-", nimg, exact));
        let scheduled = self.moment.scheduled_nimg.map(|nimg| path("training-state-", nimg, false));
        self.writer.start(copy, pair, scheduled);
        self.last_saved = Some(nimg);
        let took = started.elapsed();
        self.maintenance += took;
        // What maintenance took is not the next tick's training.
        self.tick_started += took;
        Ok(None)
    }

    /// Saves what is not saved yet, and does not return before it is on the disk.
    fn save_and_wait(&mut self) -> Result<(), RunError> {
        if let Some(reason) = self.save(Cause::Signal)? {
            self.audience.warn(format!("nothing is saved of what cannot be gone on from: {reason}"));
        }
        let Some(Written { nimg, snapshot, result, .. }) = self.writer.wait() else { return Ok(()) };
        result.map_err(RunError::LastSnapshot)?;
        self.audience.tell(&Event::Snapshot { path: snapshot.clone(), kimg: kimg(nimg) });
        self.last_snapshot = snapshot;
        Ok(())
    }

    /// Tells how a pair fared. One that could not be written is tried again at the next snapshot, a few times.
    fn settle(&mut self, written: Written) -> Result<(), RunError> {
        let Written { nimg, snapshot, result, left_over } = written;
        match result {
            Ok(()) => {
                self.write_failures = 0;
                self.audience.tell(&Event::Snapshot { path: snapshot.clone(), kimg: kimg(nimg) });
                self.last_snapshot = snapshot;
            }
            Err(source) => {
                self.write_failures += 1;
                self.last_saved = None;
                let failures = self.write_failures;
                if failures >= MAX_WRITE_FAILURES {
                    return Err(RunError::Snapshots { failures, source });
                }
                let because =
                    std::error::Error::source(&source).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.audience
                    .warn(format!("{source}{because}; training goes on, the next snapshot is tried again"));
            }
        }
        if let Some(error) = left_over {
            self.audience.warn(format!("an old training state cannot be removed: {error}"));
        }
        Ok(())
    }

    /// Takes the run back to the last good state that the schedule asked for, or its beginning, with half the learning rates.
    fn roll_back(&mut self, reason: String) -> Result<(), RunError> {
        if let Some(written) = self.writer.wait() {
            self.settle(written)?;
        }
        let (saved, damages) = state::newest_scheduled(self.folder.path())?;
        for damage in damages {
            self.audience.warn(damage);
        }
        let Moment { rate_factor, rollbacks, .. } = self.moment;
        if rollbacks >= self.trainer.config().run.max_rollbacks {
            let state = saved.map(|saved| saved.path);
            return Err(RunError::Diverged { reason, rollbacks, state });
        }
        let (moment, tally) = match &saved {
            Some(saved) => (saved.moment, saved.restore(&mut self.trainer)?),
            None => {
                self.trainer = Trainer::new(self.trainer.config().clone(), DType::F32, &self.device)?;
                (Moment::default(), Tally::default())
            }
        };
        let (rate_factor, rollbacks) = (rate_factor * 0.5, rollbacks + 1);
        self.moment = Moment { rate_factor, rollbacks, ..moment };
        self.tally = tally;
        self.last_saved = saved.as_ref().map(|_| moment.position.nimg);
        self.tick_started = Instant::now();
        self.audience.tell(&Event::RolledBack {
            reason,
            to: saved.map(|saved| saved.path),
            kimg: kimg(moment.position.nimg),
            rate_factor,
            rollbacks,
        });
        Ok(())
    }
}

fn kimg(nimg: u64) -> f64 {
    nimg as f64 / 1000.0
}

/// An error and its causes in one sentence.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
