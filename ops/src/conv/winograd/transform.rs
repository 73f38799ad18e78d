//! The two-dimensional transforms of one tile: the one-dimensional ones along both axes.

use pulp::Simd;

use super::scheme::{MAX_OUTPUTS, MAX_POINTS, Scheme};

/// Transforms the tile that starts at the start of `source`, whose rows are `source_stride` apart, and writes
/// its products `target_stride` apart.
#[inline(always)]
pub(super) fn input<S: Simd, F: Scheme>(
    simd: S,
    source: &[S::f32s],
    source_stride: usize,
    target: &mut [S::f32s],
    target_stride: usize,
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; MAX_POINTS]; MAX_POINTS];
    for column in 0..F::POINTS {
        let mut values = [zero; MAX_POINTS];
        for row in 0..F::POINTS {
            values[row] = source[row * source_stride + column];
        }
        let values = F::input(simd, values);
        for row in 0..F::POINTS {
            half[row][column] = values[row];
        }
    }
    for row in 0..F::POINTS {
        let values = F::input(simd, half[row]);
        for column in 0..F::POINTS {
            target[(row * F::POINTS + column) * target_stride] = values[column];
        }
    }
}

/// Transforms a gradient of the outputs of one tile to one of its products; strides as for [`input`].
#[inline(always)]
pub(super) fn output_adjoint<S: Simd, F: Scheme>(
    simd: S,
    source: &[S::f32s],
    source_stride: usize,
    target: &mut [S::f32s],
    target_stride: usize,
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; MAX_OUTPUTS]; MAX_POINTS];
    for column in 0..F::OUTPUTS {
        let mut values = [zero; MAX_OUTPUTS];
        for row in 0..F::OUTPUTS {
            values[row] = source[row * source_stride + column];
        }
        let values = F::output_adjoint(simd, values);
        for row in 0..F::POINTS {
            half[row][column] = values[row];
        }
    }
    for row in 0..F::POINTS {
        let values = F::output_adjoint(simd, half[row]);
        for column in 0..F::POINTS {
            target[(row * F::POINTS + column) * target_stride] = values[column];
        }
    }
}

/// Transforms the products of one tile, `source_stride` apart, to its outputs, in rows `target_stride` apart.
#[inline(always)]
pub(super) fn output<S: Simd, F: Scheme>(
    simd: S,
    source: &[S::f32s],
    source_stride: usize,
    target: &mut [S::f32s],
    target_stride: usize,
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; MAX_POINTS]; MAX_OUTPUTS];
    for column in 0..F::POINTS {
        let mut values = [zero; MAX_POINTS];
        for row in 0..F::POINTS {
            values[row] = source[(row * F::POINTS + column) * source_stride];
        }
        let values = F::output(simd, values);
        for row in 0..F::OUTPUTS {
            half[row][column] = values[row];
        }
    }
    for row in 0..F::OUTPUTS {
        let values = F::output(simd, half[row]);
        for column in 0..F::OUTPUTS {
            target[row * target_stride + column] = values[column];
        }
    }
}

/// Transforms one filter of 9 taps, and writes its factors `target_stride` apart.
#[inline(always)]
pub(super) fn filter<S: Simd, F: Scheme>(
    simd: S,
    taps: &[S::f32s],
    target: &mut [S::f32s],
    target_stride: usize,
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; 3]; MAX_POINTS];
    for column in 0..3 {
        let values = F::filter(simd, [taps[column], taps[3 + column], taps[6 + column]]);
        for row in 0..F::POINTS {
            half[row][column] = values[row];
        }
    }
    for row in 0..F::POINTS {
        let values = F::filter(simd, half[row]);
        for column in 0..F::POINTS {
            target[(row * F::POINTS + column) * target_stride] = values[column];
        }
    }
}

/// Transforms a gradient of the factors of one filter, `source_stride` apart, to one of its 9 taps.
#[inline(always)]
pub(super) fn filter_adjoint<S: Simd, F: Scheme>(
    simd: S,
    source: &[S::f32s],
    source_stride: usize,
    taps: &mut [S::f32s],
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; MAX_POINTS]; 3];
    for column in 0..F::POINTS {
        let mut values = [zero; MAX_POINTS];
        for row in 0..F::POINTS {
            values[row] = source[(row * F::POINTS + column) * source_stride];
        }
        let values = F::filter_adjoint(simd, values);
        for row in 0..3 {
            half[row][column] = values[row];
        }
    }
    for row in 0..3 {
        let values = F::filter_adjoint(simd, half[row]);
        taps[3 * row..3 * row + 3].copy_from_slice(&values);
    }
}
