//! `F(2, 3)` for pictures of hardly more than one tile.

use pulp::Simd;

use super::{Cut, GradientScheme, Scheme, pixels_to_points, points_to_pixels, scale};

/// Two outputs of three taps by four products, at the points 0, ±1 and ∞.
#[derive(Clone, Copy)]
pub(in crate::conv::winograd) struct Two;

impl Scheme for Two {
    const INPUT: Cut = Cut::square(2, 1, 4);
    const OUTPUT: Cut = Cut::square(2, 0, 2);
    const PRODUCTS: usize = 4 * 4;
    const FILTERS: usize = Self::PRODUCTS;

    #[inline(always)]
    fn input<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    ) {
        pixels_to_points(
            simd,
            #[inline(always)]
            |values| input(simd, values),
            source,
            source_stride,
            target,
            target_stride,
        );
    }

    #[inline(always)]
    fn filter<S: Simd>(simd: S, taps: &[S::f32s], target: &mut [S::f32s], target_stride: usize) {
        pixels_to_points(
            simd,
            #[inline(always)]
            |values| filter(simd, values),
            taps,
            3,
            target,
            target_stride,
        );
    }

    #[inline(always)]
    fn output<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    ) {
        points_to_pixels(
            simd,
            #[inline(always)]
            |values| output(simd, values),
            source,
            source_stride,
            target,
            target_stride,
        );
    }
}

impl GradientScheme for Two {
    #[inline(always)]
    fn output_adjoint<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    ) {
        pixels_to_points(
            simd,
            #[inline(always)]
            |values| output_adjoint(simd, values),
            source,
            source_stride,
            target,
            target_stride,
        );
    }

    #[inline(always)]
    fn filter_adjoint<S: Simd>(simd: S, source: &[S::f32s], source_stride: usize, taps: &mut [S::f32s]) {
        points_to_pixels(
            simd,
            #[inline(always)]
            |values| filter_adjoint(simd, values),
            source,
            source_stride,
            taps,
            3,
        );
    }
}

#[inline(always)]
fn input<S: Simd>(simd: S, d: [S::f32s; 4]) -> [S::f32s; 4] {
    [
        simd.sub_f32s(d[0], d[2]),
        simd.add_f32s(d[1], d[2]),
        simd.sub_f32s(d[2], d[1]),
        simd.sub_f32s(d[1], d[3]),
    ]
}

#[inline(always)]
fn filter<S: Simd>(simd: S, w: [S::f32s; 3]) -> [S::f32s; 4] {
    let even = scale(simd, 0.5, simd.add_f32s(w[0], w[2]));
    let odd = scale(simd, 0.5, w[1]);
    [w[0], simd.add_f32s(even, odd), simd.sub_f32s(even, odd), w[2]]
}

#[inline(always)]
fn output<S: Simd>(simd: S, m: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(m[0], simd.add_f32s(m[1], m[2])), simd.sub_f32s(simd.sub_f32s(m[1], m[2]), m[3])]
}

#[inline(always)]
fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 2]) -> [S::f32s; 4] {
    let zero = simd.splat_f32s(0.0);
    [y[0], simd.add_f32s(y[0], y[1]), simd.sub_f32s(y[0], y[1]), simd.sub_f32s(zero, y[1])]
}

#[inline(always)]
fn filter_adjoint<S: Simd>(simd: S, u: [S::f32s; 4]) -> [S::f32s; 3] {
    let even = scale(simd, 0.5, simd.add_f32s(u[1], u[2]));
    let odd = scale(simd, 0.5, simd.sub_f32s(u[1], u[2]));
    [simd.add_f32s(u[0], even), odd, simd.add_f32s(even, u[3])]
}
