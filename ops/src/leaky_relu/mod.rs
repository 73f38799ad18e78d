//! Leaky `ReLU`, and the gradients behind it and behind a plain one.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{CustomOp1, CustomOp2, Result, Shape, Tensor, bail};

pub(crate) use cpu::bent;

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::tracked;

/// What a leaky `ReLU` multiplies negative values by.
pub const SLOPE: f64 = 0.2;

/// `x` where `x >= 0`, else `0.2 x`.
///
/// The derivative at exactly 0 is 1.
///
/// # Shapes
/// - `x`: any
/// - returns: as `x`
///
/// # Errors
/// If `x` is neither `f32` nor `f64`.
pub fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(LeakyRelu)
}

/// The gradient `g` behind a leaky `ReLU` whose output was `y`: `g` where `y >= 0`, else `0.2 g`.
///
/// Linear in `g` and its own adjoint, so it can be differentiated again; `y` gets no gradient, for the mask is
/// constant almost everywhere. The output tells the mask as well as the input does (`y >= 0` exactly where
/// `x >= 0`), so the input need not be kept.
///
/// # Shapes
/// - `g`, `y`: the same, any
/// - returns: as `g`
///
/// # Errors
/// If the shapes or the types of `g` and `y` differ.
pub fn leaky_relu_grad(g: &Tensor, y: &Tensor) -> Result<Tensor> {
    if g.dims() != y.dims() {
        bail!("leaky-relu-grad: gradient {:?} and output {:?} differ in shape", g.dims(), y.dims());
    }
    g.contiguous()?.apply_op2(&y.detach().contiguous()?, Behind::LeakyRelu)
}

/// The gradient `g` behind a `ReLU` whose output was `y`: `g` where `y > 0`, else 0; otherwise as [`leaky_relu_grad`].
///
/// # Errors
/// If the types of `g` and `y` differ.
pub(crate) fn relu_grad(g: &Tensor, y: &Tensor) -> Result<Tensor> {
    g.contiguous()?.apply_op2(&y.detach().contiguous()?, Behind::Relu)
}

pub(crate) trait Activate: Engine {
    /// See [`leaky_relu`].
    fn leaky_relu(&self, x: Self::View<'_>) -> Result<Self::Values>;
    /// See [`leaky_relu_grad`].
    fn leaky_relu_grad(&self, g: Self::View<'_>, y: Self::View<'_>) -> Result<Self::Values>;
    /// See [`relu_grad`].
    fn relu_grad(&self, g: Self::View<'_>, y: Self::View<'_>) -> Result<Self::Values>;
}

struct LeakyRelu;

impl LeakyRelu {
    fn run<E: Activate>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        Ok((engine.leaky_relu(x.values)?, x.shape.clone()))
    }
}

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || leaky_relu_grad(g, y))
    }
}

/// The gradient behind an activation.
#[derive(Clone, Copy)]
enum Behind {
    LeakyRelu,
    Relu,
}

impl Behind {
    fn run<E: Activate>(self, engine: &E, g: Input<'_, E>, y: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let dx = match self {
            Self::LeakyRelu => engine.leaky_relu_grad(g.values, y.values)?,
            Self::Relu => engine.relu_grad(g.values, y.values)?,
        };
        Ok((dx, g.shape.clone()))
    }
}

impl CustomOp2 for Behind {
    fn name(&self) -> &'static str {
        match self {
            Self::LeakyRelu => "leaky-relu-grad",
            Self::Relu => "relu-grad",
        }
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        g: &Tensor,
        y: &Tensor,
        _dx: &Tensor,
        gg: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((tracked(g, || gg.contiguous()?.apply_op2(&y.detach(), *self))?, None))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::testing::{LARGE, PICTURE, assert_gradients, assert_same_as, normal, plain_leaky_relu};

    #[test]
    fn leaky_relu_is_its_definition() {
        for shape in [PICTURE, LARGE, &[3, 7], &[5]] {
            assert_same_as(&[shape], 1, |v| leaky_relu(&v[0]), |v| plain_leaky_relu(&v[0]));
        }
        assert_gradients(&[PICTURE], |v| leaky_relu(&v[0]));
    }

    #[test]
    fn slope_at_zero_is_one() {
        let x = Var::new(&[0_f32, -1., 2.], &Device::Cpu).unwrap();
        let gradients = leaky_relu(&x).unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>().unwrap(), [1., 0.2, 1.]);
    }

    #[test]
    fn leaky_relu_grad_can_be_differentiated_again() {
        let y = normal("output", PICTURE, DType::F64);
        assert_gradients(&[PICTURE], |v| leaky_relu_grad(&v[0], &y));
        // Through a square, as in a gradient penalty.
        assert_gradients(&[PICTURE], |v| leaky_relu_grad(&leaky_relu_grad(&v[0], &y)?.sqr()?, &y));
        let tracked = Var::from_tensor(&y).unwrap();
        let g = Var::from_tensor(&y).unwrap();
        let gradients = leaky_relu_grad(&g, &tracked).unwrap().sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&tracked).is_none() && gradients.get(&g).is_some());
    }

    #[test]
    fn wrong_arguments_are_errors() {
        let x = normal("x", PICTURE, DType::F32);
        let message = |result: Result<Tensor>| result.unwrap_err().to_string();
        let four = normal("four", &[4], DType::F32);
        assert!(message(leaky_relu_grad(&x, &four)).contains("differ in shape"));
        let half = x.to_dtype(DType::F16).unwrap();
        assert!(message(leaky_relu(&half)).contains("only f32 and f64"));
    }
}
