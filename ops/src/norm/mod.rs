//! Pixel norm, instance norm and adaptive instance norm (`AdaIN`).

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;

use candle_core::{CustomOp1, CustomOp2, CustomOp3, Result, Shape, Tensor, bail};

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::{packed, tracked, unpack};
use crate::planes::Planes;

/// What the original adds to a mean square before its root is taken: in the pixel norm, the instance norm and the
/// minibatch stddev.
pub const EPSILON: f64 = 1e-8;

/// Scales each feature vector to a mean square of one: `x * rsqrt(mean(x^2) + 1e-8)`, the mean over axis 1
/// (Karras et al. 2018, section 4.2).
///
/// # Shapes
/// - `x`: `[batch, features]` or `[batch, channels, height, width]`
/// - returns: as `x`
///
/// # Errors
/// If `x` has less than two axes.
pub fn pixel_norm(x: &Tensor) -> Result<Tensor> {
    x.broadcast_div(&(x.sqr()?.mean_keepdim(1)? + EPSILON)?.sqrt()?)
}

/// Replaces the per-channel statistics of `x` by those given in `style`.
///
/// `AdaIN(x_i, y) = y_s,i · (x_i − μ(x_i)) / σ(x_i) + y_b,i` (Karras et al. 2019, eq. 1), with `y_s = scale + 1`
/// and `σ = sqrt(mean((x - μ)²) + epsilon)`, the population's deviation; the original's epsilon is
/// [`NORM_EPSILON`](crate::NORM_EPSILON). The gradient is of first order only.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - `style`: `[batch, 2 * channels]`, all scales, then all shifts
/// - returns: as `x`
///
/// # Errors
/// If `style` does not hold two values for each channel of `x`.
pub fn instance_norm_style(x: &Tensor, style: &Tensor, epsilon: f64) -> Result<Tensor> {
    let (batch, channels, _height, _width) = x.dims4()?;
    if style.dims() != [batch, 2 * channels] {
        bail!(
            "instance-norm-style: style {:?} does not hold two values for each channel of x {:?}",
            style.dims(),
            x.dims()
        );
    }
    if style.dtype() != x.dtype() {
        bail!("instance-norm-style: style is {:?} and x is {:?}", style.dtype(), x.dtype());
    }
    x.contiguous()?.apply_op2(&style.contiguous()?, InstanceNormStyle { epsilon })
}

/// Gives each plane of `x` mean 0 and deviation 1, as [`instance_norm_style`] does before it applies the style.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - returns: as `x`
///
/// # Errors
/// If `x` is no picture of `f32` or `f64`.
pub fn instance_norm(x: &Tensor, epsilon: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op1(InstanceNorm { epsilon })
}

/// Norms of planes; a style is `[batch, 2 * channels]`.
pub(crate) trait Normalize: Engine {
    /// See [`instance_norm_style`], or [`instance_norm`] without style.
    fn normalize(
        &self,
        x: Self::View<'_>,
        style: Option<Self::View<'_>>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<Self::Values>;
    /// The gradient of the picture, then that of the style if there is one.
    fn normalize_grad(
        &self,
        x: Self::View<'_>,
        style: Option<Self::View<'_>>,
        g: Self::View<'_>,
        planes: Planes,
        epsilon: f64,
    ) -> Result<Self::Values>;
}

struct InstanceNormStyle {
    epsilon: f64,
}

impl InstanceNormStyle {
    fn run<E: Normalize>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        style: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        let style = Some(style.values);
        let y = engine.normalize(x.values, style, planes, self.epsilon)?;
        Ok((y, x.shape.clone()))
    }
}

impl CustomOp2 for InstanceNormStyle {
    fn name(&self) -> &'static str {
        "instance-norm-style"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        x: &Tensor,
        style: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let op = InstanceNormStyleGrad { epsilon: self.epsilon };
        let gradients = x.apply_op3_no_bwd(style, &g.contiguous()?, &op)?;
        let [of_x, of_style] = unpack(&gradients, [(x, true), (style, true)])?;
        Ok((of_x, of_style))
    }
}

/// The gradients of [`instance_norm_style`].
struct InstanceNormStyleGrad {
    epsilon: f64,
}

impl InstanceNormStyleGrad {
    fn run<E: Normalize>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        style: Input<'_, E>,
        g: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        let gradients =
            engine.normalize_grad(x.values, Some(style.values), g.values, planes, self.epsilon)?;
        Ok(packed(engine, gradients))
    }
}

impl CustomOp3 for InstanceNormStyleGrad {
    fn name(&self) -> &'static str {
        "instance-norm-style-grad"
    }

    runs_on_every_engine!(3);
}

struct InstanceNorm {
    epsilon: f64,
}

impl InstanceNorm {
    fn run<E: Normalize>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        let y = engine.normalize(x.values, None, planes, self.epsilon)?;
        Ok((y, x.shape.clone()))
    }
}

