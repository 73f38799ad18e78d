//! What a file is that is no picture which is read, by its first bytes.

use stylegan_base::FileKind;

/// The beginnings of files that people take for pictures or save as such.
const BEGINNINGS: [(&[u8], &str); 11] = [
    (b"GIF8", "a GIF file"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cJXL \r\n", "a JPEG XL file"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 file"),
    (b"v/1\x01", "an OpenEXR file"),
    (b"#?RADIANCE", "a Radiance HDR file"),
    (b"\0\0\x01\0", "an icon file"),
    (b"FUJIFILMCCD-RAW", "a raw file of a camera"),
    (b"%PDF", "a PDF file"),
    (b"gimp xcf", "a GIMP file"),
];

/// Those of the kinds that may hold pictures.
pub(crate) const ARCHIVES: [&str; 6] =
    ["a gzip file", "a RAR file", "a 7z file", "a bzip2 file", "an xz file", "a zstd file"];

/// What begins like this, with its article; `None` if it is none of the kinds known here.
pub(super) fn kind(bytes: &[u8]) -> Option<&'static str> {
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Some(kind);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(match bytes.get(8..12)? {
            b"avif" | b"avis" => "an AVIF file",
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => "a HEIC file",
            b"crx " => "a raw file of a camera",
            _ => "a film",
        });
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).trim_start().to_lowercase();
    if text.contains("<svg") { Some("an SVG file") } else { FileKind::of(bytes).and_then(named) }
}

/// What the kinds are called that every room knows, of those that are taken for pictures or hold some.
fn named(kind: FileKind) -> Option<&'static str> {
    Some(match kind {
        FileKind::WebPage => "a web page",
        FileKind::LfsPointer => "a pointer of Git LFS, not the file itself",
        FileKind::Numpy => "a NumPy file",
        FileKind::Zip => "a zip file",
        FileKind::Packed("gzip") => "a gzip file",
        FileKind::Packed("bzip2") => "a bzip2 file",
        FileKind::Packed("xz") => "an xz file",
        FileKind::Packed("zstd") => "a zstd file",
        FileKind::Packed("7-Zip") => "a 7z file",
        FileKind::Packed("RAR") => "a RAR file",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_mistake_for_pictures_is_named() {
        for (bytes, expected) in [
            (&b"\0\0\0\x24ftypheic\0\0\0\0"[..], Some("a HEIC file")),
            (b"\0\0\0\x20ftypavif", Some("an AVIF file")),
            (b"\0\0\0\x20ftypisom", Some("a film")),
            (b"\0\0\0\x20ftyp", None),
            (b"<?xml version=\"1.0\"?>\n<svg width=\"9\">", Some("an SVG file")),
            (b"  <!DOCTYPE HTML>", Some("a web page")),
            (b"<html>404 not found</html>", Some("a web page")),
            (b"8BPS\0\x01", Some("a Photoshop file")),
            (b"hello, world", None),
            (b"", None),
        ] {
            assert_eq!(kind(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
