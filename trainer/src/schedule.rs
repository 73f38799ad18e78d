//! The growing schedule: what is trained at which time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::{Level, Resolution};

use crate::PerSide;
use crate::bounds::{MOST_KIMG, outside};

/// The growing schedule; the defaults are the paper's on one device, with the rates for WGAN-GP, the default loss.
///
/// Time is counted in kimg, thousands of real pictures shown. Every side is trained for `steady_kimg`, then the next
/// one is faded in during `fade_kimg`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Side at which training starts, in pixels: the longer one of pictures that are not square, or less than it.
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
    /// Width and height of the pictures.
    pub resolution: Resolution,
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
    /// Numbers of GPUs for which the original has minibatches.
    pub const ORIGINAL_GPUS: [usize; 4] = [1, 2, 4, 8];

    /// The original's minibatches for so many GPUs, of all of them together, by side; from 512 on, each has 4 pictures.
    pub fn original_batch(gpus: usize) -> Option<PerSide<usize>> {
        Some(match gpus {
            1 => PerSide::from_sides([(4, 128), (32, 64), (64, 32), (128, 16), (256, 8), (512, 4)]),
            2 => PerSide::from_sides([(4, 256), (16, 128), (32, 64), (64, 32), (128, 16), (256, 8)]),
            4 => PerSide::from_sides([(4, 512), (8, 256), (16, 128), (32, 64), (64, 32), (128, 16)]),
            8 => PerSide::from_sides([(4, 512), (8, 256), (16, 128), (32, 64), (64, 32)]),
            _ => return None,
        })
    }

    /// The settings after `nimg` real pictures, for a network of `resolution`.
    pub fn at(&self, resolution: Resolution, nimg: u64) -> Settings {
        let kimg = nimg as f64 / 1000.0;
        let phase_kimg = self.steady_kimg + self.fade_kimg;
        let phase = if phase_kimg > 0.0 { (kimg / phase_kimg).floor() } else { 0.0 };
        let into_phase = kimg - phase * phase_kimg;
        let mut lod = f64::from(self.first_lod(resolution)) - phase;
        if self.fade_kimg > 0.0 {
            lod -= (into_phase - self.steady_kimg).max(0.0) / self.fade_kimg;
        }
        let lod = lod.max(0.0);
        let resolution = Level::new(resolution, lod).map_or(resolution, |level| level.resolution);
        let side = resolution.side();
        let rampup =
            if self.lrate_rampup_kimg > 0.0 { (kimg / self.lrate_rampup_kimg).min(1.0) } else { 1.0 };
        Settings {
            lod,
            resolution,
            batch: self.batch.get(side).unwrap_or(1),
            g_lrate: self.g_lrate.get(side).unwrap_or(0.0) * rampup,
            d_lrate: self.d_lrate.get(side).unwrap_or(0.0) * rampup,
        }
    }

    /// The level of detail at which a network of `resolution` starts: of its levels the smallest that is about as large as
    /// `initial_resolution` or larger.
    fn first_lod(&self, resolution: Resolution) -> u32 {
        let initial = self.initial_resolution.max(1).ilog2();
        resolution.side().max(1).ilog2().saturating_sub(initial).min(resolution.doublings())
    }

    /// What a network of `resolution` is trained at first.
    pub(crate) fn first_level(&self, resolution: Resolution) -> Resolution {
        resolution.levels().rev().nth(self.first_lod(resolution) as usize).unwrap_or(resolution)
    }

    /// Real pictures shown when a network of `resolution` comes to `lod`; at its start if it starts beyond.
    pub fn nimg_of_lod(&self, resolution: Resolution, lod: f64) -> u64 {
        let levels = (f64::from(self.first_lod(resolution)) - lod).max(0.0);
        let fading = levels.fract();
        let into_phase = if fading > 0.0 { self.steady_kimg + fading * self.fade_kimg } else { 0.0 };
        ((levels.floor() * (self.steady_kimg + self.fade_kimg) + into_phase) * 1000.0).round() as u64
    }

    /// Times in kimg at which a level of a network of `resolution` starts to fade in and at which its fade ends; none of a
    /// level that is there from the start, or never.
    pub fn fade_of(&self, resolution: Resolution, level: Resolution) -> Option<(f64, f64)> {
        let lod = level.doublings_to(resolution)?;
        let index = self.first_lod(resolution).checked_sub(lod).filter(|&index| index > 0)?;
        let ends = f64::from(index) * (self.steady_kimg + self.fade_kimg);
        Some((ends - self.fade_kimg, ends))
    }

    /// Real pictures shown at the end of the training.
    pub fn total_nimg(&self) -> u64 {
        (self.total_kimg * 1000.0).ceil() as u64
    }

    /// Every level with the kimg at which it starts to fade in (the first is there from 0), ends its fade, and gives
    /// way to the next (the last at the end of the training). Levels that the training does not reach are left out.
    pub fn levels(&self, resolution: Resolution) -> Vec<LevelPlan> {
        let unused = resolution.doublings() - self.first_lod(resolution);
        let used = resolution.levels().skip(unused as usize);
        used.map(|level| {
            let side = level.side();
            let (starts_kimg, steady_kimg) = self.fade_of(resolution, level).unwrap_or((0.0, 0.0));
            LevelPlan {
                resolution: level,
                starts_kimg,
                steady_kimg,
                ends_kimg: if level == resolution {
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
    pub fn violations(&self, resolution: Resolution, group_size: usize) -> Vec<String> {
        let mut found = Vec::new();
        let initial = self.initial_resolution;
        if !(initial.is_power_of_two() && (4..=resolution.side()).contains(&initial)) {
            found.push(format!(
                "`schedule.initial_resolution` is {initial}, but must be a power of two from 4 to `generator.resolution` \
                 ({})",
                resolution.short()
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
        if self.steady_kimg + self.fade_kimg == 0.0 && self.first_lod(resolution) > 0 {
            found.push(format!(
                "`schedule.steady_kimg` and `schedule.fade_kimg` are both 0, so training never leaves {}",
                self.first_level(resolution)
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
    /// Width and height of the pictures.
    pub resolution: Resolution,
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
    /// while it fades in, the smaller level's pictures are there as well.
    pub(crate) fn dearest(&self, resolution: Resolution, kimg: f64) -> Settings {
        let lod = f64::from(self.resolution.doublings_to(resolution).unwrap_or(0));
        let fades = kimg.max(self.starts_kimg) < self.steady_kimg;
        Settings {
            lod: if fades { lod + 0.5 } else { lod },
            resolution: self.resolution,
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
    fn the_originals_minibatches_can_be_shared_by_as_many() {
        assert_eq!(Schedule::original_batch(1).unwrap(), Schedule::default().batch);
        assert!(Schedule::original_batch(3).is_none());
        for gpus in Schedule::ORIGINAL_GPUS {
            let batch = Schedule::original_batch(gpus).unwrap();
            for side in (2..=10).map(|power| 1 << power) {
                let share = stylegan_peers::Share::new(gpus - 1, gpus, 4);
                assert!(share.len(batch.get(side).unwrap()).unwrap() >= 4, "{gpus} {side}");
            }
            assert_eq!(batch.get(1024).unwrap(), 4 * gpus);
        }
    }

    #[test]
    fn the_time_of_a_level_of_detail() {
        let schedule = Schedule { steady_kimg: 500.0, fade_kimg: 300.0, ..Schedule::default() };
        for (lod, kimg) in
            [(3.0, 0.0), (2.5, 650.0), (2.0, 800.0), (0.75, 2175.0), (0.25, 2325.0), (0.0, 2400.0)]
        {
            let nimg = schedule.nimg_of_lod(64.into(), lod);
            assert_eq!(nimg, (kimg * 1000.0) as u64, "{lod}");
            assert_eq!(schedule.at(64.into(), nimg).lod, lod);
            assert!(nimg == 0 || schedule.at(64.into(), nimg - 1).lod > lod);
        }
        // 4x4 comes before the start of this schedule.
        assert_eq!(schedule.nimg_of_lod(64.into(), 4.0), 0);
    }

    #[test]
    fn levels_of_any_ratio_come_in_their_order() {
        let levels = |schedule: &Schedule, resolution: &str| {
            let resolution: Resolution = resolution.parse().unwrap();
            assert_eq!(schedule.violations(resolution, 4), [""; 0]);
            let levels = schedule.levels(resolution);
            assert_eq!(levels[0].resolution, schedule.first_level(resolution));
            for level in &levels {
                // What the schedule says at each time is what the plan says.
                let lod = f64::from(level.resolution.doublings_to(resolution).unwrap());
                assert_eq!(schedule.nimg_of_lod(resolution, lod), (level.steady_kimg * 1000.0) as u64);
                let settings = schedule.at(resolution, (level.steady_kimg * 1000.0) as u64);
                assert_eq!((settings.lod, settings.resolution), (lod, level.resolution));
                assert_eq!((settings.batch, settings.g_lrate), (level.batch, level.g_lrate));
            }
            levels.iter().map(|level| format!("{} {}", level.resolution, level.batch)).collect::<Vec<_>>()
        };
        let mut schedule = Schedule { total_kimg: 1e6, ..Schedule::default() };
        assert_eq!(levels(&schedule, "16"), ["8x8 128", "16x16 128"]);
        assert_eq!(levels(&schedule, "64x48"), ["8x6 128", "16x12 128", "32x24 64", "64x48 32"]);
        assert_eq!(levels(&schedule, "48x64"), ["6x8 128", "12x16 128", "24x32 64", "48x64 32"]);
        // 10 is about 8, and so is 12; nothing of the last one is as small.
        assert_eq!(levels(&schedule, "40x32"), ["10x8 128", "20x16 128", "40x32 64"]);
        assert_eq!(levels(&schedule, "24"), ["12x12 128", "24x24 128"]);
        assert_eq!(levels(&schedule, "64x36"), ["16x9 128", "32x18 64", "64x36 32"]);
        schedule.initial_resolution = 4;
        assert_eq!(levels(&schedule, "16x12"), ["4x3 128", "8x6 128", "16x12 128"]);
        schedule.initial_resolution = 16;
        assert_eq!(levels(&schedule, "16x12"), ["16x12 128"]);
        schedule.initial_resolution = 32;
        let words = schedule.violations("16x12".parse().unwrap(), 4).remove(0);
        assert!(words.ends_with("from 4 to `generator.resolution` (16x12)"), "{words}");
    }
}