impl CustomOp1 for InstanceNorm {
    fn name(&self) -> &'static str {
        "instance-norm"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let op = InstanceNormGrad { epsilon: self.epsilon };
        tracked(x, || x.apply_op2_no_bwd(&g.contiguous()?, &op))
    }
}

/// The gradient of [`instance_norm`].
struct InstanceNormGrad {
    epsilon: f64,
}

impl InstanceNormGrad {
    fn run<E: Normalize>(&self, engine: &E, x: Input<'_, E>, g: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        Ok((engine.normalize_grad(x.values, None, g.values, planes, self.epsilon)?, x.shape.clone()))
    }
}

impl CustomOp2 for InstanceNormGrad {
    fn name(&self) -> &'static str {
        "instance-norm-grad"
    }

    runs_on_every_engine!(2);
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_gradients, assert_independent_of_threads, assert_same_as, normal,
    };

    fn plain(x: &Tensor, epsilon: f64) -> Result<Tensor> {
        let mean_of = |x: &Tensor| x.mean_keepdim(3)?.mean_keepdim(2);
        let centered = x.broadcast_sub(&mean_of(x)?)?;
        centered.broadcast_div(&(mean_of(&centered.sqr()?)? + epsilon)?.sqrt()?)
    }

    fn plain_style(x: &Tensor, style: &Tensor, epsilon: f64) -> Result<Tensor> {
        let (batch, channels, _height, _width) = x.dims4()?;
        let part = |first| style.narrow(1, first, channels)?.reshape((batch, channels, 1, 1));
        plain(x, epsilon)?.broadcast_mul(&(part(0)? + 1.)?)?.broadcast_add(&part(channels)?)
    }

    #[test]
    fn pixel_norm_gives_unit_mean_square() {
        for shape in [PICTURE, &[3, 7]] {
            assert_gradients(&[shape], |v| pixel_norm(&v[0]));
            let y = pixel_norm(&normal("x", shape, DType::F64)).unwrap();
            let squares = y.sqr().unwrap().mean(1).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
            assert!(squares.iter().all(|s| (s - 1.).abs() < 1e-5), "{squares:?}");
        }
    }

    #[test]
    fn instance_norm_is_its_definition() {
        for (shape, epsilon) in [(PICTURE, EPSILON), (LARGE, EPSILON), (PICTURE, 0.5)] {
            assert_same_as(&[shape], 1, |v| instance_norm(&v[0], epsilon), |v| plain(&v[0], epsilon));
        }
        assert_gradients(&[PICTURE], |v| instance_norm(&v[0], 0.5));
    }

    #[test]
    fn instance_norm_style_is_its_definition() {
        for (shape, epsilon) in [(PICTURE, EPSILON), (LARGE, EPSILON), (PICTURE, 0.5)] {
            assert_same_as(
                &[shape, &[3, 10]],
                2,
                |v| instance_norm_style(&v[0], &v[1], epsilon),
                |v| plain_style(&v[0], &v[1], epsilon),
            );
        }
        assert_gradients(&[PICTURE, &[3, 10]], |v| instance_norm_style(&v[0], &v[1], 0.5));
    }

    #[test]
    fn constant_planes_become_exactly_the_shift() {
        let x = (Tensor::ones(LARGE, DType::F32, &Device::Cpu).unwrap() * 0.1).unwrap();
        let y = instance_norm(&x, EPSILON).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(y.iter().all(|y| y.to_bits() == 0), "a constant plane has no deviation");
    }

    #[test]
    fn large_means_do_not_drown_the_deviation() {
        let x = normal("x", LARGE, DType::F64);
        let shifted = ((&x * 0.01).unwrap() + 100.).unwrap().to_dtype(DType::F32).unwrap();
        let exact = plain(&shifted.to_dtype(DType::F64).unwrap(), EPSILON).unwrap();
        let y = instance_norm(&shifted, EPSILON).unwrap().to_dtype(DType::F64).unwrap();
        let error = (y - exact).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn threads_make_no_difference() {
        let x = Var::from_tensor(&normal("x", LARGE, DType::F32)).unwrap();
        let style = Var::from_tensor(&normal("style", &[3, 10], DType::F32)).unwrap();
        assert_independent_of_threads(|| {
            let y = instance_norm_style(&x, &style, EPSILON).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            vec![y, gradients.get(&x).unwrap().clone(), gradients.get(&style).unwrap().clone()]
        });
    }

    #[test]
    fn wrong_styles_are_errors() {
        let x = normal("x", PICTURE, DType::F32);
        let style = normal("style", &[3, 9], DType::F32);
        let message = instance_norm_style(&x, &style, EPSILON).unwrap_err().to_string();
        assert!(message.contains("style [3, 9] does not hold two values for each channel"), "{message}");
        let style = normal("style", &[3, 10], DType::F64);
        assert!(instance_norm_style(&x, &style, EPSILON).unwrap_err().to_string().contains("style is F64"));
    }
}
