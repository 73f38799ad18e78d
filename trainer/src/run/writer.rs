//! Snapshots and training states, written beside the training.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stylegan_base::files::{Files, folder_of};
use stylegan_base::units::kimg;
use stylegan_checkpoint::{Pair, pairs};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::info_span;

use super::configuration::Configuration;
use super::state::PairContents;

/// Writes one pair at a time on a blocking task.
pub(super) struct Writer {
    runtime: Handle,
    files: Arc<dyn Files>,
    keep: Retention,
    in_flight: Option<JoinHandle<Written>>,
}

/// What became of a pair.
pub(super) struct Written {
    pub(super) nimg: u64,
    pub(super) snapshot: PathBuf,
    pub(super) result: Result<(), stylegan_checkpoint::Error>,
    /// What else there is to know.
    pub(super) warnings: Vec<String>,
}

/// Which pairs stay.
///
/// What is to stay for good is decided when a pair is written, and its name tells: of no other is a snapshot ever removed,
/// whoever put it into the folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    last: usize,
    states_nimg: u64,
    snapshots_nimg: u64,
    all_snapshots: bool,
}

impl Retention {
    pub(super) fn of(config: &impl Configuration) -> Self {
        let run = config.run();
        Self {
            last: run.keep_last,
            states_nimg: (run.keep_every_kimg * 1000.0).round() as u64,
            snapshots_nimg: config.total_nimg().checked_div(run.keep_snapshots).unwrap_or(0),
            all_snapshots: run.keep_all_snapshots,
        }
    }

    /// Whether the snapshot of this time stays for good, the schedule having asked for the one before at `before`.
    pub(super) fn stays(&self, before: Option<u64>, nimg: u64) -> bool {
        let is_first_of = |nimg_each: u64| {
            nimg.checked_div(nimg_each).unwrap_or(0) > before.unwrap_or(0).checked_div(nimg_each).unwrap_or(0)
        };
        self.all_snapshots || is_first_of(self.snapshots_nimg) || is_first_of(self.states_nimg)
    }
}

impl Writer {
    pub(super) fn new(runtime: Handle, files: Arc<dyn Files>, keep: Retention) -> Self {
        Self { runtime, files, keep, in_flight: None }
    }

    /// How files reach the disk.
    pub(super) fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    /// Which pairs stay.
    pub(super) fn keep(&self) -> Retention {
        self.keep
    }

    /// Starts to write a snapshot and a state. The pair before it must have been waited for. States among `protected` stay,
    /// whatever their age.
    pub(super) fn start(
        &mut self,
        contents: PairContents,
        pair: (PathBuf, PathBuf),
        protected: Vec<PathBuf>,
    ) {
        let (snapshot, state) = pair;
        let (files, keep) = (self.files.clone(), self.keep);
        self.in_flight = Some(self.runtime.spawn_blocking(move || {
            let nimg = contents.nimg;
            let _span = info_span!("snapshot", path = %snapshot.display(), kimg = kimg(nimg)).entered();
            let folder = folder_of(&snapshot);
            let mut warnings = Vec::new();
            if !folder.exists() && fs::create_dir_all(folder).is_ok() {
                // Whoever removed it meant what was in it, not what is trained since.
                warnings.push(format!("`{}` was gone and is made anew", folder.display()));
            }
            let result = write(files.as_ref(), contents, &snapshot, &state);
            if result.is_ok()
                && let Err(error) = retain(files.as_ref(), &state, &protected, keep)
            {
                warnings.push(format!("an old training state cannot be removed: {error}"));
            }
            Written { nimg, snapshot, result, warnings }
        }));
    }

    /// What became of the last pair, if that is known by now and was not asked for before.
    pub(super) fn finished(&mut self) -> Option<Written> {
        if self.in_flight.as_ref()?.is_finished() { self.wait() } else { None }
    }

