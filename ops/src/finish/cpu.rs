//! What follows a convolution, in memory.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use rayon::prelude::*;

use super::Finish;
use crate::float::Float;
use crate::leaky_relu::{SLOPE, bent};
use crate::loops::{is_parallel, vectorized};

impl<T: Float> Finish<&[T]> {
    /// The same for the samples from number `first` on, of so many channels of `area` pixels.
    pub(crate) fn samples_from(&self, first: usize, channels: usize, area: usize) -> Self {
        match *self {
            Self::Activate { bias, noise, slope } => {
                let noise = noise.map(|(strength, planes)| (strength, planes.samples_from(first)));
                Self::Activate { bias, noise, slope }
            }
            Self::Mask(y) => Self::Mask(&y[first * channels * area..]),
        }
    }

    /// Finishes some neighboring values of a plane, from its pixel `first` on; planes have `area` pixels, one plane for
    /// each channel of each sample.
    #[inline(always)]
    pub(crate) fn part(&self, plane: usize, area: usize, first: usize, values: &mut [T]) {
        match *self {
            Self::Activate { bias, noise: None, slope } => {
                let (bias, slope) = (bias[plane % bias.len()], T::from_f64(slope));
                for value in values {
                    let sum = *value + bias;
                    *value = bent(sum, sum, slope);
                }
            }
            Self::Activate { bias, noise: Some((strength, noise)), slope } => {
                let slope = T::from_f64(slope);
                let (bias, strength) = (bias[plane % bias.len()], strength[plane % strength.len()]);
                for (value, &noise) in values.iter_mut().zip(&noise.of(plane)[first..]) {
                    let sum = *value + noise * strength + bias;
                    *value = bent(sum, sum, slope);
                }
            }
            Self::Mask(y) => {
                let slope = T::from_f64(SLOPE);
                for (value, &y) in values.iter_mut().zip(&y[plane * area + first..]) {
                    *value = bent(*value, y, slope);
                }
            }
        }
    }

    /// Finishes planes of `area` pixels.
    pub(crate) fn planes(&self, features: &mut [T], area: usize) {
        let run = |(plane, values): (usize, &mut [T])| {
            vectorized(
                #[inline(always)]
                || self.part(plane, area, 0, &mut *values),
            );
        };
        if is_parallel(features.len()) {
            features.par_chunks_exact_mut(area).enumerate().for_each(run);
        } else {
            features.chunks_exact_mut(area.max(1)).enumerate().for_each(run);
        }
    }
}
