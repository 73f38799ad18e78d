//! One file as a source of pictures, written anew for each input.

use std::fs;
use std::path::PathBuf;

use stylegan_dataset::Source;

/// Opens the bytes as a file with that ending, and reads all that it says it holds.
pub(crate) fn read(bytes: &[u8], ending: &str) {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = folder.join(format!("stylegan-fuzz-{}.{ending}", std::process::id()));
    if fs::write(&path, bytes).is_err() {
        return;
    }
    let Ok(source) = Source::open(&path) else { return };
    // No entry of any form takes less than a few bytes.
    assert!(source.len() <= bytes.len());
    assert!(source.found_labels().labels.is_none_or(|labels| labels.len() == source.len()));
    for index in 0..source.len() {
        if let (Ok(size), Ok(picture)) = (source.dimensions(index), source.decode(index)) {
            assert_eq!(picture.dimensions(), size);
        }
    }
}
