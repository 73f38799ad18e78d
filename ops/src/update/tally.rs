//! Numbers of many iterations, added up where they come from.

use candle_core::{DType, Result, Tensor, bail};

#[cfg(feature = "cuda")]
use super::cuda;
use super::{AdamSteps, in_place};
use crate::float::Float;

/// Adds each of `values` to its sum, unless a present step was skipped: then the values may not be finite, and only the
/// skipped steps are counted. Nothing waits for a GPU.
///
/// # Shapes
/// - `tally`: `[2 + values]` of `f64`: the iterations in the sums, the steps skipped, and the sums, each rounded to `f32`
///   whenever something is added to it
/// - `values`: one number each
///
/// # Errors
/// If a shape differs or the device fails.
pub fn tally_update(tally: &Tensor, values: &[&Tensor], adam_steps: [&AdamSteps; 2]) -> Result<()> {
    if tally.dims() != [2 + values.len()] || values.iter().any(|value| value.rank() > 0) {
        bail!("tally-update: {:?} is no tally of {} numbers", tally.dims(), values.len());
    }
    #[cfg(feature = "cuda")]
    if tally.device().is_cuda() {
        return cuda::tally_update(tally, values, adam_steps);
    }
    let skipped = u8::from(adam_steps[0].is_skipped()?) + u8::from(adam_steps[1].is_skipped()?);
    let values = values
        .iter()
        .map(|value| value.to_dtype(DType::F32)?.to_scalar::<f32>())
        .collect::<Result<Vec<f32>>>()?;
    in_place("tally-update", tally, |tally, layout| {
        let (counts, sums) = f64::slice_mut(tally, layout)?.split_at_mut(2);
        counts[1] += f64::from(skipped);
        if skipped == 0 {
            counts[0] += 1.;
            for (sum, value) in sums.iter_mut().zip(&values) {
                *sum = f64::from(*sum as f32 + value);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::{AdamUpdate, adam_update};

    #[test]
    fn an_iteration_with_a_skipped_step_is_in_no_sum() {
        let tally = Tensor::zeros(4, DType::F64, &Device::Cpu).unwrap();
        let [first, second] = [(); 2].map(|()| AdamSteps::new(0, &Device::Cpu).unwrap());
        let update = AdamUpdate { beta1: 0., beta2: 0.99, epsilon: 1e-8, learning_rate: 0.1 };
        let number = |value: f32| Tensor::new(value, &Device::Cpu).unwrap();
        for (losses, value) in [([1., 1.], 0.1), ([f32::NAN, 1.], f32::NAN), ([1., 1.], 0.2)] {
            for (steps, loss) in [&first, &second].into_iter().zip(losses) {
                adam_update(&[], &number(loss), steps, &update).unwrap();
            }
            tally_update(&tally, &[&number(value), &number(-1.)], [&first, &second]).unwrap();
        }
        assert_eq!(tally.to_vec1::<f64>().unwrap(), [2., 1., f64::from(0.1f32 + 0.2f32), -2.]);
        assert!(tally_update(&tally, &[&number(1.)], [&first, &second]).is_err());
    }
}
