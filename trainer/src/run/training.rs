//! The loop around the iteration.

use std::thread;
use std::time::{Duration, Instant};

use stylegan_ops::{GpuMemory, is_out_of_memory};
use tracing::span::EnteredSpan;
use tracing::{info, info_span, warn};

use super::clock::Stopwatch;
use super::configuration::Configuration;
use super::data::Data;
use super::error::RunError;
use super::job::{Look, Outcome};
use super::saved::newest_scheduled;
use super::saver::{Cause, Saver};
use super::signals::Signals;
use super::state::TrainingState;
use super::tick::Ticker;
use super::trained::Trained;
use super::verdict::Verdict;
use super::watch::Watched;
use crate::listeners::Audience;
use crate::{Event, Pace, Settings, StepProgress};

/// Iterations between two looks at how many updates were skipped, for which the device is waited for. They are counted
/// from the start of the run, so that a stop changes none of them.
const LOOK_STEPS: u64 = 32;
/// How often a run that is paused looks whether it still is.
const LOOKS: Duration = Duration::from_millis(50);

/// A run in progress.
pub(super) struct Run<'a, T: Watched> {
    pub(super) training: TrainingState<T>,
    pub(super) data: T::Data,
    pub(super) ticker: Ticker<T>,
    pub(super) saver: Saver,
    pub(super) audience: Audience<'a>,
    pub(super) stopwatch: Stopwatch,
    pub(super) pace: Pace,
    pub(super) before_step: Option<Look<T>>,
    pub(super) level: Option<TrainedLevel>,
}

/// A batch on the device.
type Batch<T> = <<T as Trained>::Data as Data>::Batch;

/// The level of detail whose memory is taken.
pub(super) struct TrainedLevel {
    lod: f64,
    _span: EnteredSpan,
}

