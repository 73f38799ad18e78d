//! What a training leaves on the disk.

use std::fmt;

use serde::Serialize;
use stylegan_base::units::{Bytes, grouped};

use crate::{LevelPlan, TrainConfig};

/// Bytes that a PNG takes of a pixel that a network drew, about; repeated ones take next to nothing.
const PNG_BYTES_PER_PIXEL: u64 = 2;

/// About what a training will have left on the disk when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DiskPlan {
    /// Snapshots that are kept for good, with those that go with the newest training states.
    pub snapshots: u64,
    /// Size of one.
    pub snapshot_bytes: u64,
    /// Training states that are kept.
    pub states: u64,
    /// Size of one.
    pub state_bytes: u64,
    /// Grids of fakes.
    pub grids: u64,
    /// Size of all of them and of their copies for TensorBoard.
    pub grids_bytes: u64,
}

impl DiskPlan {
    pub(crate) fn new(config: &TrainConfig, levels: &[LevelPlan], [g, d]: [u64; 2]) -> Self {
        let run = &config.run;
        let (mut ticks, mut grids_bytes) = (0.0, 0.0);
        let [columns, rows] = run.grid_of(config.generator.resolution).map(|count| count as u64);
        for level in levels {
            let tick_kimg = run.tick_kimg.get(level.resolution.side()).unwrap_or(f64::INFINITY);
            let of_level = (level.ends_kimg - level.starts_kimg) / tick_kimg.max(level.batch as f64 / 1000.0);
            let pixels = columns * rows * level.resolution.pixels() as u64;
            ticks += of_level;
            grids_bytes += 2.0 * of_level * (pixels * PNG_BYTES_PER_PIXEL) as f64;
        }
        let scheduled = (ticks / run.snapshot_ticks as f64) as u64 + 1;
        let spaced_states = if run.keep_every_kimg > 0.0 {
            (config.schedule.total_kimg / run.keep_every_kimg) as u64
        } else {
            0
        };
        let spaced = spaced_states.saturating_add(run.keep_snapshots);
        let kept_for_good = if run.keep_all_snapshots { scheduled } else { spaced.clamp(1, scheduled) };
        let recent = run.keep_last as u64 - 1;
        Self {
            // The last one is kept for good.
            snapshots: kept_for_good.saturating_add(recent),
            snapshot_bytes: 4 * (2 * g + d),
            states: spaced_states.min(scheduled).saturating_add(recent).saturating_add(1),
            state_bytes: 8 * (g + d),
            grids: ticks as u64 + 1,
            grids_bytes: grids_bytes as u64,
        }
    }

    /// All of it.
    pub fn bytes(&self) -> u64 {
        let files = |count: u64, bytes: u64| count.saturating_mul(bytes);
        files(self.snapshots, self.snapshot_bytes)
            .saturating_add(files(self.states, self.state_bytes))
            .saturating_add(self.grids_bytes)
    }
}

impl fmt::Display for DiskPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { snapshots, snapshot_bytes, states, state_bytes, grids, grids_bytes } = *self;
        let each = |count: u64, one: &str, many: &str, bytes: u64| {
            let what = if count == 1 { one } else { many };
            format!("{} {what} of {}", grouped(count), Bytes(bytes))
        };
        write!(
            f,
            "about {}: {}, {}, {} grids of fakes and their copies for TensorBoard {}",
            Bytes(self.bytes()),
            each(snapshots, "snapshot", "snapshots", snapshot_bytes),
            each(states, "training state", "training states", state_bytes),
            grouped(grids),
            Bytes(grids_bytes),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::{TrainConfig, TrainPlan};

    fn disk(assignments: &[&str]) -> super::DiskPlan {
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        TrainPlan::new(&TrainConfig::load(Some("ffhq-256"), &assignments).unwrap()).unwrap().disk
    }

    #[test]
    fn spaced_snapshots_and_the_newest() {
        let plan = disk(&[]);
        assert_eq!((plan.snapshots, plan.states), (21, 2));
        let plan = disk(&["run.keep_last=3", "run.keep_snapshots=0", "run.keep_every_kimg=5000.0"]);
        assert_eq!((plan.snapshots, plan.states), (5 + 2, 5 + 3));
        let plan = disk(&["run.keep_all_snapshots=true", "run.snapshot_ticks=1000000"]);
        assert_eq!((plan.snapshots, plan.states), (2, 2));
        let plan = disk(&["run.keep_snapshots=1000000000", "run.keep_last=1000000000"]);
        assert!(plan.bytes() > u64::MAX / 100, "{}", plan.bytes());
    }
}
