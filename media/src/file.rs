//! A file that appears under its name only when it is complete.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::Error;

/// A file being written beside where it will be, removed unless it is finished.
#[derive(Debug)]
pub(crate) struct NewFile {
    writer: BufWriter<NamedTempFile>,
    path: PathBuf,
    overwrite: bool,
}

impl NewFile {
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, Error> {
        if !overwrite && fs::symlink_metadata(path).is_ok() {
            return Err(Error::Exists { path: path.into() });
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = Builder::new();
        builder.prefix(".partial-");
        #[cfg(unix)]
        {
            // As any file of the user's, not private as temporary ones are.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file =
            builder.tempfile_in(folder).map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(Self { writer: BufWriter::new(file), path: path.into(), overwrite })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What an encoder's complaint means for this file.
    pub(crate) fn error(&self, error: png::EncodingError) -> Error {
        let path = self.path.clone();
        match error {
            png::EncodingError::IoError(source) => Error::Write { path, source },
            source => Error::Encode { path, source },
        }
    }

    /// Gives the file its name, once the disk has all of it.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Self { writer, path, overwrite } = self;
        let failed = |source| Error::Write { path: path.clone(), source };
        let file = writer.into_inner().map_err(|e| failed(e.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        let named = if overwrite { file.persist(&path) } else { file.persist_noclobber(&path) };
        match named {
            Ok(_) => Ok(()),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists { path }),
            Err(e) => Err(failed(e.error)),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