impl<T: Watched> Run<'_, T> {
    /// Trains to the end, or until it is asked to stop; then everything is saved.
    pub(super) fn train(&mut self, signals: &Signals) -> Result<Outcome, RunError> {
        let advanced = self.advance(signals);
        let is_out_of_memory = matches!(&advanced, Err(RunError::Networks(error)) if is_out_of_memory(error));
        // Pictures that cannot be read, or a device without memory, are no reason to lose what was trained before.
        let is_saved = match &advanced {
            Ok(()) | Err(RunError::Data(_) | RunError::NoMoreData) => true,
            _ => is_out_of_memory && self.training.is_whole,
        };
        if is_saved {
            self.saver.save_and_wait(&mut self.training, &mut self.audience)?;
        }
        if is_out_of_memory {
            let settings = self.training.settings();
            if let Some(error) = self.training.trainer.explain_shortage(settings, is_saved)? {
                return Err(error);
            }
        }
        advanced?;
        let finished = self.training.is_over();
        self.audience.tell(&Event::Stopped { finished, kimg: self.training.clock.kimg() });
        let run_dir = self.saver.folder().path().to_owned();
        Ok(Outcome { run_dir, snapshot: self.saver.last_snapshot().clone(), finished })
    }

    fn advance(&mut self, signals: &Signals) -> Result<(), RunError> {
        self.catch_up(signals)?;
        let mut batches = self.data.batches(self.training.config(), &self.training.clock);
        self.stopwatch.restart_tick();
        while !self.training.is_over() && !signals.wants_stop() {
            if signals.is_paused() {
                self.rest(signals)?;
                continue;
            }
            let settings = self.training.settings();
            let batch = self.next(&mut batches)?;
            self.step(&batch, settings)?;
            self.tell_step(settings);
            self.saver.look(&mut self.audience)?;
            if let Verdict::Diverging { reason } = self.after_step(signals)? {
                self.roll_back(reason)?;
                batches = self.data.batches(self.training.config(), &self.training.clock);
            }
        }
        Ok(())
    }

    /// Waits as long as it is paused, and saves when it is asked to. The time counts nowhere.
    fn rest(&mut self, signals: &Signals) -> Result<(), RunError> {
        self.audience.tell(&Event::Note { message: "paused".to_owned() });
        let began = Instant::now();
        while signals.is_paused() && !signals.wants_stop() {
            if signals.take_save() {
                // Bad numbers are found again after the next iteration.
                let _ = self.save(Cause::Wish)?;
            }
            self.saver.look(&mut self.audience)?;
            thread::sleep(LOOKS);
        }
        self.stopwatch.leave_out(began.elapsed());
        self.audience.tell(&Event::Note { message: "going on".to_owned() });
        Ok(())
    }

    /// Does what is due already where the run starts.
    fn catch_up(&mut self, signals: &Signals) -> Result<(), RunError> {
        // Bad numbers are found again after the next iteration.
        if self.saver.is_begun_elsewhere() {
            // What a new folder goes on from is to be found in it.
            let _ = self.save(Cause::Schedule)?;
        }
        if self.training.is_tick_due() {
            // Of a run that could not close it.
            let _ = self.after_step(signals)?;
        }
        Ok(())
    }

    fn next(&mut self, batches: &mut <T::Data as Data>::Batches) -> Result<Batch<T>, RunError> {
        let (batch, wait) = self.data.next(self.training.config(), batches)?;
        self.training.statistics.waited(wait);
        Ok(batch)
    }

    fn step(&mut self, batch: &Batch<T>, settings: Settings) -> Result<(), RunError> {
        if let Some(before_step) = &mut self.before_step {
            before_step(&self.training.trainer, self.training.clock.position);
        }
        self.enter_level(settings)?;
        Ok(self.training.step(batch, settings)?)
    }

    /// Takes the memory of a GPU for a level that begins. If there is too little, it is known before anything of the level
    /// is trained, and all that was trained can be saved.
    fn enter_level(&mut self, settings: Settings) -> Result<(), RunError> {
        let Settings { lod, resolution, batch, .. } = settings;
        if settings.changes_level(self.level.as_ref().map(|level| level.lod)) {
            // One is left before the next is entered.
            self.level = None;
            let span = info_span!("level", %resolution, lod, batch).entered();
            info!(kimg = self.training.clock.kimg(), "level entered");
            let trainer = &self.training.trainer;
            if !trainer.device().is_cpu() {
                trainer.rehearse(settings)?;
                GpuMemory::reset_peak(trainer.device())?;
            }
            self.level = Some(TrainedLevel { lod, _span: span });
        }
        Ok(())
    }

    fn tell_step(&mut self, settings: Settings) {
        let clock = self.training.clock;
        let (tick_nimg, tick_secs) = (clock.position.nimg - clock.tick_nimg, self.stopwatch.tick_secs());
        self.pace.observe(settings.resolution, tick_nimg, tick_secs);
        self.audience.tell(&Event::Step(StepProgress {
            step: clock.position.step,
            nimg: clock.position.nimg,
            total_nimg: self.training.config().total_nimg(),
            resolution: settings.resolution,
            fade: settings.lod.fract(),
            images_per_sec: tick_nimg as f64 / tick_secs.max(1e-9),
            left_sec: self.pace.left_secs(clock.kimg()),
            next_snapshot_sec: self.next_snapshot_secs(settings),
        }));
    }

    /// Seconds to the next snapshot, whether its time comes in the training or on the clock.
    fn next_snapshot_secs(&self, settings: Settings) -> Option<f64> {
        let (clock, config) = (self.training.clock, self.training.config());
        let run = config.run();
        let tick_nimg = run.tick_kimg.get(settings.resolution.side())? * 1000.0;
        let ticks = run.snapshot_ticks - clock.ticks % run.snapshot_ticks;
        let scheduled_nimg = (clock.tick_nimg as f64 + ticks as f64 * tick_nimg)
            .min(config.total_nimg() as f64)
            - clock.position.nimg as f64;
        let by_schedule = scheduled_nimg * self.pace.secs_per_image_at(settings.resolution)?;
        let by_clock = if run.snapshot_minutes > 0.0 {
            run.snapshot_minutes * 60.0 - self.saver.age().as_secs_f64()
        } else {
            f64::INFINITY
        };
        Some(by_schedule.min(by_clock).max(0.0))
    }

    /// Closes a tick and saves, where it is time to.
    fn after_step(&mut self, signals: &Signals) -> Result<Verdict, RunError> {
        let (is_over, closes_tick) = (self.training.is_over(), self.training.is_tick_due());
        let verdict = if is_over || closes_tick {
            self.tick()?
        } else if self.training.clock.position.step.is_multiple_of(LOOK_STEPS) {
            let skipped = self.training.statistics.read()?.skipped;
            Verdict::of_skipped(skipped, self.training.config().run())
        } else {
            Verdict::Sound
        };
        if verdict != Verdict::Sound {
            return Ok(verdict);
        }
        let is_asked = signals.take_save();
        let run = self.training.config().run();
        let age_minutes = self.saver.age().as_secs_f64() / 60.0;
        if is_over || closes_tick && self.training.clock.ticks.is_multiple_of(run.snapshot_ticks) {
            self.save(Cause::Schedule)
        } else if is_asked {
            self.save(Cause::Wish)
        } else if run.snapshot_minutes > 0.0 && age_minutes >= run.snapshot_minutes {
            self.save(Cause::Safety)
        } else {
            Ok(Verdict::Sound)
        }
    }

    fn tick(&mut self) -> Result<Verdict, RunError> {
        let Self { training, stopwatch, pace, saver, audience, .. } = self;
        self.ticker.tick(training, (stopwatch, pace), saver, audience)
    }

    fn save(&mut self, cause: Cause) -> Result<Verdict, RunError> {
        let started = Instant::now();
        let verdict = self.saver.save(&mut self.training, cause, &mut self.audience)?;
        self.stopwatch.exclude(started.elapsed());
        Ok(verdict)
    }

    /// Takes the run back to the last good state that the schedule asked for, or its beginning, with half the learning
    /// rates.
    fn roll_back(&mut self, reason: String) -> Result<(), RunError> {
        self.saver.wait(&mut self.audience)?;
        let (saved, damages) = newest_scheduled::<T>(self.saver.folder().path())?;
        for damage in damages {
            self.audience.warn(damage);
        }
        let (rate_factor, rollbacks) = (self.training.clock.rate_factor, self.training.clock.rollbacks);
        if rollbacks >= self.training.config().run().max_rollbacks {
            let state = saved.map(|saved| saved.path);
            return Err(RunError::Diverged { reason, rollbacks, state });
        }
        if let Some(saved) = &saved {
            saved.restore(&mut self.training)?;
        } else {
            self.training.is_whole = false;
            self.training = TrainingState::new(self.training.trainer.anew()?)?;
        }
        let (rate_factor, rollbacks) = (rate_factor * 0.5, rollbacks + 1);
        self.training.clock.rate_factor = rate_factor;
        self.training.clock.rollbacks = rollbacks;
        self.stopwatch.restart_tick();
        self.pace.begin_tick();
        let kimg = self.training.clock.kimg();
        self.saver.goes_back_to(saved.as_ref().map(|saved| saved.clock.position.nimg));
        let to = saved.map(|saved| saved.path);
        warn!(reason, ?to, kimg, rate_factor, rollbacks, "rolled back");
        self.audience.tell(&Event::RolledBack { reason, to, kimg, rate_factor, rollbacks });
        Ok(())
    }
}
