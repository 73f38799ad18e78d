//! The packs that training made by itself, in a folder of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stylegan_base::Resolution;

use super::contents::Contents;
use super::fit::Fit;
use super::index::Index;
use super::options::PackOptions;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::Error;

/// The names of packs of one source in the cache.
pub(super) struct Places {
    /// Folder and beginning of a name.
    folder: PathBuf,
    name: String,
    channels: Channels,
    bits: Bits,
    fit: Fit,
}

impl Places {
    pub(super) fn new(source: &Path, folder: &Path, options: &PackOptions) -> Self {
        let PackOptions { channels, bits, fit, .. } = *options;
        Self { folder: folder.to_owned(), name: plain_name(source), channels, bits, fit }
    }

    /// Where the pack of that resolution and source fingerprint belongs.
    pub(super) fn pack(&self, resolution: Resolution, fingerprint: &str) -> PathBuf {
        let channels = match self.channels {
            Channels::Rgb => String::new(),
            channels => format!("{channels}ch-"),
        };
        let bits = match self.bits {
            Bits::Eight => "",
            Bits::Sixteen => "16bit-",
        };
        let fit = match self.fit {
            Fit::Crop => String::new(),
            fit => format!("{}-", fit.to_string().replace(':', "-")),
        };
        let (name, resolution) = (&self.name, resolution.short());
        self.folder.join(format!("{name}-{resolution}-{channels}{bits}{fit}{}", &fingerprint[..12]))
    }
}

/// The last part of a path, without characters that some system does not take in a name.
fn plain_name(source: &Path) -> String {
    let full = fs::canonicalize(source).unwrap_or_else(|_| source.into());
    let name = if full.is_dir() { full.file_name() } else { full.file_stem() };
    let name = name.map_or_else(|| "pictures".into(), |name| name.to_string_lossy().into_owned());
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain =
        name.trim_start_matches('.').chars().map(|c| if is_plain(c) { c } else { '_' }).take(60).collect();
    if name.is_empty() { "pictures".into() } else { plain }
}

/// A pack in a cache.
#[derive(Debug)]
pub struct CachedPack {
    /// Its folder.
    pub path: PathBuf,
    /// Where the pictures were.
    pub source: String,
    /// Width and height of the largest level.
    pub resolution: Resolution,
    /// How many pictures it holds.
    pub count: usize,
    /// How many bytes the pixels take.
    pub bytes: u64,
    /// When it was made.
    pub made: SystemTime,
    /// Whether it was made before packs told what they hold, so that it may be that of any run of the time.
    pub is_early: bool,
    index: Index,
}

impl CachedPack {
    fn find(path: PathBuf) -> Option<Self> {
        let index = Index::find(&path).ok()??;
        let metadata = fs::metadata(path.join("index.json")).ok()?;
        Some(Self {
            source: index.source.clone(),
            resolution: index.resolution,
            count: index.count,
            bytes: index.pixel_bytes(),
            made: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            is_early: index.is_early(),
            path,
            index,
        })
    }

    /// Whether these are the pictures that it holds; of an early pack that was never opened since, no.
    pub fn holds(&self, contents: &Contents) -> bool {
        let Index { pictures, digests, .. } = &self.index;
        Contents::new(self.index.format(), None, pictures, digests).has_pixels_of(contents)
    }

    /// Whether these are the pictures and the labels that it holds, as when a file of the source was touched.
    pub fn holds_all(&self, contents: &Contents) -> bool {
        let Index { labels, pictures, digests, .. } = &self.index;
        Contents::new(self.index.format(), labels.as_ref(), pictures, digests).fingerprint()
            == contents.fingerprint()
    }

    /// Removes it. A run that has it open reads on, where the system lets open files be removed.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn remove(&self) -> Result<(), Error> {
        fs::remove_dir_all(&self.path).map_err(Error::write(&self.path))
    }
}

/// The packs in the folder `cache`, by name; none if there is no such folder.
///
/// # Errors
/// If the folder cannot be read.
pub fn cached_packs(cache: &Path) -> Result<Vec<CachedPack>, Error> {
    let entries = match fs::read_dir(cache) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(cache)(error)),
    };
    let is_finished =
        |path: &PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
    let mut packs: Vec<CachedPack> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_finished)
        .filter_map(CachedPack::find)
        .collect();
    packs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(packs)
}
