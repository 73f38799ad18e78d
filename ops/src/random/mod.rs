//! Tensors of random numbers, each a function of its key.

#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{DType, Device, Result, Shape, Tensor};
use rand_distr::{Distribution, StandardNormal};
use stylegan_base::Key;

use crate::upload::upload;

/// Tensors drawn from the stream of a [`Key`].
pub trait RandomTensors {
    /// A tensor of standard normal numbers, the same for every `dtype` and device up to rounding.
    ///
    /// # Errors
    /// If the device cannot hold the tensor.
    fn normal(&self, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor>;

    /// A tensor of numbers uniform in `[0, 1)`.
    ///
    /// # Errors
    /// If the device cannot hold the tensor.
    fn uniform_tensor(&self, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor>;
}

impl RandomTensors for Key {
    fn normal(&self, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        #[cfg(feature = "cuda")]
        if device.is_cuda() {
            return Ok(normals(&[(*self, shape)], dtype, device)?.swap_remove(0));
        }
        let mut rng = self.rng();
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| StandardNormal.sample(&mut rng)).collect();
        Tensor::from_vec(values, shape, device)?.to_dtype(dtype)
    }

    fn uniform_tensor(&self, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = shape.into();
        let mut rng = self.rng();
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| rand::Rng::random(&mut rng)).collect();
        upload(&values, shape, device)?.to_dtype(dtype)
    }
}

/// A tensor for each key, as [`RandomTensors::normal`] draws it; a GPU draws all of them at once.
///
/// # Errors
/// If the device cannot hold the tensors.
pub fn normals(draws: &[(Key, Shape)], dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = device {
        let tensors = cuda::normals(draws.iter().map(|(key, shape)| (key.bytes(), shape.clone())), device)?;
        return tensors.iter().map(|tensor| tensor.to_dtype(dtype)).collect();
    }
    draws.iter().map(|(key, shape)| key.normal(shape.clone(), dtype, device)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
