//! From a source, or a pack, to files that other programs read.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use stylegan_base::Resolution;
use stylegan_base::files::{NewFolder, folder_of};
use tracing::field::Empty;

use super::format::Format;
use super::index::Index;
use super::job::Job;
use super::levels::levels;
use super::options::PackOptions;
use super::pyramid::Pyramid;
use super::report::PackReport;
use super::tfrecord_files::TfRecordFiles;
use super::write::Sink;
use super::zip_file::ZipFile;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::{Error, ErrorKind};
use crate::found_labels::FoundLabels;
use crate::left_out::LeftOut;
use crate::readers::Source;
use crate::skipped::Skipped;

/// What other programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// The zip of stylegan2-ada-pytorch: uncompressed PNG files with a `dataset.json`.
    Zip,
    /// The folder of `TFRecord` files of the original, one for each side.
    TfRecords,
}

/// What was written for other programs.
#[derive(Debug)]
pub struct Export {
    index: Index,
    /// What it came to.
    pub report: PackReport,
}

impl Export {
    /// What labels there were for the pictures, and are beside them now.
    pub fn found_labels(&self) -> FoundLabels<'_> {
        self.index.found_labels()
    }
}

/// Writes the pictures of `source`, which may be packed already, to `out` as `format`, whole or not at all.
///
/// They are brought to the resolution as [`pack`](super::pack) does; `on_skipped` hears of each picture that cannot be
/// read and is left out.
///
/// # Errors
/// As [`pack`](super::pack); and if there is something at `out`, or pictures are transparent, which those programs do not read, or of 16
/// bits, which TFRecords of the original do not have.
pub fn export(
    source: &Path,
    out: &Path,
    format: ExportFormat,
    options: &PackOptions,
    on_skipped: &mut dyn FnMut(&Skipped),
) -> Result<Export, Error> {
    options.validate(source)?;
    let start = Instant::now();
    if fs::symlink_metadata(out).is_ok() {
        return Err(ErrorKind::OutputTaken.at(out));
    }
    let packed = if source.is_dir() { Index::find(source)? } else { None };
    let (index, left_out, target) = if let Some(index) = packed {
        let pyramid = Pyramid::with_index(source.into(), index)?;
        let resolution = options.resolution.unwrap_or(pyramid.resolution());
        if !levels(pyramid.resolution()).any(|level| level == resolution) {
            let packed = pyramid.resolution();
            return Err(ErrorKind::PackTooSmall { resolution: packed, requested: resolution }.at(source));
        }
        let pictures = Format { resolution, ..pyramid.index().format() };
        let mut target = Target::begin(out, format, pictures)?;
        copy(&pyramid, resolution, target.sink()).map_err(|error| target.renamed(error))?;
        let mut index = pyramid.index().clone();
        index.resolution = resolution;
        (index, LeftOut::default(), target)
    } else {
        let source = Source::open(source)?;
        let mut job = Job::new(&source, *options, on_skipped, start);
        let pictures = job.format()?;
        let plan = job.plan(pictures)?;
        let mut target = Target::begin(out, format, pictures)?;
        let index = job.write(plan, target.sink()).map_err(|error| target.renamed(error))?;
        (index, source.left_out().clone(), target)
    };
    target.finish(&index)?;
    let bytes = bytes_at(out).map_err(Error::read(out))?;
    let report = PackReport { bytes, ..PackReport::new(out, &index, left_out, false, start) };
    tracing::info!(path = %out.display(), ?format, pictures = report.count, resolution = %report.resolution, "exported");
    Ok(Export { index, report })
}

/// Takes the pictures of a pack at that level and all smaller ones.
fn copy(pyramid: &Pyramid, resolution: Resolution, sink: &mut dyn Sink) -> Result<(), Error> {
    let span =
        tracing::info_span!("packing", total = pyramid.len() as u64, done = Empty, %resolution).entered();
    let mut all = Vec::new();
    for number in 0..pyramid.len() {
        all.clear();
        for level in levels(resolution) {
            pyramid.append_picture(level, number, &mut all)?;
        }
        sink.add(&all)?;
        if number % 256 == 255 {
            span.record("done", number as u64 + 1);
        }
    }
    Ok(())
}

/// A file or folder being written.
enum Target {
    Zip(Box<ZipFile>),
    TfRecords(NewFolder, TfRecordFiles),
}

impl Target {
    fn begin(out: &Path, format: ExportFormat, pictures: Format) -> Result<Self, Error> {
        if pictures.channels == Channels::Rgba {
            return Err(ErrorKind::ExportTransparent.at(out));
        }
        if format == ExportFormat::TfRecords && pictures.bits == Bits::Sixteen {
            return Err(ErrorKind::ExportSixteenBit.at(out));
        }
        if format == ExportFormat::Zip {
            return Ok(Self::Zip(Box::new(ZipFile::create(out, pictures)?)));
        }
        let folder = NewFolder::begin(out).map_err(Error::write(folder_of(out)))?;
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let files = TfRecordFiles::create(folder.partial_path(), &name, pictures);
        let files = files.map_err(|error| error.inside(&folder))?;
        Ok(Self::TfRecords(folder, files))
    }

    fn sink(&mut self) -> &mut (dyn Sink + Send) {
        match self {
            Self::Zip(zip) => &mut **zip,
            Self::TfRecords(_, files) => files,
        }
    }

    /// An error by the name that the file was to have.
    fn renamed(&self, error: Error) -> Error {
        match self {
            Self::Zip(_) => error,
            Self::TfRecords(folder, _) => error.inside(folder),
        }
    }

    /// Adds the labels, and gives the file or folder its name.
    fn finish(self, index: &Index) -> Result<(), Error> {
        let labels = index.labels.as_ref();
        match self {
            Self::Zip(zip) => zip.finish(labels),
            Self::TfRecords(folder, files) => {
                files.finish(labels).map_err(|error| error.inside(&folder))?;
                let out = folder.path().to_owned();
                let is_named = folder.finish().map_err(Error::write(&out))?;
                if is_named { Ok(()) } else { Err(ErrorKind::OutputTaken.at(out)) }
            }
        }
    }
}

/// How many bytes a file has, or all files of a folder.
fn bytes_at(path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}
