//! A file that only grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A file to whose end whole records are added.
#[derive(Debug)]
pub(super) struct AppendFile(File);

impl AppendFile {
    /// Opens the file, and makes it if there is none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map(Self).map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))
    }

    /// Adds a record, all of it or nothing: what a full disk let through is taken away again.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let before = self.0.metadata()?.len();
        let written = self.0.write_all(record);
        if written.is_err() {
            let _ = self.0.set_len(before);
        }
        written
    }
}
