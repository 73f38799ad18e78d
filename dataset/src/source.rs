//! What a person has: a folder of pictures, or a zip of them.

mod folder;
mod zip;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, printable};
use crate::labels::Labels;

/// More pictures than any data set of one kind has; their names are held in memory.
const MAX_FILES: usize = 5_000_000;

/// The largest picture file that is read.
const MAX_PICTURE_BYTES: u64 = 256 << 20;

/// The largest `dataset.json` that is read.
const MAX_LABELS_BYTES: u64 = 512 << 20;

/// Where stylegan2-ada puts the labels, beside the pictures.
const LABELS_FILE: &str = "dataset.json";

/// Pictures as somebody keeps them, listed but not yet read.
///
/// Pictures are ordered by their path inside the source, byte by byte, whatever order the file system or the zip
/// gives them in.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    files: Files,
    names: Vec<String>,
    ignored: usize,
    labels: Option<Labels>,
    fingerprint: String,
}

#[derive(Debug)]
enum Files {
    Folder(folder::Folder),
    Zip(zip::Zip),
}

/// The names of a source's pictures and what else is known from listing it.
struct Listing {
    names: Vec<String>,
    ignored: usize,
    labels_json: Option<Vec<u8>>,
    fingerprint: blake3::Hasher,
}

impl Source {
    /// Lists the pictures of a folder, at any depth, or of a zip.
    ///
    /// # Errors
    /// If `path` is neither, cannot be read, holds no pictures, or is a zip that no honest program writes.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::NotFound { path }),
            Err(e) => return Err(Error::read(&path)(e)),
        };
        let (files, listing) = if metadata.is_dir() {
            let (folder, listing) = folder::Folder::list(&path)?;
            (Files::Folder(folder), listing)
        } else if metadata.is_file() && has_extension(&path, &["zip"]) {
            let (zip, listing) = zip::Zip::list(&path)?;
            (Files::Zip(zip), listing)
        } else {
            return Err(Error::NotASource { path });
        };
        let Listing { names, ignored, labels_json, fingerprint } = listing;
        if names.is_empty() {
            return Err(Error::NoPictures { path, ignored });
        }
        let labels = labels_json
            .map_or(Ok(None), |json| Labels::parse(&json, &names))
            .map_err(|reason| Error::Labels { path: path.clone(), reason })?;
        let fingerprint = fingerprint.finalize().to_hex().to_string();
        Ok(Self { path, files, names, ignored, labels, fingerprint })
    }

    /// Where the source lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many pictures are listed; some of them may turn out unreadable.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no picture is listed, which [`Source::open`] does not accept.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The paths of the pictures inside the source, with `/` between their parts.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many files are not pictures by their name and are left alone.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// The labels in `dataset.json`, one for each of [`Source::names`], if there are any.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// 64 hexadecimal digits that change when the pictures do.
    ///
    /// They cover each file's path inside the source, its length, and for a folder the time it was last changed,
    /// for a zip its checksum; not where the source lies, nor the order in which the system lists it. Nothing is
    /// decoded for them, so a file in a folder that changes without its length or its time doing so goes unnoticed.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The bytes of one picture file, or why it cannot be read.
    pub(crate) fn read(&self, index: usize) -> Result<Vec<u8>, String> {
        match &self.files {
            Files::Folder(folder) => folder.read(index, MAX_PICTURE_BYTES, true),
            Files::Zip(zip) => zip.read(index, MAX_PICTURE_BYTES, true),
        }
    }

    /// At most the first `length` bytes of one picture file, or why it cannot be read.
    pub(crate) fn read_head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        match &self.files {
            Files::Folder(folder) => folder.read(index, length, false),
            Files::Zip(zip) => zip.read(index, length, false),
        }
    }
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .is_some_and(|found| extensions.iter().any(|extension| found.eq_ignore_ascii_case(extension)))
}

/// Whether a file is a picture by its name. Files that macOS adds beside the real ones (`._0.png`) are not.
fn is_picture(name: &str) -> bool {
    let file_name = name.rsplit('/').next().unwrap_or(name);
    !file_name.starts_with("._") && has_extension(Path::new(file_name), &["png", "jpg", "jpeg", "webp"])
}

/// Adds a text to a hash so that no two sequences of texts add the same bytes.
fn hash_text(hasher: &mut blake3::Hasher, text: &[u8]) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
}

fn reason(error: &io::Error) -> String {
    printable(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_names() {
        for name in ["a.png", "b/c.JPG", "d.e.jpeg", "ä.WebP", ".hidden.png"] {
            assert!(is_picture(name), "{name}");
        }
        for name in ["png", "a.gif", "b.png/c", "__MACOSX/a/._b.png", "dataset.json", ".png"] {
            assert!(!is_picture(name), "{name}");
        }
    }
}
