//! A zip of pictures, as stylegan2-ada writes it or anybody else does.
//!
//! Zips come from strangers. Nothing is ever written where an entry's name says; an entry inflates to what the
//! directory declares and no further; what no honest program writes is refused by its name.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::zip::CompressionMethod;
use ::zip::read::{OwnedZipFileEntry, ZipFileEntry};
use ::zip::{ZipArchive, ZipReadOptions};

use super::{
    LABELS_FILE, Listing, MAX_FILES, MAX_LABELS_BYTES, MAX_PICTURE_BYTES, hash_text, is_picture, reason,
};
use crate::error::{Error, printable};

#[derive(Debug)]
pub(super) struct Zip {
    file: SharedFile,
    pictures: Vec<OwnedZipFileEntry>,
}

impl Zip {
    pub(super) fn list(path: &Path) -> Result<(Self, Listing), Error> {
        let file = File::open(path).map_err(Error::read(path))?;
        let length = file.metadata().map_err(Error::read(path))?.len();
        let broken = |e: ::zip::result::ZipError| Error::Zip {
            path: path.to_path_buf(),
            reason: printable(&e.to_string()),
        };
        let refused = |entry: &str, reason: String| Error::ZipEntry {
            path: path.to_path_buf(),
            entry: entry.to_string(),
            reason,
        };

        let reader = BufReader::new(file.try_clone().map_err(Error::read(path))?);
        let archive = ZipArchive::new(reader).map_err(broken)?;
        if archive.len() > MAX_FILES {
            let (path, count) = (path.to_path_buf(), archive.len());
            return Err(Error::TooManyFiles { path, count, limit: MAX_FILES });
        }
        if archive.has_duplicate_names() {
            let mut reader = BufReader::new(file.try_clone().map_err(Error::read(path))?);
            let name =
                repeated_name(&mut reader, archive.central_directory_start()).map_err(Error::read(path))?;
            return Err(refused(name.as_deref().unwrap_or_default(), "is there more than once".into()));
        }
        let mut found = Vec::new();
        let mut labels = Vec::new();
        let mut ignored = 0;
        for number in 0..archive.len() {
            let entry = archive.by_index_data(number).map_err(broken)?;
            let name = name_of(&entry);
            if name.ends_with('/') {
                continue;
            }
            let is_labels = name == LABELS_FILE;
            if !is_labels && !is_picture(&name) {
                ignored += 1;
                continue;
            }
            let limit = if is_labels { MAX_LABELS_BYTES } else { MAX_PICTURE_BYTES };
            if entry.encrypted() {
                return Err(refused(&name, "is encrypted".into()));
            }
            if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
                return Err(refused(&name, "is neither stored nor deflated".into()));
            }
            if entry.size() > limit {
                let reason = format!("inflates to {} bytes; {limit} are accepted", entry.size());
                return Err(refused(&name, reason));
            }
            if is_labels { &mut labels } else { &mut found }.push((name, OwnedZipFileEntry::from(entry)));
        }
        found.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        if let Some([(name, _), _]) = found.array_windows().find(|[(a, _), (b, _)]| a == b) {
            return Err(refused(name, "is there more than once".into()));
        }
        if labels.len() > 1 {
            return Err(refused(LABELS_FILE, "is there more than once".into()));
        }

        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan zip of pictures v1");
        fingerprint.update(&length.to_le_bytes());
        for (name, entry) in found.iter().chain(&labels) {
            hash_text(&mut fingerprint, name.as_bytes());
            fingerprint.update(&entry.size().to_le_bytes()).update(&entry.crc32().to_le_bytes());
        }
        let file = SharedFile { file: Arc::new(Mutex::new(file)), position: 0, length };
        let labels_json = labels
            .first()
            .map(|(_, entry)| read_entry(&file, entry, MAX_LABELS_BYTES, true))
            .transpose()
            .map_err(|reason| Error::Labels {
                path: path.to_path_buf(),
                reason: format!("cannot be read: {reason}"),
            })?;
        let (names, pictures) = found.into_iter().unzip();
        Ok((Self { file, pictures }, Listing { names, ignored, labels_json, fingerprint }))
    }

    pub(super) fn read(&self, index: usize, limit: u64, is_whole: bool) -> Result<Vec<u8>, String> {
        read_entry(&self.file, &self.pictures[index], limit, is_whole)
    }
}

/// An entry's name with `/` between its parts, fit to be shown.
fn name_of(entry: &ZipFileEntry) -> String {
    let name =
        entry.name().map_or_else(|_| String::from_utf8_lossy(entry.name_raw()).into_owned(), Into::into);
    printable(&name.replace('\\', "/"))
}

/// The first name that the directory at `start` holds a second time.
///
/// The library keeps only the last of them.
fn repeated_name(reader: &mut BufReader<File>, start: u64) -> io::Result<Option<String>> {
    reader.seek(SeekFrom::Start(start))?;
    let mut names = HashSet::new();
    loop {
        let mut header = [0; 46];
        reader.read_exact(&mut header)?;
        if !header.starts_with(b"PK\x01\x02") {
            return Ok(None);
        }
        let [name_length, extra_length, comment_length] =
            [28, 30, 32].map(|at| u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = vec![0; name_length.into()];
        reader.read_exact(&mut name)?;
        reader.seek_relative(i64::from(extra_length) + i64::from(comment_length))?;
        let shown = printable(&String::from_utf8_lossy(&name));
        if !names.insert(name) {
            return Ok(Some(shown));
        }
    }
}

fn read_entry(
    file: &SharedFile,
    entry: &OwnedZipFileEntry,
    limit: u64,
    is_whole: bool,
) -> Result<Vec<u8>, String> {
    let mut file = file.clone();
    let contents = entry
        .as_ref()
        .with_reader(&mut file, ZipReadOptions::new())
        .map_err(|e| printable(&e.to_string()))?;
    let declared = entry.size();
    // One byte more than declared, so that an entry that holds more is found out; reading to the end is also what
    // compares the checksum.
    let end = if is_whole { declared.saturating_add(1) } else { limit.min(declared) };
    // What is declared may be a lie, so memory is taken as bytes come in.
    let mut bytes = Vec::with_capacity(end.min(1 << 20) as usize);
    contents.take(end).read_to_end(&mut bytes).map_err(|e| reason(&e))?;
    match (bytes.len() as u64).cmp(&declared) {
        std::cmp::Ordering::Greater => Err(format!("inflates to more than the {declared} bytes it declares")),
        std::cmp::Ordering::Less if is_whole => Err("the file ends too early".into()),
        _ => Ok(bytes),
    }
}

/// One open file that many threads read at places of their own.
#[derive(Clone, Debug)]
struct SharedFile {
    file: Arc<Mutex<File>>,
    position: u64,
    length: u64,
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.position))?;
        let count = file.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
        };
        self.position = position
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the start"))?;
        Ok(self.position)
    }
}
