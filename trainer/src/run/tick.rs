//! The end of a tick: statistics, a look for collapse, measures, grids.

use std::collections::BTreeMap;
use std::time::Instant;

use candle_core::DType;
use tracing::info;

use super::clock::{Clock, Stopwatch};
use super::collapse::{CollapseWatch, Distances};
use super::error::RunError;
use super::grid::Grids;
use super::measuring::Measuring;
use super::saver::Saver;
use super::state::TrainingState;
use super::verdict::Verdict;
use crate::listeners::Audience;
use crate::{Event, Pace, Settings, Tick, Trainer, peak_memory_bytes};

/// Closes ticks.
pub(super) struct Ticker {
    pub(super) grids: Grids,
    pub(super) collapse: CollapseWatch,
    pub(super) measuring: Measuring,
}

impl Ticker {
    /// Closes a tick, unless the numbers are bad.
    pub(super) fn tick(
        &mut self,
        training: &mut TrainingState,
        (stopwatch, pace): (&mut Stopwatch, &mut Pace),
        saver: &Saver,
        audience: &mut Audience<'_>,
    ) -> Result<Verdict, RunError> {
        let mut means = training.statistics.means()?;
        let verdict = Verdict::of_skipped(means.skipped, &training.config().run);
        if verdict != Verdict::Sound {
            return Ok(verdict);
        }
        let w_avg_norm = w_avg_norm(&training.trainer)?;
        // Reading the statistics has waited for the device; the clock may be read now.
        let (sec_per_tick, maintenance) = (stopwatch.tick_secs(), Instant::now());
        if !means.is_sound() || !w_avg_norm.is_finite() {
            return Ok(Verdict::Diverging { reason: "the losses of a tick were not finite".to_owned() });
        }
        let settings = training.settings();
        // The last thing that can fail: until here nothing of the tick is closed, so that it can be saved as it is.
        let distances = self.collapse.look(&training.trainer, settings)?;
        let measured = if self.measuring.is_due(training) {
            self.measuring.measure(training, saver, audience)
        } else {
            BTreeMap::new()
        };
        let tick_kimg = training.clock.tick_kimg();
        training.clock.ticks += 1;
        let Clock { position, ticks, rate_factor, rollbacks, .. } = training.clock;
        let Settings { lod, resolution, batch, g_lrate, d_lrate } = settings;
        let Distances { fake_distance, real_distance, swd } = distances;
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
            g_lrate,
            d_lrate,
            g_loss: means.take("g_loss"),
            d_loss: means.take("d_loss"),
            real_score: means.take("real_score"),
            fake_score: means.take("fake_score"),
            gradient_norm: means.take("gradient_norm"),
            w_avg_norm,
            fake_distance,
            real_distance,
            swd,
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
        if let Some(alarm) = self.collapse.alarm.ring(&distances) {
            audience.warn(alarm);
        }
        self.grids.save(training, saver.folder(), audience);
        training.statistics.clear()?;
        training.clock.tick_nimg = position.nimg;
        pace.close_tick(sec_per_tick, maintenance.elapsed());
        stopwatch.start_tick(maintenance.elapsed());
        Ok(Verdict::Sound)
    }
}

/// Length of the averaged generator's running mean of w.
fn w_avg_norm(trainer: &Trainer) -> candle_core::Result<f64> {
    let w_avg = trainer.networks().averaged().w_avg().to_dtype(DType::F32)?;
    Ok(f64::from(w_avg.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt())
}
