//! `TFRecord` files: byte strings one after the other, each with its length and checksums.
//!
//! A record is its length as `u64`, a checksum of these 8 bytes, the bytes, and a checksum of them; all numbers are little
//! endian, and checksums are CRC32C, rotated and shifted so that a checksum of a checksum tells something
//! (<https://www.tensorflow.org/tutorials/load_data/tfrecord>).

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::readers::picture_files::{MAX_FILES, system_reason};
use crate::shared_file::{SharedFile, read_exact_at};

/// What a file of them is called, with its article.
pub(super) const FORM: &str = "a TFRecord file";

/// The largest record that is read: room for 4096x4096 pixels with transparency.
const MAX_RECORD_BYTES: u64 = (64 << 20) + 1024;

/// Length and its checksum.
const HEADER_BYTES: u64 = 12;
/// The checksum of the bytes.
const FOOTER_BYTES: u64 = 4;

/// A file of records, and where in it they are.
#[derive(Debug)]
pub(crate) struct Records {
    file: SharedFile,
    spans: Vec<Span>,
}

/// The bytes of one record.
#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    length: u32,
    checksum: u32,
}

impl Records {
    /// Finds the records of a file by going from header to header; what is in them is not read.
    ///
    /// # Errors
    /// If the file cannot be read, a length has another checksum, or records are too large, too many, or end after the file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).and_then(SharedFile::new).map_err(Error::read(path))?;
        let mut spans: Vec<Span> = Vec::new();
        let mut at = 0;
        while at < file.len() {
            let number = spans.len();
            let broken = |what: &str| Error::container(path, FORM, &format!("its record {number} {what}"));
            if number == MAX_FILES {
                return Err(ErrorKind::TooManyFiles { count: number + 1, limit: MAX_FILES }.at(path));
            }
            let offset = at + HEADER_BYTES;
            if offset > file.len() {
                return Err(broken("ends after the file does"));
            }
            let length = length_at(&file, at).map_err(Error::read(path))?;
            let length = length.ok_or_else(|| broken("has a length that is not that of its checksum"))?;
            if length > MAX_RECORD_BYTES {
                return Err(broken(&format!("is {length} bytes long; {MAX_RECORD_BYTES} are accepted")));
            }
            at = offset + length + FOOTER_BYTES;
            if at > file.len() {
                return Err(broken("ends after the file does"));
            }
            let mut checksum = [0; FOOTER_BYTES as usize];
            read_exact_at(file.file(), &mut checksum, offset + length).map_err(Error::read(path))?;
            spans.push(Span { offset, length: length as u32, checksum: u32::from_le_bytes(checksum) });
        }
        Ok(Self { file, spans })
    }

    /// Whether a file begins with the header of a record.
    pub(crate) fn recognizes(head: &[u8]) -> bool {
        head.split_first_chunk().is_some_and(|(header, _)| length_in(header).is_some())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// How many bytes a record has.
    pub(crate) fn length(&self, index: usize) -> u32 {
        self.spans[index].length
    }

    /// The bytes of a record, which are those of its checksum.
    pub(crate) fn read(&self, index: usize) -> Result<Vec<u8>, String> {
        let Span { offset, length, checksum } = self.spans[index];
        let mut bytes = vec![0; length as usize];
        read_exact_at(self.file.file(), &mut bytes, offset).map_err(|e| system_reason(&e))?;
        if masked_crc32c(&bytes) == checksum { Ok(bytes) } else { Err("a wrong checksum".into()) }
    }

    /// Adds the lengths and checksums of all records to a hash.
    pub(crate) fn hash(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&(self.len() as u64).to_le_bytes());
        for Span { length, checksum, .. } in &self.spans {
            hasher.update(&length.to_le_bytes()).update(&checksum.to_le_bytes());
        }
    }
}

/// The length of the record that begins there; `None` if its checksum is another.
fn length_at(file: &SharedFile, at: u64) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER_BYTES as usize];
    read_exact_at(file.file(), &mut header, at)?;
    Ok(length_in(&header))
}

fn length_in(header: &[u8; HEADER_BYTES as usize]) -> Option<u64> {
    let (length, checksum) = header.split_first_chunk()?;
    (masked_crc32c(length).to_le_bytes() == *checksum).then(|| u64::from_le_bytes(*length))
}

/// Writes one record.
pub(crate) fn write_record(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked_crc32c(&length).to_le_bytes())?;
    out.write_all(bytes)?;
    out.write_all(&masked_crc32c(bytes).to_le_bytes())
}

fn masked_crc32c(bytes: &[u8]) -> u32 {
    const DELTA: u32 = 0xa282_ead8;
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(DELTA)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn opened(bytes: &[u8]) -> Result<Records, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tfrecords");
        fs::write(&path, bytes).unwrap();
        Records::open(&path).map_err(|error| error.to_string())
    }

    fn file(records: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in records {
            write_record(&mut bytes, record).unwrap();
        }
        bytes
    }

    #[test]
    fn records_are_found_and_read() {
        let bytes = file(&[b"one", b"", b"three"]);
        let records = opened(&bytes).unwrap();
        let read: Vec<_> = (0..records.len()).map(|index| records.read(index).unwrap()).collect();
        assert_eq!(read, [&b"one"[..], b"", b"three"]);
        assert!(Records::recognizes(&bytes) && !Records::recognizes(&bytes[1..]));
        assert_eq!(opened(b"").unwrap().len(), 0);
    }

    #[test]
    fn the_checksum_is_that_of_the_format() {
        // Of the length of the first record of a file that TensorFlow wrote.
        assert_eq!(masked_crc32c(&50_u64.to_le_bytes()), 0xec56_1924);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let whole = file(&[b"one", b"three"]);
        for end in 1..whole.len() {
            let result = opened(&whole[..end]);
            // Cut between two records, it is a shorter file.
            assert_eq!(result.is_ok(), end == 19, "{end}");
        }
        let mut bytes = whole.clone();
        bytes[13] ^= 1;
        assert_eq!(opened(&bytes).unwrap().read(0).unwrap_err(), "a wrong checksum");
        bytes.clone_from(&whole);
        bytes[19] ^= 1;
        assert!(
            opened(&bytes)
                .unwrap_err()
                .ends_with("its record 1 has a length that is not that of its checksum")
        );
        let length = u64::MAX.to_le_bytes();
        let huge = [&length[..], &masked_crc32c(&length).to_le_bytes()].concat();
        assert!(opened(&huge).unwrap_err().contains("its record 0 is 18446744073709551615 bytes long"));
    }
}
