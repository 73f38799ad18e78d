//! Which minibatches fit into a memory, and what is said about those that do not.

use std::fmt;

use stylegan_base::Hint;
use stylegan_base::units::Bytes;
use stylegan_ops::Resolution;

use crate::schedule::{Schedule, is_batch_possible};
use crate::{PerSide, TrainConfig};

/// What was tried of the others needs to be known only up to this factor: estimates are not exact.
const DOUBT: f64 = 2.0;

/// The largest minibatch, `at_most` or smaller, that the schedule takes and that `fits`; none if the smallest does not.
///
/// Bisects, as every minibatch fits that is smaller than one that does.
pub(crate) fn largest_that_fits<E>(
    at_most: usize,
    group_size: usize,
    mut fits: impl FnMut(usize) -> Result<bool, E>,
) -> Result<Option<usize>, E> {
    let possible: Vec<usize> = (1..=at_most).filter(|&batch| is_batch_possible(batch, group_size)).collect();
    let (mut fitting, mut end) = (0, possible.len());
    while fitting < end {
        let middle = usize::midpoint(fitting, end);
        if fits(possible[middle])? {
            fitting = middle + 1;
        } else {
            end = middle;
        }
    }
    Ok(fitting.checked_sub(1).map(|last| possible[last]))
}

/// Tries every level that might need more than `available` bytes, from the largest estimate on.
///
/// `try_level` gets the index of an estimate and gives the bytes that its level takes; none if that is too much. What
/// was taken in proportion to the estimates tells which of the others are beyond doubt.
pub(crate) fn try_doubtful<E>(
    estimates: &[u64],
    available: u64,
    mut try_level: impl FnMut(usize) -> Result<Option<u64>, E>,
) -> Result<(), E> {
    let mut order: Vec<usize> = (0..estimates.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(estimates[index]));
    let mut ratio: Option<f64> = None;
    for index in order {
        let estimate = estimates[index] as f64;
        if ratio.is_some_and(|ratio| estimate * ratio * DOUBT <= available as f64) {
            continue;
        }
        if let Some(bytes) = try_level(index)? {
            let taken = bytes as f64 / estimate;
            ratio = Some(ratio.map_or(taken, |ratio| ratio.max(taken)));
        }
    }
    Ok(())
}

/// A level whose minibatches do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OversizedLevel {
    /// Width and height of the pictures.
    pub resolution: Resolution,
    /// Pictures in a minibatch.
    pub batch: usize,
    /// Most pictures in a minibatch that fits; none if there is no such minibatch.
    pub largest: Option<usize>,
}

/// The memory that a training has.
#[derive(Clone, Debug)]
pub(crate) struct DeviceMemory {
    /// Whose memory it is, as messages name it.
    pub(crate) device: String,
    pub(crate) total_bytes: u64,
    pub(crate) available_bytes: u64,
}

/// How it is known that a training does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// By an estimate.
    Estimate,
    /// It was tried before it was trained.
    Rehearsal,
    /// It happened in the middle of the training.
    Training {
        /// Whether all that was trained is saved.
        is_saved: bool,
    },
}

/// What there is to do about too little memory; a text is an assignment of minibatches that fit, `schedule.batch={…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// No minibatch fits.
    SmallerNetworks,
    /// By estimate.
    ShouldFit(String),
    /// It was tried.
    Fits(String),
    /// The shortage, which came in the middle of the training, is over.
    GoOn,
    /// The shortage, which came in the middle of the training, lasts.
    GoOnLaterOrWith(String),
}

/// Why a training does not fit into a memory, and what does.
#[derive(Clone, Debug)]
pub struct OutOfMemory {
    memory: DeviceMemory,
    oversized: Vec<OversizedLevel>,
    /// The schedule's minibatches, where they fit, and else the largest that do; none if there is no such schedule.
    batch: Option<PerSide<usize>>,
    evidence: Evidence,
}

impl OutOfMemory {
    pub(crate) fn new(
        memory: DeviceMemory,
        config: &TrainConfig,
        oversized: Vec<OversizedLevel>,
        evidence: Evidence,
    ) -> Self {
        let batch = fitting(&config.schedule, config.generator.resolution, &oversized);
        Self { memory, oversized, batch, evidence }
    }

    /// The levels that do not fit.
    pub fn oversized(&self) -> &[OversizedLevel] {
        &self.oversized
    }

