//! Choices of minimal filtering.
//!
//! `m` outputs of a filter cost fewer products than taps times `m` if filter and inputs are transformed first:
//! `y = Aᵀ [(G w) ⊙ (Bᵀ d)]` (Lavin and Gray 2015, "Fast algorithms for convolutional neural networks"). All
//! three are polynomials evaluated at, or recovered from, a few points. A gradient with respect to `w` needs the
//! adjoints of the first and the last.

mod four;
mod half;
mod line;
mod one;
mod two;

use pulp::Simd;

pub(super) use four::Four;
pub(super) use half::{Half, HalfAdjoint};
pub(super) use line::{Across, Down};
pub(super) use one::One;
pub(super) use two::Two;

/// How a picture is cut into rectangles, in rows and in columns: rectangle `n` covers `side` pixels from `n * step - before`
/// on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) step: [usize; 2],
    pub(super) before: [usize; 2],
    pub(super) side: [usize; 2],
}

impl Cut {
    /// Into squares.
    const fn square(step: usize, before: usize, side: usize) -> Self {
        Self { step: [step; 2], before: [before; 2], side: [side; 2] }
    }

    /// Rectangles that share their first and last rows or columns with their neighbors.
    pub(super) const fn overlaps(self) -> bool {
        self.side[0] > self.step[0] || self.side[1] > self.step[1]
    }
}

/// Places in the largest kernel.
pub(super) const MAX_TAPS: usize = 9;

/// A choice of outputs and points. Every function transforms one tile along both axes: it reads at the start of
/// `source` (rows, or points, `source_stride` apart) and writes at the start of `target`.
pub(super) trait Scheme: Copy + Send + Sync + 'static {
    /// What one tile reads.
    const INPUT: Cut;
    /// What one tile writes; where squares overlap, their values are added.
    const OUTPUT: Cut;
    /// Products of one tile.
    const PRODUCTS: usize;
    /// Values of one transformed filter; products may share them.
    const FILTERS: usize;
    /// Places in the kernel, at most [`MAX_TAPS`].
    const TAPS: usize = MAX_TAPS;

    /// The value of the transformed filter that belongs to a product.
    fn filter_of(product: usize) -> usize {
        product
    }

    /// Pixels to products, `Bᵀ d`.
    fn input<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    );

    /// Taps to the transformed filter, `G w`.
    fn filter<S: Simd>(simd: S, taps: &[S::f32s], target: &mut [S::f32s], target_stride: usize);

    /// Products to pixels, `Aᵀ m`.
    fn output<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    );
}

/// A scheme that gradients of filters can be computed by.
pub(super) trait GradientScheme: Scheme {
    /// A gradient of the pixels to one of the products, `A y`.
    fn output_adjoint<S: Simd>(
        simd: S,
        source: &[S::f32s],
        source_stride: usize,
        target: &mut [S::f32s],
        target_stride: usize,
    );

    /// A gradient of the transformed filter to one of its nine taps, `Gᵀ u`.
    fn filter_adjoint<S: Simd>(simd: S, source: &[S::f32s], source_stride: usize, taps: &mut [S::f32s]);
}

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

/// Applies a transform along both axes of one tile: `read(row, column)`, `write(row, column, value)`.
///
/// All three must be closures that are always inlined: a function passed by its name is called through another one,
/// in which no vector instructions are available.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "rows and columns trade places")]
fn along_both<S: Simd, const FROM: usize, const TO: usize>(
    simd: S,
    transform: impl Fn([S::f32s; FROM]) -> [S::f32s; TO],
    read: impl Fn(usize, usize) -> S::f32s,
    mut write: impl FnMut(usize, usize, S::f32s),
) {
    let zero = simd.splat_f32s(0.0);
    let mut half = [[zero; FROM]; TO];
    for column in 0..FROM {
        let mut values = [zero; FROM];
        for row in 0..FROM {
            values[row] = read(row, column);
        }
        let values = transform(values);
        for row in 0..TO {
            half[row][column] = values[row];
        }
    }
    for (row, values) in half.into_iter().enumerate() {
        let values = transform(values);
        for column in 0..TO {
            write(row, column, values[column]);
        }
    }
}

/// [`along_both`] from pixels in rows to points one behind the other.
#[inline(always)]
fn pixels_to_points<S: Simd, const FROM: usize, const TO: usize>(
    simd: S,
    transform: impl Fn([S::f32s; FROM]) -> [S::f32s; TO],
    source: &[S::f32s],
    source_stride: usize,
    target: &mut [S::f32s],
    target_stride: usize,
) {
    along_both(
        simd,
        transform,
        #[inline(always)]
        |row, column| source[row * source_stride + column],
        #[inline(always)]
        |row, column, value| target[(row * TO + column) * target_stride] = value,
    );
}

/// [`along_both`] from points one behind the other to pixels in rows.
#[inline(always)]
fn points_to_pixels<S: Simd, const FROM: usize, const TO: usize>(
    simd: S,
    transform: impl Fn([S::f32s; FROM]) -> [S::f32s; TO],
    source: &[S::f32s],
    source_stride: usize,
    target: &mut [S::f32s],
    target_stride: usize,
) {
    along_both(
        simd,
        transform,
        #[inline(always)]
        |row, column| source[(row * FROM + column) * source_stride],
        #[inline(always)]
        |row, column, value| target[row * target_stride + column] = value,
    );
}
