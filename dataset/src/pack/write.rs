//! The levels of all pictures: decoded on all cores, and written meanwhile.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use fast_image_resize::Resizer;
use rayon::prelude::*;
use tracing::field::Empty;

use super::contents::picture_digest;
use super::fit::Fit;
use super::fitted::{Fitted, fitted};
use super::format::Format;
use super::index::Index;
use super::levels::{LevelMaker, levels};
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

/// What is used again by whoever comes next, on whatever thread.
struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn keep(&self, one: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// Writes all levels of `candidates` to `sink` and counts in `index` what was done to them; returns those that could be read.
pub(super) fn write_levels(
    source: &Source,
    candidates: &[usize],
    index: &mut Index,
    skips: &mut Skips<'_>,
    sink: &mut dyn Sink,
) -> Result<Vec<usize>, Error> {
    // The memory of levels that were written, for those of other pictures.
    let written = Pool::new();
    thread::scope(|scope| {
        // The files are written while the next pictures are decoded, and no more than these two are held.
        let (sender, receiver) = sync_channel(1);
        let writer = scope.spawn(|| write_all(sink, receiver, &written));
        let kept = match index.bits {
            Bits::Eight => decode::<u8>(source, candidates, index, skips, &written, &sender),
            Bits::Sixteen => decode::<u16>(source, candidates, index, skips, &written, &sender),
        };
        drop(sender);
        match writer.join() {
            Ok(written) => written.and(kept),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Decodes `candidates` on all cores and sends them on in their order; returns those that could be read.
fn decode<T: Sample>(
    source: &Source,
    candidates: &[usize],
    index: &mut Index,
    skips: &mut Skips<'_>,
    written: &Pool<Vec<u8>>,
    sender: &SyncSender<Vec<Packed>>,
) -> Result<Vec<usize>, Error> {
    let (format, fit, total) = (index.format(), index.fit, candidates.len() as u64);
    let resolution = format.resolution;
    let span = tracing::info_span!("packing", total, done = Empty, %resolution).entered();
    let mut kept = Vec::with_capacity(candidates.len());
    let mut done = 0;
    let packers = Pool::new();
    for chunk in candidates.chunks(16 * rayon::current_num_threads()) {
        let pack = |&picture: &usize| {
            let mut packer = packers.take().unwrap_or_else(|| Packer::<T>::new(source, format, fit));
            let packed = packer.pack(picture, written.take().unwrap_or_default());
            packers.keep(packer);
            packed
        };
        let results: Vec<_> = chunk.par_iter().map(pack).collect();
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

/// Packs one picture after the other, on one thread.
struct Packer<'a, T> {
    source: &'a Source,
    format: Format,
    fit: Fit,
    resizer: Resizer,
    levels: LevelMaker<T>,
}

impl<'a, T: Sample> Packer<'a, T> {
    fn new(source: &'a Source, format: Format, fit: Fit) -> Self {
        Self { source, format, fit, resizer: Resizer::new(), levels: LevelMaker::default() }
    }

    /// In the memory of `levels`.
    fn pack(&mut self, index: usize, mut levels: Vec<u8>) -> Result<Packed, String> {
        let Format { resolution, channels, .. } = self.format;
        let reader = self.source.reader();
        let decoded = reader.decode(index, resolution)?;
        let (pixels, converted) = Pixels::<T>::of(decoded, channels);
        let has_ratio = pixels.width * resolution.height == pixels.height * resolution.width;
        let is_kept = (pixels.width, pixels.height) == (resolution.width, resolution.height);
        let is_colorless = channels != Channels::Grey && !pixels.has_color();
        let Fitted { samples, is_upscaled } = fitted(pixels, resolution, self.fit, &mut self.resizer)?;
        self.levels.make(&samples, self.format, &mut levels);
        if is_kept {
            take_copies::<T>(reader, index, self.format, &mut levels)?;
        }
        let digest = picture_digest(&levels[..self.format.bytes_at(resolution)]);
        Ok(Packed { levels, digest, converted, is_upscaled, has_ratio, is_colorless })
    }
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
            T::append(planes_of(&samples, format.channels).into_iter(), &mut bytes);
            planes.copy_from_slice(&bytes);
        }
    }
    Ok(())
}

fn write_all(
    sink: &mut dyn Sink,
    pictures: Receiver<Vec<Packed>>,
    written: &Pool<Vec<u8>>,
) -> Result<(), Error> {
    pictures.into_iter().flatten().try_for_each(|picture| {
        sink.add(&picture.levels)?;
        written.keep(picture.levels);
        Ok(())
    })
}
