//! Fully connected layers, closed under differentiation as convolutions are.
//!
//! A general product of matrices packs both factors first. Here one of them has as few rows as a batch has samples, so
//! packing the other, a weight, would cost as much as multiplying it.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{CustomOp2, Result, Shape, Tensor, bail};

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::tracked;

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
pub(crate) enum Product {
    /// `x · weightᵀ`
    Forward,
    /// `g · weight`
    Transpose,
    /// `gᵀ · x`, of `x` and `g`
    WeightGrad,
}

pub(crate) trait MultiplyMatrices: Engine {
    /// `scale` times the product of two matrices, of so many rows and columns, each value of `depth` products.
    fn product(
        &self,
        product: Product,
        a: Self::View<'_>,
        b: Self::View<'_>,
        sizes: [usize; 3],
        scale: f64,
    ) -> Result<Self::Values>;
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
    fn sizes(&self, a: &Shape, b: &Shape) -> Result<[usize; 3]> {
        let (a, b) = (a.dims2()?, b.dims2()?);
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

    fn run<E: MultiplyMatrices>(
        &self,
        engine: &E,
        a: Input<'_, E>,
        b: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let sizes @ [rows, columns, _] = self.sizes(a.shape, b.shape)?;
        Ok((engine.product(self.product, a.values, b.values, sizes, self.scale)?, (rows, columns).into()))
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

    runs_on_every_engine!(2);

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
