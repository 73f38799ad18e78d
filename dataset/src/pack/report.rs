//! What a pack came to.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::index::Index;
use super::pyramid::Pyramid;
use crate::error::Error;
use crate::readers::Converted;
use crate::skipped::Skipped;

/// What a pack came to.
#[derive(Clone, Debug, PartialEq)]
pub struct PackReport {
    /// The folder of the pack.
    pub path: PathBuf,
    /// Whether it was there already and nothing had to be done.
    pub is_reused: bool,
    /// The side of the largest level.
    pub resolution: usize,
    /// How many pictures it holds.
    pub count: usize,
    /// The files that could not be read and were left out.
    pub skipped: Vec<Skipped>,
    /// How many pictures were not 8-bit RGB.
    pub converted: Converted,
    /// How many pictures were enlarged.
    pub upscaled: usize,
    /// How many files of the source are no pictures by their name.
    pub ignored: usize,
    /// How many bytes the pixels take on disk.
    pub bytes: u64,
    /// How long it took.
    pub elapsed_secs: f64,
}

/// Opens the pack at `path`, whose index was read or written already, and says what it holds.
pub(super) fn open(
    path: &Path,
    index: Index,
    ignored: usize,
    is_reused: bool,
    start: Instant,
) -> Result<(Pyramid, PackReport), Error> {
    let pyramid = Pyramid::with_index(path.into(), index)?;
    let index = pyramid.index();
    let report = PackReport {
        path: path.into(),
        is_reused,
        resolution: index.resolution,
        count: index.count,
        skipped: index.skipped.clone(),
        converted: index.converted,
        upscaled: index.upscaled,
        ignored,
        bytes: index.pixel_bytes(),
        elapsed_secs: start.elapsed().as_secs_f64(),
    };
    tracing::info!(
        path = %path.display(),
        pictures = report.count,
        side = report.resolution,
        bytes = report.bytes,
        skipped = report.skipped.len(),
        elapsed_secs = report.elapsed_secs,
        "{}",
        if is_reused { "pack found" } else { "pack made" }
    );
    Ok((pyramid, report))
}
