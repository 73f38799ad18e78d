//! The levels of all pictures: decoded on all cores, and written meanwhile.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use fast_image_resize::Resizer;
use rayon::prelude::*;
use stylegan_base::files;
use tracing::field::Empty;

use super::contents::picture_digest;
use super::fit::Fit;
use super::fitted::{Fitted, fitted};
use super::format::Format;
use super::index::Index;
use super::levels::{all_levels, level_file_name, levels};
use super::pixels::{Converted, Pixels};
use super::skips::Skips;
use crate::channels::Channels;
use crate::error::Error;
use crate::readers::Source;

/// One picture on its way from a decoding thread to the files.
struct Packed {
    /// `[channels, height, width]` for each level, from the largest down.
    levels: Vec<u8>,
    digest: String,
    converted: Converted,
    is_upscaled: bool,
    has_ratio: bool,
    is_colorless: bool,
}

/// Writes the files of all levels of `candidates` into `folder` and counts in `index` what was done to them; returns those
/// that could be read.
pub(super) fn write_levels(
    folder: &Path,
    source: &Source,
    candidates: &[usize],
    index: &mut Index,
    skips: &mut Skips<'_>,
) -> Result<Vec<usize>, Error> {
    let format = index.format();
    thread::scope(|scope| {
        // The files are written while the next pictures are decoded, and no more than these two are held.
        let (sender, receiver) = sync_channel(1);
        let writer = scope.spawn(move || write_files(folder, format, &receiver));
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

fn pack_one(
    source: &Source,
    index: usize,
    format: Format,
    fit: Fit,
    resizer: &mut Resizer,
) -> Result<Packed, String> {
    let Format { resolution, channels } = format;
    let decoded = source.reader().decode(index, resolution.side())?;
    let (pixels, converted) = Pixels::of(decoded, channels);
    let has_ratio = pixels.width * resolution.height == pixels.height * resolution.width;
    let Fitted { samples, is_upscaled } = fitted(&pixels, resolution, fit, resizer)?;
    let levels = all_levels(&samples, format);
    let digest = picture_digest(&levels[..format.bytes_at(resolution)]);
    let is_colorless = channels != Channels::Grey && !pixels.has_color();
    Ok(Packed { levels, digest, converted, is_upscaled, has_ratio, is_colorless })
}

/// Writes each level of the pictures received to its file, and waits until the disk has them.
fn write_files(folder: &Path, format: Format, pictures: &Receiver<Vec<Packed>>) -> Result<(), Error> {
    let mut files = Vec::new();
    for level in levels(format.resolution) {
        let path = folder.join(level_file_name(level));
        let file = File::create_new(&path).map_err(Error::write(&path))?;
        files.push((format.bytes_at(level), path, BufWriter::with_capacity(1 << 20, file)));
    }
    for picture in pictures.iter().flatten() {
        let mut rest = &picture.levels[..];
        for (length, path, writer) in &mut files {
            let (pixels, after) = rest.split_at(*length);
            writer.write_all(pixels).map_err(|e| Error::write(path)(e))?;
            rest = after;
        }
    }
    for (_, path, writer) in files {
        let file = writer.into_inner().map_err(|e| Error::write(&path)(e.into_error()))?;
        files::sync(&file, &path).map_err(Error::write(&path))?;
    }
    Ok(())
}
