//! A picture with the channels and bits that a pack has.

use image::DynamicImage;
use serde::{Deserialize, Serialize};

use super::sample::Sample;
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
    /// Pictures of 8 bits a channel among those of 16: times 257.
    #[serde(skip_serializing_if = "is_zero")]
    pub eight_bit: usize,
    /// Pictures with transparency: composed onto white.
    pub alpha: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
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
        self.eight_bit += other.eight_bit;
        self.alpha += other.alpha;
    }
}

/// A picture as the networks see it.
pub(crate) struct Pixels<T> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: Channels,
    /// `[height, width, channels]`
    pub(crate) samples: Vec<T>,
}

impl<T: Sample> Pixels<T> {
    /// The picture with these channels, and what had to be done for that.
    pub(crate) fn of(Decoded { picture, has_palette, .. }: Decoded, channels: Channels) -> (Self, Converted) {
        let color = picture.color();
        let (has_color, has_alpha) = (color.has_color(), color.has_alpha());
        let is_deep = color.bytes_per_pixel() / color.channel_count() > 1;
        let is_deep_here = size_of::<T>() > 1;
        let converted = Converted {
            grey: usize::from(!has_color && channels != Channels::Grey),
            color: usize::from(has_color && channels == Channels::Grey),
            palette: usize::from(has_palette),
            sixteen_bit: usize::from(is_deep && !is_deep_here),
            eight_bit: usize::from(!is_deep && is_deep_here),
            alpha: usize::from(has_alpha && channels != Channels::Rgba),
        };
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let opaque = |picture| if has_alpha { onto_white::<T>(picture) } else { picture };
        let samples = match channels {
            Channels::Grey => T::luma_of(opaque(picture)),
            Channels::Rgb => T::rgb_of(opaque(picture)),
            Channels::Rgba => times_alpha(picture),
        };
        (Self { width, height, channels, samples }, converted)
    }

    /// Whether a pixel is not grey.
    pub(crate) fn has_color(&self) -> bool {
        let is_grey = |pixel: &[T]| matches!(pixel, [red, green, blue, ..] if red == green && green == blue);
        self.channels != Channels::Grey && !self.samples.chunks_exact(self.channels.count()).all(is_grey)
    }
}

fn onto_white<T: Sample>(picture: DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
    for pixel in T::rgba_of(picture).as_chunks().0 {
        let &[red, green, blue, alpha] = pixel;
        let white = T::of(T::MOST - alpha.into()).into();
        rgb.extend([red, green, blue].map(|value| {
            let value: u32 = value.into();
            T::of((value * alpha.into() + T::MOST * white + T::MOST / 2) / T::MOST)
        }));
    }
    T::picture(width, height, rgb).unwrap_or_default()
}

/// `[height, width, 4]`, colors times alpha.
fn times_alpha<T: Sample>(picture: DynamicImage) -> Vec<T> {
    let mut samples = T::rgba_of(picture);
    for [colors @ .., alpha] in samples.as_chunks_mut::<4>().0 {
        for color in colors {
            *color = color.share(*alpha);
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn of(picture: impl Into<DynamicImage>, channels: Channels) -> (Vec<u8>, Converted) {
        samples(picture, channels)
    }

    fn samples<T: Sample>(picture: impl Into<DynamicImage>, channels: Channels) -> (Vec<T>, Converted) {
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
    fn sixteen_bits_stay_where_they_are_asked_for() {
        let deep: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_pixel(8, 8, Rgb([65_535, 1_234, 7]));
        let (numbers, converted) = samples::<u16>(deep, Channels::Rgb);
        assert_eq!((&numbers[..3], converted), (&[65_535, 1_234, 7][..], Converted::default()));

        let shallow = GrayImage::from_pixel(8, 8, Luma([7]));
        let (numbers, converted) = samples::<u16>(shallow, Channels::Grey);
        assert_eq!(numbers[0], 7 * 257);
        assert_eq!(converted, Converted { eight_bit: 1, ..Converted::default() });

        // A quarter of black, three of white; and nothing overflows where all is light.
        for (alpha, expected) in [(16_384, 49_151), (65_535, 0), (0, 65_535)] {
            let glass: ImageBuffer<LumaA<u16>, Vec<u16>> = ImageBuffer::from_pixel(4, 4, LumaA([0, alpha]));
            let (numbers, converted) = samples::<u16>(glass, Channels::Grey);
            assert_eq!((numbers[0], converted.alpha), (expected, 1));
        }
        let light: ImageBuffer<LumaA<u16>, Vec<u16>> = ImageBuffer::from_pixel(4, 4, LumaA([65_535, 40_000]));
        assert_eq!(samples::<u16>(light.clone(), Channels::Grey).0[0], 65_535);
        assert_eq!(samples::<u16>(light, Channels::Rgba).0[..4], [40_000; 4]);
    }

    #[test]
    fn colors_are_noticed_and_become_their_luminance() {
        let colored = |last: Rgb<u8>| {
            let mut picture = RgbImage::from_pixel(4, 3, Rgb([9; 3]));
            picture.put_pixel(3, 2, last);
            picture
        };
        let pixels =
            |picture: RgbImage| Pixels::<u8>::of(DynamicImage::from(picture).into(), Channels::Rgb).0;
        assert!(pixels(colored(Rgb([9, 9, 10]))).has_color() && !pixels(colored(Rgb([10; 3]))).has_color());
        let (samples, converted) = of(colored(Rgb([0, 255, 0])), Channels::Grey);
        assert_eq!((samples[0], samples[11]), (9, 182));
        assert_eq!(converted, Converted { color: 1, ..Converted::default() });
    }
}
