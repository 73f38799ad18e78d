//! Texts inside pictures.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use png::{Decoder, DecodingError, Limits};

use crate::error::{Error, FileErrorKind};

/// Bytes that everything before the pixels of a picture and one row of these may take, and a compressed text when it is
/// unpacked. A grid of a thousand pictures of 1024 pixels side by side has rows of 3 MB.
const LIMIT_BYTES: usize = 16 << 20;

/// The text of this key in a PNG file, from any of the three kinds of text chunks before the pixels.
///
/// A hostile file costs no more than some MiB of memory; its pixels are not looked at.
///
/// # Errors
/// If there is no such file, or it is no PNG file.
pub fn read_text(path: &Path, key: &str) -> Result<Option<String>, Error> {
    let failed = |error| FileErrorKind::Read(error).at(path);
    // Opening a pipe would wait for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    let file = BufReader::new(File::open(path).map_err(failed)?);
    text(file, key).map_err(|error| match error {
        DecodingError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => failed(error),
        error => FileErrorKind::Decode(error).at(path),
    })
}

fn text(file: BufReader<File>, key: &str) -> Result<Option<String>, DecodingError> {
    let reader = Decoder::new_with_limits(file, Limits { bytes: LIMIT_BYTES }).read_info()?;
    let info = reader.info();
    if let Some(chunk) = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == key) {
        return Ok(Some(chunk.text.clone()));
    }
    if let Some(chunk) = info.compressed_latin1_text.iter().find(|chunk| chunk.keyword == key) {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(LIMIT_BYTES)?;
        return chunk.get_text().map(Some);
    }
    let Some(chunk) = info.utf8_text.iter().find(|chunk| chunk.keyword == key) else { return Ok(None) };
    let mut chunk = chunk.clone();
    chunk.decompress_text_with_limit(LIMIT_BYTES)?;
    chunk.get_text().map(Some)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use image::{DynamicImage, RgbImage};
    use png::Encoder;

    use super::*;
    use crate::error::FileError;
    use crate::save_png_with_texts;

    fn kind<T>(result: Result<T, Error>) -> Option<FileErrorKind> {
        match result {
            Err(Error::File(FileError { kind, .. })) => Some(kind),
            _ => None,
        }
    }

    /// A file with a picture of one pixel, to which `add` adds.
    fn picture(folder: &tempfile::TempDir, add: impl FnOnce(&mut Encoder<'_, File>)) -> PathBuf {
        let path = folder.path().join("picture.png");
        let mut encoder = Encoder::new(File::create(&path).unwrap(), 1, 1);
        add(&mut encoder);
        encoder.write_header().unwrap().write_image_data(&[7]).unwrap();
        path
    }

    #[test]
    fn texts_come_back_and_the_pixels_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        let pixels = RgbImage::from_fn(7, 4, |x, y| image::Rgb([(x * 30) as u8, (y * 60) as u8, 9]));
        let pixels = DynamicImage::from(pixels);
        let texts = [("Software", "a program"), ("key", "{\"psi\":0.7}"), ("empty", "")];
        save_png_with_texts(&path, &pixels, &texts, false).unwrap();
        for (key, text) in texts {
            assert_eq!(read_text(&path, key).unwrap().as_deref(), Some(text));
        }
        assert_eq!(read_text(&path, "other").unwrap(), None);
        assert_eq!(image::open(&path).unwrap(), pixels);
        assert!(save_png_with_texts(&path, &pixels, &[("key", "\u{4e00}")], true).is_err());
        assert_eq!(image::open(&path).unwrap(), pixels);
    }

    #[test]
    fn other_programs_kinds_of_texts_are_read_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = picture(&folder, |encoder| {
            encoder.add_ztxt_chunk("packed".to_owned(), "a".repeat(1000)).unwrap();
            encoder.add_itxt_chunk("international".to_owned(), "\u{4e00}".to_owned()).unwrap();
        });
        assert_eq!(read_text(&path, "packed").unwrap(), Some("a".repeat(1000)));
        assert_eq!(read_text(&path, "international").unwrap().as_deref(), Some("\u{4e00}"));
    }

    #[test]
    fn what_is_too_large_is_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let long = "a".repeat(LIMIT_BYTES + 1);
        let path = picture(&folder, |encoder| {
            encoder.add_ztxt_chunk("key".to_owned(), long.clone()).unwrap();
        });
        assert!(fs::metadata(&path).unwrap().len() < LIMIT_BYTES as u64 / 64, "the text is a bomb");
        assert!(matches!(kind(read_text(&path, "key")), Some(FileErrorKind::Decode(_))));
        let path = picture(&folder, |encoder| encoder.add_text_chunk("key".to_owned(), long).unwrap());
        assert!(!matches!(read_text(&path, "key"), Ok(Some(_))));
    }

    #[test]
    fn what_is_no_picture_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for path in [&folder.path().join("missing.png"), folder.path()] {
            assert!(matches!(kind(read_text(path, "key")), Some(FileErrorKind::Read(_))));
        }
        let path =
            picture(&folder, |encoder| encoder.add_text_chunk("key".to_owned(), "text".to_owned()).unwrap());
        let whole = fs::read(&path).unwrap();
        // A file that is cut short or changed is an error or has its text, and never a panic.
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            if let Ok(text) = read_text(&path, "key") {
                assert_eq!(text.as_deref(), Some("text"));
            }
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 0x55;
            fs::write(&path, changed).unwrap();
            let _ = read_text(&path, "key");
        }
    }
}
