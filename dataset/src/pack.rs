//! Decoding a source once, into a pyramid that training reads without decoding.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use fast_image_resize::Resizer;
use rayon::prelude::*;
use stylegan_base::files::NewFolder;

use crate::decode::{Converted, dimensions, square};
use crate::error::{Error, Skipped, floor_power_of_two};
use crate::index::{Index, is_resolution};
use crate::levels::{all_levels, sides};
use crate::pyramid::{Pyramid, level_file_name};
use crate::source::Source;

/// The largest side that is chosen unasked, and the largest there is.
const MAX_RESOLUTION: usize = 1024;

/// Enough of a file to find its width and height in, unless much stands before them.
const HEAD_BYTES: u64 = 64 << 10;

/// What a pack is to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PackOptions {
    /// The side of the largest level, a power of two from 8 to 1024. `None` is the largest that no picture is smaller
    /// than.
    pub resolution: Option<usize>,
    /// Whether pictures smaller than that are enlarged, not refused.
    pub allow_upscale: bool,
    /// The fraction of the source's pictures, from 0 to 1, that may be unreadable and skipped; more is an error.
    pub max_bad_fraction: f64,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { resolution: None, allow_upscale: false, max_bad_fraction: 0.1 }
    }
}

impl PackOptions {
    fn validate(&self) -> Result<(), Error> {
        if let Some(resolution) = self.resolution
            && !is_resolution(resolution)
        {
            return Err(Error::Resolution { resolution });
        }
        if !(0.0..=1.0).contains(&self.max_bad_fraction) {
            return Err(Error::Fraction { fraction: self.max_bad_fraction });
        }
        Ok(())
    }

    fn check_bad(&self, source: &Source, skipped: &[Skipped]) -> Result<(), Error> {
        let files = source.len();
        if skipped.len() as f64 > self.max_bad_fraction * files as f64 {
            return Err(Error::TooManyBad {
                path: source.path().into(),
                skipped: skipped.to_vec(),
                files,
                max_bad_fraction: self.max_bad_fraction,
            });
        }
        Ok(())
    }
}

/// What happens while a source is packed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PackEvent {
    /// The sizes of `done` pictures are known.
    Measured {
        /// How many so far.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// Decoding begins.
    Started {
        /// The side of the largest level.
        resolution: usize,
        /// How many pictures there are to decode.
        total: usize,
    },
    /// `done` pictures are decoded.
    Packed {
        /// How many so far.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// A file cannot be read and is left out.
    Skipped(Skipped),
}

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

/// Packs the folder or zip at `source` into the new folder `out`.
///
/// Each picture's middle square is resized to the resolution, and each level below is the mean of 2x2 pixels of the
/// one above. The folder gets its name when all of it is on the disk, so what an interrupted run leaves is never
/// taken for a pack. If `out` is a pack of the same pictures already, it is opened and nothing is done.
///
/// # Errors
/// If the source is none or holds too much that is unreadable or too small, if `out` exists and is anything else than
/// a pack of the same, or if it cannot be written. Nothing is left behind then.
pub fn pack(
    source: &Path,
    out: &Path,
    options: &PackOptions,
    progress: &mut dyn FnMut(PackEvent),
) -> Result<(Pyramid, PackReport), Error> {
    options.validate()?;
    let start = Instant::now();
    let mut job = Job::new(Source::open(source)?, *options, progress);
    if fs::symlink_metadata(out).is_ok() {
        return job.reuse(out, start);
    }
    job.run(out, start)
}

/// Opens `source` if it is a pack, else packs it into a folder of `cache` that is named after it, or opens that if it
/// is there from an earlier time.
///
/// A pack may have a larger resolution than asked for; it has the level asked for all the same.
///
/// # Errors
/// As [`pack`], and if `source` is a pack of a lower resolution than asked for.
pub fn open_or_pack(
    source: &Path,
    cache: &Path,
    options: &PackOptions,
    progress: &mut dyn FnMut(PackEvent),
) -> Result<(Pyramid, PackReport), Error> {
    options.validate()?;
    let start = Instant::now();
    if source.is_dir()
        && let Some(index) = Index::find(source)?
    {
        if let Some(requested) = options.resolution
            && requested > index.resolution
        {
            return Err(Error::PackTooSmall { path: source.into(), resolution: index.resolution, requested });
        }
        return open(source, index, 0, true, start);
    }

    let mut job = Job::new(Source::open(source)?, *options, progress);
    let name = cache_name(source);
    let fingerprint = job.source.fingerprint()[..12].to_string();
    let out = |resolution: usize| cache.join(format!("{name}-{resolution}-{fingerprint}"));
    if options.resolution.is_none() {
        // Which resolution that is need not be found out again.
        let known = sides(MAX_RESOLUTION)
            .map(&out)
            .find(|out| matches!(Index::find(out), Ok(Some(index)) if index.automatic_resolution));
        if let Some(known) = known {
            return job.reuse(&known, start);
        }
    }
    let out = out(job.resolution()?);
    if fs::symlink_metadata(&out).is_ok() {
        return job.reuse(&out, start);
    }
    job.run(&out, start)
}

/// The last part of a path, without characters that some system does not take in a name.
fn cache_name(source: &Path) -> String {
    let full = fs::canonicalize(source).unwrap_or_else(|_| source.into());
    let name = if full.is_dir() { full.file_name() } else { full.file_stem() };
    let name = name.map_or_else(|| "pictures".into(), |name| name.to_string_lossy().into_owned());
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain =
        name.trim_start_matches('.').chars().map(|c| if is_plain(c) { c } else { '_' }).take(60).collect();
    if name.is_empty() { "pictures".into() } else { plain }
}

fn open(
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
    Ok((pyramid, report))
}

/// One source on its way into a pack.
struct Job<'a> {
    source: Source,
    options: PackOptions,
    progress: &'a mut dyn FnMut(PackEvent),
    /// Width and height of each picture, where that had to be found out; `None` for those that are unreadable.
    sizes: Option<Vec<Option<(u32, u32)>>>,
    skipped: Vec<Skipped>,
}

