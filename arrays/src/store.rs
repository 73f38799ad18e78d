//! The bytes of a file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use stylegan_pickle::Span;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::{Error, ErrorKind, Result};

/// What all tensors of a file may take beyond twice its length: a number of a compressed file is short.
const SLACK_BYTES: u64 = 64 << 20;

/// Where the bytes of an array are.
#[derive(Clone, Debug)]
pub enum Stored {
    /// In the file.
    File(Span),
    /// In the file, as a text in UTF-8 whose letters are the bytes.
    Letters(Span),
    /// Here.
    Short(Box<[u8]>),
    /// In an entry of the archive.
    Entry {
        /// Its number.
        index: usize,
        /// Its length, as the archive says.
        length: u64,
    },
}

impl Stored {
    /// Whether there may be `length` bytes.
    pub(crate) fn holds(&self, length: u64) -> bool {
        length
            <= match self {
                Self::File(span) | Self::Letters(span) => span.length,
                Self::Short(bytes) => bytes.len() as u64,
                Self::Entry { length, .. } => *length,
            }
    }
}

/// A file, or an archive and its entries.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    length: u64,
    archive: Option<ZipArchive<BufReader<File>>>,
    /// Bytes that were read, all together.
    read_bytes: u64,
}

impl Store {
    /// Opens a file; its numbers stay there.
    ///
    /// # Errors
    /// If there is no such file or it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let read = |source| unreadable(path, source);
        // Opening a pipe would wait for its writer.
        if !path.metadata().map_err(read)?.is_file() {
            return Err(Error { path: path.to_owned(), kind: ErrorKind::NotAFile });
        }
        let file = File::open(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        Ok(Self { path: path.to_owned(), file, length, archive: None, read_bytes: 0 })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that tensors may take: those of the file as numbers of twice the size, and a little for what is packed.
    pub fn limit_bytes(&self) -> u64 {
        self.length.saturating_mul(2).saturating_add(SLACK_BYTES)
    }

    /// The file from its start.
    ///
    /// # Errors
    /// If the system does not let go there.
    pub fn reader(&mut self) -> Result<BufReader<&mut File>> {
        self.file.seek(SeekFrom::Start(0)).map_err(|source| unreadable(&self.path, source))?;
        Ok(BufReader::with_capacity(1 << 16, &mut self.file))
    }

    /// The first 16 hexadecimal digits of the BLAKE3 hash of the file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn hash(&mut self) -> Result<String> {
        let path = self.path.clone();
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.reader()?).map_err(|source| unreadable(&path, source))?;
        let mut hex = hasher.finalize().to_hex().to_string();
        hex.truncate(16);
        Ok(hex)
    }

    /// Takes the file for an archive; returns the names of its entries.
    pub(crate) fn open_archive(&mut self) -> Result<Vec<String>> {
        let file = self.file.try_clone().map_err(|source| unreadable(&self.path, source))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| self.broken(&error))?;
        let names = archive.file_names().map(|name| name.map(Cow::into_owned).unwrap_or_default());
        let names = names.collect();
        self.archive = Some(archive);
        Ok(names)
    }

    /// Where the bytes of an entry are.
    pub(crate) fn entry(&self, name: &str) -> Option<Stored> {
        let archive = self.archive.as_ref()?;
        let index = archive.index_for_name(name)?;
        Some(Stored::Entry { index, length: archive.by_index_data(index).ok()?.size() })
    }

    /// The bytes `from` to `to` of what is stored.
    pub(crate) fn read(&mut self, stored: &Stored, from: u64, to: u64) -> Result<Vec<u8>> {
        let length = match stored {
            Stored::File(_) => to - from,
            Stored::Letters(span) => span.length,
            Stored::Short(bytes) => bytes.len() as u64,
            Stored::Entry { length, .. } => *length,
        };
        let limit = self.limit_bytes();
        // What is packed may be read for several tensors.
        self.read_bytes = self.read_bytes.saturating_add(length);
        if length > limit || self.read_bytes > limit.saturating_mul(2) {
            return Err(self.unsound(format!("its tensors take more than {limit} bytes")));
        }
        let cut = |bytes: &[u8]| bytes.get(from as usize..to as usize).map(<[u8]>::to_vec);
        let bytes = match stored {
            Stored::File(span) => {
                return self.span(Span { at: span.at + from, length: to - from });
            }
            Stored::Short(bytes) => cut(bytes),
            Stored::Letters(span) => match String::from_utf8(self.span(*span)?) {
                Ok(letters) => letters_to_bytes(&letters).and_then(|bytes| cut(&bytes)),
                Err(_) => None,
            },
            Stored::Entry { index, .. } => {
                let bytes = self.entry_bytes(*index, limit)?;
                cut(&bytes)
            }
        };
        bytes.ok_or_else(|| self.unsound("an array has fewer bytes than numbers".to_owned()))
    }

    fn span(&mut self, span: Span) -> Result<Vec<u8>> {
        let read = |source| unreadable(&self.path, source);
        self.file.seek(SeekFrom::Start(span.at)).map_err(read)?;
        let mut bytes = vec![0; span.length as usize];
        self.file.read_exact(&mut bytes).map_err(read)?;
        Ok(bytes)
    }

    /// A whole entry, whose checksum is compared, if it has at most `limit` bytes.
    pub(crate) fn entry_bytes(&mut self, index: usize, limit: u64) -> Result<Vec<u8>> {
        let Some(archive) = &mut self.archive else { return Ok(Vec::new()) };
        let bytes = entry_bytes(archive, index, limit);
        bytes.map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &ZipError) -> Error {
        self.unsound(format!("its zip archive is broken: {error}"))
    }

    /// The file is not what it should be.
    pub(crate) fn unsound(&self, reason: String) -> Error {
        self.error(ErrorKind::Damaged(reason))
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error { path: self.path.clone(), kind }
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error { path: path.to_owned(), kind: ErrorKind::Read(source) }
}

fn entry_bytes(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
    limit: u64,
) -> Result<Vec<u8>, ZipError> {
    let mut entry = archive.by_index(index)?;
    if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(ZipError::InvalidArchive("an entry is neither stored nor deflated".into()));
    }
    let length = entry.size();
    if length > limit {
        return Err(ZipError::InvalidArchive("an entry inflates without bound".into()));
    }
    // What an entry says of its length is not relied on.
    let mut bytes = Vec::new();
    entry.by_ref().take(length + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(ZipError::InvalidArchive("an entry is not as long as it says".into()));
    }
    Ok(bytes)
}

/// The bytes that latin-1 writes for letters.
pub fn letters_to_bytes(letters: &str) -> Option<Vec<u8>> {
    letters.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}
