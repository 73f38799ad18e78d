//! A zip of pictures, as stylegan2-ada writes it or anybody else does.
//!
//! Zips come from strangers. Nothing is ever written where an entry's name says; an entry inflates to what the
//! directory declares and no further; what no honest program writes is refused by its name.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use ::zip::CompressionMethod;
use ::zip::read::{OwnedZipFileEntry, ZipFileEntry};
use ::zip::{ZipArchive, ZipReadOptions};
use stylegan_base::printable;

use super::archive::{self, Sorted};
use super::picture_files::{self, MAX_FILES, MAX_PICTURE_BYTES, has_extension, hash_text, system_reason};
use super::{Candidate, Listing, Reader, dataset_json};
use crate::error::{Error, ErrorKind};
use crate::shared_file::SharedFile;

#[derive(Debug)]
pub(super) struct Zip {
    file: SharedFile,
    pictures: Vec<OwnedZipFileEntry>,
    listing: Listing,
}

impl Reader for Zip {
    /// Whether it begins with an entry, or with the end of an empty directory. By its name a zip may also begin with
    /// something else, such as a program that unpacks it, or be damaged, which is then said.
    fn recognizes(candidate: &Candidate<'_>) -> bool {
        let Candidate { path, metadata, head, .. } = candidate;
        let is_marked = [b"PK\x03\x04", b"PK\x05\x06"].iter().any(|mark| head.starts_with(*mark));
        metadata.is_file() && (is_marked || has_extension(path, &["zip"]))
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).and_then(SharedFile::new).map_err(Error::read(path))?;
        let broken = |e: ::zip::result::ZipError| Error::container(path, "a zip", &e.to_string());
        let refused =
            |entry: &str, reason: String| ErrorKind::Entry { entry: entry.to_string(), reason }.at(path);

        let zip = ZipArchive::new(BufReader::new(file.clone())).map_err(broken)?;
        if zip.len() > MAX_FILES {
            return Err(ErrorKind::TooManyFiles { count: zip.len(), limit: MAX_FILES }.at(path));
        }
        if zip.has_duplicate_names() {
            let mut reader = BufReader::new(file.clone());
            let name =
                repeated_name(&mut reader, zip.central_directory_start()).map_err(Error::read(path))?;
            return Err(refused(name.as_deref().unwrap_or_default(), "is there more than once".into()));
        }
        let names = (0..zip.len())
            .map(|number| Ok(name_of(&zip.by_index_data(number)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(broken)?;
        let Sorted { pictures, label_files, others, mut left_out, is_run } = archive::sort_out(&names);
        if is_run {
            return Err(ErrorKind::RunFolder.at(path));
        }
        for number in others {
            left_out.add_file(&names[number]);
        }
        let entries = |numbers: Vec<usize>, limit: u64| {
            let entry = |number: usize| {
                let name = &names[number];
                let entry = zip.by_index_data(number).map_err(broken)?;
                if entry.encrypted() {
                    return Err(refused(name, "is encrypted".into()));
                }
                if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
                    return Err(refused(name, "is neither stored nor deflated".into()));
                }
                if entry.size() > limit {
                    let reason = format!("inflates to {} bytes; {limit} are accepted", entry.size());
                    return Err(refused(name, reason));
                }
                Ok((name.clone(), OwnedZipFileEntry::from(entry)))
            };
            numbers.into_iter().map(entry).collect::<Result<Vec<_>, Error>>()
        };
        let mut found = entries(pictures, MAX_PICTURE_BYTES)?;
        let mut label_files = entries(label_files, dataset_json::MAX_BYTES)?;
        for files in [&mut found, &mut label_files] {
            files.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
            if let Some([(name, _), _]) = files.array_windows().find(|[(a, _), (b, _)]| a == b) {
                return Err(refused(name, "is there more than once".into()));
            }
        }
        let (names, pictures): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let (label_names, label_files): (Vec<_>, Vec<_>) = label_files.into_iter().unzip();
        let labels = dataset_json::find(&label_names, &names, |number| {
            read_entry(&file, &label_files[number], dataset_json::MAX_BYTES, true)
        });

        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan zip of pictures v1");
        fingerprint.update(&file.len().to_le_bytes());
        let label_file = labels.number.map(|number| (&label_names[number], &label_files[number]));
        for (name, entry) in names.iter().zip(&pictures).chain(label_file) {
            hash_text(&mut fingerprint, name.as_bytes());
            fingerprint.update(&entry.size().to_le_bytes()).update(&entry.crc32().to_le_bytes());
        }
        let listing = picture_files::listing(names, left_out, labels, &fingerprint);
        Ok(Self { file, pictures, listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        read_entry(&self.file, &self.pictures[index], MAX_PICTURE_BYTES, true)
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        read_entry(&self.file, &self.pictures[index], length, false)
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
fn repeated_name(reader: &mut BufReader<SharedFile>, start: u64) -> io::Result<Option<String>> {
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
    contents.take(end).read_to_end(&mut bytes).map_err(|e| system_reason(&e))?;
    match (bytes.len() as u64).cmp(&declared) {
        std::cmp::Ordering::Greater => Err(format!("inflates to more than the {declared} bytes it declares")),
        std::cmp::Ordering::Less if is_whole => Err("the file ends too early".into()),
        _ => Ok(bytes),
    }
}
