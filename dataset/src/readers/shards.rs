//! Data sets of several files of one kind in a folder.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::picture_files::{has_extension, is_picture};
use crate::error::Error;
use crate::left_out::{LeftOut, is_hidden};

/// Deeper than files lie in what is downloaded: `data/train/0.tar`.
const MAX_DEPTH: usize = 4;

/// More files than any data set is cut into, with what else lies there.
const MAX_ENTRIES: usize = 100_000;

/// Whether there are files with one of these endings in a folder, and no picture before one is found: a folder of pictures
/// may hold the file that they came from as well.
pub(super) fn are_inside(folder: &Path, endings: &[&str]) -> bool {
    let mut is_found = false;
    for entry in files_in(folder).flatten() {
        let name = entry.file_name().to_string_lossy();
        if is_picture(&name) {
            return false;
        }
        is_found |= has_extension(entry.path(), endings);
    }
    is_found
}

/// The files with one of these endings in a folder, by their paths, and what else there is.
pub(super) fn find(folder: &Path, endings: &[&str]) -> Result<(Vec<PathBuf>, LeftOut), Error> {
    let (mut found, mut left_out) = (Vec::new(), LeftOut::default());
    for entry in files_in(folder) {
        let entry = entry.map_err(|e| {
            let path = e.path().unwrap_or(folder).to_path_buf();
            Error::read(&path)(e.into())
        })?;
        if has_extension(entry.path(), endings) {
            found.push(entry.into_path());
        } else {
            left_out.add_file(&entry.file_name().to_string_lossy());
        }
    }
    found.sort_unstable();
    Ok((found, left_out))
}

fn files_in(folder: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let is_seen = |entry: &DirEntry| {
        entry.depth() == 0 || !entry.file_type().is_dir() || !is_hidden(&entry.file_name().to_string_lossy())
    };
    WalkDir::new(folder)
        .min_depth(1)
        .max_depth(MAX_DEPTH)
        .follow_links(true)
        .into_iter()
        .filter_entry(is_seen)
        .take(MAX_ENTRIES)
        .filter(|entry| match entry {
            Ok(entry) => entry.file_type().is_file(),
            // A link to a folder that it lies in leads to nothing that is not found anyway.
            Err(e) => e.loop_ancestor().is_none(),
        })
}
