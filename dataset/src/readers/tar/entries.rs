//! The entries of a tar file: what they are called, and where their bytes are.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use ::tar::{Archive, EntryType, PaxExtensions};
use stylegan_base::printable;

use crate::error::{Error, ErrorKind};
use crate::readers::picture_files::MAX_FILES;
use crate::shared_file::SharedFile;

/// What such a file is called, with its article.
const FORM: &str = "a tar file";

/// The longest name that is read, and what else may stand with it.
const MAX_NAME_BYTES: u64 = 64 << 10;

/// One file in a tar file.
#[derive(Debug)]
pub(super) struct Entry {
    /// With `/` between its parts, fit to be shown; that of a folder ends in it.
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Lists the files of a tar file by going from header to header.
///
/// Links and devices lead out of the file, and sparse files are not stored as they are: they have no bytes here.
pub(super) fn list(path: &Path) -> Result<(SharedFile, Vec<Entry>), Error> {
    let file = File::open(path).and_then(SharedFile::new).map_err(Error::read(path))?;
    let broken = |e: std::io::Error| Error::container(path, FORM, &e.to_string());
    let mut entries = Vec::new();
    // Names that are too long for a header stand in an entry of their own before the one that they are of.
    let mut long_name = None;
    let mut archive = Archive::new(BufReader::with_capacity(1 << 12, file.clone()));
    for (number, entry) in archive.entries_with_seek().map_err(broken)?.raw(true).enumerate() {
        if number >= 2 * MAX_FILES {
            return Err(ErrorKind::TooManyFiles { count: number, limit: MAX_FILES }.at(path));
        }
        let mut entry = entry.map_err(broken)?;
        let (offset, length) = (entry.raw_file_position(), entry.size());
        let kind = entry.header().entry_type();
        let own_name = String::from_utf8_lossy(&entry.path_bytes()).replace('\\', "/");
        let refused = |reason: String| ErrorKind::Entry { entry: printable(&own_name), reason }.at(path);
        if offset.checked_add(length).is_none_or(|end| end > file.len()) {
            return Err(refused("ends after the file does".into()));
        }
        match kind {
            EntryType::GNULongName | EntryType::XHeader => {
                if length > MAX_NAME_BYTES {
                    return Err(refused(format!(
                        "is a name of {length} bytes; {MAX_NAME_BYTES} are accepted"
                    )));
                }
                let mut bytes = Vec::new();
                entry.by_ref().take(MAX_NAME_BYTES).read_to_end(&mut bytes).map_err(broken)?;
                if kind == EntryType::XHeader {
                    let extended = Extended::parse(&bytes, path)?;
                    if extended.has_size {
                        return Err(refused("gives the next entry a size of its own".into()));
                    }
                    long_name = extended.name.or(long_name);
                } else {
                    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                    long_name = Some(String::from_utf8_lossy(&bytes[..end]).into_owned());
                }
            }
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {
                let mut name = printable(&long_name.take().unwrap_or(own_name));
                if kind == EntryType::Directory && !name.ends_with('/') {
                    name.push('/');
                }
                entries.push(Entry { name: name.trim_start_matches("./").to_owned(), offset, length });
            }
            _ => long_name = None,
        }
    }
    Ok((file, entries))
}

/// What a header of POSIX says of the next entry.
struct Extended {
    name: Option<String>,
    has_size: bool,
}

impl Extended {
    fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let mut found = Self { name: None, has_size: false };
        for extension in PaxExtensions::new(bytes) {
            let extension = extension.map_err(|e| Error::container(path, FORM, &e.to_string()))?;
            match extension.key_bytes() {
                b"path" => found.name = Some(String::from_utf8_lossy(extension.value_bytes()).into_owned()),
                b"size" => found.has_size = true,
                _ => {}
            }
        }
        Ok(found)
    }
}
