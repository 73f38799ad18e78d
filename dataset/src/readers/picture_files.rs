//! Picture files by their names, for the readers that keep such files.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use stylegan_base::printable;

use super::Listing;
use super::dataset_json::Found;
use crate::left_out::{LeftOut, is_of_system};

/// More pictures than any data set of one kind has; their names are held in memory.
pub(super) const MAX_FILES: usize = 5_000_000;

/// The largest picture file that is read.
pub(super) const MAX_PICTURE_BYTES: u64 = 256 << 20;

pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .is_some_and(|found| extensions.iter().any(|extension| found.eq_ignore_ascii_case(extension)))
}

/// The endings of the names of pictures that are read.
pub(crate) const ENDINGS: [&str; 9] = ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "tif", "tiff"];

/// Whether a file is a picture by its name. Files that macOS adds beside the real ones (`._0.png`) are not.
pub(super) fn is_picture(name: &str) -> bool {
    let file_name = name.rsplit('/').next().unwrap_or(name);
    !is_of_system(file_name) && has_extension(Path::new(file_name), &ENDINGS)
}

/// Adds a text to a hash so that no two sequences of texts add the same bytes.
pub(super) fn hash_text(hasher: &mut blake3::Hasher, text: &[u8]) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
}

/// When a file was last changed, from 1970 on; 0 where the system does not tell.
pub(super) fn changed_nanoseconds(metadata: &Metadata) -> i128 {
    metadata.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    })
}

/// Adds the length of a file and when it was changed to a hash.
pub(super) fn hash_file(hasher: &mut blake3::Hasher, metadata: &Metadata) {
    hasher.update(&metadata.len().to_le_bytes()).update(&changed_nanoseconds(metadata).to_le_bytes());
}

/// What the system says about a picture that cannot be read.
pub(super) fn system_reason(error: &io::Error) -> String {
    printable(&error.to_string())
}

/// The listing of the files of a source.
pub(super) fn listing(
    names: Vec<String>,
    left_out: LeftOut,
    Found { file, labels, .. }: Found,
    fingerprint: &blake3::Hasher,
) -> Listing {
    Listing {
        names,
        left_out,
        label_file: file,
        labels,
        fingerprint: fingerprint.finalize().to_hex().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_names() {
        for name in
            ["a.png", "b/c.JPG", "d.e.jpeg", "ä.WebP", ".hidden.png", "a.JFIF", "b.jpe", "c.TIF", "d.bmp"]
        {
            assert!(is_picture(name), "{name}");
        }
        for name in ["png", "a.gif", "b.png/c", "__MACOSX/a/._b.png", "dataset.json", ".png"] {
            assert!(!is_picture(name), "{name}");
        }
    }
}
