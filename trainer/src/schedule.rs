//! The growing schedule: what is trained at which time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::Level;

use crate::PerSide;
use crate::bounds::{MOST_KIMG, outside};

/// The growing schedule; the defaults are the paper's on one device, with the rates for WGAN-GP, the default loss.
///
/// Time is counted in kimg, thousands of real pictures shown. Every side is trained for `steady_kimg`, then the next
/// one is faded in during `fade_kimg`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Side at which training starts, in pixels.
    pub initial_resolution: usize,
    /// Training of each side before the next one fades in, in kimg.
    pub steady_kimg: f64,
    /// Length of a fade, in kimg.
    pub fade_kimg: f64,
    /// Length of the whole training, in kimg.
    pub total_kimg: f64,
    /// Pictures in a minibatch, by side.
    pub batch: PerSide<usize>,
    /// Learning rate of the generator, by side: 0.003 from 512 on with R1 on FFHQ, at most 0.002 with WGAN-GP (Karras
    /// et al. 2019, appendix C).
    pub g_lrate: PerSide<f64>,
    /// Learning rate of the critic, by side; the original's is that of the generator.
    pub d_lrate: PerSide<f64>,
    /// kimg during which the learning rates rise from 0, 0 for none.
    pub lrate_rampup_kimg: f64,
    /// Minibatches between two looks at this schedule.
    pub minibatch_repeats: usize,
}

impl Default for Schedule {
    fn default() -> Self {
        let lrate = PerSide::from_sides([(4, 0.001), (128, 0.0015), (256, 0.002)]);
        Self {
            initial_resolution: 8,
            steady_kimg: 600.0,
            fade_kimg: 600.0,
            total_kimg: 25_000.0,
            batch: PerSide::from_sides([(4, 128), (32, 64), (64, 32), (128, 16), (256, 8), (512, 4)]),
            g_lrate: lrate.clone(),
            d_lrate: lrate,
            lrate_rampup_kimg: 0.0,
            minibatch_repeats: 4,
        }
    }
}

/// What holds at one time of the schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Level of detail: 0 is full size, a fraction is a fade.
    pub lod: f64,
    /// Side of the pictures, in pixels.
    pub side: usize,
    /// Pictures in a minibatch.
    pub batch: usize,
    /// Learning rate of the generator.
    pub g_lrate: f64,
    /// Learning rate of the critic.
    pub d_lrate: f64,
}

impl Settings {
    /// Whether a level starts or ends between `earlier` and this one: the optimizers then start afresh.
    pub fn changes_level(&self, earlier_lod: Option<f64>) -> bool {
        earlier_lod.is_none_or(|lod| lod.floor() != self.lod.floor() || lod.ceil() != self.lod.ceil())
    }
}

impl Schedule {
    /// The settings after `nimg` real pictures, for a network of `resolution`.
    pub fn at(&self, resolution: usize, nimg: u64) -> Settings {
        let kimg = nimg as f64 / 1000.0;
        let phase_kimg = self.steady_kimg + self.fade_kimg;
        let phase = if phase_kimg > 0.0 { (kimg / phase_kimg).floor() } else { 0.0 };
        let into_phase = kimg - phase * phase_kimg;
        let mut lod = f64::from(resolution.ilog2()) - f64::from(self.initial_resolution.ilog2()) - phase;
        if self.fade_kimg > 0.0 {
            lod -= (into_phase - self.steady_kimg).max(0.0) / self.fade_kimg;
        }
        let lod = lod.max(0.0);
        let side = Level::new(resolution, lod).map_or(resolution, |level| level.side);
        let rampup =
            if self.lrate_rampup_kimg > 0.0 { (kimg / self.lrate_rampup_kimg).min(1.0) } else { 1.0 };
        Settings {
            lod,
            side,
            batch: self.batch.get(side).unwrap_or(1),
            g_lrate: self.g_lrate.get(side).unwrap_or(0.0) * rampup,
            d_lrate: self.d_lrate.get(side).unwrap_or(0.0) * rampup,
        }
    }

    /// Real pictures shown when a network of `resolution` comes to `lod`; at its start if it starts beyond.
    pub fn nimg_of_lod(&self, resolution: usize, lod: f64) -> u64 {
        let all = f64::from(resolution.ilog2()) - f64::from(self.initial_resolution.ilog2());
        let levels = (all - lod).max(0.0);
        let fading = levels.fract();
        let into_phase = if fading > 0.0 { self.steady_kimg + fading * self.fade_kimg } else { 0.0 };
        ((levels.floor() * (self.steady_kimg + self.fade_kimg) + into_phase) * 1000.0).round() as u64
    }

    /// Times in kimg at which `side` starts to fade in and at which its fade ends; none of a side that is there from the
    /// start.
    pub fn fade_of(&self, side: usize) -> Option<(f64, f64)> {
        let index = side.ilog2().checked_sub(self.initial_resolution.ilog2()).filter(|&index| index > 0)?;
        let ends = f64::from(index) * (self.steady_kimg + self.fade_kimg);
        Some((ends - self.fade_kimg, ends))
    }

    /// Real pictures shown at the end of the training.
    pub fn total_nimg(&self) -> u64 {
        (self.total_kimg * 1000.0).ceil() as u64
    }