    /// Waits for the pair in flight, if there is one.
    pub(super) fn wait(&mut self) -> Option<Written> {
        match self.runtime.block_on(self.in_flight.take()?) {
            Ok(written) => Some(written),
            // A writer that fell over must not look like one that wrote.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A run that ends in an error still lets go of its folder with whole files in it.
        if let Some(writing) = self.in_flight.take() {
            let _ = self.runtime.block_on(writing);
        }
    }
}

/// The snapshot first, then the state with its checksum: only both together count.
fn write(
    files: &dyn Files,
    contents: PairContents,
    snapshot: &Path,
    state: &Path,
) -> Result<(), stylegan_checkpoint::Error> {
    let PairContents { networks, state: mut saved, .. } = contents;
    saved.snapshot = networks(files, snapshot)?;
    saved.save(files, state)
}

/// Removes what need not stay beside the pair just written.
///
/// Pairs that claim to be newer are none of this pair's business: they may be damaged.
fn retain(files: &dyn Files, written: &Path, protected: &[PathBuf], keep: Retention) -> io::Result<()> {
    let folder = folder_of(written);
    let mut pairs = pairs(folder).map_err(io::Error::other)?;
    let Some(index) = pairs.iter().position(|pair| pair.state == written) else { return Ok(()) };
    let Pair { nimg, is_exact, .. } = pairs[index];

    let mut removed = Vec::new();
    if !is_exact {
        // A tick's name without thousandths sorts before that of a pair saved earlier in the same kimg.
        let is_same_kimg = |pair: &Pair| pair.state != written && pair.nimg / 1000 == nimg / 1000;
        removed.extend(pairs.iter().filter(|pair| is_same_kimg(pair)).cloned());
        pairs.retain(|pair| !is_same_kimg(pair));
    }

    let mut last_bucket = 0;
    let older: Vec<Pair> = pairs.into_iter().filter(|pair| pair.nimg <= nimg).collect();
    let newest = older.len().saturating_sub(keep.last);
    for (age, pair) in older.into_iter().rev().enumerate() {
        let bucket = pair.nimg.checked_div(keep.states_nimg).unwrap_or(0);
        let is_first_of_bucket = !pair.is_recent && bucket > last_bucket;
        if is_first_of_bucket {
            last_bucket = bucket;
        }
        if age < newest && !is_first_of_bucket && !protected.contains(&pair.state) {
            removed.push(pair);
        }
    }
    for pair in removed {
        files.remove(&pair.state)?;
        if pair.is_recent {
            files.remove(&pair.snapshot)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stylegan_base::files::Disk;

    use super::*;

    /// Writes the pairs one after the other, each followed by what is removed; returns what is left.
    fn left(times: &[&str], keep: Retention) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for time in times {
            let state = folder.path().join(format!("training-state-{time}.safetensors"));
            fs::write(folder.path().join(format!("network-snapshot-{time}.safetensors")), "").unwrap();
            fs::write(&state, "").unwrap();
            let protected = folder.path().join("training-state-000007.safetensors");
            retain(&Disk, &state, &[protected], keep).unwrap();
        }
        let names = |prefix: &str| {
            let mut found: Vec<String> = fs::read_dir(folder.path())
                .unwrap()
                .filter_map(|entry| {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    Some(name.strip_prefix(prefix)?.strip_suffix(".safetensors")?.to_owned())
                })
                .collect();
            found.sort();
            found
        };
        (names("training-state-"), names("network-snapshot-"))
    }

    const KEEP: Retention = Retention { last: 2, states_nimg: 0, snapshots_nimg: 0, all_snapshots: false };

    #[test]
    fn the_newest_states_stay_and_all_snapshots_but_recent_ones() {
        let times = ["000001", "000002", "000003", "000004"];
        assert_eq!(
            left(&times, KEEP),
            (vec!["000003".into(), "000004".into()], times.map(String::from).to_vec())
        );
        let times = ["000001", "000001.500.recent", "000002.recent", "000003.recent"];
        let (states, snapshots) = left(&times, KEEP);
        assert_eq!(states, ["000002.recent", "000003.recent"]);
        assert_eq!(snapshots, ["000001", "000002.recent", "000003.recent"]);
        // One that is protected.
        let keep = Retention { last: 1, ..KEEP };
        assert_eq!(left(&["000006", "000007", "000008", "000009"], keep).0, ["000007", "000009"]);
    }

    #[test]
    fn one_of_every_so_many_kimg_stays() {
        let keep = Retention { last: 1, states_nimg: 10_000, ..KEEP };
        let times =
            ["000004", "000008", "000011.000.recent", "000012", "000016", "000020", "000024", "000033"];
        assert_eq!(left(&times, keep).0, ["000012", "000020", "000033"]);
    }

    #[test]
    fn a_pair_that_claims_to_be_newer_replaces_none() {
        let keep = Retention { last: 1, ..KEEP };
        assert_eq!(left(&["000009", "000001", "000002"], keep).0, ["000002", "000009"]);
    }

    #[test]
    fn a_tick_supersedes_what_was_saved_in_its_kimg() {
        let keep = Retention { last: 3, ..KEEP };
        let (states, snapshots) =
            left(&["000001", "000002.050.recent", "000002.100", "000002", "000003"], keep);
        assert_eq!(states, ["000001", "000002", "000003"]);
        // A person asked for this one.
        assert_eq!(snapshots, ["000001", "000002", "000002.100", "000003"]);
        // One saved after the tick, in the same kimg, stays.
        let (states, _) = left(&["000001", "000002", "000002.700", "000003"], keep);
        assert_eq!(states, ["000002", "000002.700", "000003"]);
    }

    #[test]
    fn snapshots_for_good_are_spaced() {
        let stay = |keep: Retention| {
            let times: Vec<u64> = (1..=25).map(|number| number * 40_000).collect();
            let before = std::iter::once(None).chain(times.iter().copied().map(Some));
            let stays = times.iter().zip(before).filter(|&(&nimg, before)| keep.stays(before, nimg));
            stays.map(|(nimg, _)| nimg / 1000).collect::<Vec<_>>()
        };
        assert_eq!(stay(Retention { snapshots_nimg: 250_000, ..KEEP }), [280, 520, 760, 1000]);
        assert_eq!(stay(Retention { states_nimg: 400_000, ..KEEP }), [400, 800]);
        assert_eq!(stay(KEEP), [0; 0]);
        assert_eq!(stay(Retention { all_snapshots: true, ..KEEP }).len(), 25);
    }
}
