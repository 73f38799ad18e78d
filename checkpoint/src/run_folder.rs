//! The snapshots and training states of a run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

const SNAPSHOT: &str = "network-snapshot-";
const STATE: &str = "training-state-";
const SUFFIX: &str = ".safetensors";
/// What stands before the suffix of files that go when newer ones are there.
const RECENT: &str = ".recent";

/// A snapshot with the training state of the same name beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Time that the name tells, in thousandths of a kimg; of a name without thousandths, the full kimg.
    pub nimg: u64,
    /// Whether the name tells thousandths.
    pub is_exact: bool,
    /// Whether it is there to go on from alone, `*.recent.safetensors`, and goes when newer ones are there.
    pub is_recent: bool,
    /// `network-snapshot-*.safetensors`
    pub snapshot: PathBuf,
    /// `training-state-*.safetensors`
    pub state: PathBuf,
}

/// The file `network-snapshot-*.safetensors` of the highest number in `folder`.
///
/// # Errors
/// If there is none, or the folder cannot be read.
pub fn newest_snapshot(folder: &Path) -> Result<PathBuf> {
    if let Some((_, path)) = newest_in(folder)? {
        return Ok(path);
    }
    // One level up is an easy slip: name the run that was written last.
    let mut runs = entries(folder)?;
    runs.retain(|path| path.is_dir());
    runs.sort();
    let nearest = runs.into_iter().rev().find(|run| matches!(newest_in(run), Ok(Some(_))));
    Err(Error::new(folder, ErrorKind::NoSnapshot { nearest }))
}

/// Every file `network-snapshot-*.safetensors` in `folder`, the oldest first.
///
/// # Errors
/// If the folder cannot be read.
pub fn snapshots(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all: Vec<(u64, PathBuf)> =
        entries(folder)?.into_iter().filter_map(|path| Some((number(&path, SNAPSHOT)?, path))).collect();
    all.sort();
    Ok(all.into_iter().map(|(_, path)| path).collect())
}

/// The same, each with the time that its name tells, in kimg.
///
/// # Errors
/// If the folder cannot be read.
pub fn snapshots_by_kimg(folder: &Path) -> Result<Vec<(f64, PathBuf)>> {
    let time = |path: &Path| number(path, SNAPSHOT).unwrap_or(0) as f64 / 1000.0;
    Ok(snapshots(folder)?.into_iter().map(|path| (time(&path), path)).collect())
}

/// Every snapshot in `folder` that has a training state beside it, the newest first.
///
/// # Errors
/// If the folder cannot be read.
pub fn pairs(folder: &Path) -> Result<Vec<Pair>> {
    let mut pairs: Vec<Pair> = entries(folder)?.into_iter().filter_map(Pair::of_state).collect();
    pairs.sort_by(|a, b| b.nimg.cmp(&a.nimg).then_with(|| b.state.cmp(&a.state)));
    Ok(pairs)
}

impl Pair {
    fn of_state(state: PathBuf) -> Option<Self> {
        let nimg = number(&state, STATE)?;
        let time = state.file_name()?.to_str()?.strip_prefix(STATE)?;
        let (is_exact, is_recent) = (time_of(time)?.contains('.'), time.contains(RECENT));
        let snapshot = state.with_file_name(format!("{SNAPSHOT}{time}"));
        snapshot.is_file().then_some(Self { nimg, is_exact, is_recent, snapshot, state })
    }
}

fn newest_in(folder: &Path) -> Result<Option<(u64, PathBuf)>> {
    Ok(entries(folder)?.into_iter().filter_map(|path| Some((number(&path, SNAPSHOT)?, path))).max())
}

/// The time in a name, `000160` or `000160.750`, in thousandths of a kimg.
fn number(path: &Path, prefix: &str) -> Option<u64> {
    let time = time_of(path.file_name()?.to_str()?.strip_prefix(prefix)?)?;
    let (kimg, thousandths) = time.split_once('.').unwrap_or((time, "000"));
    // `parse` alone would take `+1` as well.
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(kimg) || !is_number(thousandths) || thousandths.len() != 3 {
        return None;
    }
    kimg.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths.parse().ok()?)
}

