//! From the bytes of a picture file to pixels.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage};
use stylegan_base::printable;

use super::kind::kind;
use crate::left_out::READ;
use crate::planes::interleave;

/// No camera makes larger pictures; a file that claims to is refused before anything is allocated for it.
const MAX_SIDE: u32 = 32_768;

/// What a decoded picture may take: 178 million pixels of RGB.
const MAX_DECODED_BYTES: u64 = 512 << 20;

/// Why a picture that was cut short cannot be read.
const ENDS_EARLY: &str = "the file ends too early";

/// A picture as it looks, with the channels and bits that its file has.
pub(crate) struct Decoded {
    pub(crate) picture: DynamicImage,
    /// Whether its colors were looked up in a palette.
    pub(crate) has_palette: bool,
    /// What its file is; none of what is kept as plain pixels.
    pub(crate) format: Option<ImageFormat>,
}

impl From<DynamicImage> for Decoded {
    fn from(picture: DynamicImage) -> Self {
        Self { picture, has_palette: false, format: None }
    }
}

impl Decoded {
    /// A picture that is kept as plain pixels: grey, RGB, or RGB with transparency.
    ///
    /// # Shapes
    /// - `planes`: `[channels, height, width]`
    pub(crate) fn from_planes([channels, height, width]: [u32; 3], planes: &[u8]) -> Result<Self, String> {
        check_side(width, height, u64::from(channels))?;
        let plane_bytes = width as usize * height as usize;
        if planes.len() != plane_bytes * channels as usize {
            return Err(format!("{} bytes are no {channels}x{height}x{width} pixels", planes.len()));
        }
        let samples = interleave(planes, channels as usize);
        let picture = match channels {
            1 => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
            3 => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
            4 => RgbaImage::from_raw(width, height, samples).map(DynamicImage::from),
            channels => return Err(format!("{channels} channels; 1, 3 and 4 are read")),
        };
        Ok(picture.ok_or("a picture without pixels")?.into())
    }
}

/// Refuses a picture without pixels, or with more than any camera makes.
fn check_side(width: u32, height: u32, bytes_per_pixel: u64) -> Result<(), String> {
    if width == 0 || height == 0 {
        return Err("a picture without pixels".into());
    }
    let bytes = (u64::from(width) * u64::from(height)).saturating_mul(bytes_per_pixel);
    if width.max(height) > MAX_SIDE || bytes > MAX_DECODED_BYTES {
        return Err(format!("{width}x{height} pixels, more than are accepted"));
    }
    Ok(())
}

/// Whether a file begins as one of the pictures that are read.
pub(super) fn is_picture(head: &[u8]) -> bool {
    image::guess_format(head).is_ok_and(is_read)
}

/// Width and height as it looks, from the head of the file alone.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let (mut decoder, _) = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    Ok(match decoder.orientation() {
        Ok(
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH,
        ) => (height, width),
        _ => (width, height),
    })
}

/// Decodes a picture and turns it the way its camera was held.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let (mut decoder, format) = decoder(bytes)?;
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err(ENDS_EARLY.into());
    }
    // A damaged EXIF block is no reason to lose the picture.
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder)
        .map_err(|e| if is_cut(format, bytes) { ENDS_EARLY.into() } else { decoder_reason(&e) })?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let has_palette = format == ImageFormat::Png && png_has_palette(bytes);
    Ok(Decoded { picture, has_palette, format: Some(format) })
}

fn decoder(bytes: &[u8]) -> Result<(impl ImageDecoder + '_, ImageFormat), String> {
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| printable(&e.to_string()))?;
    let format = match reader.format() {
        Some(format) if is_read(format) => format,
        _ if bytes.is_empty() => return Err("an empty file".into()),
        _ => {
            let kind =
                kind(bytes).map_or_else(|| "not a picture".into(), |kind| format!("{kind}, not {READ}"));
            return Err(kind);
        }
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let decoder = reader
        .into_decoder()
        .map_err(|e| if is_cut(format, bytes) { ENDS_EARLY.into() } else { decoder_reason(&e) })?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(format!("{width}x{height} pixels, more than are accepted"));
    }
    if width == 0 || height == 0 {
        return Err("a picture without pixels".into());
    }
    Ok((decoder, format))
}

fn is_read(format: ImageFormat) -> bool {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    matches!(format, Png | Jpeg | WebP | Bmp | Tiff)
}

fn decoder_reason(error: &image::ImageError) -> String {
    match error {
        image::ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => ENDS_EARLY.into(),
        _ => printable(error.to_string().trim_end()),
    }
}

/// Whether a file that cannot be decoded is shorter than it says.
fn is_cut(format: ImageFormat, bytes: &[u8]) -> bool {
    match format {
        ImageFormat::Jpeg => !jpeg_is_complete(bytes),
        // "RIFF", then the length of what follows.
        ImageFormat::WebP => bytes
            .get(4..8)
            .and_then(|length| length.try_into().ok())
            .is_none_or(|length| u64::from(u32::from_le_bytes(length)) + 8 > bytes.len() as u64),
        _ => false,
    }
}

/// Whether the picture data of a JPEG reach their end marker.
///
/// The decoder fills what is missing with grey instead of complaining.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    // Segment by segment to the picture data, past a thumbnail that may have an end marker of its own.
    while let Some(&[first, marker]) = bytes.get(at..at + 2) {
        match (first, marker) {
            (0xff, START_OF_SCAN) => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            (0xff, 0xff) => at += 1,
            (0xff, 0x01 | 0xd0..=0xd7) => at += 2,
            (0xff, _) => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            // Not laid out as expected, which the decoder judges better.
            _ => return true,
        }
    }
    false
}

