//! Whether numbers are numbers.

#[cfg(feature = "cuda")]
use candle_core::Device;
use candle_core::{Result, Storage, Tensor, bail};
use rayon::prelude::*;

use super::TASK;
#[cfg(feature = "cuda")]
use super::cuda;
use crate::float::{float_kernel, slice};
use crate::loops::is_parallel;

/// Whether every value of `x` is finite. Waits for the device.
///
/// # Errors
/// If `x` is neither `f32` nor `f64`.
pub fn all_finite(x: &Tensor) -> Result<bool> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = x.device() {
        return cuda::all_are_finite(device, &[x]);
    }
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("all-finite: no implementation for {:?}", x.device().location());
    };
    float_kernel!("all-finite", storage, T => {
        let x = slice::<T>(storage, layout)?;
        // No early exit within a chunk, so that the scan runs in vector registers.
        let is_finite = |chunk: &[T]| chunk.iter().fold(true, |all, v| all & v.is_finite());
        Ok(if is_parallel(x.len()) { x.par_chunks(TASK).all(is_finite) } else { x.chunks(TASK).all(is_finite) })
    })
}

/// Whether every value of all tensors, on one device, is finite. A GPU is waited for once, not for each of them.
///
/// # Errors
/// If one of them is neither `f32` nor `f64`.
pub fn all_are_finite<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<bool> {
    let mut tensors = tensors.into_iter().peekable();
    #[cfg(feature = "cuda")]
    if let Some(Device::Cuda(device)) = tensors.peek().map(|tensor| tensor.device()) {
        return cuda::all_are_finite(device, &tensors.collect::<Vec<_>>());
    }
    tensors.try_fold(true, |all, tensor| Ok(all && all_finite(tensor)?))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn one_value_that_is_not_finite_is_found_anywhere() {
        for len in [1, 35, 90_001] {
            let finite = vec![f32::MAX; len];
            let check = |values: Vec<f32>| {
                let x = Tensor::from_vec(values, len, &Device::Cpu).unwrap();
                let double = all_finite(&x.to_dtype(DType::F64).unwrap()).unwrap();
                assert_eq!(all_finite(&x).unwrap(), double);
                double
            };
            assert!(check(finite.clone()));
            let [one, other] = [1., f32::NAN].map(|value| Tensor::new(value, &Device::Cpu).unwrap());
            assert!(all_are_finite([&one, &one]).unwrap() && !all_are_finite([&one, &other]).unwrap());
            for (place, value) in
                [(0, f32::NAN), (len / 2, f32::INFINITY), (len - 1, f32::NEG_INFINITY), (len - 1, f32::NAN)]
            {
                let mut values = finite.clone();
                values[place] = value;
                assert!(!check(values), "{value} at {place} of {len}");
            }
        }
    }
}
