//! From what a network draws to what a file holds.

use candle_core::{DType, Device, Tensor};
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use crate::error::Error;

/// The pictures of a batch, as `trunc(clamp(127.5 * x + 128, 0, 255))` like the original; what is not a number becomes 0.
///
/// One channel is grey, three are RGB, and four are RGB times alpha and alpha: of these, colors are divided by alpha, as PNG
/// has them.
///
/// # Shapes
/// - `images`: `[batch, 1, 3 or 4, height, width]`, from -1 to 1
///
/// # Errors
/// If the tensor is of another shape, or its device fails.
pub fn to_u8(images: &Tensor) -> Result<Vec<DynamicImage>, Error> {
    let shape = || Error::Shape { shape: images.dims().to_vec() };
    let &[batch, channels, height, width] = images.dims() else { return Err(shape()) };
    let signed = images
        .to_dtype(DType::F32)?
        .permute((0, 2, 3, 1))?
        .to_device(&Device::Cpu)?
        .flatten_all()?
        .to_vec1::<f32>()?;
    // The cast truncates, clamps and takes care of what is not a number.
    let mut bytes = signed.iter().map(|x| (127.5 * x + 128.0) as u8);
    let (columns, rows) = (width as u32, height as u32);
    let picture_len = height * width * channels;
    (0..batch)
        .map(|_| {
            let mut samples: Vec<u8> = bytes.by_ref().take(picture_len).collect();
            let picture = match channels {
                1 => GrayImage::from_raw(columns, rows, samples).map(DynamicImage::from),
                3 => RgbImage::from_raw(columns, rows, samples).map(DynamicImage::from),
                4 => {
                    samples.chunks_exact_mut(4).for_each(divide_by_alpha);
                    RgbaImage::from_raw(columns, rows, samples).map(DynamicImage::from)
                }
                _ => None,
            };
            picture.ok_or_else(shape)
        })
        .collect()
}

