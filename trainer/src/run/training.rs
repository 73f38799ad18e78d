//! The loop around the iteration.

use std::path::PathBuf;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use stylegan_ops::{GpuMemory, is_out_of_memory};
use stylegan_peers::Peers;
use tracing::span::EnteredSpan;
use tracing::{info, info_span, warn};

use super::agreement::{Wishes, check_same_networks};
use super::clock::Stopwatch;
use super::configuration::Configuration;
use super::data::Data;
use super::error::RunError;
use super::job::{Look, Outcome};
use super::record::Record;
use super::saved::newest_scheduled;
use super::saver::Cause;
use super::signals::Signals;
use super::state::TrainingState;
use super::trained::Trained;
use super::verdict::Verdict;
use super::watch::Watched;
use crate::{Event, Pace, Settings, StepProgress};

/// Iterations between two looks at how many updates were skipped, for which the device is waited for. They are counted
/// from the start of the run, so that a stop changes none of them.
const LOOK_STEPS: u64 = 32;
/// Iterations on GPUs between two times that processes agree on what is asked of them, for which GPUs are waited for.
const AGREE_STEPS: u64 = 8;
/// How often a run that is paused looks whether it still is.
const LOOKS: Duration = Duration::from_millis(50);

/// A run in progress.
pub(super) struct Run<'a, T: Watched> {
    pub(super) training: TrainingState<T>,
    pub(super) data: T::Data,
    pub(super) peers: Rc<dyn Peers>,
    /// None in a process that is not the first.
    pub(super) record: Option<Record<'a, T>>,
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
        if is_saved && let Some(Record { saver, audience, .. }) = &mut self.record {
            saver.save_and_wait(&mut self.training, audience)?;
        }
        if is_out_of_memory {
            let settings = self.training.settings();
            if let Some(error) = self.training.trainer.explain_shortage(settings, is_saved)? {
                return Err(error);
            }
        }
        advanced?;
        let finished = self.training.is_over();
        let mut kept = Vec::new();
        if let Some(Record { saver, audience, .. }) = &mut self.record {
            audience.tell(&Event::Stopped { finished, kimg: self.training.clock.kimg() });
            kept = vec![saver.folder().path().to_owned(), saver.last_snapshot().clone()];
        }
        // Nobody leaves before the first has saved: one that ends may end the others.
        self.peers.await_first()?;
        let [run_dir, snapshot] = self.first_keeps(kept)?;
        Ok(Outcome { run_dir, snapshot, finished })
    }

    /// The run folder and the last snapshot of the first process.
    fn first_keeps(&self, own: Vec<PathBuf>) -> Result<[PathBuf; 2], RunError> {
        let text: Vec<_> = own.iter().map(|path| path.to_string_lossy()).collect();
        let said = self.peers.broadcast(text.join("\0").as_bytes())?;
        Ok(own.try_into().unwrap_or_else(|_| {
            let said = String::from_utf8_lossy(&said).into_owned();
            let mut paths = said.split('\0').map(PathBuf::from);
            [(); 2].map(|()| paths.next().unwrap_or_default())
        }))
    }

    fn advance(&mut self, signals: &Signals) -> Result<(), RunError> {
        let mut wishes = self.agree(signals)?;
        self.catch_up(wishes)?;
        let mut batches = self.data.batches(self.training.config(), &self.training.clock);
        self.stopwatch.restart_tick();
        while !self.training.is_over() && !wishes.stop {
            if wishes.pause {
                wishes = self.rest(signals)?;
                continue;
            }
            let settings = self.training.settings();
            let batch = self.next(&mut batches)?;
            self.step(&batch, settings)?;
            self.tell_step(settings);
            if let Some(Record { saver, audience, .. }) = &mut self.record {
                saver.look(audience)?;
            }
            wishes = self.agree(signals)?;
            if let Verdict::Diverging { reason } = self.after_step(wishes)? {
                self.roll_back(reason)?;
                batches = self.data.batches(self.training.config(), &self.training.clock);
            }
        }
        Ok(())
    }

    /// What is asked of this process or another one.
    fn agree(&self, signals: &Signals) -> Result<Wishes, RunError> {
        let is_awaited = self.peers.world() > 1 && !self.training.trainer.device().is_cpu();
        if is_awaited && !self.training.clock.position.step.is_multiple_of(AGREE_STEPS) {
            return Ok(Wishes::default());
        }
        let minutes = self.training.config().run().snapshot_minutes;
        let is_old =
            |record: &Record<'_, T>| minutes > 0.0 && record.saver.age().as_secs_f64() / 60.0 >= minutes;
        let own = Wishes {
            stop: signals.wants_stop(),
            pause: signals.is_paused(),
            save: signals.take_save(),
            renew: self.record.as_ref().is_some_and(is_old),
        };
        own.agreed(&*self.peers)
    }

    /// Waits as long as it is paused, and saves when it is asked to. The time counts nowhere. Returns what is asked for then.
    fn rest(&mut self, signals: &Signals) -> Result<Wishes, RunError> {
        self.note("paused");
        let began = Instant::now();
        let wishes = loop {
            let wishes = self.agree(signals)?;
            if wishes.save {
                // Bad numbers are found again after the next iteration.
                let _ = self.save(Cause::Wish)?;
            }
            if !wishes.pause || wishes.stop {
                break wishes;
            }
            if let Some(Record { saver, audience, .. }) = &mut self.record {
                saver.look(audience)?;
            }
            thread::sleep(LOOKS);
        };
        self.stopwatch.leave_out(began.elapsed());
        self.note("going on");
        Ok(wishes)
    }

    fn note(&mut self, message: &str) {
        if let Some(Record { audience, .. }) = &mut self.record {
            audience.tell(&Event::Note { message: message.to_owned() });
        }
    }

    /// Does what is due already where the run starts.
    fn catch_up(&mut self, wishes: Wishes) -> Result<(), RunError> {
        // Bad numbers are found again after the next iteration.
        let is_begun_elsewhere = self.record.as_ref().map(|record| record.saver.is_begun_elsewhere());
        if self.first_says(is_begun_elsewhere)? {
            // What a new folder goes on from is to be found in it.
            let _ = self.save(Cause::Schedule)?;
        }
        if self.training.is_tick_due() {
            // Of a run that could not close it.
            let _ = self.after_step(wishes)?;
        }
        Ok(())
    }

    /// What the first process says, who alone has something to say.
    fn first_says(&self, own: Option<bool>) -> Result<bool, RunError> {
        let said = self.peers.broadcast(&[u8::from(own.unwrap_or(false))])?;
        Ok(said.first().is_some_and(|&said| said > 0))
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
        let before = self.peers.traffic();
        self.training.step(batch, settings)?;
        if self.peers.world() > 1 {
            self.training.statistics.exchanged(self.peers.traffic().since(before));
        }
        Ok(())
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
        let next_snapshot_sec = self.next_snapshot_secs(settings);
        let Some(Record { audience, .. }) = &mut self.record else { return };
        audience.tell(&Event::Step(StepProgress {
            step: clock.position.step,
            nimg: clock.position.nimg,
            total_nimg: self.training.config().total_nimg(),
            resolution: settings.resolution,
            fade: settings.lod.fract(),
            images_per_sec: tick_nimg as f64 / tick_secs.max(1e-9),
            left_sec: self.pace.left_secs(clock.kimg()),
            next_snapshot_sec,
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
            run.snapshot_minutes * 60.0 - self.record.as_ref()?.saver.age().as_secs_f64()
        } else {
            f64::INFINITY
        };
        Some(by_schedule.min(by_clock).max(0.0))
    }

    /// Closes a tick and saves, where it is time to.
    fn after_step(&mut self, wishes: Wishes) -> Result<Verdict, RunError> {
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
        let run = self.training.config().run();
        if is_over || closes_tick && self.training.clock.ticks.is_multiple_of(run.snapshot_ticks) {
            self.save(Cause::Schedule)
        } else if wishes.save {
            self.save(Cause::Wish)
        } else if wishes.renew {
            self.save(Cause::Safety)
        } else {
            Ok(Verdict::Sound)
        }
    }

    /// Closes a tick. The first process looks at it, and what it sees holds for all.
    fn tick(&mut self) -> Result<Verdict, RunError> {
        let Self { training, stopwatch, pace, record, peers, .. } = self;
        let seen = match record {
            Some(Record { ticker, saver, audience }) => {
                ticker.tick(training, (stopwatch, pace), saver, audience)?
            }
            None => Verdict::Sound,
        };
        let verdict = Verdict::of_first(&seen, &**peers)?;
        if record.is_none() && verdict == Verdict::Sound {
            training.clock.ticks += 1;
            training.begin_tick()?;
        }
        Ok(verdict)
    }

    /// Saves, unless the numbers are bad, once it is sure that all processes have the same.
    fn save(&mut self, cause: Cause) -> Result<Verdict, RunError> {
        let started = Instant::now();
        check_same_networks(&*self.peers, &self.training.trainer)?;
        let seen = match &mut self.record {
            Some(Record { saver, audience, .. }) => saver.save(&mut self.training, cause, audience)?,
            None => Verdict::Sound,
        };
        let verdict = Verdict::of_first(&seen, &*self.peers)?;
        self.stopwatch.exclude(started.elapsed());
        Ok(verdict)
    }

    /// Takes the run back to the last good state that the schedule asked for, or its beginning, with half the learning
    /// rates.
    fn roll_back(&mut self, reason: String) -> Result<(), RunError> {
        self.restore(reason)?;
        self.stopwatch.restart_tick();
        self.pace.begin_tick();
        self.training.follow_first(&*self.peers)
    }

    /// Takes the training of the first process back.
    fn restore(&mut self, reason: String) -> Result<(), RunError> {
        let Some(Record { saver, audience, .. }) = &mut self.record else { return Ok(()) };
        saver.wait(audience)?;
        let (saved, damages) = newest_scheduled::<T>(saver.folder().path())?;
        for damage in damages {
            audience.warn(damage);
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
        let kimg = self.training.clock.kimg();
        saver.goes_back_to(saved.as_ref().map(|saved| saved.clock.position.nimg));
        let to = saved.map(|saved| saved.path);
        warn!(reason, ?to, kimg, rate_factor, rollbacks, "rolled back");
        audience.tell(&Event::RolledBack { reason, to, kimg, rate_factor, rollbacks });
        Ok(())
    }
}
