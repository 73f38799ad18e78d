//! What a pack came to.

use std::path::{Path, PathBuf};
use std::time::Instant;

use stylegan_base::Resolution;

use super::fit::Fit;
use super::index::Index;
use super::pixels::Converted;
use super::pyramid::Pyramid;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::Error;
use crate::left_out::LeftOut;
use crate::shard::Shard;
use crate::skipped::Skipped;

/// What a pack came to.
#[derive(Clone, Debug, PartialEq)]
pub struct PackReport {
    /// The folder of the pack.
    pub path: PathBuf,
    /// Whether it was there already and nothing had to be done.
    pub is_reused: bool,
    /// Width and height of the largest level.
    pub resolution: Resolution,
    /// The channels of the pictures.
    pub channels: Channels,
    /// The bits of their numbers.
    pub bits: Bits,
    /// Which part of the source it is, if not all of it.
    pub shard: Option<Shard>,
    /// How many pictures it holds.
    pub count: usize,
    /// The files that could not be read and were left out.
    pub skipped: Vec<Skipped>,
    /// The pictures that are smaller than the resolution and were left out.
    pub too_small: Vec<Skipped>,
    /// What was done to pictures of another ratio.
    pub fit: Fit,
    /// How many pictures were of another ratio than the resolution, where the pack tells.
    pub other_ratio: usize,
    /// The largest resolution at which nearly nothing would be cut off, if nearly all pictures share a ratio that is not a
    /// square's and networks can have; where the sizes of all pictures were looked at.
    pub uncropped: Option<Resolution>,
    /// How many pictures are without colors although there are channels for them, where the pack tells.
    pub colorless: usize,
    /// How many pictures had other channels or bits.
    pub converted: Converted,
    /// How many pictures were enlarged.
    pub upscaled: usize,
    /// What else the source holds.
    pub left_out: LeftOut,
    /// How many bytes the pixels take on disk.
    pub bytes: u64,
    /// How long it took.
    pub elapsed_secs: f64,
}

impl PackReport {
    pub(super) fn new(
        path: &Path,
        index: &Index,
        left_out: LeftOut,
        is_reused: bool,
        start: Instant,
    ) -> Self {
        Self {
            path: path.into(),
            is_reused,
            resolution: index.resolution,
            channels: index.channels,
            bits: index.bits,
            shard: index.shard.as_ref().map(|part| part.shard),
            count: index.count,
            skipped: index.skipped.clone(),
            too_small: index.too_small.clone(),
            fit: index.fit,
            other_ratio: index.other_ratio,
            uncropped: index.uncropped,
            colorless: index.colorless,
            converted: index.converted,
            upscaled: index.upscaled,
            left_out,
            bytes: index.pixel_bytes(),
            elapsed_secs: start.elapsed().as_secs_f64(),
        }
    }
}

/// Opens the pack at `path`, whose index was read or written already, and says what it holds.
pub(super) fn open(
    path: &Path,
    index: Index,
    left_out: LeftOut,
    is_reused: bool,
    start: Instant,
) -> Result<(Pyramid, PackReport), Error> {
    let pyramid = Pyramid::with_index(path.into(), index)?;
    let index = pyramid.index();
    let report = PackReport::new(path, index, left_out, is_reused, start);
    tracing::info!(
        path = %path.display(),
        pictures = report.count,
        resolution = %report.resolution,
        channels = report.channels.count(),
        bits = usize::from(report.bits),
        bytes = report.bytes,
        skipped = report.skipped.len(),
        elapsed_secs = report.elapsed_secs,
        "{}",
        if is_reused { "pack found" } else { "pack made" }
    );
    Ok((pyramid, report))
}
