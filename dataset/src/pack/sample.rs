//! The numbers that pictures are made of, of 8 and of 16 bits.

use fast_image_resize::PixelTrait;
use fast_image_resize::pixels::{U8x3, U16x3};
use image::{DynamicImage, ImageBuffer, RgbImage};

/// A number of a picture, from 0 to [`Sample::MOST`].
pub(crate) trait Sample: Copy + Ord + Default + Into<u32> + Send + Sync + 'static {
    /// White; of alpha, what nothing shines through.
    const MOST: u32;

    /// Three of them, as the filter that resizes takes them.
    type Rgb: PixelTrait;

    fn rgb(numbers: [Self; 3]) -> Self::Rgb;

    fn numbers(rgb: &Self::Rgb) -> [Self; 3];

    /// Of a number that is not beyond its range.
    fn of(value: u32) -> Self;

    /// `[height, width, 1]`
    fn luma_of(picture: DynamicImage) -> Vec<Self>;

    /// `[height, width, 3]`
    fn rgb_of(picture: DynamicImage) -> Vec<Self>;

    /// `[height, width, 4]`
    fn rgba_of(picture: DynamicImage) -> Vec<Self>;

    /// `rgb` is `[height, width, 3]`; `None` if it is too short.
    fn picture(width: u32, height: u32, rgb: Vec<Self>) -> Option<DynamicImage>;

    /// Appends their bytes as packs have them.
    fn append(numbers: impl ExactSizeIterator<Item = Self>, bytes: &mut Vec<u8>);

    /// `value · share / MOST`, rounded.
    fn share(self, share: Self) -> Self {
        let (value, share): (u32, u32) = (self.into(), share.into());
        Self::of((value * share + Self::MOST / 2) / Self::MOST)
    }
}

impl Sample for u8 {
    const MOST: u32 = 255;

    type Rgb = U8x3;

    fn rgb(numbers: [Self; 3]) -> U8x3 {
        U8x3::new(numbers)
    }

    fn numbers(rgb: &U8x3) -> [Self; 3] {
        rgb.0
    }

    fn of(value: u32) -> Self {
        value as Self
    }

    fn luma_of(picture: DynamicImage) -> Vec<Self> {
        picture.into_luma8().into_raw()
    }

    fn rgb_of(picture: DynamicImage) -> Vec<Self> {
        picture.into_rgb8().into_raw()
    }

    fn rgba_of(picture: DynamicImage) -> Vec<Self> {
        picture.into_rgba8().into_raw()
    }

    fn picture(width: u32, height: u32, rgb: Vec<Self>) -> Option<DynamicImage> {
        RgbImage::from_raw(width, height, rgb).map(Into::into)
    }

    fn append(numbers: impl ExactSizeIterator<Item = Self>, bytes: &mut Vec<u8>) {
        bytes.extend(numbers);
    }
}

impl Sample for u16 {
    const MOST: u32 = 65_535;

    type Rgb = U16x3;

    fn rgb(numbers: [Self; 3]) -> U16x3 {
        U16x3::new(numbers)
    }

    fn numbers(rgb: &U16x3) -> [Self; 3] {
        rgb.0
    }

    fn of(value: u32) -> Self {
        value as Self
    }

    fn luma_of(picture: DynamicImage) -> Vec<Self> {
        picture.into_luma16().into_raw()
    }

    fn rgb_of(picture: DynamicImage) -> Vec<Self> {
        picture.into_rgb16().into_raw()
    }

    fn rgba_of(picture: DynamicImage) -> Vec<Self> {
        picture.into_rgba16().into_raw()
    }

    fn picture(width: u32, height: u32, rgb: Vec<Self>) -> Option<DynamicImage> {
        ImageBuffer::from_raw(width, height, rgb).map(DynamicImage::ImageRgb16)
    }

    fn append(numbers: impl ExactSizeIterator<Item = Self>, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.resize(start + 2 * numbers.len(), 0);
        for (pair, number) in bytes[start..].as_chunks_mut().0.iter_mut().zip(numbers) {
            *pair = number.to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_do_not_overflow() {
        assert_eq!([100, 101, 255].map(|value: u8| value.share(128)), [50, 51, 128]);
        assert_eq!(
            [u16::MAX.share(u16::MAX), u16::MAX.share(1), 40_000_u16.share(32_768)],
            [65_535, 1, 20_000]
        );
    }

    #[test]
    fn bytes_have_the_lower_one_first() {
        let mut bytes = Vec::new();
        u8::append([7, 8].into_iter(), &mut bytes);
        u16::append([0x1234, 5].into_iter(), &mut bytes);
        assert_eq!(bytes, [7, 8, 0x34, 0x12, 5, 0]);
    }
}