    /// Every level with the kimg at which it starts to fade in (the first is there from 0), ends its fade, and gives
    /// way to the next (the last at the end of the training). Levels that the training does not reach are left out.
    pub fn levels(&self, resolution: usize) -> Vec<LevelPlan> {
        let count = resolution.ilog2().saturating_sub(self.initial_resolution.ilog2()) as usize;
        (0..=count)
            .map(|index| {
                let side = self.initial_resolution << index;
                let (starts_kimg, steady_kimg) = self.fade_of(side).unwrap_or((0.0, 0.0));
                LevelPlan {
                    side,
                    starts_kimg,
                    steady_kimg,
                    ends_kimg: if index == count {
                        self.total_kimg
                    } else {
                        (steady_kimg + self.steady_kimg).min(self.total_kimg)
                    },
                    batch: self.batch.get(side).unwrap_or(1),
                    g_lrate: self.g_lrate.get(side).unwrap_or(0.0),
                    d_lrate: self.d_lrate.get(side).unwrap_or(0.0),
                }
            })
            .filter(|level| level.starts_kimg < self.total_kimg)
            .collect()
    }

    /// Everything wrong with it, for a network of `resolution` whose minibatch stddev has groups of `group_size`.
    pub fn violations(&self, resolution: usize, group_size: usize) -> Vec<String> {
        let mut found = Vec::new();
        let initial = self.initial_resolution;
        if !(initial.is_power_of_two() && (4..=resolution).contains(&initial)) {
            found.push(format!(
                "`schedule.initial_resolution` is {initial}, but must be a power of two from 4 to `generator.resolution` \
                 ({resolution})"
            ));
        }
        for (key, kimg) in [
            ("steady_kimg", self.steady_kimg),
            ("fade_kimg", self.fade_kimg),
            ("total_kimg", self.total_kimg),
            ("lrate_rampup_kimg", self.lrate_rampup_kimg),
        ] {
            found.extend(outside(&format!("schedule.{key}"), kimg, 0.0, MOST_KIMG));
        }
        if self.steady_kimg + self.fade_kimg == 0.0 && initial < resolution {
            found.push(format!(
                "`schedule.steady_kimg` and `schedule.fade_kimg` are both 0, so training never leaves {initial}x{initial}"
            ));
        }
        found.extend(self.batch.violations("schedule.batch"));
        for batch in self.batch.values() {
            if let Some(violation) = outside("schedule.batch", batch, 1, 65_536) {
                found.push(violation);
            } else if !is_batch_possible(batch, group_size) {
                found.push(format!(
                    "`schedule.batch` is {batch}, but must be divisible by `discriminator.mbstd_group_size` ({group_size}) \
                     or at most as large"
                ));
            }
        }
        for (key, lrate) in [("g_lrate", &self.g_lrate), ("d_lrate", &self.d_lrate)] {
            let key = format!("schedule.{key}");
            found.extend(lrate.violations(&key));
            found.extend(lrate.values().filter_map(|value| outside(&key, value, 0.0, 10.0)));
        }
        found.extend(outside("schedule.minibatch_repeats", self.minibatch_repeats, 1, 10_000));
        found
    }
}

/// Whether the minibatch stddev can make groups of `group_size` of a minibatch.
pub(crate) fn is_batch_possible(batch: usize, group_size: usize) -> bool {
    group_size <= 1 || batch.is_multiple_of(group_size.min(batch))
}

/// One level of the growing network within a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelPlan {
    /// Side of the pictures, in pixels.
    pub side: usize,
    /// Start of its fade-in, in kimg.
    pub starts_kimg: f64,
    /// End of its fade-in, in kimg.
    pub steady_kimg: f64,
    /// Start of the next level's fade-in or end of the training, in kimg.
    pub ends_kimg: f64,
    /// Pictures in a minibatch.
    pub batch: usize,
    /// Learning rate of the generator.
    pub g_lrate: f64,
    /// Learning rate of the critic.
    pub d_lrate: f64,
}

impl LevelPlan {
    /// The settings of those of its iterations after `kimg` that take the most memory, in a network of `resolution`:
    /// while it fades in, the smaller side's pictures are there as well.
    pub(crate) fn dearest(&self, resolution: usize, kimg: f64) -> Settings {
        let lod = f64::from(resolution.ilog2()) - f64::from(self.side.ilog2());
        let fades = kimg.max(self.starts_kimg) < self.steady_kimg;
        Settings {
            lod: if fades { lod + 0.5 } else { lod },
            side: self.side,
            batch: self.batch,
            g_lrate: self.g_lrate,
            d_lrate: self.d_lrate,
        }
    }
}

/// Where a training stands: everything about time that a resumed run needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Iterations done, of one critic step and one generator step each.
    pub step: u64,
    /// Real pictures shown.
    pub nimg: u64,
    /// Real pictures shown when the schedule was last looked at.
    pub round_nimg: u64,
    /// Iterations done since then.
    pub round_step: usize,
}

impl Position {
    /// The position after one iteration of `batch` pictures.
    #[must_use]
    pub fn advanced(self, batch: usize, minibatch_repeats: usize) -> Self {
        let nimg = self.nimg + batch as u64;
        let round_ends = self.round_step + 1 >= minibatch_repeats;
        Self {
            step: self.step + 1,
            nimg,
            round_nimg: if round_ends { nimg } else { self.round_nimg },
            round_step: if round_ends { 0 } else { self.round_step + 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_level_of_detail() {
        let schedule = Schedule { steady_kimg: 500.0, fade_kimg: 300.0, ..Schedule::default() };
        for (lod, kimg) in
            [(3.0, 0.0), (2.5, 650.0), (2.0, 800.0), (0.75, 2175.0), (0.25, 2325.0), (0.0, 2400.0)]
        {
            let nimg = schedule.nimg_of_lod(64, lod);
            assert_eq!(nimg, (kimg * 1000.0) as u64, "{lod}");
            assert_eq!(schedule.at(64, nimg).lod, lod);
            assert!(nimg == 0 || schedule.at(64, nimg - 1).lod > lod);
        }
        // 4x4 comes before the start of this schedule.
        assert_eq!(schedule.nimg_of_lod(64, 4.0), 0);
    }
}
