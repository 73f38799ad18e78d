//! What a file is, by its first bytes.

use std::fmt;

/// A kind of file that people take for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// Nothing at all.
    Empty,
    /// HTML, mostly in place of a download that was refused.
    WebPage,
    /// What Git keeps in place of a large file.
    LfsPointer,
    /// A file packed as a whole, by this program.
    Packed(&'static str),
    /// One array of `NumPy`.
    Numpy,
    /// HDF5, which Keras and MATLAB write.
    Hdf5,
    /// Tensors of safetensors.
    Safetensors,
    /// A zip archive.
    Zip,
    /// A Python pickle.
    Pickle,
    /// A PNG picture.
    Png,
}

impl FileKind {
    /// The kind that the first bytes of a file tell, if it is one of these.
    pub fn of(start: &[u8]) -> Option<Self> {
        const SIGNATURES: [(&[u8], FileKind); 14] = [
            (b"version https://git-lfs.github.com/spec/", FileKind::LfsPointer),
            (b"\x1f\x8b", FileKind::Packed("gzip")),
            (b"BZh", FileKind::Packed("bzip2")),
            (b"\xfd7zXZ\0", FileKind::Packed("xz")),
            (b"\x28\xb5\x2f\xfd", FileKind::Packed("zstd")),
            (b"7z\xbc\xaf\x27\x1c", FileKind::Packed("7-Zip")),
            (b"Rar!\x1a\x07", FileKind::Packed("RAR")),
            (b"\x93NUMPY", FileKind::Numpy),
            (b"\x89HDF\r\n\x1a\n", FileKind::Hdf5),
            (b"PK\x03\x04", FileKind::Zip),
            // An archive without entries.
            (b"PK\x05\x06", FileKind::Zip),
            (b"\x89PNG", FileKind::Png),
            (b"\x80\x02", FileKind::Pickle),
            (b"\x80\x03", FileKind::Pickle),
        ];
        if start.is_empty() {
            return Some(Self::Empty);
        }
        // Before the signatures: its first bytes are a length, which may be those of any of them.
        if let Some((length, [b'{', ..])) = start.split_first_chunk()
            && u64::from_le_bytes(*length) < 1 << 32
        {
            return Some(Self::Safetensors);
        }
        if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)) {
            return Some(*kind);
        }
        if let [0x80, 4 | 5, ..] = start {
            return Some(Self::Pickle);
        }
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let begins =
            |tag: &str| text.get(..tag.len()).is_some_and(|text| text.eq_ignore_ascii_case(tag.as_bytes()));
        ["<!doctype html", "<html", "<head"].into_iter().any(begins).then_some(Self::WebPage)
    }
}

/// The kind with its article, so that `is …` can stand before it.
impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::WebPage => "a web page",
            Self::LfsPointer => "a Git LFS pointer",
            Self::Packed(program) => return write!(f, "packed by {program}"),
            Self::Numpy => "a NumPy file",
            Self::Hdf5 => "an HDF5 file",
            Self::Safetensors => "a safetensors file",
            Self::Zip => "a zip archive",
            Self::Pickle => "a Python pickle",
            Self::Png => "a PNG picture",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        for (start, words) in [
            (&b""[..], "empty"),
            (b"\xef\xbb\xbf\r\n <!DocType html><title>", "a web page"),
            (b"<html lang=\"en\">", "a web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "a Git LFS pointer"),
            (b"\x1f\x8b\x08\x08", "packed by gzip"),
            (b"\x93NUMPY\x01\0", "a NumPy file"),
            (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
            (b"PK\x03\x04\x14", "a zip archive"),
            (b"\x80\x05\x95", "a Python pickle"),
            (b"\x10\0\0\0\0\0\0\0{\"", "a safetensors file"),
            (b"\x80\x02\0\0\0\0\0\0{\"", "a safetensors file"),
        ] {
            assert_eq!(FileKind::of(start).map(|kind| kind.to_string()).as_deref(), Some(words));
        }
        for start in [&b"<!doctype svg>"[..], b"hello", b"\x80\x06", b"\x80"] {
            assert_eq!(FileKind::of(start), None);
        }
    }
}
