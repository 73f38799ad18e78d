//! Time in a run: in pictures shown, and in seconds.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use stylegan_base::units::kimg;

use super::configuration::Configuration;
use crate::{Position, Settings};

/// Time in pictures shown, and what depends on it: all that a training state tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    pub(crate) position: Position,
    /// Ticks done.
    pub(super) ticks: u64,
    /// Real pictures shown when the tick began.
    pub(super) tick_nimg: u64,
    /// What the scheduled learning rates are multiplied with.
    pub(super) rate_factor: f64,
    /// How often the run has been taken back.
    pub(super) rollbacks: u64,
    /// Time of the last snapshot that the schedule asked for, not a signal. It is the one that the run is taken back
    /// to, so that a stop in between does not change what follows.
    pub(super) scheduled_nimg: Option<u64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::at(Position::default())
    }
}

impl Clock {
    /// A tick that begins at this position of a run that was never taken back.
    pub(super) fn at(position: Position) -> Self {
        Self {
            position,
            ticks: 0,
            tick_nimg: position.nimg,
            rate_factor: 1.0,
            rollbacks: 0,
            scheduled_nimg: None,
        }
    }

    pub(super) fn kimg(&self) -> f64 {
        kimg(self.position.nimg)
    }

    /// Length of the tick so far.
    pub(super) fn tick_kimg(&self) -> f64 {
        kimg(self.position.nimg - self.tick_nimg)
    }

    /// What holds now: the schedule's settings, with what is left of the learning rates.
    pub(super) fn settings(&self, config: &impl Configuration) -> Settings {
        let settings = config.settings_at(self.position.round_nimg);
        let factor = self.rate_factor;
        Settings { g_lrate: settings.g_lrate * factor, d_lrate: settings.d_lrate * factor, ..settings }
    }

    /// Whether the training is at its end.
    pub(super) fn is_over(&self, config: &impl Configuration) -> bool {
        self.position.nimg >= config.total_nimg()
    }

    pub(super) fn is_tick_due(&self, config: &impl Configuration) -> bool {
        let tick_kimg = config.run().tick_kimg.get(self.settings(config).resolution.side());
        self.tick_kimg() >= tick_kimg.unwrap_or(f64::INFINITY)
    }

    /// Whether the schedule asked for the snapshot of this time.
    pub(super) fn is_scheduled(&self) -> bool {
        self.scheduled_nimg == Some(self.position.nimg)
    }

    /// Whether names of files tell thousandths in any case: at an end that is no full kimg.
    pub(super) fn is_exact(&self, config: &impl Configuration) -> bool {
        self.is_over(config) && !self.position.nimg.is_multiple_of(1000)
    }
}

/// Seconds that a run takes.
pub(super) struct Stopwatch {
    /// Those before it was started this time.
    elapsed_before: f64,
    started: Instant,
    tick_started: Instant,
    /// What was no training since the last tick.
    maintenance: Duration,
}

impl Stopwatch {
    pub(super) fn new(elapsed_before: f64) -> Self {
        let now = Instant::now();
        Self { elapsed_before, started: now, tick_started: now, maintenance: Duration::ZERO }
    }

    /// Training begins, after maintenance that took so long.
    pub(super) fn start_tick(&mut self, maintenance: Duration) {
        self.tick_started = Instant::now();
        self.maintenance = maintenance;
    }

    /// Goes on with training after a pause.
    pub(super) fn restart_tick(&mut self) {
        self.tick_started = Instant::now();
    }

    /// What has just taken so long is maintenance, and not the training of this tick.
    pub(super) fn exclude(&mut self, took: Duration) {
        self.maintenance += took;
        self.tick_started += took;
    }

    /// What has just taken so long counts nowhere.
    pub(super) fn leave_out(&mut self, took: Duration) {
        self.started += took;
        self.tick_started += took;
    }

    /// Training in this tick.
    pub(super) fn tick_secs(&self) -> f64 {
        self.tick_started.elapsed().as_secs_f64()
    }

    pub(super) fn maintenance_secs(&self) -> f64 {
        self.maintenance.as_secs_f64()
    }

    /// All of it since the run began.
    pub(super) fn elapsed_secs(&self) -> f64 {
        self.elapsed_before + self.started.elapsed().as_secs_f64()
    }
}
