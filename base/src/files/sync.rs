//! Waiting until the disk has what was written.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::warn;

use super::refusal::is_refusal;

/// Waits until the disk has all of a file, where the file system knows such a thing.
///
/// # Errors
/// If the disk fails.
pub fn sync(file: &File, path: &Path) -> io::Result<()> {
    done_or_refused(file.sync_all(), path)
}

/// Makes the names in a folder outlast a power cut, where the file system can.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    done_or_refused(File::open(folder).and_then(|folder| folder.sync_all()), folder)
}

/// A refusal is said once.
fn done_or_refused(result: io::Result<()>, path: &Path) -> io::Result<()> {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    match result {
        Err(error) if is_refusal(&error) => {
            if !IS_SAID.swap(true, Ordering::Relaxed) {
                warn!(
                    "the file system of `{}` does not say when the disk has a file ({error}): a power cut may take what was \
                     written last",
                    path.display()
                );
            }
            Ok(())
        }
        result => result,
    }
}
