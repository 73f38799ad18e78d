//! The convolution at every second pixel, and its adjoint.
//!
//! Output `n` takes in the pixels `2 n`, `2 n + 1` and `2 n + 2`. The outer two form a filter of two taps over the
//! even pixels, which `F(4, 2)` computes by five products for four outputs; the middle one is a product each. So
//! four outputs cost nine products a dimension, and 16 outputs 81 instead of 144. The four products of the
//! middle tap share one value of the transformed filter.

use pulp::Simd;

use super::{Cut, GradientScheme, Scheme, add_scaled, along_both, pixels_to_points, points_to_pixels, scale};

/// `2 n + 1` pixels to `n`, at the points ±½, ±3/2 and ∞.
#[derive(Clone, Copy)]
pub(in crate::conv::winograd) struct Half;

/// The adjoint of [`Half`], `n` pixels to `2 n + 1`.
#[derive(Clone, Copy)]
pub(in crate::conv::winograd) struct HalfAdjoint;

const A: f64 = 0.5;
const B: f64 = 1.5;
const A2: f64 = A * A;
const B2: f64 = B * B;
/// Normalizations of the polynomials that vanish at all finite points but a, and but b; negative for -a and -b.
const NORM_A: f64 = 1.0 / (2.0 * A * (A2 - B2));
const NORM_B: f64 = 1.0 / (2.0 * B * (B2 - A2));

/// Products in one dimension, and values of a transformed filter.
const POINTS: usize = 9;
const FILTER: usize = 6;

const LARGE: Cut = Cut::square(8, 0, 9);
const SMALL: Cut = Cut::square(4, 0, 4);

/// The middle tap's products are the last four.
fn filter_of(product: usize) -> usize {
    (product / POINTS).min(FILTER - 1) * FILTER + (product % POINTS).min(FILTER - 1)
}

impl Scheme for Half {
    const INPUT: Cut = LARGE;
    const OUTPUT: Cut = SMALL;
    const PRODUCTS: usize = POINTS * POINTS;
    const FILTERS: usize = FILTER * FILTER;

    fn filter_of(product: usize) -> usize {
        filter_of(product)
    }

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

impl GradientScheme for Half {
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

impl Scheme for HalfAdjoint {
    const INPUT: Cut = SMALL;
    const OUTPUT: Cut = LARGE;
    const PRODUCTS: usize = Half::PRODUCTS;
    const FILTERS: usize = Half::FILTERS;

    fn filter_of(product: usize) -> usize {
        filter_of(product)
    }

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
            |values| output_adjoint(simd, values),
            source,
            source_stride,
            target,
            target_stride,
        );
    }

    #[inline(always)]
    fn filter<S: Simd>(simd: S, taps: &[S::f32s], target: &mut [S::f32s], target_stride: usize) {
        Half::filter(simd, taps, target, target_stride);
    }

    #[inline(always)]
    fn output<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    ) {
        along_both(
            simd,
            #[inline(always)]
            |values| input_adjoint(simd, values),
            #[inline(always)]
            |row, column| source[(row * POINTS + column) * source_stride],
            #[inline(always)]
            |row, column, value| {
                // The tiles above and to the left have been here; those below and to the right add to this one.
                let target = &mut target[row * target_stride + column];
                *target = if row == 0 || column == 0 { simd.add_f32s(*target, value) } else { value };
            },
        );
    }
}

#[inline(always)]
fn input<S: Simd>(simd: S, d: [S::f32s; POINTS]) -> [S::f32s; POINTS] {
    let [d0, d1, d2, d3, d4] = [d[0], d[2], d[4], d[6], d[8]];
    let (even_a, odd_a) = (add_scaled(simd, -B2, d0, d2), add_scaled(simd, -B2, d1, d3));
    let (even_b, odd_b) = (add_scaled(simd, -A2, d0, d2), add_scaled(simd, -A2, d1, d3));
    [
        add_scaled(simd, A, even_a, odd_a),
        add_scaled(simd, -A, even_a, odd_a),
        add_scaled(simd, B, even_b, odd_b),
        add_scaled(simd, -B, even_b, odd_b),
        add_scaled(simd, A2 * B2, d0, add_scaled(simd, -(A2 + B2), d2, d4)),
        d[1],
        d[3],
        d[5],
        d[7],
    ]
}

