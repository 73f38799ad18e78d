//! The running average of a network.

use candle_core::{Result, Storage, Tensor, WithDType, bail};
use rayon::prelude::*;

#[cfg(feature = "cuda")]
use super::cuda;
use super::{CheckDistinct, TASK, in_place};
use crate::float::{Float, float_kernel, slice};
use crate::loops::is_parallel;

/// Moves each running average towards what lives: `average = live + (average - live) * beta`.
///
/// # Shapes
/// - `pairs`: an average and what it follows, both of the same shape, any
///
/// # Errors
/// If in a pair shapes or types differ, both share memory, or the average is not contiguous.
pub fn ema_update(pairs: &[(&Tensor, &Tensor)], beta: f64) -> Result<()> {
    let mut checked = Vec::with_capacity(pairs.len());
    for &(average, live) in pairs {
        if average.dims() != live.dims() {
            bail!("ema-update: {:?} and {:?} differ in shape", average.dims(), live.dims());
        }
        let live = live.contiguous()?;
        average.inplace_op2(&live, &CheckDistinct("ema-update"))?;
        checked.push((average, live));
    }
    #[cfg(feature = "cuda")]
    if let Some((average, _)) = checked.first()
        && average.device().is_cuda()
    {
        return cuda::ema_update(&checked, beta);
    }
    checked.iter().try_for_each(|(average, live)| update(average, live, beta))
}

fn update(average: &Tensor, live: &Tensor, beta: f64) -> Result<()> {
    in_place("ema-update", average, |average, average_layout| {
        let (live, live_layout) = live.storage_and_layout();
        let Storage::Cpu(live) = &*live else {
            bail!("ema-update: an average is not on the device of what it follows");
        };
        float_kernel!("ema-update", live, T => {
            let beta = T::from_f64(beta);
            let live = slice::<T>(live, live_layout)?;
            let average = T::slice_mut(average, average_layout)?;
            let kernel = |(average, live): (&mut [T], &[T])| {
                for (average, &live) in average.iter_mut().zip(live) {
                    *average = live + (*average - live) * beta;
                }
            };
            if is_parallel(average.len()) {
                average.par_chunks_mut(TASK).zip(live.par_chunks(TASK)).for_each(kernel);
            } else {
                kernel((average, live));
            }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{cases, var};
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn running_average_is_its_definition() {
        for (dtype, shape) in cases() {
            let [ema, live, other, lives] =
                ["ema", "live", "other", "lives"].map(|name| var(name, shape, dtype));
            let next = |ema: &Tensor, live: &Tensor| ((ema * 0.9).unwrap() + (live * 0.1).unwrap()).unwrap();
            let (next_ema, next_other) = (next(&ema, &live), next(&other, &lives));
            ema_update(&[(&ema, &live), (&other, &lives)], 0.9).unwrap();
            assert_close("average", &ema, &next_ema);
            assert_close("the other average", &other, &next_other);
            assert!(ema_update(&[(&ema, &ema)], 0.9).is_err());
            assert!(ema_update(&[(&ema, &live.flatten_all().unwrap())], 0.9).is_err());
        }
    }
}
