//! A picture with the channels that a pack has.

use image::{DynamicImage, RgbImage};
use serde::{Deserialize, Serialize};

use crate::channels::Channels;
use crate::readers::Decoded;

/// How many pictures had other channels or bits than the pack and have been converted, by what they were; one can count
/// several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Converted {
    /// Grey pictures: the value in all three channels.
    pub grey: usize,
    /// Pictures with colors: their luminance alone.
    pub color: usize,
    /// Pictures with a palette: each pixel's color looked up.
    pub palette: usize,
    /// Pictures of 16 bits a channel: rounded to 8.
    pub sixteen_bit: usize,
    /// Pictures with transparency: composed onto white.
    pub alpha: usize,
}

impl Converted {
    /// Whether nothing had to be converted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.grey += other.grey;
        self.color += other.color;
        self.palette += other.palette;
        self.sixteen_bit += other.sixteen_bit;
        self.alpha += other.alpha;
    }
}

/// A picture as the networks see it.
pub(crate) struct Pixels {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: Channels,
    /// `[height, width, channels]`
    pub(crate) samples: Vec<u8>,
}

impl Pixels {
    /// The picture with these channels, and what had to be done for that.
    pub(crate) fn of(Decoded { picture, has_palette, .. }: Decoded, channels: Channels) -> (Self, Converted) {
        let color = picture.color();
        let (has_color, has_alpha) = (color.has_color(), color.has_alpha());
        let converted = Converted {
            grey: usize::from(!has_color && channels != Channels::Grey),
            color: usize::from(has_color && channels == Channels::Grey),
            palette: usize::from(has_palette),
            sixteen_bit: usize::from(color.bytes_per_pixel() / color.channel_count() > 1),
            alpha: usize::from(has_alpha && channels != Channels::Rgba),
        };
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let opaque = |picture: DynamicImage| if has_alpha { onto_white(picture).into() } else { picture };
        let samples = match channels {
            Channels::Grey => opaque(picture).into_luma8().into_raw(),
            Channels::Rgb => opaque(picture).into_rgb8().into_raw(),
            Channels::Rgba => times_alpha(picture),
        };
        (Self { width, height, channels, samples }, converted)
    }

    /// Whether a pixel is not grey.
    pub(crate) fn has_color(&self) -> bool {
        let is_grey = |pixel: &[u8]| matches!(pixel, [red, green, blue, ..] if red == green && green == blue);
        self.channels != Channels::Grey && !self.samples.chunks_exact(self.channels.count()).all(is_grey)
    }
}

/// `value · share / 255`, rounded.
fn share_of(value: u32, share: u32) -> u32 {
    (value * share + 127) / 255
}

fn onto_white(picture: DynamicImage) -> RgbImage {
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    let mut rgb = RgbImage::new(width, height);
    for (pixel, source) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = source.0.map(u32::from);
        pixel.0 = [red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    rgb
}

/// `[height, width, 4]`, colors times alpha.
fn times_alpha(picture: DynamicImage) -> Vec<u8> {
    let mut samples = picture.into_rgba8().into_raw();
    for pixel in samples.chunks_exact_mut(4) {
        if let [colors @ .., alpha] = pixel {
            for color in colors {
                *color = share_of((*color).into(), (*alpha).into()) as u8;
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, Rgba, RgbaImage};

    use super::*;

    fn of(picture: impl Into<DynamicImage>, channels: Channels) -> (Vec<u8>, Converted) {
        let (Pixels { samples, .. }, converted) = Pixels::of(picture.into().into(), channels);
        (samples, converted)
    }

    #[test]
    fn what_has_the_channels_stays_as_it_is() {
        let rgb = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 9]));
        assert_eq!(of(rgb.clone(), Channels::Rgb), (rgb.into_raw(), Converted::default()));
        let grey = GrayImage::from_fn(5, 3, |x, y| Luma([(x * y) as u8]));
        assert_eq!(of(grey.clone(), Channels::Grey), (grey.into_raw(), Converted::default()));
        let rgba = RgbaImage::from_fn(5, 3, |x, y| Rgba([x as u8, y as u8, 9, 255]));
        assert_eq!(of(rgba.clone(), Channels::Rgba), (rgba.into_raw(), Converted::default()));
    }

    #[test]
    fn transparency_becomes_white() {
        let picture = GrayAlphaImage::from_fn(8, 9, |x, _| LumaA([100, if x < 4 { 0 } else { 51 }]));
        let (samples, converted) = of(picture.clone(), Channels::Rgb);
        assert_eq!(samples[..3], [255; 3]);
        // One fifth of 100 and four fifths of white.
        assert_eq!(samples[12..15], [224; 3]);
        assert_eq!(converted, Converted { grey: 1, alpha: 1, ..Converted::default() });
        let (samples, converted) = of(picture, Channels::Grey);
        assert_eq!(samples[3..5], [255, 224]);
        assert_eq!(converted, Converted { alpha: 1, ..Converted::default() });
    }

    #[test]
    fn transparency_stays_where_it_is_asked_for() {
        let picture = RgbaImage::from_fn(3, 2, |x, _| Rgba([200, 100, 50, [0, 51, 255][x as usize]]));
        let (samples, converted) = of(picture, Channels::Rgba);
        assert_eq!(samples[..12], [0, 0, 0, 0, 40, 20, 10, 51, 200, 100, 50, 255]);
        assert!(converted.is_empty());
        let (samples, converted) = of(GrayImage::from_pixel(2, 2, Luma([7])), Channels::Rgba);
        assert_eq!(samples[..4], [7, 7, 7, 255]);
        assert_eq!(converted, Converted { grey: 1, ..Converted::default() });
    }

    #[test]
    fn sixteen_bits_become_eight() {
        let picture: ImageBuffer<Rgb<u16>, Vec<u16>> =
            ImageBuffer::from_pixel(8, 8, Rgb([65_535, 257 * 7, 0]));
        let (samples, converted) = of(picture, Channels::Rgb);
        assert_eq!(samples[..3], [255, 7, 0]);
        assert_eq!(converted, Converted { sixteen_bit: 1, ..Converted::default() });
    }

    #[test]
    fn colors_are_noticed_and_become_their_luminance() {
        let colored = |last: Rgb<u8>| {
            let mut picture = RgbImage::from_pixel(4, 3, Rgb([9; 3]));
            picture.put_pixel(3, 2, last);
            picture
        };
        let pixels = |picture: RgbImage| Pixels::of(DynamicImage::from(picture).into(), Channels::Rgb).0;
        assert!(pixels(colored(Rgb([9, 9, 10]))).has_color() && !pixels(colored(Rgb([10; 3]))).has_color());
        let (samples, converted) = of(colored(Rgb([0, 255, 0])), Channels::Grey);
        assert_eq!((samples[0], samples[11]), (9, 182));
        assert_eq!(converted, Converted { color: 1, ..Converted::default() });
    }
}
