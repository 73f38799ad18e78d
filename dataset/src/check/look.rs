//! What is kept of a picture that was looked at: a hundred bytes, whatever its size.

use fast_image_resize::Resizer;
use image::{DynamicImage, ImageFormat};
use stylegan_base::Resolution;

use super::bars::bars;
use super::light::Light;
use super::thumbnail::Thumbnail;
use crate::channels::Channels;
use crate::pack::pixels::Pixels;
use crate::readers::Decoded;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// Of its size and all of its samples.
    pub(super) digest: [u8; 16],
    pub(super) thumbnail: Thumbnail,
    pub(super) light: Light,
    /// No picture that is read is wider or higher.
    pub(super) width: u16,
    pub(super) height: u16,
    /// The share of it, of 255, that bars at two edges take.
    pub(super) bars: u8,
    pub(super) format: Option<ImageFormat>,
    /// Of a sample.
    pub(super) bits: u8,
    /// Whether its file has channels for colors.
    pub(super) has_color_channels: bool,
    /// Whether a pixel is not grey.
    pub(super) has_color: bool,
    /// Whether something can be seen through it.
    pub(super) is_transparent: bool,
}

impl Look {
    pub(super) fn at(decoded: Decoded, resizer: &mut Resizer) -> Result<Self, String> {
        let (picture, format) = (&decoded.picture, decoded.format);
        let [width, height] =
            [picture.width(), picture.height()].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
        let color = picture.color();
        let (digest, is_transparent) = (digest(picture), is_transparent(picture));
        let (pixels, _) = Pixels::of(decoded, Channels::Rgb);
        Ok(Self {
            digest,
            thumbnail: Thumbnail::of(&pixels, resizer)?,
            light: Light::of(&pixels.samples),
            width,
            height,
            bars: bars(&pixels.samples, Resolution { width: pixels.width, height: pixels.height }),
            format,
            bits: 8 * (color.bytes_per_pixel() / color.channel_count().max(1)),
            has_color_channels: color.has_color(),
            has_color: pixels.has_color(),
            is_transparent,
        })
    }

    pub(super) fn size(&self) -> Resolution {
        Resolution { width: self.width.into(), height: self.height.into() }
    }

    /// How many times as long as its shorter side its longer one is.
    pub(super) fn elongation(&self) -> f32 {
        let [width, height] = [self.width, self.height].map(f32::from);
        width.max(height) / width.min(height).max(1.0)
    }
}

fn digest(picture: &DynamicImage) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let color = picture.color();
    hasher.update(&picture.width().to_le_bytes()).update(&picture.height().to_le_bytes());
    hasher.update(&[color.channel_count(), color.bytes_per_pixel()]).update(picture.as_bytes());
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

fn is_transparent(picture: &DynamicImage) -> bool {
    use DynamicImage::{ImageLumaA8, ImageLumaA16, ImageRgba8, ImageRgba16, ImageRgba32F};
    match picture {
        ImageLumaA8(picture) => picture.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        ImageLumaA16(picture) => picture.pixels().any(|pixel| pixel.0[1] < u16::MAX),
        ImageRgba8(picture) => picture.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        ImageRgba16(picture) => picture.pixels().any(|pixel| pixel.0[3] < u16::MAX),
        ImageRgba32F(picture) => picture.pixels().any(|pixel| pixel.0[3] < 1.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn look(picture: impl Into<DynamicImage>) -> Look {
        Look::at(picture.into().into(), &mut Resizer::new()).unwrap()
    }

    #[test]
    fn a_look_is_small() {
        assert!(size_of::<Option<Look>>() <= 120, "{}", size_of::<Option<Look>>());
    }

    #[test]
    fn channels_and_bits_are_those_that_count() {
        let grey = look(RgbImage::from_fn(9, 7, |x, _| Rgb([20 * x as u8; 3])));
        assert!(grey.has_color_channels && !grey.has_color && !grey.is_transparent);
        assert_eq!((grey.width, grey.height, grey.bits), (9, 7, 8));
        let opaque = look(RgbaImage::from_fn(9, 7, |x, _| Rgba([20 * x as u8, 5, 9, 255])));
        assert!(opaque.has_color && !opaque.is_transparent);
        let cut_out = GrayAlphaImage::from_fn(9, 7, |x, _| LumaA([20 * x as u8, 254]));
        let deep = look(DynamicImage::from(cut_out.clone()).into_luma_alpha16());
        assert!(deep.is_transparent && !deep.has_color_channels && deep.bits == 16);
        assert!(look(cut_out).is_transparent);
    }

    #[test]
    fn digests_are_of_size_and_samples() {
        let of = |width, height| look(RgbImage::from_fn(width, height, |_, _| Rgb([1, 2, 3]))).digest;
        assert_eq!(of(4, 6), of(4, 6));
        assert_ne!(of(4, 6), of(6, 4));
    }
}