/// One picture on its way from a decoding thread to the files.
struct Packed {
    levels: Vec<u8>,
    converted: Converted,
    is_upscaled: bool,
}

impl<'a> Job<'a> {
    fn new(source: Source, options: PackOptions, progress: &'a mut dyn FnMut(PackEvent)) -> Self {
        Self { source, options, progress, sizes: None, skipped: Vec::new() }
    }

    /// Opens what is at `out`, if it is what this job would make.
    fn reuse(&mut self, out: &Path, start: Instant) -> Result<(Pyramid, PackReport), Error> {
        let index = Index::find(out)?.ok_or_else(|| Error::OutputExists { path: out.into() })?;
        let differs = |difference: String| Err(Error::OutputDiffers { path: out.into(), difference });
        if index.fingerprint != self.source.fingerprint() {
            return differs(format!("of other pictures than are in `{}` now", self.source.path().display()));
        }
        let resolution = match self.options.resolution {
            None if index.automatic_resolution => index.resolution,
            _ => self.resolution()?,
        };
        if resolution != index.resolution {
            return differs(format!("of resolution {}, not {resolution}", index.resolution));
        }
        if index.upscaled > 0 && !self.options.allow_upscale {
            return differs(format!("{} of its pictures were enlarged", index.upscaled));
        }
        self.options.check_bad(&self.source, &index.skipped)?;
        open(out, index, self.source.ignored(), true, start)
    }

    /// The side of the largest level.
    fn resolution(&mut self) -> Result<usize, Error> {
        if let Some(resolution) = self.options.resolution {
            return Ok(resolution);
        }
        let smallest =
            self.sizes()?.iter().flatten().map(|&(width, height)| width.min(height) as usize).min();
        // Too small a picture is refused later, by its name.
        Ok(floor_power_of_two(smallest.unwrap_or(0)).unwrap_or(8).min(MAX_RESOLUTION))
    }

    /// The sizes of all pictures, from the heads of their files.
    fn sizes(&mut self) -> Result<&[Option<(u32, u32)>], Error> {
        if self.sizes.is_none() {
            let total = self.source.len();
            let mut sizes = Vec::with_capacity(total);
            let all: Vec<usize> = (0..total).collect();
            for chunk in all.chunks(1024) {
                let measured: Vec<_> = chunk.par_iter().map(|&i| measure(&self.source, i)).collect();
                for (&i, measured) in chunk.iter().zip(measured) {
                    let measured = measured.map_err(|reason| self.skip(i, reason));
                    sizes.push(measured.ok());
                }
                self.options.check_bad(&self.source, &self.skipped)?;
                (self.progress)(PackEvent::Measured { done: sizes.len(), total });
            }
            self.sizes = Some(sizes);
        }
        Ok(self.sizes.as_deref().unwrap_or_default())
    }

    fn skip(&mut self, index: usize, reason: String) {
        let skipped = Skipped { name: self.source.names()[index].clone(), reason };
        (self.progress)(PackEvent::Skipped(skipped.clone()));
        self.skipped.push(skipped);
    }

    /// Refuses pictures that would have to be enlarged, before the long work begins.
    fn check_sizes(&mut self, side: usize) -> Result<(), Error> {
        if self.options.allow_upscale {
            return Ok(());
        }
        let small: Vec<(usize, (u32, u32))> = self
            .sizes()?
            .iter()
            .enumerate()
            .filter_map(|(i, size)| size.map(|size| (i, size)))
            .filter(|(_, (width, height))| (*width.min(height) as usize) < side)
            .collect();
        match small.iter().min_by_key(|(_, (width, height))| width.min(height)) {
            None => Ok(()),
            Some(&(example, (width, height))) => Err(Error::TooSmall {
                path: self.source.path().into(),
                count: small.len(),
                example: self.source.names()[example].clone(),
                width: width as usize,
                height: height as usize,
                side,
            }),
        }
    }

