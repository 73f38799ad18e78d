//! Fully connected layers, closed under differentiation as convolutions are.
//!
//! A general product of matrices packs both factors first. Here one of them has as few rows as a batch has samples, so
//! packing the other, a weight, would cost as much as multiplying it.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

use std::ops::Range;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, WithDType, bail};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::conv::tracked;
#[cfg(feature = "cuda")]
use crate::cuda::{Matrix, on_gpu};
use crate::loops::{float_kernel, slice};

/// `scale · x · weightᵀ`
///
/// # Shapes
/// - `x`: `[batch, in]`
/// - `weight`: `[out, in]`
/// - returns: `[batch, out]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn dense(x: &Tensor, weight: &Tensor, scale: f64) -> Result<Tensor> {
    apply(Dense { product: Product::Forward, scale }, x, weight)
}

/// `scale · g · weight`, the adjoint of [`dense`] in its first argument.
///
/// # Shapes
/// - `g`: `[batch, out]`
/// - `weight`: `[out, in]`
/// - returns: `[batch, in]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn dense_transpose(g: &Tensor, weight: &Tensor, scale: f64) -> Result<Tensor> {
    apply(Dense { product: Product::Transpose, scale }, g, weight)
}

/// Which two of input, gradient of the output and weight are multiplied to something like the third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    /// `x · weightᵀ`
    Forward,
    /// `g · weight`
    Transpose,
    /// `gᵀ · x`, of `x` and `g`
    WeightGrad,
}

#[derive(Clone, Copy, Debug)]
struct Dense {
    product: Product,
    scale: f64,
}

fn apply(op: Dense, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dtype() != b.dtype() {
        bail!("{}: dtypes {:?} and {:?} differ", op.name(), a.dtype(), b.dtype());
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, op)
}

impl Dense {
    /// Rows and columns of the result, and products for each of its values.
    fn sizes(&self, a: &Layout, b: &Layout) -> Result<[usize; 3]> {
        let (a, b) = (a.shape().dims2()?, b.shape().dims2()?);
        let (sizes, fits) = match self.product {
            Product::Forward => ([a.0, b.0, a.1], a.1 == b.1),
            Product::Transpose => ([a.0, b.1, a.1], a.1 == b.0),
            Product::WeightGrad => ([b.1, a.1, a.0], a.0 == b.0),
        };
        if !fits {
            bail!("{}: {a:?} and {b:?} do not fit together", self.name());
        }
        Ok(sizes)
    }
}

impl CustomOp2 for Dense {
    fn name(&self) -> &'static str {
        match self.product {
            Product::Forward => "dense",
            Product::Transpose => "dense-transpose",
            Product::WeightGrad => "dense-weight-grad",
        }
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        la: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self { product, scale } = *self;
        let [rows, columns, depth] = self.sizes(la, lb)?;
        float_kernel!(self.name(), a, T => {
            let (a, b) = (slice::<T>(a, la)?, slice::<T>(b, lb)?);
            let scale = T::from_f64(scale);
            let result = match product {
                Product::Forward => {
                    fill(rows, columns, depth, |rows, y| T::inner(rows, a, b, depth, scale, y))
                }
                Product::Transpose => {
                    let a = transposed(a, rows);
                    fill(rows, columns, depth, |some, y| T::outer(some, &a, rows, b, scale, y))
                }
                Product::WeightGrad => {
                    fill(rows, columns, depth, |some, y| T::outer(some, b, rows, a, scale, y))
                }
            };
            Ok((T::to_cpu_storage_owned(result), (rows, columns).into()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        la: &Layout,
        b: &CudaStorage,
        lb: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let [rows, columns, depth] = self.sizes(la, lb)?;
        on_gpu!(self.name(), a, gpu => {
            let (a, b) = (gpu.view(a, la)?, gpu.view(b, lb)?);
            let (left, right) = match self.product {
                Product::Forward => (Matrix::new(a, depth), Matrix::new(b, depth).transposed()),
                Product::Transpose => (Matrix::new(a, depth), Matrix::new(b, columns)),
                Product::WeightGrad => (Matrix::new(b, rows).transposed(), Matrix::new(a, columns)),
            };
            (gpu.product(&left, &right, [rows, columns, depth], self.scale)?, (rows, columns).into())
        })
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        v: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        use Product::{Forward, Transpose, WeightGrad};

        let product = |product, a: &Tensor, b: &Tensor| apply(Self { product, ..*self }, a, b);
        // Detached, so that no gradient holds on to what it was made of.
        let (of_a, of_b) = (a.detach(), b.detach());
        match self.product {
            Forward => Ok((
                tracked(a, || product(Transpose, v, &of_b))?,
                tracked(b, || product(WeightGrad, &of_a, v))?,
            )),
            Transpose => Ok((
                tracked(a, || product(Forward, v, &of_b))?,
                tracked(b, || product(WeightGrad, v, &of_a))?,
            )),
            WeightGrad => {
                Ok((tracked(a, || product(Transpose, &of_b, v))?, tracked(b, || product(Forward, &of_a, v))?))
            }
        }
    }
}

/// Fewest multiplications that another thread is woken for.
const PARALLEL: usize = 1 << 19;

/// The types that layers are computed in.
trait Element: WithDType {
    /// Rows `rows` of `scale · left · rightᵀ`, of rows of `len` values.
    fn inner(
        rows: Range<usize>,
        left: &[Self],
        right: &[Self],
        len: usize,
        scale: Self,
        result: &mut [Self],
    ) {
        let columns = result.len() / rows.len();
        for (row, result) in rows.zip(result.chunks_exact_mut(columns)) {
            for (result, right) in result.iter_mut().zip(right.chunks_exact(len)) {
                let products = left[row * len..].iter().zip(right).map(|(&left, &right)| left * right);
                *result = products.fold(Self::zero(), |sum, product| sum + product) * scale;
            }
        }
    }

    /// Rows `rows` of `scale · leftᵀ · right`, where `leftᵀ` has `height` rows.
    fn outer(
        rows: Range<usize>,
        left: &[Self],
        height: usize,
        right: &[Self],
        scale: Self,
        result: &mut [Self],
    ) {
        let columns = result.len() / rows.len();
        for (left, right) in left.chunks_exact(height).zip(right.chunks_exact(columns)) {
            for (row, result) in rows.clone().zip(result.chunks_exact_mut(columns)) {
                for (result, &right) in result.iter_mut().zip(right) {
                    *result += left[row] * right * scale;
                }
            }
        }
    }
}

impl Element for f64 {}

impl Element for f32 {
    fn inner(rows: Range<usize>, left: &[f32], right: &[f32], len: usize, scale: f32, result: &mut [f32]) {
        pulp::Arch::new().dispatch(Inner {
            left: &left[rows.start * len..rows.end * len],
            right,
            len,
            scale,
            result,
        });
    }

    fn outer(rows: Range<usize>, left: &[f32], height: usize, right: &[f32], scale: f32, result: &mut [f32]) {
        pulp::Arch::new().dispatch(Outer { rows, left, height, right, scale, result });
    }
}

/// Rows of a result that are computed together, so that what is read of the right factor serves all of them.
const ROWS: usize = 8;

/// See [`Element::inner`].
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
            for (index, rows) in left.chunks(ROWS * len).enumerate() {
                let mut sums = [simd.splat_f32s(0.0); ROWS];
                // Rows beyond the last are computed like the last, and not kept.
                let last = rows.len() / len - 1;
                for (row, sum) in sums.iter_mut().enumerate() {
                    let (left, left_end) = S::as_simd_f32s(&rows[row.min(last) * len..][..len]);
                    let mut other = simd.mul_f32s(simd.partial_load_f32s(left_end), right_end);
                    let (left, left_odd) = left.as_chunks::<2>();
                    let (right, right_odd) = right.as_chunks::<2>();
                    for (left, right) in left.iter().zip(right) {
                        *sum = simd.mul_add_f32s(left[0], right[0], *sum);
                        other = simd.mul_add_f32s(left[1], right[1], other);
                    }
                    for (&left, &right) in left_odd.iter().zip(right_odd) {
                        *sum = simd.mul_add_f32s(left, right, *sum);
                    }
                    *sum = simd.add_f32s(*sum, other);
                }
                for (row, sum) in sums.into_iter().enumerate().take(last + 1) {
                    result[(index * ROWS + row) * columns + column] = simd.reduce_sum_f32s(sum) * scale;
                }
            }
        }
    }
}

