//! Randomness as a function of what it is for, not a state that advances.

use candle_core::{DType, Device, Result, Shape, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::upload;

/// The name of one random stream: a purpose and the numbers that tell its uses apart.
///
/// Two keys built from the same purpose and numbers give the same draws on every machine, whatever was drawn
/// before; different ones give independent draws. Nothing needs to be saved for a run to go on as it was.
///
/// ```
/// use stylegan_ops::Key;
/// let seed = 7;
/// let step_3 = Key::new("latents", &[seed, 3]);
/// assert_eq!(step_3.uniform(), Key::new("latents", &[seed, 3]).uniform());
/// assert_ne!(step_3.uniform(), Key::new("latents", &[seed, 4]).uniform());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// The stream for `purpose` at `numbers` (seed, step, rank, ...).
    pub fn new(purpose: &str, numbers: &[u64]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("stylegan random stream v1");
        hasher.update(&(purpose.len() as u64).to_le_bytes()).update(purpose.as_bytes());
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// A stream of its own below this one, such as one layer of a network's noise.
    #[must_use]
    pub fn child(&self, purpose: &str, number: u64) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose.as_bytes()).update(&number.to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The generator at the start of this stream, for draws of any kind.
    pub fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.0)
    }

    /// One number, uniform in `[0, 1)`.
    pub fn uniform(&self) -> f64 {
        rand::Rng::random(&mut self.rng())
    }

    /// A tensor of standard normal numbers, the same for every `dtype` and device up to rounding.
    ///
    /// # Errors
    /// If the device cannot hold the tensor.
    pub fn normal(&self, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        #[cfg(feature = "cuda")]
        if let Device::Cuda(device) = device {
            return crate::cuda::normal(&self.0, &shape, device)?.to_dtype(dtype);
        }
        let mut rng = self.rng();
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| StandardNormal.sample(&mut rng)).collect();
        Tensor::from_vec(values, shape, device)?.to_dtype(dtype)
    }

    /// A tensor of numbers uniform in `[0, 1)`.
    ///
    /// # Errors
    /// If the device cannot hold the tensor.
    pub fn uniform_tensor(&self, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        let mut rng = self.rng();
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| rand::Rng::random(&mut rng)).collect();
        upload(&values, shape, device)?.to_dtype(dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_do_not_share_draws() {
        let draws: Vec<f64> = [
            Key::new("a", &[1, 2]),
            Key::new("a", &[12]),
            Key::new("a", &[2, 1]),
            Key::new("b", &[1, 2]),
            Key::new("a", &[1, 2]).child("c", 0),
            Key::new("a", &[1, 2]).child("c", 1),
        ]
        .iter()
        .map(Key::uniform)
        .collect();
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[..i].iter().all(|b| a.to_bits() != b.to_bits()), "{draws:?}");
        }
    }

    #[test]
    fn the_first_draws_never_change() {
        // A change here breaks every seed that anyone has noted down.
        let z =
            Key::new("latents", &[0]).normal(3, DType::F32, &Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(z, [1.607_012_6, 0.342_889_58, -0.686_001_2]);
    }

    #[test]
    fn normal_numbers_are_normal() {
        let z = Key::new("moments", &[5]).normal(100_000, DType::F64, &Device::Cpu).unwrap();
        let mean = z.mean_all().unwrap().to_scalar::<f64>().unwrap();
        let square = z.sqr().unwrap().mean_all().unwrap().to_scalar::<f64>().unwrap();
        // Four standard errors.
        assert!(mean.abs() < 4.0 / 100_000f64.sqrt(), "{mean}");
        assert!((square - 1.0).abs() < 4.0 * (2.0 / 100_000f64).sqrt(), "{square}");
    }
}