/// The color type stands at a fixed place; the decoder hides it by looking the colors up.
fn png_has_palette(bytes: &[u8]) -> bool {
    bytes.get(12..16) == Some(b"IHDR") && bytes.get(25) == Some(&3)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};

    use super::*;

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, 90]));
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn pictures_keep_their_channels_and_bits() {
        let rgb = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 9]));
        let rgb = DynamicImage::from(rgb);
        let deep = DynamicImage::from(rgb.to_luma_alpha16());
        for expected in [rgb.clone(), rgb.to_luma8().into(), rgb.to_rgba8().into(), deep] {
            let Decoded { picture, has_palette, format } =
                decode(&encoded(&expected, ImageFormat::Png)).unwrap();
            assert_eq!((picture, has_palette, format), (expected, false, Some(ImageFormat::Png)));
        }
    }

    #[test]
    fn a_camera_held_upright_is_honored() {
        // Top half dark, bottom half bright; orientation 6 says to turn it clockwise: left bright, right dark.
        let picture = RgbImage::from_fn(24, 16, |_, y| Rgb([if y < 8 { 20 } else { 220 }; 3]));
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
        encoder.write_image(picture.as_raw(), 24, 16, ExtendedColorType::Rgb8).unwrap();
        let picture = decode(&bytes).unwrap().picture.into_rgb8();
        assert_eq!((picture.dimensions(), dimensions(&bytes)), ((16, 24), Ok((16, 24))));
        let row = &picture.as_raw()[8 * 16 * 3..];
        assert!(row[3] > 180 && row[14 * 3] < 60, "{} {}", row[3], row[14 * 3]);
    }

    #[test]
    fn truncated_pictures_of_every_format_are_errors() {
        let noisy =
            RgbImage::from_fn(40, 40, |x, y| Rgb([(x * y * 37) as u8, (x * 91) as u8, (y * 57) as u8]));
        let noisy = DynamicImage::from(noisy);
        let formats = [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff];
        for bytes in formats.map(|format| encoded(&noisy, format)).into_iter().chain([jpeg(40, 40)]) {
            assert!(decode(&bytes).is_ok());
            for percent in [0, 3, 10, 50, 90] {
                let reason = decode(&bytes[..bytes.len() * percent / 100]).err();
                let expected = if percent == 0 { "an empty file" } else { ENDS_EARLY };
                assert_eq!(reason.as_deref(), Some(expected), "{percent} % of {:?}", &bytes[..4]);
            }
        }
    }

    #[test]
    fn a_thumbnail_does_not_make_a_truncated_jpeg_whole() {
        let bytes = jpeg(40, 40);
        let mut with_thumbnail = bytes[..2].to_vec();
        with_thumbnail.extend([0xff, 0xe5, 0, 6, 1, 0xff, 0xd9, 2]);
        with_thumbnail.extend(&bytes[2..]);
        assert!(jpeg_is_complete(&with_thumbnail));
        assert!(!jpeg_is_complete(&with_thumbnail[..with_thumbnail.len() - 40]));
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_refused() {
        let mut bytes = encoded(&RgbImage::new(8, 8).into(), ImageFormat::Png);
        for (claimed, at) in [(60_000u32, 16), (30_000, 16)] {
            bytes[at..at + 4].copy_from_slice(&claimed.to_be_bytes());
            bytes[20..24].copy_from_slice(&30_000u32.to_be_bytes());
            // The checksum of the head, so that only its claim is wrong.
            let checksum = crc32(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
            let reason = decode(&bytes).err().unwrap();
            assert!(reason.contains("30000 pixels") || reason.contains("imit"), "{reason}");
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    }

    #[test]
    fn planes_become_a_picture() {
        // 2 high, 3 wide.
        let planes: Vec<u8> = (0..24).collect();
        let of = |channels: u32| Decoded::from_planes([channels, 2, 3], &planes[..6 * channels as usize]);
        let grey = of(1).unwrap().picture.into_luma8();
        assert_eq!((grey.dimensions(), grey.get_pixel(2, 1).0), ((3, 2), [5]));
        assert_eq!(of(3).unwrap().picture.into_rgb8().get_pixel(1, 1).0, [4, 10, 16]);
        assert_eq!(of(4).unwrap().picture.into_rgba8().get_pixel(0, 1).0, [3, 9, 15, 21]);
        assert_eq!(of(2).err().unwrap(), "2 channels; 1, 3 and 4 are read");
        let reason = |shape, planes: &[u8]| Decoded::from_planes(shape, planes).err().unwrap();
        assert_eq!(reason([3, 2, 5], &planes), "24 bytes are no 3x2x5 pixels");
        assert_eq!(reason([3, 0, 4], &[]), "a picture without pixels");
        assert!(reason([u32::MAX; 3], &[]).ends_with("more than are accepted"));
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        assert_eq!(decode(b"").err().unwrap(), "an empty file");
        assert_eq!(decode(b"hello, world").err().unwrap(), "not a picture");
        assert_eq!(decode(b"GIF89a......").err().unwrap(), "a GIF file, not PNG, JPEG, WebP, BMP or TIFF");
    }
}
