//! The end of a tick: statistics, grids, the alarm.

use std::path::PathBuf;
use std::time::Instant;

use candle_core::DType;

use super::grid::GridError;
use super::saving::Cause;
use super::state::Moment;
use super::training::Run;
use super::{RunError, kimg, with_causes};
use crate::{Event, Tick, peak_memory_bytes};

impl Run<'_> {
    /// Closes a tick; returns what is wrong with its numbers, if something is.
    pub(super) fn tick(&mut self) -> Result<Option<String>, RunError> {
        let nimg = self.moment.position.nimg;
        let settings = self.settings();
        let mut means = self.tally.means()?;
        let too_many = self.too_many(means.skipped);
        if too_many.is_some() {
            return Ok(too_many);
        }
        let w_avg = self.trainer.networks().averaged().w_avg().to_dtype(DType::F32)?;
        let w_avg_norm = f64::from(w_avg.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
        // Reading the statistics has waited for the device; the clock may be read now.
        let sec_per_tick = self.tick_started.elapsed().as_secs_f64();
        let maintenance = Instant::now();
        let tick_kimg = kimg(nimg - self.moment.tick_nimg);
        if !means.is_sound() || !w_avg_norm.is_finite() {
            return Ok(Some("the losses of a tick were not finite".to_owned()));
        }
        // The last thing that can fail: until here nothing of the tick is closed, so that it can be saved as it is.
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
            g_loss: means.take("g_loss"),
            d_loss: means.take("d_loss"),
            real_score: means.take("real_score"),
            fake_score: means.take("fake_score"),
            gradient_norm: means.take("gradient_norm"),
            w_avg_norm,
            fake_distance: sight.fake_distance,
            real_distance: sight.real_distance,
            swd: sight.swd,
            skipped_updates: means.skipped,
            images_per_sec: tick_kimg * 1000.0 / sec_per_tick.max(1e-9),
            sec_per_kimg: sec_per_tick / tick_kimg.max(1e-9),
            sec_per_tick,
            maintenance_sec: self.maintenance.as_secs_f64(),
            data_wait_sec: means.data_wait.as_secs_f64(),
            elapsed_sec: self.elapsed_before + self.started.elapsed().as_secs_f64(),
            peak_memory_bytes: peak_memory_bytes(&self.device).unwrap_or(0),
            on_gpu: !self.device.is_cpu(),
            reported: means.numbers,
        };
        self.audience.tell(&Event::Tick(Box::new(tick)));
        if means.skipped > 0 {
            self.audience.warn(format!("{} updates skipped: gradients were not finite", means.skipped));
        }
        if let Some(alarm) = self.watch.alarm(&sight) {
            self.audience.warn(alarm);
        }
        self.save_grids(nimg, settings.lod, self.is_exact(Cause::Schedule));
        self.tally.clear()?;
        self.moment.tick_nimg = nimg;
        self.tick_started = Instant::now();
        self.maintenance = maintenance.elapsed();
        Ok(None)
    }

    /// Whether names tell thousandths in any case: between ticks, and at an end that is no full kimg.
    pub(super) fn is_exact(&self, cause: Cause) -> bool {
        let nimg = self.moment.position.nimg;
        let is_end = nimg >= self.trainer.config().schedule.total_nimg();
        cause == Cause::Signal || (is_end && !nimg.is_multiple_of(1000))
    }

    /// The reals of the grids, and the fakes of the networks at their start.
    pub(super) fn save_first_grids(&mut self) {
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
    fn tell_grid(&mut self, name: &str, path: PathBuf, nimg: u64, saved: Result<(), GridError>) {
        match saved {
            Ok(()) => self.audience.tell(&Event::Grid { name: name.to_owned(), path, kimg: kimg(nimg) }),
            Err(error) => {
                self.audience.warn(format!("cannot save `{}`: {}", path.display(), with_causes(&error)));
            }
        }
    }
}
