//! Noise images that are found with the latents.

use candle_core::{DType, Result, Tensor};
use stylegan_drawing::{NoiseImages, Painter};
use stylegan_ops::{Key, RandomTensors, downscale2x};

use crate::parameter::Parameter;

/// Images are compared with themselves down to this side.
const LEAST_SIDE: usize = 8;

/// The noise of every layer in use, an image for each photo.
#[derive(Debug)]
pub(crate) struct NoiseMaps(Vec<Parameter>);

impl NoiseMaps {
    /// Standard normal noise, for each photo by its number.
    pub(crate) fn new(painter: &Painter, seed: u64, numbers: &[u64]) -> Result<Self> {
        let maps = painter.resolution().layers().enumerate().map(|(layer, size)| {
            let draw = |&photo: &u64| {
                let key = Key::new("noise images of a projection", &[seed, photo, layer as u64]);
                key.normal((1, 1, size.height, size.width), DType::F32, painter.device())
            };
            let images = numbers.iter().map(draw).collect::<Result<Vec<_>>>()?;
            Parameter::new(NoiseImages::name(layer), &Tensor::cat(&images, 0)?)
        });
        maps.collect::<Result<_>>().map(Self)
    }

    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.0
    }

    pub(crate) fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.0
    }

    /// The images, `[batch, 1, height, width]` each.
    pub(crate) fn images(&self) -> Vec<Tensor> {
        self.0.iter().map(|map| map.value.as_tensor().clone()).collect()
    }

    /// What [`noise_regularization`] gives of all of them, `[batch]`.
    pub(crate) fn regularization(&self) -> Result<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for map in &self.0 {
            let of_map = noise_regularization(&map.value)?;
            sum = Some(match sum {
                Some(sum) => (sum + of_map)?,
                None => of_map,
            });
        }
        Ok(sum)
    }

    /// Makes the mean of each image 0 and its deviation 1.
    pub(crate) fn normalize(&self) -> Result<()> {
        for map in &self.0 {
            let image = map.value.as_tensor().detach();
            let centered = image.broadcast_sub(&image.mean_keepdim((1, 2, 3))?)?;
            let deviation = centered.sqr()?.mean_keepdim((1, 2, 3))?.sqrt()?;
            map.value.set(&centered.broadcast_div(&deviation)?)?;
        }
        Ok(())
    }
}

/// How much the pixels of noise images tell of their neighbors (Karras et al. 2020, appendix D): at each size down to 8 pixels, the
/// square of the mean product of a pixel with the next one, around the edge, in x and in y.
///
/// It is 0 on average for noise, and large for a picture.
///
/// # Shapes
/// - `images`: `[batch, 1, height, width]`
/// - returns: `[batch]`
///
/// # Errors
/// If the device fails.
pub fn noise_regularization(images: &Tensor) -> Result<Tensor> {
    let mut images = images.clone();
    let mut sum: Option<Tensor> = None;
    loop {
        let (_, _, height, width) = images.dims4()?;
        let next = |axis| (&images * images.roll(1, axis)?)?.mean((1, 2, 3))?.sqr();
        let of_size = (next(3)? + next(2)?)?;
        let total = match sum {
            Some(sum) => (sum + of_size)?,
            None => of_size,
        };
        if height.min(width) <= LEAST_SIDE || height % 2 + width % 2 > 0 {
            return Ok(total);
        }
        sum = Some(total);
        images = downscale2x(&images)?;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// The same from its words, pixel by pixel.
    fn plain(image: &[Vec<f64>]) -> f64 {
        let (height, width) = (image.len(), image[0].len());
        let mean_product = |down: usize, right: usize| {
            let mut sum = 0.0;
            for y in 0..height {
                for x in 0..width {
                    sum += image[y][x] * image[(y + down) % height][(x + right) % width];
                }
            }
            (sum / (height * width) as f64).powi(2)
        };
        let here = mean_product(0, 1) + mean_product(1, 0);
        if height.min(width) <= 8 {
            return here;
        }
        let halved: Vec<Vec<f64>> = (0..height / 2)
            .map(|y| {
                let at = |x: usize| {
                    let rows = [&image[2 * y], &image[2 * y + 1]];
                    rows.iter().map(|row| row[2 * x] + row[2 * x + 1]).sum::<f64>() / 4.0
                };
                (0..width / 2).map(at).collect()
            })
            .collect();
        here + plain(&halved)
    }

    #[test]
    fn regularization_is_its_formula() {
        for (height, width) in [(32, 48), (16, 16), (8, 12), (4, 4), (5, 4)] {
            let shape = (3, 1, height, width);
            let images = Key::new("noise of a test", &[]).normal(shape, DType::F64, &Device::Cpu).unwrap();
            // Something that is more than noise.
            let images = (&images + (images.roll(1, 3).unwrap() * 0.5).unwrap()).unwrap();
            let found = noise_regularization(&images).unwrap().to_vec1::<f64>().unwrap();
            for (number, found) in found.into_iter().enumerate() {
                let image = images.get(number).unwrap().get(0).unwrap().to_vec2::<f64>().unwrap();
                let expected = plain(&image);
                assert!((found - expected).abs() < 1e-12, "{height}x{width}: {found} {expected}");
            }
        }
    }
}
