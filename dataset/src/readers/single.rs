//! A picture by itself, which is no source.

use std::fs::File;
use std::io::{ErrorKind as IoErrorKind, Read as _};
use std::path::Path;

use image::DynamicImage;

use super::decode;
use crate::error::{Error, ErrorKind};

/// More bytes than any picture has that is read: one of 512 MiB of pixels, not compressed at all.
const MAX_FILE_BYTES: u64 = 600 << 20;

/// Reads a picture of any of the kinds that sources hold, turned the way its camera was held; its channels are its own. Also
/// returns the first 16 hexadecimal digits of the file's BLAKE3 hash.
///
/// # Errors
/// If there is no such file, or it is no picture that is read.
pub fn read_picture(path: &Path) -> Result<(DynamicImage, String), Error> {
    let refused = |reason: String| ErrorKind::Picture { reason }.at(path);
    let metadata = path.metadata().map_err(|error| match error.kind() {
        IoErrorKind::NotFound => ErrorKind::NotFound.at(path),
        _ => Error::read(path)(error),
    })?;
    // A pipe would be waited for without end.
    if !metadata.is_file() {
        return Err(refused("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::read(path))?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(Error::read(path))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(refused(format!("it has more than {} MiB", MAX_FILE_BYTES >> 20)));
    }
    let decoded = decode::decode(&bytes).map_err(refused)?;
    Ok((decoded.picture, stylegan_base::short_hash(&bytes)))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn a_picture_is_read_and_what_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = RgbImage::from_pixel(5, 3, Rgb([1, 2, 3]));
        picture.save(&path).unwrap();
        let (read, hash) = read_picture(&path).unwrap();
        assert_eq!(read.into_rgb8(), picture);
        assert_eq!(hash, stylegan_base::short_hash(&std::fs::read(&path).unwrap()));

        let text = folder.path().join("b.png");
        std::fs::write(&text, "no picture at all").unwrap();
        let refused = |path: &Path| read_picture(path).unwrap_err().to_string();
        assert!(
            refused(&text).ends_with("b.png` cannot be read as a picture: not a picture"),
            "{}",
            refused(&text)
        );
        assert!(refused(folder.path()).ends_with("it is no file"), "{}", refused(folder.path()));
        assert!(refused(&folder.path().join("c.png")).contains("c.png"));
    }
}
