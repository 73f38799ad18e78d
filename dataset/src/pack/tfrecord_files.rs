//! The `TFRecord` files of the original: one for each side, and labels as an array of NumPy.
//!
//! In the folder `NAME` they are `NAME-r10.tfrecords` for 1024x1024, down to `NAME-r02.tfrecords`, and `NAME-rxx.labels`, as
//! its `dataset_tool.py` calls them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use stylegan_base::{Resolution, files};

use super::format::Format;
use super::levels::levels;
use super::write::Sink;
use crate::error::Error;
use crate::labels::Labels;
use crate::readers::{Planes, write_record};

/// The files being written.
pub(super) struct TfRecordFiles {
    folder: PathBuf,
    name: String,
    /// From the largest level down.
    levels: Vec<LevelFile>,
}

struct LevelFile {
    shape: [u32; 3],
    path: PathBuf,
    writer: BufWriter<File>,
}

impl TfRecordFiles {
    /// Begins the files of a data set called `name`.
    pub(super) fn create(folder: &Path, name: &str, format: Format) -> Result<Self, Error> {
        let create = |level: Resolution| {
            let path = folder.join(format!("{name}-r{:02}.tfrecords", level.side().ilog2()));
            let shape = [format.channels.count(), level.height, level.width].map(|length| length as u32);
            let file = File::create_new(&path).map_err(Error::write(&path))?;
            Ok(LevelFile { shape, path, writer: BufWriter::with_capacity(1 << 20, file) })
        };
        let levels = levels(format.resolution).map(create).collect::<Result<_, Error>>()?;
        Ok(Self { folder: folder.to_owned(), name: name.to_owned(), levels })
    }

    /// Adds the labels of the pictures, and waits until the disk has everything.
    pub(super) fn finish(self, labels: Option<&Labels>) -> Result<(), Error> {
        for LevelFile { path, writer, .. } in self.levels {
            finish(writer, &path)?;
        }
        let Some(labels) = labels else { return Ok(()) };
        let path = self.folder.join(format!("{}-rxx.labels", self.name));
        let mut writer = BufWriter::new(File::create_new(&path).map_err(Error::write(&path))?);
        write_labels(&mut writer, labels).map_err(Error::write(&path))?;
        finish(writer, &path)
    }
}

impl Sink for TfRecordFiles {
    fn add(&mut self, levels: &[u8]) -> Result<(), Error> {
        let mut rest = levels;
        for LevelFile { shape, path, writer } in &mut self.levels {
            let (pixels, after) = rest.split_at(shape.iter().map(|&length| length as usize).product());
            let planes = Planes { shape: *shape, data: pixels.to_vec() };
            write_record(writer, &planes.into_record()).map_err(|e| Error::write(path)(e))?;
            rest = after;
        }
        Ok(())
    }
}

fn finish(writer: BufWriter<File>, path: &Path) -> Result<(), Error> {
    let file = writer.into_inner().map_err(|e| Error::write(path)(e.into_error()))?;
    files::sync(&file, path).map_err(Error::write(path))
}

/// An array of NumPy `[pictures, numbers]`; of a class, a one among zeros.
fn write_labels(out: &mut impl Write, labels: &Labels) -> io::Result<()> {
    let shape = format!("({}, {})", labels.len(), labels.width());
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The numbers begin at a multiple of 64 bytes; before them stand 10 bytes, the header, and a line's end.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    out.write_all(b"\x93NUMPY\x01\0")?;
    out.write_all(&((header.len() + padding + 1) as u16).to_le_bytes())?;
    writeln!(out, "{header}{}", " ".repeat(padding))?;
    let mut row = Vec::with_capacity(labels.width());
    for number in 0..labels.len() {
        row.clear();
        labels.append(number, &mut row);
        for value in &row {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}
