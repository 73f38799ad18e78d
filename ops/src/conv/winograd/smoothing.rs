//! Features that are smoothed on their way into tiles, so that the larger ones never are in memory.

use super::lanes::Lanes;
use super::pixels::{self, Window};
use crate::planes::Planes;
use crate::smooth::Smooth;

/// Pixels that a smoothed one takes in before it and after it.
const REACH: (usize, usize) = (2, 1);

/// One block of channels before smoothing.
pub(super) struct Source<'a> {
    pub(super) planes: Planes,
    pub(super) values: &'a [f32],
    pub(super) block: usize,
}

/// Vectors that [`gather`] works with besides its result.
pub(super) fn working_len(window: &Window) -> usize {
    let around = window.with_margin(REACH.0, REACH.1);
    around.pixels() + around.columns
}

/// As [`pixels::gather`], where `window` is one of the smoothed pixels.
#[inline(always)]
pub(super) fn gather<S: Lanes>(
    simd: S,
    smooth: Smooth,
    source: &Source<'_>,
    window: &Window,
    working: &mut [S::f32s],
    target: &mut [S::f32s],
) {
    let Source { planes, values, block } = *source;
    let around = window.with_margin(REACH.0, REACH.1);
    let (unsmoothed, sums) = working.split_at_mut(around.pixels());
    pixels::gather(simd, &planes, values, block, &around, unsmoothed);

    let smoothed = Planes { height: planes.height + 1, width: planes.width + 1, ..planes };
    let zero = simd.splat_f32s(0.0);
    let scale = smooth.scale() as f32;
    let [outer, inner, ..] = smooth.inner_taps().map(|tap: f32| simd.splat_f32s(tap));
    let (outside, first, inside) = window.picture_columns(&smoothed);
    for (row, target) in target.chunks_exact_mut(window.columns).take(window.rows).enumerate() {
        let Some(picture_row) = window.picture_row(row, &smoothed) else {
            target.fill(zero);
            continue;
        };
        let taps = smooth.taps(picture_row, smoothed.height).map(|tap: f32| simd.splat_f32s(tap * scale));
        let rows = &unsmoothed[row * around.columns..][..4 * around.columns];
        for (column, sum) in sums.iter_mut().enumerate() {
            let value = |row: usize| rows[row * around.columns + column];
            let last = simd.mul_f32s(taps[3], value(3));
            *sum = (0..3).fold(last, |sum, row| simd.mul_add_f32s(taps[row], value(row), sum));
        }
        target[..outside].fill(zero);
        target[outside + inside..].fill(zero);
        for (column, target) in target.iter_mut().enumerate().skip(outside).take(inside) {
            let sums = &sums[column..column + 4];
            let (ends, middle) = (simd.add_f32s(sums[0], sums[3]), simd.add_f32s(sums[1], sums[2]));
            *target = simd.mul_add_f32s(inner, middle, simd.mul_f32s(outer, ends));
        }
        for position in [0, planes.width] {
            if let Some(inside_at) = position.checked_sub(first).filter(|&column| column < inside) {
                let column = outside + inside_at;
                let taps = smooth.taps(position, smoothed.width).map(|tap: f32| simd.splat_f32s(tap));
                target[column] =
                    (0..4).fold(zero, |sum, tap| simd.mul_add_f32s(taps[tap], sums[column + tap], sum));
            }
        }
    }
}
