//! The front door: what a person has, by whichever reader.

use std::path::{Path, PathBuf};

use image::RgbImage;
use md5::{Digest, Md5};
use rayon::prelude::*;
use tracing::field::Empty;

use super::{Listing, Reader};
use crate::error::{Error, ErrorKind};
use crate::found_labels::FoundLabels;
use crate::left_out::LeftOut;
use crate::skipped::Skipped;

/// Pictures as somebody keeps them, listed but not yet read.
///
/// Pictures are ordered by their path inside the source, byte by byte, whatever order the file system or the zip
/// gives them in.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    reader: Box<dyn Reader>,
}

impl Source {
    /// Lists the pictures of a source, by the first reader that recognizes it.
    ///
    /// # Errors
    /// If `path` is none, cannot be read, holds no pictures, or what no honest program writes.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let reader = super::open(&path)?;
        let listing = reader.listing();
        if listing.names.is_empty() {
            return Err(ErrorKind::NoPictures { left_out: Box::new(listing.left_out.clone()) }.at(path));
        }
        Ok(Self { path, reader })
    }

    /// Where the source lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many pictures are listed, at least one; some of them may turn out unreadable.
    #[expect(clippy::len_without_is_empty, reason = "a source is never empty")]
    pub fn len(&self) -> usize {
        self.names().len()
    }

    /// The paths of the pictures inside the source, with `/` between their parts.
    pub fn names(&self) -> &[String] {
        &self.reader.listing().names
    }

    /// What it holds beside pictures, which is left alone.
    pub fn left_out(&self) -> &LeftOut {
        &self.reader.listing().left_out
    }

    /// What labels there are.
    pub fn found_labels(&self) -> FoundLabels<'_> {
        let Listing { names, label_file, labels, .. } = self.reader.listing();
        FoundLabels { source: &self.path, names, file: label_file.as_ref(), labels: labels.as_ref() }
    }

    /// 64 hexadecimal digits that tell quickly that nothing was touched.
    ///
    /// They cover each file's path inside the source, its length, and, unless there are checksums as in a zip or in
    /// TFRecords, the time it was last changed; not where the source lies, nor the order in which the system lists it.
    /// Nothing is decoded for them, so a file in a folder that changes without its length or its time doing so goes unnoticed. That
    /// they differ says little: whether the pictures do, is told by [`Contents`](crate::Contents).
    pub fn fingerprint(&self) -> &str {
        &self.reader.listing().fingerprint
    }

    /// Width and height of a picture as it is stored, by its number in the order of [`Source::names`]; nothing is decoded
    /// for them.
    ///
    /// # Errors
    /// What is wrong with the picture.
    pub fn dimensions(&self, index: usize) -> Result<(u32, u32), String> {
        self.reader.dimensions(index)
    }

    /// The pixels of a picture as it was taken, turned the way its camera was held.
    ///
    /// # Errors
    /// What is wrong with the picture.
    pub fn decode(&self, index: usize) -> Result<RgbImage, String> {
        self.reader.decode(index, usize::MAX.into()).map(|decoded| decoded.picture.into_rgb8())
    }

    /// Compares the bytes of all pictures with the list of checksums beside them; returns how many the list knows.
    ///
    /// # Errors
    /// If there is no such list, it cannot be read, or pictures are others or cannot be read.
    pub fn verify(&self) -> Result<usize, Error> {
        let checksums = self.reader.checksums().ok_or_else(|| ErrorKind::NoChecksums.at(&self.path))??;
        let span = tracing::info_span!("verifying", total = self.len() as u64, done = Empty).entered();
        let all: Vec<(usize, Option<[u8; 16]>)> = (0..).zip(checksums).collect();
        let (mut known, mut wrong) = (0, Vec::new());
        for chunk in all.chunks(256) {
            let compared: Vec<_> = chunk
                .par_iter()
                .map(|&(index, expected)| expected.map(|expected| self.verify_one(index, expected)))
                .collect();
            for ((index, _), result) in chunk.iter().zip(compared) {
                known += usize::from(result.is_some());
                if let Some(Err(reason)) = result {
                    wrong.push(Skipped { name: self.names()[*index].clone(), reason });
                }
            }
            span.record("done", chunk.last().map_or(0, |(index, _)| *index as u64 + 1));
        }
        if wrong.is_empty() {
            Ok(known)
        } else {
            Err(ErrorKind::WrongChecksums { wrong, files: known }.at(&self.path))
        }
    }

    fn verify_one(&self, index: usize, expected: [u8; 16]) -> Result<(), String> {
        let found = Md5::digest(self.reader.bytes(index)?);
        if found[..] == expected {
            Ok(())
        } else {
            Err(format!("its MD5 is {:032x}", u128::from_be_bytes(found.into())))
        }
    }

    /// What reads its pictures.
    pub(crate) fn reader(&self) -> &dyn Reader {
        &*self.reader
    }
}
