//! `F(4, 3)` for pictures of more than one tile.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use pulp::Simd;

use super::{Cut, GradientScheme, Scheme, add_scaled, pixels_to_points, points_to_pixels, scale};

/// Four outputs of three taps by six products, at the points 0, ±√½, ±√2 and ∞, whose rounding errors are half
/// those of 0, ±1, ±2 and ∞.
#[derive(Clone, Copy)]
pub(in crate::conv::winograd) struct Four;

const A: f64 = FRAC_1_SQRT_2;
const B: f64 = SQRT_2;
const A2: f64 = 0.5;
const B2: f64 = 2.0;
/// Normalizations of the polynomials that vanish at all points but ±a, and but ±b.
const NORM_A: f64 = 1.0 / (2.0 * A2 * (A2 - B2));
const NORM_B: f64 = 1.0 / (2.0 * B2 * (B2 - A2));

impl Scheme for Four {
    const INPUT: Cut = Cut::square(4, 1, 6);
    const OUTPUT: Cut = Cut::square(4, 0, 4);
    const PRODUCTS: usize = 6 * 6;
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

impl GradientScheme for Four {
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
fn input<S: Simd>(simd: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
    // a² b² = 1, so the outermost terms need no factor.
    let first = add_scaled(simd, -(A2 + B2), d[2], simd.add_f32s(d[0], d[4]));
    let last = add_scaled(simd, -(A2 + B2), d[3], simd.add_f32s(d[1], d[5]));
    let even_a = add_scaled(simd, -B2, d[2], d[4]);
    let odd_a = add_scaled(simd, -B2, d[1], d[3]);
    let even_b = add_scaled(simd, -A2, d[2], d[4]);
    let odd_b = add_scaled(simd, -A2, d[1], d[3]);
    [
        first,
        add_scaled(simd, A, odd_a, even_a),
        add_scaled(simd, -A, odd_a, even_a),
        add_scaled(simd, B, odd_b, even_b),
        add_scaled(simd, -B, odd_b, even_b),
        last,
    ]
}

#[inline(always)]
fn filter<S: Simd>(simd: S, w: [S::f32s; 3]) -> [S::f32s; 6] {
    let even_a = scale(simd, NORM_A, add_scaled(simd, A2, w[2], w[0]));
    let odd_a = scale(simd, NORM_A * A, w[1]);
    let even_b = scale(simd, NORM_B, add_scaled(simd, B2, w[2], w[0]));
    let odd_b = scale(simd, NORM_B * B, w[1]);
    [
        w[0],
        simd.add_f32s(even_a, odd_a),
        simd.sub_f32s(even_a, odd_a),
        simd.add_f32s(even_b, odd_b),
        simd.sub_f32s(even_b, odd_b),
        w[2],
    ]
}

#[inline(always)]
fn output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
    let even_a = simd.add_f32s(m[1], m[2]);
    let odd_a = simd.sub_f32s(m[1], m[2]);
    let even_b = simd.add_f32s(m[3], m[4]);
    let odd_b = simd.sub_f32s(m[3], m[4]);
    [
        simd.add_f32s(m[0], simd.add_f32s(even_a, even_b)),
        add_scaled(simd, A, odd_a, scale(simd, B, odd_b)),
        add_scaled(simd, A2, even_a, scale(simd, B2, even_b)),
        add_scaled(simd, A * A2, odd_a, add_scaled(simd, B * B2, odd_b, m[5])),
    ]
}

#[inline(always)]
fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 4]) -> [S::f32s; 6] {
    let even_a = add_scaled(simd, A2, y[2], y[0]);
    let odd_a = add_scaled(simd, A * A2, y[3], scale(simd, A, y[1]));
    let even_b = add_scaled(simd, B2, y[2], y[0]);
    let odd_b = add_scaled(simd, B * B2, y[3], scale(simd, B, y[1]));
    [
        y[0],
        simd.add_f32s(even_a, odd_a),
        simd.sub_f32s(even_a, odd_a),
        simd.add_f32s(even_b, odd_b),
        simd.sub_f32s(even_b, odd_b),
        y[3],
    ]
}

#[inline(always)]
fn filter_adjoint<S: Simd>(simd: S, u: [S::f32s; 6]) -> [S::f32s; 3] {
    let even_a = scale(simd, NORM_A, simd.add_f32s(u[1], u[2]));
    let odd_a = scale(simd, NORM_A * A, simd.sub_f32s(u[1], u[2]));
    let even_b = scale(simd, NORM_B, simd.add_f32s(u[3], u[4]));
    let odd_b = scale(simd, NORM_B * B, simd.sub_f32s(u[3], u[4]));
    [
        simd.add_f32s(u[0], simd.add_f32s(even_a, even_b)),
        simd.add_f32s(odd_a, odd_b),
        add_scaled(simd, A2, even_a, add_scaled(simd, B2, even_b, u[5])),
    ]
}