/// The time in the rest of a name, `000160.750.recent.safetensors`.
fn time_of(rest: &str) -> Option<&str> {
    let time = rest.strip_suffix(SUFFIX)?;
    Some(time.strip_suffix(RECENT).unwrap_or(time))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = |source| Error::new(folder, ErrorKind::Read(source));
    fs::read_dir(folder).map_err(read)?.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect()
}

#[cfg(test)]
mod tests {
    use stylegan_base::Hint;

    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), []).unwrap();
        }
        folder
    }

    #[test]
    fn numbers_decide_not_names() {
        let folder = folder_with(&[
            "network-snapshot-000160.safetensors",
            "network-snapshot-1000000.safetensors",
            "network-snapshot-999999.safetensors",
            "network-snapshot-9999999.safetensors.tmp",
            "network-snapshot-+9999999.safetensors",
            "network-snapshot-99999999999999999999.safetensors",
            "network-snapshot-9999999.75.safetensors",
            "network-snapshot-9999999.7500.safetensors",
            ".network-snapshot-9999999.safetensors.x1.part",
            "training-state-9999999.safetensors",
        ]);
        let newest = newest_snapshot(folder.path()).unwrap();
        assert_eq!(newest.file_name().unwrap(), "network-snapshot-1000000.safetensors");
        fs::write(folder.path().join("network-snapshot-1000000.250.safetensors"), []).unwrap();
        fs::write(folder.path().join("network-snapshot-1000000.025.safetensors"), []).unwrap();
        let newest = newest_snapshot(folder.path()).unwrap();
        assert_eq!(newest.file_name().unwrap(), "network-snapshot-1000000.250.safetensors");
    }

    #[test]
    fn pairs_have_both_files() {
        let folder = folder_with(&[
            "network-snapshot-000001.safetensors",
            "network-snapshot-000002.500.safetensors",
            "network-snapshot-000003.safetensors",
            "training-state-000001.safetensors",
            "training-state-000002.500.safetensors",
            "training-state-000004.safetensors",
        ]);
        let pairs = pairs(folder.path()).unwrap();
        assert_eq!(pairs.iter().map(|pair| pair.nimg).collect::<Vec<_>>(), [2500, 1000]);
        assert!(pairs[0].snapshot.ends_with("network-snapshot-000002.500.safetensors"));
        assert!(pairs[0].state.ends_with("training-state-000002.500.safetensors"));
    }

    #[test]
    fn recent_files_have_a_time_like_others() {
        let folder = folder_with(&[
            "network-snapshot-000001.250.recent.safetensors",
            "network-snapshot-000002.recent.safetensors",
            "network-snapshot-000002.safetensors",
            "training-state-000001.250.recent.safetensors",
            "training-state-000002.recent.safetensors",
            "training-state-000002.safetensors",
        ]);
        let found: Vec<_> = pairs(folder.path())
            .unwrap()
            .into_iter()
            .map(|pair| (pair.nimg, pair.is_exact, pair.is_recent))
            .collect();
        assert_eq!(found, [(2000, false, false), (2000, false, true), (1250, true, true)]);
        let newest = newest_snapshot(folder.path()).unwrap();
        assert_eq!(newest.file_name().unwrap(), "network-snapshot-000002.safetensors");
    }

    #[test]
    fn the_folder_of_all_runs_suggests_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        for run in ["00000-a", "00001-b", "00002-empty"] {
            fs::create_dir(folder.path().join(run)).unwrap();
        }
        for run in ["00000-a", "00001-b"] {
            fs::write(folder.path().join(run).join("network-snapshot-000000.safetensors"), []).unwrap();
        }
        let error = newest_snapshot(folder.path()).unwrap_err();
        assert!(error.hint().unwrap().contains("00001-b"), "{error:?}");
    }
}
