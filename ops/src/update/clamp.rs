//! Weights within limits.

use candle_core::{Result, Tensor, WithDType, bail};
use rayon::prelude::*;

#[cfg(feature = "cuda")]
use super::cuda;
use super::{AdamSteps, TASK, in_place};
use crate::float::{Float, float_kernel};
use crate::loops::is_parallel;

/// Limits every value to `-limit ..= limit`, unless the present step was skipped. Values that are not a number stay so.
///
/// # Errors
/// If `limit` is negative or not a number, or if a parameter is not contiguous.
pub fn clamp_update(parameters: &[&Tensor], limit: f64, steps: &AdamSteps) -> Result<()> {
    if limit.is_nan() || limit < 0. {
        bail!("clamp-update: the limit must not be negative, got {limit}");
    }
    #[cfg(feature = "cuda")]
    if steps.state().device().is_cuda() {
        return cuda::clamp_update(parameters, limit, steps);
    }
    if steps.is_skipped()? {
        return Ok(());
    }
    parameters.iter().try_for_each(|parameter| clamp(parameter, limit))
}

fn clamp(parameter: &Tensor, limit: f64) -> Result<()> {
    in_place("clamp-update", parameter, |p, p_layout| {
        float_kernel!("clamp-update", p, T => {
            let limit = T::from_f64(limit);
            let p = T::slice_mut(p, p_layout)?;
            let kernel = |p: &mut [T]| p.iter_mut().for_each(|p| *p = p.clamp(-limit, limit));
            if is_parallel(p.len()) { p.par_chunks_mut(TASK).for_each(kernel) } else { kernel(p) }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::super::testing::{cases, var};
    use super::*;
    use crate::testing::{assert_close, values};
    use crate::{AdamUpdate, adam_update};

    #[test]
    fn clamp_limits_both_sides() {
        let steps = AdamSteps::new(0, &Device::Cpu).unwrap();
        for (dtype, shape) in cases() {
            let (p, q) = (var("p", shape, dtype), var("q", shape, dtype));
            let next = [&p, &q].map(|p| p.clamp(-0.5, 0.5).unwrap());
            clamp_update(&[&p, &q], 0.5, &steps).unwrap();
            assert_close("clamped", &p, &next[0]);
            assert_close("the other", &q, &next[1]);
        }
        let p = var("p", &[5, 7], DType::F32);
        assert!(clamp_update(&[&p], -1., &steps).is_err() && clamp_update(&[&p], f64::NAN, &steps).is_err());
        let strided = clamp_update(&[&p.t().unwrap()], 1., &steps).unwrap_err().to_string();
        assert!(strided.contains("contiguous"), "{strided}");
    }

    #[test]
    fn nothing_is_clamped_after_a_skipped_step() {
        let steps = AdamSteps::new(0, &Device::Cpu).unwrap();
        let update = AdamUpdate { beta1: 0., beta2: 0.99, epsilon: 1e-8, learning_rate: 0.1 };
        adam_update(&[], &Tensor::new(f64::INFINITY, &Device::Cpu).unwrap(), &steps, &update).unwrap();
        let p = var("p", &[5, 7], DType::F32);
        let before = values(&p);
        clamp_update(&[&p], 0.5, &steps).unwrap();
        assert_eq!(values(&p), before);
    }
}
