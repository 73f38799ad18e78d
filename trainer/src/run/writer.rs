//! Snapshots and training states, written beside the training.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stylegan_base::files::Files;
use stylegan_base::units::kimg;
use stylegan_checkpoint::{Pair, pairs};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::info_span;

use super::state::PairContents;
use crate::RunConfig;

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
    /// Old files that could not be removed.
    pub(super) left_over: Option<io::Error>,
}

/// Which pairs stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    last: usize,
    every_nimg: u64,
    all_snapshots: bool,
}

impl Retention {
    pub(super) fn of(config: &RunConfig) -> Self {
        Self {
            last: config.keep_last,
            every_nimg: (config.keep_every_kimg * 1000.0).round() as u64,
            all_snapshots: config.keep_all_snapshots,
        }
    }
}

impl Writer {
    pub(super) fn new(runtime: Handle, files: Arc<dyn Files>, keep: Retention) -> Self {
        Self { runtime, files, keep, in_flight: None }
    }

    /// Starts to write a snapshot and a state. The pair before it must have been waited for. The state `protected` stays,
    /// whatever its age.
    pub(super) fn start(
        &mut self,
        contents: PairContents,
        pair: (PathBuf, PathBuf),
        protected: Option<PathBuf>,
    ) {
        let (snapshot, state) = pair;
        let (files, keep) = (self.files.clone(), self.keep);
        self.in_flight = Some(self.runtime.spawn_blocking(move || {
            let nimg = contents.meta.progress.nimg;
            let _span = info_span!("snapshot", path = %snapshot.display(), kimg = kimg(nimg)).entered();
            let result = write(files.as_ref(), contents, &snapshot, &state);
            let left_over = match &result {
                Ok(()) => retain(files.as_ref(), &state, protected.as_deref(), keep).err(),
                Err(_) => None,
            };
            Written { nimg, snapshot, result, left_over }
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
    let PairContents { networks, meta, state: mut saved } = contents;
    saved.snapshot = networks.save(files, snapshot, &meta)?;
    saved.save(files, state)
}

/// Removes what need not stay beside the pair just written.
///
/// Pairs that claim to be newer are none of this pair's business: they may be damaged.
fn retain(files: &dyn Files, written: &Path, protected: Option<&Path>, keep: Retention) -> io::Result<()> {
    let folder = written.parent().unwrap_or(Path::new("."));
    let mut pairs = pairs(folder).map_err(io::Error::other)?;
    let Some(index) = pairs.iter().position(|pair| pair.state == written) else { return Ok(()) };
    let nimg = pairs[index].nimg;

    // A tick's name without thousandths sorts before that of a signal's pair earlier in the same kimg.
    let (mut superseded, mut removed) = (Vec::new(), Vec::new());
    let is_plain = written.file_stem().is_some_and(|stem| !stem.as_encoded_bytes().contains(&b'.'));
    if is_plain {
        let same_kimg = |pair: &Pair| pair.state != written && pair.nimg / 1000 == nimg / 1000;
        superseded.extend(pairs.iter().filter(|pair| same_kimg(pair)).cloned());
        pairs.retain(|pair| !same_kimg(pair));
    }

    let mut last_bucket = 0;
    let older: Vec<Pair> = pairs.into_iter().filter(|pair| pair.nimg <= nimg).collect();
    let newest = older.len().saturating_sub(keep.last);
    for (age, pair) in older.into_iter().rev().enumerate() {
        let bucket = pair.nimg.checked_div(keep.every_nimg).unwrap_or(0);
        let is_first_of_bucket = bucket > last_bucket;
        last_bucket = bucket;
        if age < newest && !is_first_of_bucket && protected != Some(pair.state.as_path()) {
            removed.push(pair);
        }
    }
    for pair in &removed {
        files.remove(&pair.state)?;
        if !keep.all_snapshots {
            files.remove(&pair.snapshot)?;
        }
    }
    for pair in &superseded {
        files.remove(&pair.state)?;
        files.remove(&pair.snapshot)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

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
            retain(&Disk, &state, Some(&protected), keep).unwrap();
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

    #[test]
    fn the_newest_states_stay_and_all_snapshots() {
        let keep = Retention { last: 2, every_nimg: 0, all_snapshots: true };
        let times = ["000001", "000002", "000003", "000004"];
        assert_eq!(
            left(&times, keep),
            (vec!["000003".into(), "000004".into()], times.map(String::from).to_vec())
        );
        let keep = Retention { last: 1, all_snapshots: false, ..keep };
        assert_eq!(left(&times, keep), (vec!["000004".into()], vec!["000004".into()]));
        // One that is protected.
        assert_eq!(left(&["000006", "000007", "000008", "000009"], keep).0, ["000007", "000009"]);
    }

    #[test]
    fn one_of_every_so_many_kimg_stays() {
        let keep = Retention { last: 1, every_nimg: 10_000, all_snapshots: true };
        let times = ["000004", "000008", "000012", "000016", "000020", "000024", "000028", "000033"];
        assert_eq!(left(&times, keep).0, ["000012", "000020", "000033"]);
    }

    #[test]
    fn a_pair_that_claims_to_be_newer_replaces_none() {
        let keep = Retention { last: 1, every_nimg: 0, all_snapshots: true };
        assert_eq!(left(&["000009", "000001", "000002"], keep).0, ["000002", "000009"]);
    }

    #[test]
    fn a_tick_supersedes_what_a_signal_saved_in_its_kimg() {
        let keep = Retention { last: 3, every_nimg: 0, all_snapshots: true };
        let (states, snapshots) = left(&["000001", "000002.100", "000002", "000003"], keep);
        assert_eq!(states, ["000001", "000002", "000003"]);
        assert_eq!(snapshots, states);
        // One saved after the tick, in the same kimg, stays.
        let (states, _) = left(&["000001", "000002", "000002.700", "000003"], keep);
        assert_eq!(states, ["000002", "000002.700", "000003"]);
    }
}