/// See [`Element::outer`].
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
                    let right = simd.partial_load_f32s(&right[first..][..width]);
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
fn fill<T: WithDType>(
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
fn transposed<T: WithDType>(values: &[T], rows: usize) -> Vec<T> {
    let columns = values.len() / rows.max(1);
    (0..values.len()).map(|index| values[index % rows * columns + index / rows]).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{assert_gradients, assert_independent_of_threads, assert_same_as, normal};

    /// `(batch, in, out)`: less than a block of rows and columns, whole blocks, and something between.
    const SIZES: [(usize, usize, usize); 4] = [(1, 1, 1), (3, 5, 7), (16, 32, 8), (19, 37, 21)];

    #[test]
    fn dense_is_a_product() {
        for (batch, ins, outs) in SIZES {
            assert_same_as(
                &[&[batch, ins], &[outs, ins]],
                2,
                |v| dense(&v[0], &v[1], 0.7),
                |v| v[0].matmul(&v[1].t()?)? * 0.7,
            );
            assert_same_as(
                &[&[batch, outs], &[outs, ins]],
                2,
                |v| dense_transpose(&v[0], &v[1], 0.7),
                |v| v[0].matmul(&v[1])? * 0.7,
            );
        }
    }

    #[test]
    fn gradients_have_gradients() {
        let shapes: &[&[usize]] = &[&[3, 5], &[7, 5], &[3, 7]];
        assert_gradients(shapes, |v| {
            // Each of the three products of two of them, and so each gradient of each.
            let weight_grad = Dense { product: Product::WeightGrad, scale: 0.3 };
            let y = dense(&dense_transpose(&v[2], &v[1], 0.5)?, &apply(weight_grad, &v[0], &v[2])?, 2.)?;
            y + dense(&v[0], &v[1], 1.)?
        });
    }

    #[test]
    fn threads_make_no_difference() {
        let (x, weight) = (normal("x", &[16, 512], DType::F32), normal("weight", &[512, 512], DType::F32));
        assert_independent_of_threads(|| {
            let y = dense(&x, &weight, 1.).unwrap();
            vec![dense_transpose(&y, &weight, 1.).unwrap(), y]
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (x, weight) = (normal("x", &[2, 3], DType::F32), normal("weight", &[4, 5], DType::F32));
        for error in [dense(&x, &weight, 1.), dense_transpose(&x, &weight, 1.)].map(Result::unwrap_err) {
            assert!(error.to_string().contains("(2, 3) and (4, 5) do not fit together"), "{error}");
        }
        let double = normal("x", &[2, 5], DType::F64);
        assert!(dense(&double, &weight, 1.).unwrap_err().to_string().contains("differ"));
    }
}
