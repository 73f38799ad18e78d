//! A packed data set, read picture by picture.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use stylegan_base::Resolution;
use stylegan_base::files::folder_of;
use tracing::field::Empty;

use super::contents::{Contents, picture_digest};
use super::index::Index;
use super::levels::{level_file_name, levels};
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::{Error, ErrorKind};
use crate::found_labels::FoundLabels;
use crate::labels::Labels;
use crate::shared_file::read_exact_at;
use crate::skipped::Skipped;

/// A packed data set: every picture at every level, read without decoding.
///
/// A pack is a folder of `level-0064.bin`, `level-0032.bin`, …, by the longer side, with the numbers `[pictures, channels,
/// height, width]`, a byte each or two, the lower one first, and of `index.json`, which says what they are. Opening reads none of the pixels, and the system keeps in memory what is
/// used. The files stay open, so a pack that is deleted meanwhile is read to the end of the run.
#[derive(Debug)]
pub struct Pyramid {
    path: PathBuf,
    index: Index,
    /// Digests that the index does not have.
    found: OnceLock<Vec<String>>,
    /// From the largest down.
    levels: Vec<File>,
    labels: Option<Labels>,
}

impl Pyramid {
    /// Opens the pack in the folder `path`.
    ///
    /// # Errors
    /// If there is none, it is damaged, or a newer version wrote it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        if !path.exists() {
            return Err(ErrorKind::NotFound.at(path));
        }
        match Index::find(&path)? {
            Some(index) => Self::with_index(path, index),
            None => Err(ErrorKind::NotAPack.at(path)),
        }
    }

    pub(crate) fn with_index(path: PathBuf, index: Index) -> Result<Self, Error> {
        let levels = levels(index.resolution)
            .map(|level| open_level(&path, &index, level))
            .collect::<Result<_, _>>()?;
        let labels = index.labels.clone();
        Ok(Self { path, index, found: OnceLock::new(), levels, labels })
    }

    /// How many pictures there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a pack is never empty")]
    pub fn len(&self) -> usize {
        self.index.count
    }

    /// Width and height of the largest level; there is one for each halving, down to what networks of it start from.
    pub fn resolution(&self) -> Resolution {
        self.index.resolution
    }

    /// The channels of the pictures.
    pub fn channels(&self) -> Channels {
        self.index.channels
    }

    /// The bits of their numbers.
    pub fn bits(&self) -> Bits {
        self.index.bits
    }

    /// The folder it lies in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The fingerprint that the source had when it was packed, 64 hexadecimal digits of names, lengths and times.
    pub fn source_fingerprint(&self) -> &str {
        &self.index.fingerprint
    }

    /// What is trained on: the pixels, and the labels if they are trained by.
    ///
    /// # Errors
    /// If the pixels of a pack cannot be read that was made before packs had digests.
    pub fn contents(&self, with_labels: bool) -> Result<Contents, Error> {
        let index = &self.index;
        let labels = self.labels().filter(|_| with_labels);
        let digests = if index.digests.is_empty() { self.found_digests()? } else { &index.digests };
        Ok(Contents::new(index.format(), labels, &index.pictures, digests))
    }

    /// The digests of a pack that was made before packs had them.
    fn found_digests(&self) -> Result<&Vec<String>, Error> {
        if self.found.get().is_none() {
            let digests = self.digests()?;
            let mut index = self.index.clone();
            index.digests.clone_from(&digests);
            index.rewrite(&self.path);
            let _ = self.found.set(digests);
        }
        Ok(self.found.get_or_init(Vec::new))
    }

    /// The digest of each picture's pixels.
    fn digests(&self) -> Result<Vec<String>, Error> {
        let span = tracing::info_span!("comparing", total = self.len() as u64, done = Empty).entered();
        let mut digests = Vec::with_capacity(self.len());
        let mut pixels = Vec::new();
        for number in 0..self.len() {
            pixels.clear();
            self.append_picture(self.resolution(), number, &mut pixels)?;
            digests.push(picture_digest(&pixels));
            if digests.len() % 1024 == 0 {
                span.record("done", digests.len() as u64);
            }
        }
        Ok(digests)
    }

    /// The pack beside this one that was made of a source with that fingerprint.
    pub fn beside(&self, source_fingerprint: &str) -> Option<Self> {
        let packs = fs::read_dir(folder_of(&self.path)).ok()?;
        packs.flatten().map(|entry| entry.path()).find_map(|path| {
            let index = Index::find(&path).ok()??;
            (index.fingerprint == source_fingerprint).then(|| Self::with_index(path, index).ok())?
        })
    }

    /// The path of each picture inside the source.
    pub fn names(&self) -> &[String] {
        &self.index.pictures
    }

    /// The files of the source that could not be read when it was packed.
    pub fn skipped(&self) -> &[Skipped] {
        &self.index.skipped
    }

    /// What labels there are.
    pub fn found_labels(&self) -> FoundLabels<'_> {
        self.index.found_labels()
    }

    /// Gives the pictures these labels, one for each, in place of those of a `dataset.json`; none takes them away.
    ///
    /// # Errors
    /// If they are of another number of pictures.
    pub fn with_labels(mut self, labels: Option<Labels>) -> Result<Self, Error> {
        if let Some(labels) = &labels {
            labels.validate(self.len()).map_err(|reason| ErrorKind::OtherLabels { reason }.at(&self.path))?;
        }
        self.labels = labels;
        Ok(self)
    }

    /// The labels of the pictures, if they have any.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// The pixels of one picture at one level, the bytes of `[channels, height, width]`.
    ///
    /// # Errors
    /// As [`Pyramid::append_picture`].
    pub fn picture(&self, level: Resolution, index: usize) -> Result<Vec<u8>, Error> {
        let mut pixels = Vec::new();
        self.append_picture(level, index, &mut pixels)?;
        Ok(pixels)
    }

    /// The pixels of one picture at one level in 8 bits, `[channels, height, width]`; of 16 bits, the upper ones.
    ///
    /// # Errors
    /// As [`Pyramid::append_picture`].
    pub fn picture_u8(&self, level: Resolution, index: usize) -> Result<Vec<u8>, Error> {
        Ok(self.bits().upper(self.picture(level, index)?))
    }

    /// Adds the pixels of one picture at one level to `pixels`, the bytes of `[channels, height, width]`.
    ///
    /// # Errors
    /// If there is no such level or picture, or the file cannot be read there, as when it was cut short.
    pub fn append_picture(&self, level: Resolution, index: usize, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let Index { resolution, count, .. } = self.index;
        let file = levels(resolution)
            .zip(&self.levels)
            .find_map(|(known, file)| (known == level).then_some(file))
            .ok_or_else(|| ErrorKind::NoSuchLevel { level, resolution }.at(&self.path))?;
        if index >= count {
            return Err(ErrorKind::NoSuchPicture { index, count }.at(&self.path));
        }
        let length = self.index.format().bytes_at(level);
        let (start, offset) = (pixels.len(), index as u64 * length as u64);
        pixels.resize(start + length, 0);
        read_exact_at(file, &mut pixels[start..], offset).map_err(|source| {
            pixels.truncate(start);
            ErrorKind::ReadAt { offset, source }.at(self.path.join(level_file_name(level)))
        })
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

fn open_level(folder: &Path, index: &Index, level: Resolution) -> Result<File, Error> {
    let name = level_file_name(level);
    let path = folder.join(&name);
    let length = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => return Err(Error::damaged(folder, format!("`{name}` is missing"))),
    };
    let expected = (index.count as u64).checked_mul(index.format().bytes_at(level) as u64);
    if expected != Some(length) {
        let expected = expected.map_or_else(|| "more".into(), |bytes| bytes.to_string());
        return Err(Error::damaged(folder, format!("`{name}` has {length} bytes instead of {expected}")));
    }
    File::open(&path).map_err(Error::read(&path))
}