    /// What there is to do about it.
    pub fn remedy(&self) -> Remedy {
        let Some(batch) = &self.batch else { return Remedy::SmallerNetworks };
        let batch = format!("schedule.batch={}", batch.inline());
        match self.evidence {
            Evidence::Estimate => Remedy::ShouldFit(batch),
            Evidence::Rehearsal => Remedy::Fits(batch),
            Evidence::Training { .. } if self.oversized.iter().all(OversizedLevel::would_fit_now) => {
                Remedy::GoOn
            }
            Evidence::Training { .. } => Remedy::GoOnLaterOrWith(batch),
        }
    }
}

impl Hint for OutOfMemory {
    fn hint(&self) -> Option<String> {
        Some(match self.remedy() {
            Remedy::SmallerNetworks => "networks with a smaller `generator.fmap_base` take less".to_owned(),
            Remedy::ShouldFit(batch) => format!("`{batch}` should fit"),
            Remedy::Fits(batch) => format!("`{batch}` fits"),
            Remedy::GoOn => "it can go on as it is".to_owned(),
            Remedy::GoOnLaterOrWith(batch) => {
                format!("it can go on when there is more memory, or with `{batch}` now")
            }
        })
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeviceMemory { device, total_bytes, available_bytes } = &self.memory;
        let has = format!("{} of {}", Bytes(*available_bytes), Bytes(*total_bytes));
        if let (Evidence::Training { is_saved }, [level]) = (self.evidence, &self.oversized[..]) {
            let lost = if is_saved { "" } else { "; what was trained since the last snapshot is lost" };
            let remedy = level.remedy();
            return write!(
                f,
                "{device} ran out of memory in {level}, with {has} for this training; {remedy}{lost}"
            );
        }
        let by_estimate = if self.evidence == Evidence::Estimate { " by estimate" } else { "" };
        write!(f, "{device} has {has} free,{by_estimate} too little for")?;
        match &self.oversized[..] {
            [level] => write!(f, " {level}; {}", level.remedy()),
            oversized => oversized.iter().try_for_each(|level| write!(f, "\n  {level}; {}", level.remedy())),
        }
    }
}

impl std::error::Error for OutOfMemory {}

impl OversizedLevel {
    /// Whether the memory was too little only for a while.
    fn would_fit_now(&self) -> bool {
        self.largest == Some(self.batch)
    }

    fn remedy(&self) -> String {
        match self.largest {
            Some(_) if self.would_fit_now() => "they would fit now".to_owned(),
            Some(largest) => format!("the largest that fits is {largest}"),
            None => "none fits".to_owned(),
        }
    }
}

impl fmt::Display for OversizedLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resolution, batch, .. } = self;
        write!(f, "minibatches of {batch} at {resolution}")
    }
}

