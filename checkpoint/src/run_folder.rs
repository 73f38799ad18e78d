//! The newest snapshot of a run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

const PREFIX: &str = "network-snapshot-";
const SUFFIX: &str = ".safetensors";

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
    Err(Error::NoSnapshot { path: folder.to_owned(), nearest })
}

fn newest_in(folder: &Path) -> Result<Option<(u64, PathBuf)>> {
    Ok(entries(folder)?.into_iter().filter_map(|path| Some((number(&path)?, path))).max())
}

fn number(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    // `parse` alone would take `+1` as well.
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = |source| Error::Read { path: folder.to_owned(), source };
    fs::read_dir(folder).map_err(read)?.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_decide_not_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "network-snapshot-000160.safetensors",
            "network-snapshot-1000000.safetensors",
            "network-snapshot-999999.safetensors",
            "network-snapshot-9999999.safetensors.tmp",
            "network-snapshot-+9999999.safetensors",
            "training-state-9999999.safetensors",
        ] {
            fs::write(folder.path().join(name), []).unwrap();
        }
        let newest = newest_snapshot(folder.path()).unwrap();
        assert_eq!(newest.file_name().unwrap(), "network-snapshot-1000000.safetensors");
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
