//! A file of raw pixels for each level, as a pack has them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use stylegan_base::files;

use super::format::Format;
use super::levels::{level_file_name, levels};
use super::write::Sink;
use crate::error::Error;

/// A file being written for each level, from the largest down.
pub(super) struct LevelFiles(Vec<Level>);

struct Level {
    picture_bytes: usize,
    path: PathBuf,
    writer: BufWriter<File>,
}

impl LevelFiles {
    pub(super) fn create(folder: &Path, format: Format) -> Result<Self, Error> {
        let create = |level| {
            let path = folder.join(level_file_name(level));
            let file = File::create_new(&path).map_err(Error::write(&path))?;
            Ok(Level {
                picture_bytes: format.bytes_at(level),
                path,
                writer: BufWriter::with_capacity(1 << 20, file),
            })
        };
        Ok(Self(levels(format.resolution).map(create).collect::<Result<_, Error>>()?))
    }

    /// Waits until the disk has all of them.
    pub(super) fn finish(self) -> Result<(), Error> {
        for Level { path, writer, .. } in self.0 {
            let file = writer.into_inner().map_err(|e| Error::write(&path)(e.into_error()))?;
            files::sync(&file, &path).map_err(Error::write(&path))?;
        }
        Ok(())
    }
}

impl Sink for LevelFiles {
    fn add(&mut self, levels: &[u8]) -> Result<(), Error> {
        let mut rest = levels;
        for Level { picture_bytes, path, writer } in &mut self.0 {
            let (pixels, after) = rest.split_at(*picture_bytes);
            writer.write_all(pixels).map_err(|e| Error::write(path)(e))?;
            rest = after;
        }
        Ok(())
    }
}