    /// Makes the pack.
    fn run(&mut self, out: &Path, start: Instant) -> Result<(Pyramid, PackReport), Error> {
        let resolution = self.resolution()?;
        self.check_sizes(resolution)?;
        let candidates: Vec<usize> = (0..self.source.len())
            .filter(|&i| self.sizes.as_ref().is_none_or(|sizes| sizes[i].is_some()))
            .collect();
        (self.progress)(PackEvent::Started { resolution, total: candidates.len() });

        let mut index = Index::new(resolution, self.source.fingerprint(), self.source.path());
        index.automatic_resolution = self.options.resolution.is_none();
        let partial = NewFolder::begin(out).map_err(Error::write(out))?;
        let kept = thread::scope(|scope| {
            // The files are written while the next pictures are decoded, and no more than these two are held.
            let (sender, receiver) = sync_channel(1);
            let folder = partial.partial_path();
            let writer = scope.spawn(move || write_levels(folder, resolution, &receiver));
            let kept = self.decode(&candidates, &mut index, &sender);
            drop(sender);
            match writer.join() {
                Ok(written) => written.and(kept),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        });
        let kept = kept.map_err(|error| error.inside(&partial))?;

        if kept.is_empty() {
            return Err(Error::NoPictures {
                path: self.source.path().into(),
                ignored: self.source.ignored(),
            });
        }
        index.count = kept.len();
        index.labels = self.source.labels().map(|labels| labels.select(&kept));
        index.pictures = kept.iter().map(|&i| self.source.names()[i].clone()).collect();
        index.skipped.clone_from(&self.skipped);
        index.write(partial.partial_path()).map_err(|error| error.inside(&partial))?;
        if partial.finish().map_err(Error::write(out))? {
            open(out, index, self.source.ignored(), false, start)
        } else {
            self.reuse(out, start)
        }
    }

    /// Decodes `candidates` on all cores and sends them on in their order; returns those that could be read.
    fn decode(
        &mut self,
        candidates: &[usize],
        index: &mut Index,
        sender: &SyncSender<Vec<Packed>>,
    ) -> Result<Vec<usize>, Error> {
        let mut kept = Vec::with_capacity(candidates.len());
        let mut done = 0;
        for chunk in candidates.chunks(16 * rayon::current_num_threads()) {
            let source = &self.source;
            let results: Vec<_> = chunk
                .par_iter()
                .map_init(Resizer::new, |resizer, &i| pack_one(source, i, index.resolution, resizer))
                .collect();
            let mut pictures = Vec::with_capacity(chunk.len());
            for (&i, result) in chunk.iter().zip(results) {
                match result {
                    Ok(picture) => {
                        index.converted.add(picture.converted);
                        index.upscaled += usize::from(picture.is_upscaled);
                        pictures.push(picture);
                        kept.push(i);
                    }
                    Err(reason) => self.skip(i, reason),
                }
            }
            self.options.check_bad(&self.source, &self.skipped)?;
            if sender.send(pictures).is_err() {
                // The writer gave up, and says why.
                break;
            }
            done += chunk.len();
            (self.progress)(PackEvent::Packed { done, total: candidates.len() });
        }
        Ok(kept)
    }
}

fn measure(source: &Source, index: usize) -> Result<(u32, u32), String> {
    let head = source.read_head(index, HEAD_BYTES)?;
    dimensions(&head).or_else(|_| dimensions(&source.read(index)?))
}

fn pack_one(source: &Source, index: usize, side: usize, resizer: &mut Resizer) -> Result<Packed, String> {
    let square = square(&source.read(index)?, side, resizer)?;
    let levels = all_levels(&square.rgb, side);
    Ok(Packed { levels, converted: square.converted, is_upscaled: square.is_upscaled })
}

/// Writes each level of the pictures received to its file, and waits until the disk has them.
fn write_levels(folder: &Path, resolution: usize, pictures: &Receiver<Vec<Packed>>) -> Result<(), Error> {
    let mut levels = Vec::new();
    for side in sides(resolution) {
        let path = folder.join(level_file_name(side));
        let file = File::create_new(&path).map_err(Error::write(&path))?;
        levels.push((3 * side * side, path, BufWriter::with_capacity(1 << 20, file)));
    }
    for picture in pictures.iter().flatten() {
        let mut rest = &picture.levels[..];
        for (length, path, writer) in &mut levels {
            let (pixels, after) = rest.split_at(*length);
            writer.write_all(pixels).map_err(|e| Error::write(path)(e))?;
            rest = after;
        }
    }
    for (_, path, writer) in levels {
        let file = writer.into_inner().map_err(|e| Error::write(&path)(e.into_error()))?;
        file.sync_all().map_err(Error::write(&path))?;
    }
    Ok(())
}
