//! Pictures at several sizes.

use candle_core::{Result, Tensor};
use stylegan_ops::downscale2x;

/// Pixels are compared down to this side.
const LEAST_SIDE: usize = 8;
/// Perceptual networks and pixels are compared up to this side, as larger pictures take long and tell little more.
const LARGEST_SIDE: usize = 256;

/// How far the pixels of two batches of pictures are apart: the mean of their squared differences, at full size and at each
/// halving down to 8 pixels, and of those the mean.
///
/// # Shapes
/// - `a`, `b`: `[batch, channels, height, width]`
/// - returns: `[batch]`
///
/// # Errors
/// If the shapes differ, or the device fails.
pub fn pixel_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let mut difference = (a - b)?;
    let mut levels = Vec::new();
    loop {
        levels.push(difference.sqr()?.mean((1, 2, 3))?);
        let (_, _, height, width) = difference.dims4()?;
        if height.min(width) <= LEAST_SIDE || height % 2 + width % 2 > 0 {
            return Tensor::stack(&levels, 0)?.mean(0);
        }
        difference = downscale2x(&difference)?;
    }
}

/// The same pictures, by means of areas no larger than 256 pixels a side.
pub(crate) fn shrunk(pictures: &Tensor) -> Result<Tensor> {
    let mut pictures = pictures.clone();
    loop {
        let (_, _, height, width) = pictures.dims4()?;
        if height.max(width) <= LARGEST_SIDE || height % 2 + width % 2 > 0 {
            return Ok(pictures);
        }
        pictures = downscale2x(&pictures)?;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_pattern_of_single_pixels_is_seen_at_full_size_alone() {
        let (height, width) = (16, 32);
        let checks: Vec<f32> =
            (0..height * width).map(|at| if (at / width + at) % 2 == 0 { 0.5 } else { -0.5 }).collect();
        let checks = Tensor::from_vec(checks, (1, 1, height, width), &Device::Cpu).unwrap();
        let both = Tensor::cat(&[&checks, &(checks.zeros_like().unwrap() + 0.5).unwrap()], 0).unwrap();
        let found = pixel_distance(&both, &both.zeros_like().unwrap()).unwrap();
        // 16 pixels and 8 are compared.
        assert_eq!(found.to_vec1::<f32>().unwrap(), [0.125, 0.25]);
    }

    #[test]
    fn large_pictures_are_shrunk() {
        let picture = Tensor::arange(0_f32, 512.0 * 384.0, &Device::Cpu).unwrap();
        let picture = picture.reshape((1, 1, 384, 512)).unwrap();
        let small = shrunk(&picture).unwrap();
        assert_eq!(small.dims(), [1, 1, 192, 256]);
        let first = small.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0];
        assert_eq!(first, (0.0 + 1.0 + 512.0 + 513.0) / 4.0);
        assert_eq!(shrunk(&small).unwrap().dims(), small.dims());
    }
}
