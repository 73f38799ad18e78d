//! The one-dimensional transforms of Winograd's minimal filtering `F(m, 3)`.
//!
//! `m` outputs of a filter of 3 taps cost `m + 2` products instead of `3 m`:
//! `y = Aᵀ [(G w) ⊙ (Bᵀ d)]` (Lavin and Gray 2015, "Fast algorithms for convolutional neural networks"). All
//! three are polynomials evaluated at, or recovered from, `m + 2` points. A gradient with respect to `w` needs the
//! adjoints of the first and the last.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use pulp::Simd;

/// Products that one dimension takes at most, and outputs that it gives at most.
pub(super) const MAX_POINTS: usize = 6;
pub(super) const MAX_OUTPUTS: usize = 4;

/// A choice of `m` and of the points. Arrays are as long as the longest scheme needs; the rest is not looked at.
pub(super) trait Scheme: Copy + Send + Sync + 'static {
    /// Outputs of one tile in each dimension, `m`.
    const OUTPUTS: usize;
    /// Inputs of one tile in each dimension, and products, `m + 2`.
    const POINTS: usize = Self::OUTPUTS + 2;
    /// Products of one tile.
    const PRODUCTS: usize = Self::POINTS * Self::POINTS;

    /// `Bᵀ d`
    fn input<S: Simd>(simd: S, d: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_POINTS];
    /// `G w`
    fn filter<S: Simd>(simd: S, w: [S::f32s; 3]) -> [S::f32s; MAX_POINTS];
    /// `Aᵀ m`
    fn output<S: Simd>(simd: S, m: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_OUTPUTS];
    /// `A y`
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; MAX_OUTPUTS]) -> [S::f32s; MAX_POINTS];
    /// `Gᵀ u`
    fn filter_adjoint<S: Simd>(simd: S, u: [S::f32s; MAX_POINTS]) -> [S::f32s; 3];
}

/// `F(4, 3)` at the points 0, ±√½, ±√2 and ∞, whose rounding errors are half those of 0, ±1, ±2 and ∞.
#[derive(Clone, Copy)]
pub(super) struct Four;

const A: f64 = FRAC_1_SQRT_2;
const B: f64 = SQRT_2;
const A2: f64 = 0.5;
const B2: f64 = 2.0;
/// Normalizations of the polynomials that vanish at all points but ±a, and but ±b.
const NORM_A: f64 = 1.0 / (2.0 * A2 * (A2 - B2));
const NORM_B: f64 = 1.0 / (2.0 * B2 * (B2 - A2));

/// `factor * a`
#[inline(always)]
fn scale<S: Simd>(simd: S, factor: f64, a: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.splat_f32s(factor as f32), a)
}

/// `factor * a + b`
#[inline(always)]
fn add_scaled<S: Simd>(simd: S, factor: f64, a: S::f32s, b: S::f32s) -> S::f32s {
    simd.mul_add_f32s(simd.splat_f32s(factor as f32), a, b)
}

impl Scheme for Four {
    const OUTPUTS: usize = 4;

    #[inline(always)]
    fn input<S: Simd>(simd: S, d: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_POINTS] {
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
    fn filter<S: Simd>(simd: S, w: [S::f32s; 3]) -> [S::f32s; MAX_POINTS] {
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
    fn output<S: Simd>(simd: S, m: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_OUTPUTS] {
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
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; MAX_OUTPUTS]) -> [S::f32s; MAX_POINTS] {
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
    fn filter_adjoint<S: Simd>(simd: S, u: [S::f32s; MAX_POINTS]) -> [S::f32s; 3] {
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
}

/// `F(2, 3)` at the points 0, ±1 and ∞, for pictures of hardly more than one tile.
#[derive(Clone, Copy)]
pub(super) struct Two;

impl Scheme for Two {
    const OUTPUTS: usize = 2;

    #[inline(always)]
    fn input<S: Simd>(simd: S, d: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_POINTS] {
        let zero = simd.splat_f32s(0.0);
        [
            simd.sub_f32s(d[0], d[2]),
            simd.add_f32s(d[1], d[2]),
            simd.sub_f32s(d[2], d[1]),
            simd.sub_f32s(d[1], d[3]),
            zero,
            zero,
        ]
    }

    #[inline(always)]
    fn filter<S: Simd>(simd: S, w: [S::f32s; 3]) -> [S::f32s; MAX_POINTS] {
        let zero = simd.splat_f32s(0.0);
        let even = scale(simd, 0.5, simd.add_f32s(w[0], w[2]));
        let odd = scale(simd, 0.5, w[1]);
        [w[0], simd.add_f32s(even, odd), simd.sub_f32s(even, odd), w[2], zero, zero]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_OUTPUTS] {
        let zero = simd.splat_f32s(0.0);
        [
            simd.add_f32s(m[0], simd.add_f32s(m[1], m[2])),
            simd.sub_f32s(simd.sub_f32s(m[1], m[2]), m[3]),
            zero,
            zero,
        ]
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; MAX_OUTPUTS]) -> [S::f32s; MAX_POINTS] {
        let zero = simd.splat_f32s(0.0);
        [y[0], simd.add_f32s(y[0], y[1]), simd.sub_f32s(y[0], y[1]), simd.sub_f32s(zero, y[1]), zero, zero]
    }

    #[inline(always)]
    fn filter_adjoint<S: Simd>(simd: S, u: [S::f32s; MAX_POINTS]) -> [S::f32s; 3] {
        let even = scale(simd, 0.5, simd.add_f32s(u[1], u[2]));
        let odd = scale(simd, 0.5, simd.sub_f32s(u[1], u[2]));
        [simd.add_f32s(u[0], even), odd, simd.add_f32s(even, u[3])]
    }
}