/// The schedule's minibatches where they fit, and the largest that fit where they do not.
fn fitting(
    schedule: &Schedule,
    resolution: Resolution,
    oversized: &[OversizedLevel],
) -> Option<PerSide<usize>> {
    let first = schedule.first_level(resolution);
    let batches = resolution.levels().skip_while(|level| *level != first).map(|level| {
        // Tables have powers of two.
        let side = 1 << level.side().ilog2();
        let level = oversized.iter().find(|oversized| oversized.resolution == level);
        Some((side, level.map_or_else(|| schedule.batch.get(side), |level| level.largest)?))
    });
    Some(PerSide::from_ascending(batches.collect::<Option<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// The largest of `at_most` that fits where `limit` pictures do, and what was tried.
    fn largest(at_most: usize, group_size: usize, limit: usize) -> (Option<usize>, Vec<usize>) {
        let mut tried = Vec::new();
        let Ok(found) = largest_that_fits(at_most, group_size, |batch| {
            tried.push(batch);
            Ok::<_, Infallible>(batch <= limit)
        });
        (found, tried)
    }

    #[test]
    fn the_largest_minibatch_is_found_in_a_few_tries() {
        for at_most in 0..70 {
            for group_size in [0, 1, 3, 4, 8] {
                for limit in 0..=at_most {
                    let (found, tried) = largest(at_most, group_size, limit);
                    let possible = (1..=limit).filter(|&batch| is_batch_possible(batch, group_size));
                    assert_eq!(found, possible.max(), "{at_most} {group_size} {limit}");
                    assert!(
                        tried.len() <= 7 && tried.iter().all(|&batch| is_batch_possible(batch, group_size))
                    );
                }
            }
        }
        assert_eq!(largest(63, 4, 40).0, Some(40));
        assert_eq!(largest(63, 4, 39).0, Some(36));
        assert_eq!(largest(63, 4, 3).0, Some(3));
        assert_eq!(largest_that_fits(8, 4, |_| Err("broken")), Err("broken"));
    }

    /// Which of the levels are tried, if they take `taken`, by estimate `estimates`.
    fn tried(estimates: &[u64], taken: &[u64], available: u64) -> Vec<usize> {
        let mut order = Vec::new();
        let Ok(()) = try_doubtful(estimates, available, |index| {
            order.push(index);
            Ok::<_, Infallible>(Some(taken[index]).filter(|&bytes| bytes <= available))
        });
        order
    }

    #[test]
    fn only_what_is_in_doubt_is_tried() {
        let estimates = [10, 60, 30, 100];
        // The dearest tells which of the others have room.
        assert_eq!(tried(&estimates, &[10, 60, 30, 100], 100), [3, 1]);
        assert_eq!(tried(&estimates, &[10, 60, 30, 100], 1000), [3]);
        // It takes more than was estimated, so others may.
        assert_eq!(tried(&estimates, &[10, 60, 30, 300], 300), [3, 1]);
        assert_eq!(tried(&estimates, &[10, 60, 30, 300], 500), [3]);
        // It does not fit and tells nothing; the next one does.
        assert_eq!(tried(&estimates, &[1, 6, 3, 100], 50), [3, 1]);
        assert_eq!(tried(&estimates, &[100, 600, 300, 1000], 50), [3, 1, 2, 0]);
        // Nothing is beyond doubt.
        assert_eq!(tried(&estimates, &[10, 60, 30, 100], 0), [3, 1, 2, 0]);
    }

    fn config(assignments: &[&str]) -> TrainConfig {
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        TrainConfig::load(Some("ffhq-1024"), &assignments).unwrap()
    }

    fn out_of_memory(
        config: &TrainConfig,
        oversized: &[(usize, Option<usize>)],
        evidence: Evidence,
    ) -> OutOfMemory {
        let memory =
            DeviceMemory { device: "`cuda:0`".to_owned(), total_bytes: 8 << 30, available_bytes: 31 << 28 };
        let oversized = oversized.iter().map(|&(side, largest)| OversizedLevel {
            resolution: side.into(),
            batch: config.schedule.batch.get(side).unwrap(),
            largest,
        });
        OutOfMemory::new(memory, config, oversized.collect(), evidence)
    }

    #[test]
    fn the_hint_makes_every_level_fit_and_changes_nothing_else() {
        for (assignment, oversized) in [
            ("schedule.batch={4=128,32=64,64=32,128=16,256=8,512=4}", vec![(1024, Some(2))]),
            ("schedule.batch={4=128,32=64,64=32,128=16,256=8,512=4}", vec![(64, Some(12)), (1024, Some(1))]),
            ("schedule.batch=8", vec![(256, Some(4))]),
            ("schedule.batch={16=8}", vec![(16, Some(3)), (1024, Some(2))]),
        ] {
            let before = config(&[assignment]);
            let hint = out_of_memory(&before, &oversized, Evidence::Rehearsal).hint().unwrap();
            let words = hint.strip_prefix("`").and_then(|hint| hint.strip_suffix("` fits")).unwrap();
            let after = config(&[assignment, words]);
            for side in (3..=10).map(|log2| 1 << log2) {
                let level = oversized.iter().find(|level| level.0 == side);
                let wanted = level.map_or(before.schedule.batch.get(side), |level| level.1);
                assert_eq!(after.schedule.batch.get(side), wanted, "{assignment} {side}: {hint}");
            }
        }
    }

    #[test]
    fn what_is_said() {
        let config = config(&["schedule.batch=4"]);
        let said = |oversized: &[_], evidence| {
            let error = out_of_memory(&config, oversized, evidence);
            (error.to_string(), error.hint().unwrap())
        };
        let (words, hint) = said(&[(1024, Some(2))], Evidence::Rehearsal);
        assert_eq!(
            words,
            "`cuda:0` has 7.8 GiB of 8.0 GiB free, too little for minibatches of 4 at 1024x1024; the largest that fits is 2"
        );
        assert_eq!(hint, "`schedule.batch={8=4,1024=2}` fits");
        let (words, hint) = said(&[(512, Some(3)), (1024, None)], Evidence::Rehearsal);
        assert_eq!(
            words,
            "`cuda:0` has 7.8 GiB of 8.0 GiB free, too little for\n  \
             minibatches of 4 at 512x512; the largest that fits is 3\n  \
             minibatches of 4 at 1024x1024; none fits"
        );
        assert_eq!(hint, "networks with a smaller `generator.fmap_base` take less");
        let (words, hint) = said(&[(512, Some(4))], Evidence::Training { is_saved: false });
        assert_eq!(
            words,
            "`cuda:0` ran out of memory in minibatches of 4 at 512x512, with 7.8 GiB of 8.0 GiB for this training; they would \
             fit now; what was trained since the last snapshot is lost"
        );
        assert_eq!(hint, "it can go on as it is");
    }
}
