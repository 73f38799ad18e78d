//! Single pictures.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use image::DynamicImage;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

use crate::error::Error;
use crate::file::NewFile;

/// Writes a picture as a PNG file of its own channels, grey, RGB or RGBA, which is there as a whole or not at all.
///
/// # Errors
/// If the file exists and `overwrite` does not allow that, or it cannot be written.
pub fn save_png(path: &Path, picture: &DynamicImage, overwrite: bool) -> Result<(), Error> {
    save_png_with_texts(path, picture, &[], overwrite)
}

/// The same with a text chunk for each key of `texts`, which [`read_text`](crate::read_text) reads.
///
/// # Errors
/// As [`save_png`], and if a key or a text has characters beyond Latin-1, or a key not 1 to 79 of them.
pub fn save_png_with_texts(
    path: &Path,
    picture: &DynamicImage,
    texts: &[(&str, &str)],
    overwrite: bool,
) -> Result<(), Error> {
    let mut file = NewFile::create(path, overwrite)?;
    encode(&mut file, picture, texts).map_err(|e| file.error(e))?;
    file.finish()
}

/// The bytes of such a file.
///
/// # Errors
/// As [`save_png_with_texts`], but for the file.
pub fn png_bytes(picture: &DynamicImage, texts: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    encode(&mut bytes, picture, texts)?;
    Ok(bytes)
}

fn encode(file: impl Write, picture: &DynamicImage, texts: &[(&str, &str)]) -> Result<(), EncodingError> {
    let (color, samples) = match picture {
        DynamicImage::ImageLuma8(grey) => (ColorType::Grayscale, Cow::Borrowed(grey.as_raw())),
        DynamicImage::ImageRgb8(rgb) => (ColorType::Rgb, Cow::Borrowed(rgb.as_raw())),
        DynamicImage::ImageRgba8(rgba) => (ColorType::Rgba, Cow::Borrowed(rgba.as_raw())),
        other => (ColorType::Rgba, Cow::Owned(other.to_rgba8().into_raw())),
    };
    let mut encoder = Encoder::new(file, picture.width(), picture.height());
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    for &(key, text) in texts {
        encoder.add_text_chunk(key.to_owned(), text.to_owned())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&samples)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
    use stylegan_base::Hint;

    use super::*;

    #[test]
    fn a_picture_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        let color = RgbImage::from_fn(7, 4, |x, y| Rgb([(x * 30) as u8, (y * 60) as u8, 9]));
        let grey = GrayImage::from_fn(7, 4, |x, y| Luma([(x * 30 + y) as u8]));
        let cut_out = RgbaImage::from_fn(7, 4, |x, y| Rgba([(x * 30) as u8, 7, 9, (y * 60) as u8]));
        for picture in [DynamicImage::from(color), grey.into(), cut_out.into()] {
            save_png(&path, &picture, true).unwrap();
            assert_eq!(image::open(&path).unwrap(), picture);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let plain = folder.path().join("plain");
            fs::write(&plain, "").unwrap();
            let mode = |path| fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&plain));
        }
    }

    #[test]
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        let [first, second] =
            [1, 2].map(|shade| DynamicImage::from(RgbImage::from_pixel(4, 4, Rgb([shade; 3]))));
        save_png(&path, &first, true).unwrap();
        let error = save_png(&path, &second, false).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` exists; nothing was overwritten", path.display()));
        assert_eq!(error.hint(), None);
        assert_eq!(image::open(&path).unwrap(), first);
        save_png(&path, &second, true).unwrap();
        assert_eq!(image::open(&path).unwrap(), second);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let picture = DynamicImage::from(RgbImage::new(4, 4));
        let error = save_png(&folder.path().join("no/picture.png"), &picture, false).unwrap_err();
        assert!(error.to_string().starts_with("cannot write `"), "{error}");
        assert!(error.hint().unwrap().ends_with("no` must exist"));
        assert!(save_png(folder.path(), &picture, true).is_err());
        let error =
            save_png(&folder.path().join("empty.png"), &DynamicImage::new_rgb8(0, 0), false).unwrap_err();
        assert!(error.to_string().starts_with("cannot encode `"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