#[inline(always)]
fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; POINTS]) -> [S::f32s; POINTS] {
    let (sum_a, difference_a) = (simd.add_f32s(m[0], m[1]), scale(simd, A, simd.sub_f32s(m[0], m[1])));
    let (sum_b, difference_b) = (simd.add_f32s(m[2], m[3]), scale(simd, B, simd.sub_f32s(m[2], m[3])));
    let d0 =
        add_scaled(simd, -B2, difference_a, add_scaled(simd, -A2, difference_b, scale(simd, A2 * B2, m[4])));
    let d1 = add_scaled(simd, -B2, sum_a, scale(simd, -A2, sum_b));
    let d2 = add_scaled(simd, -(A2 + B2), m[4], simd.add_f32s(difference_a, difference_b));
    let d3 = simd.add_f32s(sum_a, sum_b);
    [d0, m[5], d1, m[6], d2, m[7], d3, m[8], m[4]]
}

#[inline(always)]
fn filter<S: Simd>(simd: S, w: [S::f32s; 3]) -> [S::f32s; FILTER] {
    let (even_a, odd_a) = (scale(simd, NORM_A, w[0]), scale(simd, NORM_A * A, w[2]));
    let (even_b, odd_b) = (scale(simd, NORM_B, w[0]), scale(simd, NORM_B * B, w[2]));
    [
        simd.add_f32s(odd_a, even_a),
        simd.sub_f32s(odd_a, even_a),
        simd.add_f32s(odd_b, even_b),
        simd.sub_f32s(odd_b, even_b),
        w[2],
        w[1],
    ]
}

#[inline(always)]
fn filter_adjoint<S: Simd>(simd: S, u: [S::f32s; FILTER]) -> [S::f32s; 3] {
    let (even_a, odd_a) = (simd.sub_f32s(u[0], u[1]), simd.add_f32s(u[0], u[1]));
    let (even_b, odd_b) = (simd.sub_f32s(u[2], u[3]), simd.add_f32s(u[2], u[3]));
    [
        add_scaled(simd, NORM_A, even_a, scale(simd, NORM_B, even_b)),
        u[5],
        add_scaled(simd, NORM_A * A, odd_a, add_scaled(simd, NORM_B * B, odd_b, u[4])),
    ]
}

#[inline(always)]
fn output<S: Simd>(simd: S, m: [S::f32s; POINTS]) -> [S::f32s; 4] {
    let (sum_a, difference_a) = (simd.add_f32s(m[0], m[1]), simd.sub_f32s(m[0], m[1]));
    let (sum_b, difference_b) = (simd.add_f32s(m[2], m[3]), simd.sub_f32s(m[2], m[3]));
    [
        simd.add_f32s(simd.add_f32s(sum_a, sum_b), m[5]),
        add_scaled(simd, A, difference_a, add_scaled(simd, B, difference_b, m[6])),
        add_scaled(simd, A2, sum_a, add_scaled(simd, B2, sum_b, m[7])),
        add_scaled(
            simd,
            A * A2,
            difference_a,
            add_scaled(simd, B * B2, difference_b, simd.add_f32s(m[4], m[8])),
        ),
    ]
}

#[inline(always)]
fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 4]) -> [S::f32s; POINTS] {
    let (even_a, odd_a) = (add_scaled(simd, A2, y[2], y[0]), add_scaled(simd, A2, y[3], y[1]));
    let (even_b, odd_b) = (add_scaled(simd, B2, y[2], y[0]), add_scaled(simd, B2, y[3], y[1]));
    [
        add_scaled(simd, A, odd_a, even_a),
        add_scaled(simd, -A, odd_a, even_a),
        add_scaled(simd, B, odd_b, even_b),
        add_scaled(simd, -B, odd_b, even_b),
        y[3],
        y[0],
        y[1],
        y[2],
        y[3],
    ]
}
