//! Moments of planes in memory.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use rayon::prelude::*;

use crate::float::Float;
use crate::loops::{build, is_parallel, sums, vectorized};

/// The statistics of one plane.
pub(crate) struct Moments<T> {
    /// The mean, as the nearest value of the plane's type and what is left.
    ///
    /// A plane that is nearly constant is divided by a deviation of as little as 1e-4, which would magnify the
    /// rounding of its mean.
    mean: [T; 2],
    /// That of the population.
    variance: f64,
}

impl<T: Float> Moments<T> {
    #[inline(always)]
    pub(crate) fn of(plane: &[T]) -> Self {
        let Some(&first) = plane.first() else { return Self { mean: [T::zero(); 2], variance: 0. } };
        let len = plane.len() as f64;
        // Sums of differences are exact for a constant plane, whose deviation must come out as zero.
        let [sum] = sums(
            plane,
            plane,
            #[inline(always)]
            |x, _| [x - first],
        );
        let mean = first.to_f64() + sum / len;
        let rounded = T::from_f64(mean);
        let mut moments = Self { mean: [rounded, T::from_f64(mean - rounded.to_f64())], variance: 0. };
        let [squares] = sums(
            plane,
            plane,
            #[inline(always)]
            |x, _| {
                let centered = moments.center(x);
                [centered * centered]
            },
        );
        moments.variance = squares / len;
        moments
    }

    /// One by the root of variance and `epsilon`.
    #[inline(always)]
    pub(crate) fn inverse_deviation(&self, epsilon: f64) -> f64 {
        1. / (self.variance + epsilon).sqrt()
    }

    #[inline(always)]
    pub(crate) fn center(&self, x: T) -> T {
        (x - self.mean[0]) - self.mean[1]
    }
}

/// The means of planes of `area` pixels, then their variances.
pub(super) fn of_planes<T: Float>(x: &[T], area: usize) -> Vec<T> {
    let of = |x: &[T]| {
        let moments = vectorized(
            #[inline(always)]
            || Moments::of(x),
        );
        (moments.mean[0], T::from_f64(moments.variance))
    };
    let (mut means, variances): (Vec<T>, Vec<T>) = if is_parallel(x.len()) {
        x.par_chunks(area).map(of).unzip()
    } else {
        x.chunks(area).map(of).unzip()
    };
    means.extend(variances);
    means
}

/// The gradient of the pixels. `both` holds all moments, then their gradients.
pub(super) fn grad<T: Float>(x: &[T], both: &[T], area: usize) -> Vec<T> {
    let planes = x.len() / area.max(1);
    let [means, of_means, of_variances] = [0, 2, 3].map(|part| &both[part * planes..][..planes]);
    build(
        planes,
        area,
        0,
        #[inline(always)]
        |planes, out, _| {
            for plane in planes {
                let share = 1. / area as f64;
                let level = T::from_f64(of_means[plane].to_f64() * share);
                let slope = T::from_f64(2. * of_variances[plane].to_f64() * share);
                let mean = means[plane];
                out.plane(
                    &x[plane * area..][..area],
                    #[inline(always)]
                    |dx, x| {
                        for (dx, &x) in dx.iter_mut().zip(x) {
                            *dx = level + (x - mean) * slope;
                        }
                    },
                );
            }
        },
    )
}
