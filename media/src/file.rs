//! Files being written, with this room's errors.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use stylegan_base::files;

use crate::error::{Error, FileErrorKind};

/// A file that appears under its name only when it is complete.
#[derive(Debug)]
pub(crate) struct NewFile(files::NewFile);

impl NewFile {
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, Error> {
        files::NewFile::create(path, overwrite)
            .map(Self)
            .map_err(|error| FileErrorKind::writing(error).at(path))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What an encoder's complaint means for this file.
    pub(crate) fn error(&self, error: png::EncodingError) -> Error {
        match error {
            png::EncodingError::IoError(error) => FileErrorKind::Write(error),
            error => FileErrorKind::Encode(error),
        }
        .at(self.path())
    }

    /// Gives the file its name, once the disk has all of it.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let path = self.path().to_owned();
        self.0.finish().map_err(|error| FileErrorKind::writing(error).at(path))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
