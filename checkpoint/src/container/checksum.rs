//! The checksum of a file.

use std::io::{self, Write};

use super::header::{Entry, Texts};

/// Where the checksum stands in the metadata.
pub(crate) const CHECKSUM: &str = "checksum";

/// BLAKE3 over everything that a file says: each of the metadata but the checksum itself, the name, type, shape and
/// place of each tensor, and, written into it, the tensors' bytes.
pub(super) struct Checksum(blake3::Hasher);

impl Checksum {
    pub(super) fn of_header(texts: &Texts, mut entries: Vec<Entry<'_>>) -> Self {
        let mut sum = Self(blake3::Hasher::new_derive_key("stylegan checkpoint, checksum of version 2"));
        for (key, text) in texts.iter().filter(|(key, _)| *key != CHECKSUM) {
            sum.text(key);
            sum.text(text);
        }
        entries.sort_by_key(|entry| entry.name);
        sum.number(entries.len());
        for Entry { name, dtype, shape, offsets: (start, end) } in entries {
            sum.text(name);
            sum.text(&dtype.to_string());
            sum.number(shape.len());
            for &number in shape.iter().chain([&start, &end]) {
                sum.number(number);
            }
        }
        sum
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_le_bytes());
    }

    /// The checksum if these are the last of the tensors' bytes.
    pub(super) fn finish_with(mut self, bytes: &[u8]) -> String {
        self.0.update(bytes);
        self.finish()
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
