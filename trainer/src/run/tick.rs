//! The end of a tick: statistics, what is looked at, grids.

use std::time::Instant;

use tracing::info;

use super::clock::{Clock, Stopwatch};
use super::configuration::Configuration;
use super::error::RunError;
use super::saver::Saver;
use super::state::TrainingState;
use super::verdict::Verdict;
use super::watch::{Look, Watch, Watched};
use crate::listeners::Audience;
use crate::{Event, Pace, Settings, Tick, peak_memory_bytes};

/// Closes ticks.
pub(super) struct Ticker<T: Watched> {
    pub(super) watch: T::Watch,
}

impl<T: Watched> Ticker<T> {
    /// Closes a tick, unless the numbers are bad.
    pub(super) fn tick(
        &mut self,
        training: &mut TrainingState<T>,
        (stopwatch, pace): (&mut Stopwatch, &mut Pace),
        saver: &Saver,
        audience: &mut Audience<'_>,
    ) -> Result<Verdict, RunError> {
        let mut means = training.statistics.means()?;
        let verdict = Verdict::of_skipped(means.skipped, training.config().run());
        if verdict != Verdict::Sound {
            return Ok(verdict);
        }
        // Reading the statistics has waited for the device; the clock may be read now.
        let (sec_per_tick, maintenance) = (stopwatch.tick_secs(), Instant::now());
        let diverging = || Verdict::Diverging { reason: "the losses of a tick were not finite".to_owned() };
        if !means.is_sound() {
            return Ok(diverging());
        }
        let settings = training.settings();
        // The last thing that can fail: until here nothing of the tick is closed, so that it can be saved as it is.
        let Look { is_sound, adversarial, measured, alarm } =
            self.watch.look(training, &mut means, saver, audience)?;
        if !is_sound {
            return Ok(diverging());
        }
        let tick_kimg = training.clock.tick_kimg();
        training.clock.ticks += 1;
        let Clock { position, ticks, rate_factor, rollbacks, .. } = training.clock;
        let Settings { lod, resolution, batch, .. } = settings;
        let (device, skipped) = (training.trainer.device(), means.skipped);
        let tick = Tick {
            tick: ticks,
            kimg: training.clock.kimg(),
            step: position.step,
            lod,
            resolution,
            batch,
            rate_factor,
            rollbacks,
            adversarial,
            skipped_updates: skipped,
            images_per_sec: tick_kimg * 1000.0 / sec_per_tick.max(1e-9),
            sec_per_kimg: sec_per_tick / tick_kimg.max(1e-9),
            sec_per_tick,
            maintenance_sec: stopwatch.maintenance_secs(),
            data_wait_sec: means.data_wait.as_secs_f64(),
            elapsed_sec: stopwatch.elapsed_secs(),
            peak_memory_bytes: peak_memory_bytes(device).unwrap_or(0),
            on_gpu: !device.is_cpu(),
            reported: means.numbers.into_iter().chain(measured).collect(),
        };
        info!(tick = ticks, kimg = tick.kimg, lod, sec_per_kimg = tick.sec_per_kimg, "tick");
        audience.tell(&Event::Tick(Box::new(tick)));
        if skipped > 0 {
            audience.warn(format!("{skipped} updates skipped: gradients were not finite"));
        }
        if let Some(alarm) = alarm {
            audience.warn(alarm);
        }
        self.watch.save(training, saver.folder(), audience);
        training.begin_tick()?;
        pace.close_tick(sec_per_tick, maintenance.elapsed());
        stopwatch.start_tick(maintenance.elapsed());
        Ok(Verdict::Sound)
    }
}
