//! The levels of all pictures: decoded on all cores, and written meanwhile.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use fast_image_resize::Resizer;
use rayon::prelude::*;
use tracing::field::Empty;

use super::contents::picture_digest;
use super::fit::Fit;
use super::fitted::{Fitted, fitted};
use super::format::Format;
use super::index::Index;
use super::levels::{all_levels, levels};
use super::pixels::{Converted, Pixels};
use super::sample::Sample;
use super::skips::Skips;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::Error;
use crate::planes::planes_of;
use crate::readers::{Reader, Source};

/// One picture on its way from a decoding thread to the files.
struct Packed {
    /// The bytes of `[channels, height, width]` for each level, from the largest down.
    levels: Vec<u8>,
    digest: String,
    converted: Converted,
    is_upscaled: bool,
    has_ratio: bool,
    is_colorless: bool,
}

/// Where pictures are written to, one after the other.
pub(super) trait Sink: Send {
    /// Writes one picture, the bytes of `[channels, height, width]` for each level, from the largest down.
    fn add(&mut self, levels: &[u8]) -> Result<(), Error>;
}

/// Writes all levels of `candidates` to `sink` and counts in `index` what was done to them; returns those that could be read.
pub(super) fn write_levels(
    source: &Source,
    candidates: &[usize],
    index: &mut Index,
    skips: &mut Skips<'_>,
    sink: &mut dyn Sink,
) -> Result<Vec<usize>, Error> {
    thread::scope(|scope| {
        // The files are written while the next pictures are decoded, and no more than these two are held.
        let (sender, receiver) = sync_channel(1);
        let writer = scope.spawn(move || write_all(sink, &receiver));
        let kept = decode(source, candidates, index, skips, &sender);
        drop(sender);
        match writer.join() {
            Ok(written) => written.and(kept),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Decodes `candidates` on all cores and sends them on in their order; returns those that could be read.
fn decode(
    source: &Source,
    candidates: &[usize],
    index: &mut Index,
    skips: &mut Skips<'_>,
    sender: &SyncSender<Vec<Packed>>,
) -> Result<Vec<usize>, Error> {
    let (format, fit, total) = (index.format(), index.fit, candidates.len() as u64);
    let resolution = format.resolution;
    let pack_one = match format.bits {
        Bits::Eight => pack_one::<u8>,
        Bits::Sixteen => pack_one::<u16>,
    };
    let span = tracing::info_span!("packing", total, done = Empty, %resolution).entered();
    let mut kept = Vec::with_capacity(candidates.len());
    let mut done = 0;
    for chunk in candidates.chunks(16 * rayon::current_num_threads()) {
        let results: Vec<_> = chunk
            .par_iter()
            .map_init(Resizer::new, |resizer, &i| pack_one(source, i, format, fit, resizer))
            .collect();
        let mut pictures = Vec::with_capacity(chunk.len());
        for (&i, result) in chunk.iter().zip(results) {
            match result {
                Ok(picture) => {
                    index.converted.add(picture.converted);
                    index.upscaled += usize::from(picture.is_upscaled);
                    index.other_ratio += usize::from(!picture.has_ratio);
                    index.colorless += usize::from(picture.is_colorless);
                    index.digests.push(picture.digest.clone());
                    pictures.push(picture);
                    kept.push(i);
                }
                Err(reason) => skips.add(i, reason),
            }
        }
        skips.check()?;
        if sender.send(pictures).is_err() {
            // The writer gave up, and says why.
            break;
        }
        done += chunk.len() as u64;
        span.record("done", done);
    }
    Ok(kept)
}

/// With numbers that have as many bits as the format says.
fn pack_one<T: Sample>(
    source: &Source,
    index: usize,
    format: Format,
    fit: Fit,
    resizer: &mut Resizer,
) -> Result<Packed, String> {
    let Format { resolution, channels, .. } = format;
    let decoded = source.reader().decode(index, resolution)?;
    let (pixels, converted) = Pixels::<T>::of(decoded, channels);
    let has_ratio = pixels.width * resolution.height == pixels.height * resolution.width;
    let is_kept = (pixels.width, pixels.height) == (resolution.width, resolution.height);
    let Fitted { samples, is_upscaled } = fitted(&pixels, resolution, fit, resizer)?;
    let mut levels = all_levels(&samples, format);
    if is_kept {
        take_copies::<T>(source.reader(), index, format, &mut levels)?;
    }
    let digest = picture_digest(&levels[..format.bytes_at(resolution)]);
    let is_colorless = channels != Channels::Grey && !pixels.has_color();
    Ok(Packed { levels, digest, converted, is_upscaled, has_ratio, is_colorless })
}

/// Takes the smaller levels of a picture that is packed as it is from its source, where that keeps them.
fn take_copies<T: Sample>(
    reader: &dyn Reader,
    index: usize,
    format: Format,
    all: &mut [u8],
) -> Result<(), String> {
    let mut rest = all;
    for level in levels(format.resolution) {
        let planes = rest.split_off_mut(..format.bytes_at(level)).unwrap_or_default();
        if level != format.resolution
            && let Some(copy) = reader.copy_at(index, level)
        {
            let Pixels { width, height, samples, .. } = Pixels::<T>::of(copy?, format.channels).0;
            if (width, height) != (level.width, level.height) {
                return Err(format!("its copy for {level} has {width}x{height} pixels"));
            }
            let mut bytes = Vec::with_capacity(planes.len());
            T::append(&planes_of(&samples, format.channels), &mut bytes);
            planes.copy_from_slice(&bytes);
        }
    }
    Ok(())
}

fn write_all(sink: &mut dyn Sink, pictures: &Receiver<Vec<Packed>>) -> Result<(), Error> {
    pictures.iter().flatten().try_for_each(|picture| sink.add(&picture.levels))
}
