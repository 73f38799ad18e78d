//! Files that somebody else is writing, read within bounds.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// How long a file is, and when it was changed.
pub(crate) fn stamp(path: &Path) -> (u64, Option<SystemTime>) {
    path.metadata().map_or((0, None), |metadata| (metadata.len(), metadata.modified().ok()))
}

pub(crate) fn length(path: &Path) -> u64 {
    stamp(path).0
}

/// The bytes from a place on, at most so many.
pub(crate) fn from(path: &Path, start: u64, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A pipe would be waited for without end.
    if path.is_file()
        && let Ok(mut file) = File::open(path)
        && file.seek(SeekFrom::Start(start)).is_ok()
    {
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}

/// The last bytes as text.
pub(crate) fn ends(path: &Path, most: u64) -> String {
    let bytes = from(path, length(path).saturating_sub(most), most);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A whole file as text, unless it is longer.
pub(crate) fn whole(path: &Path, most: u64) -> Option<String> {
    if length(path) > most {
        return None;
    }
    String::from_utf8(from(path, 0, most)).ok()
}
