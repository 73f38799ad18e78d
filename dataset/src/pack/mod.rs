//! Decoding a source once, into a pyramid that training reads without decoding.

pub(crate) mod cache;
mod contents;
mod export;
mod fit;
mod fit_picture;
mod fitted;
mod format;
pub(crate) mod index;
mod job;
mod join;
mod level_files;
pub(crate) mod levels;
mod options;
pub(crate) mod pixels;
mod pyramid;
mod report;
pub(crate) mod sample;
mod shard;
pub(crate) mod sizes;
pub(crate) mod skips;
mod tfrecord_files;
mod write;
mod zip_file;

use std::fs;
use std::path::Path;
use std::time::Instant;

pub use cache::{CachedPack, cached_packs};
pub use contents::Contents;
pub use export::{Export, ExportFormat, export};
pub use fit::{Filling, Fit};
pub use fit_picture::fit_picture;
pub use format::Format;
pub use join::join;
pub use options::PackOptions;
pub use pixels::Converted;
pub use pyramid::Pyramid;
pub use report::PackReport;

use crate::error::{Error, ErrorKind};
use crate::left_out::LeftOut;
use crate::readers::Source;
use crate::skipped::Skipped;
use stylegan_base::Resolution;

use index::Index;
use job::Job;
use levels::levels;

/// Packs the pictures of `source` into the new folder `out`.
///
/// Each picture is made a rectangle of the resolution as [`Fit`] says, and each level below is the mean of 2x2 pixels of the
/// one above. The folder gets its name when all of it is on the disk, so what an interrupted run leaves is never
/// taken for a pack. If `out` is a pack of the same pictures already, it is opened and nothing is done. `on_skipped` hears
/// of each picture that cannot be read and is left out.
///
/// # Errors
/// If the source is none or holds too much that is unreadable or too small, if `out` exists and is anything else than
/// a pack of the same, or if it cannot be written. Nothing is left behind then.
pub fn pack(
    source: &Path,
    out: &Path,
    options: &PackOptions,
    on_skipped: &mut dyn FnMut(&Skipped),
) -> Result<(Pyramid, PackReport), Error> {
    options.validate(source)?;
    let start = Instant::now();
    let source = Source::open(source)?;
    let mut job = Job::new(&source, *options, on_skipped, start);
    if fs::symlink_metadata(out).is_ok() {
        return job.reuse(out);
    }
    job.make(out)
}

/// Opens `source` if it is a pack, else packs it into a folder of `cache` that is named after it, or opens that if it
/// is there from an earlier time.
///
/// A pack may have a larger resolution of the same ratio than asked for; it has the level asked for all the same.
///
/// # Errors
/// As [`pack`], and if `source` is a pack without the level asked for, or of other channels.
pub fn open_or_pack(
    source: &Path,
    cache: &Path,
    options: &PackOptions,
    on_skipped: &mut dyn FnMut(&Skipped),
) -> Result<(Pyramid, PackReport), Error> {
    options.validate(source)?;
    let start = Instant::now();
    if source.is_dir()
        && let Some(index) = Index::find(source)?
    {
        if let Some(requested) = options.resolution
            && requested.doublings_to(index.resolution).is_none()
        {
            return Err(ErrorKind::PackTooSmall { resolution: index.resolution, requested }.at(source));
        }
        if index.channels != options.channels {
            let (found, requested) = (index.channels, options.channels);
            return Err(ErrorKind::PackChannels { found, requested }.at(source));
        }
        return report::open(source, index, LeftOut::default(), true, start);
    }

    let places = cache::Places::new(source, cache, options);
    let source = Source::open(source)?;
    let mut job = Job::new(&source, *options, on_skipped, start);
    let out = |resolution| places.pack(resolution, source.fingerprint());
    let known = match options.resolution {
        Some(_) => None,
        // Which resolution that is need not be found out again.
        None => levels(Resolution::square(Resolution::MOST_SIDE))
            .map(&out)
            .find(|out| matches!(Index::find(out), Ok(Some(index)) if index.automatic_resolution)),
    };
    let place = match known {
        Some(known) => known,
        None => out(job.format()?.resolution),
    };
    if fs::symlink_metadata(&place).is_ok() {
        match job.reuse(&place) {
            // With other options. It goes, as it is made again when it is asked for again.
            Err(Error { kind: ErrorKind::OutputDiffers { .. }, .. }) => {
                fs::remove_dir_all(&place).map_err(Error::write(&place))?;
            }
            opened => return opened,
        }
    }
    let resolution = job.format()?.resolution;
    job.make(&out(resolution))
}