/// From color times alpha to color, where there is any.
fn divide_by_alpha(pixel: &mut [u8]) {
    if let [colors @ .., alpha] = pixel {
        let share = u32::from(*alpha);
        for color in colors {
            let value = u32::from(*color) * 255;
            *color = (value + share / 2).checked_div(share).map_or(0, |value| value.min(255) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use image::ColorType;

    use super::*;

    #[test]
    fn values_become_the_pixels_of_the_original() {
        // x and pixel of the original implementation (`misc.convert_to_pil_image`, drange -1..1).
        let golden = [
            (0.356_381_2, 173),
            (-0.623_662_9, 48),
            (0.565_135_4, 200),
            (0.351_845_74, 172),
            (-0.722_957_9, 35),
            (0.209_551_16, 154),
            (-0.799_791_1, 26),
            (0.060_235_076, 135),
            (0.017_791_23, 130),
            (0.984_599_35, 253),
            (-0.278_779_72, 92),
            (0.810_929_36, 231),
            (-0.706_820_13, 37),
            (0.552_468_8, 198),
            (-0.282_201_62, 92),
            (0.969_743_6, 251),
            (0.964_014_1, 250),
            (0.261_829_14, 161),
            (-0.753_476_44, 31),
            (0.910_625, 244),
            (-0.843_869_8, 20),
            (-0.864_594_46, 17),
            (0.687_889_34, 215),
            (0.693_254_8, 216),
            (-0.736_820_34, 34),
            (0.300_563_34, 166),
            (0.985_859_45, 253),
            (-0.764_052_75, 30),
            (0.854_894_7, 236),
            (0.257_610_74, 160),
            (-0.168_639_85, 106),
            (0.121_191_59, 143),
            (0.100_570_08, 140),
            (0.407_175_48, 179),
            (-0.836_518, 21),
            (-1.782_440_3, 0),
            (3.112_185_5, 255),
            (1.501_472_5, 255),
            (1.271_212_6, 255),
            (-2.928_575_8, 0),
            (1.538_884_2, 255),
            (-1.0, 0),
            (1.0, 255),
            (-2.0, 0),
            (2.0, 255),
            (0.0, 128),
            (0.5, 191),
            (-0.5, 64),
        ];
        let x: Vec<f32> = golden.iter().map(|(x, _)| *x).collect();
        let expected: Vec<u8> = golden.iter().map(|(_, pixel)| *pixel).collect();
        let images = Tensor::from_vec(x, (1, 3, 16, 1), &Device::Cpu).unwrap();
        let picture = to_u8(&images).unwrap().remove(0).into_rgb8();
        assert_eq!(picture.dimensions(), (1, 16));
        let planes: Vec<u8> =
            (0..3).flat_map(|channel| picture.pixels().map(move |pixel| pixel.0[channel])).collect();
        assert_eq!(planes, expected);
    }

    #[test]
    fn axes_end_up_where_they_belong() {
        let (batch, height, width) = (2, 3, 5);
        let value = |b: usize, c: usize, y: usize, x: usize| (b * 100 + c * 40 + y * 10 + x) as u8;
        let mut values = Vec::new();
        for b in 0..batch {
            for c in 0..3 {
                for y in 0..height {
                    values.extend((0..width).map(|x| (f64::from(value(b, c, y, x)) - 127.9) / 127.5));
                }
            }
        }
        let images = Tensor::from_vec(values, (batch, 3, height, width), &Device::Cpu).unwrap();
        for (b, picture) in to_u8(&images).unwrap().into_iter().enumerate() {
            for (x, y, pixel) in picture.into_rgb8().enumerate_pixels() {
                for c in 0..3 {
                    assert_eq!(pixel.0[c], value(b, c, y as usize, x as usize));
                }
            }
        }
    }

    #[test]
    fn strange_values_have_pixels_too() {
        let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, -0.0];
        let images = Tensor::new(&values, &Device::Cpu).unwrap().reshape((2, 3, 1, 1)).unwrap();
        let pixels: Vec<u8> =
            to_u8(&images).unwrap().into_iter().flat_map(DynamicImage::into_bytes).collect();
        assert_eq!(pixels, [0, 255, 0, 255, 0, 128]);
    }

    #[test]
    fn other_shapes_are_refused() {
        for shape in [&[3, 4, 4][..], &[2, 2, 4, 4], &[2, 5, 4, 4], &[2, 0, 4, 4], &[2, 3, 4, 4, 1]] {
            let images = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
            assert!(matches!(to_u8(&images), Err(Error::Shape { shape: found }) if found == shape));
        }
    }

    #[test]
    fn grey_and_transparent_pictures_are_what_they_are() {
        let of = |bytes: &[f64], channels: usize| {
            let signed: Vec<f64> = bytes.iter().map(|byte| (byte - 127.9) / 127.5).collect();
            let images =
                Tensor::from_vec(signed, (1, channels, 1, bytes.len() / channels), &Device::Cpu).unwrap();
            to_u8(&images).unwrap().remove(0)
        };
        let grey = of(&[3.0, 200.0, 77.0], 1);
        assert_eq!((grey.color(), grey.as_bytes()), (ColorType::L8, &[3, 200, 77][..]));
        // Planes of red, green, blue and alpha: opaque, half, nothing, and brighter than it can be.
        let planes =
            [200.0, 100.0, 0.0, 60.0, 100.0, 50.0, 0.0, 60.0, 50.0, 25.0, 0.0, 60.0, 255.0, 128.0, 0.0, 50.0];
        let rgba = of(&planes, 4);
        assert_eq!(rgba.color(), ColorType::Rgba8);
        let pixels: Vec<&[u8]> = rgba.as_bytes().chunks(4).collect();
        assert_eq!(pixels, [[200, 100, 50, 255], [199, 100, 50, 128], [0, 0, 0, 0], [255, 255, 255, 50]]);
    }
}
