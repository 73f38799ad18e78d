//! Products of a few rows in memory.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use std::ops::Range;

use candle_core::Result;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{MultiplyMatrices, Product};
use crate::engine::Cpu;
use crate::float::Float;
use crate::loops::load;
use crate::vector_unit::arch;

/// Fewest multiplications that another thread is woken for.
const PARALLEL: usize = 1 << 19;

/// Rows of a result that are computed together, so that what is read of the right factor serves all of them.
const ROWS: usize = 8;

impl MultiplyMatrices for Cpu<f32> {
    fn product(
        &self,
        product: Product,
        a: &[f32],
        b: &[f32],
        sizes: [usize; 3],
        scale: f64,
    ) -> Result<Vec<f32>> {
        let (depth, scale) = (sizes[2], scale as f32);
        let inner = |rows: Range<usize>, left: &[f32], right: &[f32], result: &mut [f32]| {
            let left = &left[rows.start * depth..rows.end * depth];
            arch().dispatch(Inner { left, right, len: depth, scale, result });
        };
        let outer = |rows, left: &[f32], height, right: &[f32], result: &mut [f32]| {
            arch().dispatch(Outer { rows, left, height, right, scale, result });
        };
        Ok(product_of(product, a, b, sizes, inner, outer))
    }
}

impl MultiplyMatrices for Cpu<f64> {
    fn product(
        &self,
        product: Product,
        a: &[f64],
        b: &[f64],
        sizes: [usize; 3],
        scale: f64,
    ) -> Result<Vec<f64>> {
        let depth = sizes[2];
        let inner = |rows: Range<usize>, left: &[f64], right: &[f64], result: &mut [f64]| {
            let columns = result.len() / rows.len();
            for (row, result) in rows.zip(result.chunks_exact_mut(columns)) {
                for (result, right) in result.iter_mut().zip(right.chunks_exact(depth)) {
                    let products = left[row * depth..].iter().zip(right).map(|(&left, &right)| left * right);
                    *result = products.fold(0., |sum, product| sum + product) * scale;
                }
            }
        };
        let outer = |rows: Range<usize>, left: &[f64], height, right: &[f64], result: &mut [f64]| {
            let columns = result.len() / rows.len();
            for (left, right) in left.chunks_exact(height).zip(right.chunks_exact(columns)) {
                for (row, result) in rows.clone().zip(result.chunks_exact_mut(columns)) {
                    for (result, &right) in result.iter_mut().zip(right) {
                        *result += left[row] * right * scale;
                    }
                }
            }
        };
        Ok(product_of(product, a, b, sizes, inner, outer))
    }
}

/// The product by one of two ways to compute some rows of it: `inner(rows, left, right, result)` of `left · rightᵀ`, both
/// of rows of `depth` values, or `outer(rows, left, height, right, result)` of `leftᵀ · right`, where `leftᵀ` has
/// `height` rows.
fn product_of<T: Float>(
    product: Product,
    a: &[T],
    b: &[T],
    [rows, columns, depth]: [usize; 3],
    inner: impl Fn(Range<usize>, &[T], &[T], &mut [T]) + Sync,
    outer: impl Fn(Range<usize>, &[T], usize, &[T], &mut [T]) + Sync,
) -> Vec<T> {
    match product {
        Product::Forward => fill(rows, columns, depth, |some, y| inner(some, a, b, y)),
        Product::Transpose => {
            let a = transposed(a, rows);
            fill(rows, columns, depth, |some, y| outer(some, &a, rows, b, y))
        }
        Product::WeightGrad => fill(rows, columns, depth, |some, y| outer(some, b, rows, a, y)),
    }
}

/// Some rows of `scale · left · rightᵀ`, of rows of `len` values.
struct Inner<'a> {
    left: &'a [f32],
    right: &'a [f32],
    len: usize,
    scale: f32,
    result: &'a mut [f32],
}

impl WithSimd for Inner<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { left, right, len, scale, result } = self;
        let columns = right.len() / len;
        for (column, right) in right.chunks_exact(len).enumerate() {
            let (right, right_end) = S::as_simd_f32s(right);
            let right_end = simd.partial_load_f32s(right_end);
            let (right, right_odd) = right.as_chunks::<2>();
            for (left, result) in left.chunks_exact(len).zip(result.chunks_exact_mut(columns)) {
                let (left, left_end) = S::as_simd_f32s(left);
                let (left, left_odd) = left.as_chunks::<2>();
                let mut sum = simd.splat_f32s(0.0);
                let mut other = simd.mul_f32s(simd.partial_load_f32s(left_end), right_end);
                for (left, right) in left.iter().zip(right) {
                    sum = simd.mul_add_f32s(left[0], right[0], sum);
                    other = simd.mul_add_f32s(left[1], right[1], other);
                }
                for (&left, &right) in left_odd.iter().zip(right_odd) {
                    sum = simd.mul_add_f32s(left, right, sum);
                }
                result[column] = simd.reduce_sum_f32s(simd.add_f32s(sum, other)) * scale;
            }
        }
    }
}

/// Rows `rows` of `scale · leftᵀ · right`, where `leftᵀ` has `height` rows.
struct Outer<'a> {
    rows: Range<usize>,
    left: &'a [f32],
    height: usize,
    right: &'a [f32],
    scale: f32,
    result: &'a mut [f32],
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, left, height, right, scale, result } = self;
        let (columns, lanes) = (result.len() / rows.len(), S::F32_LANES);
        let scale = simd.splat_f32s(scale);
        for (first_row, result) in rows.clone().step_by(ROWS).zip(result.chunks_mut(ROWS * columns)) {
            let present = ROWS.min(rows.end - first_row);
            for first in (0..columns).step_by(lanes) {
                let width = lanes.min(columns - first);
                let mut sums = [simd.splat_f32s(0.0); ROWS];
                for (left, right) in left.chunks_exact(height).zip(right.chunks_exact(columns)) {
                    let right = load(simd, &right[first..first + width]);
                    if let Some(left) = left[first_row..].first_chunk::<ROWS>() {
                        for (sum, &left) in sums.iter_mut().zip(left) {
                            *sum = simd.mul_add_f32s(simd.splat_f32s(left), right, *sum);
                        }
                    } else {
                        for (sum, &left) in sums.iter_mut().zip(&left[first_row..][..present]) {
                            *sum = simd.mul_add_f32s(simd.splat_f32s(left), right, *sum);
                        }
                    }
                }
                for (result, sum) in result.chunks_exact_mut(columns).zip(sums) {
                    simd.partial_store_f32s(&mut result[first..][..width], simd.mul_f32s(sum, scale));
                }
            }
        }
    }
}

/// A matrix of which `work(rows, result)` computes some rows; every value takes `depth` multiplications.
fn fill<T: Float>(
    rows: usize,
    columns: usize,
    depth: usize,
    work: impl Fn(Range<usize>, &mut [T]) + Sync,
) -> Vec<T> {
    let mut result = vec![T::zero(); rows * columns];
    if result.is_empty() || depth == 0 {
        return result;
    }
    if rows * columns * depth < PARALLEL {
        work(0..rows, &mut result);
    } else {
        result.par_chunks_mut(ROWS * columns).enumerate().for_each(|(index, result)| {
            let first = index * ROWS;
            work(first..first + result.len() / columns, result);
        });
    }
    result
}

/// The transpose of a matrix of `rows` rows.
fn transposed<T: Float>(values: &[T], rows: usize) -> Vec<T> {
    let columns = values.len() / rows.max(1);
    (0..values.len()).map(|index| values[index % rows * columns + index / rows]).collect()
}
