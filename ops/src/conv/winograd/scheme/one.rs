//! The plain products, a tile being a single pixel, for pictures of so few that transforms of filters do not pay.

use pulp::Simd;

use super::{Cut, Scheme};

/// One output of three taps by three products. Filters are as large as the weight, so it takes the least memory traffic of all.
#[derive(Clone, Copy)]
pub(in crate::conv::winograd) struct One;

impl Scheme for One {
    const INPUT: Cut = Cut::square(1, 1, 3);
    const OUTPUT: Cut = Cut::square(1, 0, 1);
    const PRODUCTS: usize = 3 * 3;
    const FILTERS: usize = Self::PRODUCTS;

    #[inline(always)]
    fn input<S: Simd>(
        _: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    ) {
        for tap in 0..Self::PRODUCTS {
            target[tap * target_stride] = source[tap / 3 * source_stride + tap % 3];
        }
    }

    #[inline(always)]
    fn filter<S: Simd>(_: S, taps: &[S::f32s], target: &mut [S::f32s], target_stride: usize) {
        for tap in 0..Self::PRODUCTS {
            target[tap * target_stride] = taps[tap];
        }
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, source: &[S::f32s], source_stride: usize, target: &mut [S::f32s], _: usize) {
        let mut sum = source[0];
        for tap in 1..Self::PRODUCTS {
            sum = simd.add_f32s(sum, source[tap * source_stride]);
        }
        target[0] = sum;
    }
}
