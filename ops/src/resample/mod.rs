//! Halving, doubling, smoothing and blending pictures. All of it is linear, and each gradient is made of the
//! same operations, so they can be differentiated any number of times.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{CustomOp1, CustomOp2, Result, Shape, Tensor, bail};

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::tracked;
use crate::planes::Planes;

/// Doubles both sides by repeating pixels.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - returns: `[batch, channels, 2 * height, 2 * width]`
///
/// # Errors
/// If `x` is no picture of `f32` or `f64`.
pub fn upscale2x(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Repeat2x { scale: 1. })
}

/// The gradient behind [`upscale2x`]: sums over 2x2 pixels.
///
/// # Shapes
/// - `g`: `[batch, channels, 2 * height, 2 * width]`
/// - returns: `[batch, channels, height, width]`
///
/// # Errors
/// If a side of `g` is odd.
pub fn upscale2x_adjoint(g: &Tensor) -> Result<Tensor> {
    g.contiguous()?.apply_op1(Sum2x2 { scale: 1. })
}

/// Halves both sides by means over 2x2 pixels.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`, both sides even
/// - returns: `[batch, channels, height / 2, width / 2]`
///
/// # Errors
/// If a side of `x` is odd.
pub fn downscale2x(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Sum2x2 { scale: 0.25 })
}

/// The gradient behind [`downscale2x`]: a quarter to each of the 2x2 pixels.
///
/// # Shapes
/// - `g`: `[batch, channels, height, width]`
/// - returns: `[batch, channels, 2 * height, 2 * width]`
///
/// # Errors
/// If `g` is no picture of `f32` or `f64`.
pub fn downscale2x_adjoint(g: &Tensor) -> Result<Tensor> {
    g.contiguous()?.apply_op1(Repeat2x { scale: 0.25 })
}

/// Smooths each channel with `[1, 2, 1] x [1, 2, 1] / 16` over pixels continued by zeros, so borders are dimmed.
///
/// It is its own adjoint.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - returns: as `x`
///
/// # Errors
/// If `x` is no picture of `f32` or `f64`.
pub fn blur(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Blur)
}

/// The way from `a` to `b`: `a + (b - a) * t`.
///
/// # Shapes
/// - `a`, `b`: the same, any
/// - returns: as `a`
///
/// # Errors
/// If the shapes or the types of `a` and `b` differ.
pub fn blend(a: &Tensor, b: &Tensor, t: f64) -> Result<Tensor> {
    if a.dims() != b.dims() {
        bail!("blend: {:?} and {:?} differ in shape", a.dims(), b.dims());
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, Blend { t })
}

pub(crate) trait Resample: Engine {
    /// Every pixel of rows of `width` four times, times `scale`.
    fn repeat2x(&self, x: Self::View<'_>, width: usize, scale: f64) -> Result<Self::Values>;
    /// The sum of 2x2 pixels of rows of `width`, an even number, times `scale`.
    fn sum2x2(&self, x: Self::View<'_>, width: usize, scale: f64) -> Result<Self::Values>;
    /// See [`blur`].
    fn blur(&self, x: Self::View<'_>, planes: Planes) -> Result<Self::Values>;
    /// See [`blend`].
    fn blend(&self, a: Self::View<'_>, b: Self::View<'_>, t: f64) -> Result<Self::Values>;
}

/// Every pixel four times, times `scale`.
struct Repeat2x {
    scale: f64,
}

impl Repeat2x {
    fn run<E: Resample>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (batch, planes) = Planes::of(x.shape)?;
        let doubled = Planes { height: 2 * planes.height, width: 2 * planes.width, ..planes };
        Ok((engine.repeat2x(x.values, planes.width, self.scale)?, doubled.shape(batch)))
    }
}

impl CustomOp1 for Repeat2x {
    fn name(&self) -> &'static str {
        "repeat2x"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || g.contiguous()?.apply_op1(Sum2x2 { scale: self.scale }))
    }
}

/// The sum of 2x2 pixels, times `scale`.
struct Sum2x2 {
    scale: f64,
}

impl Sum2x2 {
    fn run<E: Resample>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (batch, planes) = Planes::of(x.shape)?;
        let Planes { height, width, .. } = planes;
        if height % 2 != 0 || width % 2 != 0 {
            bail!("{}: expected even sides, got {height}x{width}", self.name());
        }
        let halved = Planes { height: height / 2, width: width / 2, ..planes };
        Ok((engine.sum2x2(x.values, width, self.scale)?, halved.shape(batch)))
    }
}

impl CustomOp1 for Sum2x2 {
    fn name(&self) -> &'static str {
        "sum2x2"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || g.contiguous()?.apply_op1(Repeat2x { scale: self.scale }))
    }
}

struct Blur;

impl Blur {
    fn run<E: Resample>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        Ok((engine.blur(x.values, planes)?, x.shape.clone()))
    }
}

impl CustomOp1 for Blur {
    fn name(&self) -> &'static str {
        "blur"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || blur(g))
    }
}

struct Blend {
    t: f64,
}

impl Blend {
    fn run<E: Resample>(&self, engine: &E, a: Input<'_, E>, b: Input<'_, E>) -> Result<(E::Values, Shape)> {
        Ok((engine.blend(a.values, b.values, self.t)?, a.shape.clone()))
    }
}

impl CustomOp2 for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((tracked(a, || g.affine(1. - self.t, 0.))?, tracked(b, || g.affine(self.t, 0.))?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_close, assert_gradients, assert_independent_of_threads, assert_same_as,
        normal, plain_blur,
    };

    fn plain_upscale(x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let x = x.reshape((batch, channels, height, 1, width, 1))?;
        let x = x.broadcast_as((batch, channels, height, 2, width, 2))?.contiguous()?;
        x.reshape((batch, channels, 2 * height, 2 * width))
    }

    fn plain_downscale(x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let x = x.reshape((batch, channels, height / 2, 2, width / 2, 2))?;
        x.sum(5)?.sum(3)? * 0.25
    }

    #[test]
    fn resampling_is_its_definition() {
        for shape in [PICTURE, LARGE, &[2, 3, 2, 6]] {
            assert_same_as(&[shape], 1, |v| upscale2x(&v[0]), |v| plain_upscale(&v[0]));
            assert_same_as(&[shape], 1, |v| downscale2x_adjoint(&v[0]), |v| plain_upscale(&v[0])? * 0.25);
            assert_same_as(&[shape], 1, |v| downscale2x(&v[0]), |v| plain_downscale(&v[0]));
            assert_same_as(&[shape], 1, |v| upscale2x_adjoint(&v[0]), |v| plain_downscale(&v[0])? * 4.);
        }
    }

    #[test]
    fn blur_is_its_definition() {
        for shape in [PICTURE, LARGE, &[2, 3, 1, 1], &[2, 3, 1, 5], &[2, 3, 5, 1], &[2, 3, 2, 7]] {
            assert_same_as(&[shape], 1, |v| blur(&v[0]), |v| plain_blur(&v[0], true));
        }
    }

    #[test]
    fn blend_is_its_definition() {
        for shape in [PICTURE, LARGE, &[7]] {
            let plain = |v: &[Tensor]| (&v[0] * 0.7)? + (&v[1] * 0.3)?;
            assert_same_as(&[shape, shape], 2, |v| blend(&v[0], &v[1], 0.3), plain);
        }
        assert_gradients(&[PICTURE, PICTURE], |v| blend(&v[0], &v[1], 0.3));
    }

    #[test]
    fn gradients_are_differences() {
        for f in [upscale2x, downscale2x, upscale2x_adjoint, downscale2x_adjoint, blur] {
            assert_gradients(&[PICTURE], |v| f(&v[0]));
            // The square makes the gradient of the second use depend on the first.
            assert_gradients(&[PICTURE], |v| blur(&f(&v[0])?.sqr()?));
        }
    }

    /// `<f(a), b> = <a, adjoint(b)>`, and the adjoint's adjoint is the operation.
    #[test]
    fn adjoints_are_adjoint() {
        let dot = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap();
        let (a, b) = (normal("a", PICTURE, DType::F64), normal("b", &[3, 5, 16, 8], DType::F64));
        let left = dot(&upscale2x(&a).unwrap(), &b);
        assert_close("upscale", &left, &dot(&a, &upscale2x_adjoint(&b).unwrap()));
        let left = dot(&downscale2x(&b).unwrap(), &a);
        assert_close("downscale", &left, &dot(&b, &downscale2x_adjoint(&a).unwrap()));
        let c = normal("c", PICTURE, DType::F64);
        assert_close("blur", &dot(&blur(&a).unwrap(), &c), &dot(&a, &blur(&c).unwrap()));
    }

    #[test]
    fn threads_make_no_difference() {
        let x = normal("x", LARGE, DType::F32);
        assert_independent_of_threads(|| {
            let y = blur(&upscale2x(&x).unwrap()).unwrap();
            let z = downscale2x(&y).unwrap();
            vec![blend(&x, &z, 0.4).unwrap(), y, z]
        });
    }

    #[test]
    fn wrong_arguments_are_errors() {
        let odd = normal("odd", &[3, 5, 8, 3], DType::F32);
        assert!(downscale2x(&odd).unwrap_err().to_string().contains("expected even sides, got 8x3"));
        let other = normal("other", PICTURE, DType::F32);
        assert!(blend(&odd, &other, 0.5).unwrap_err().to_string().contains("differ in shape"));
        assert!(blur(&odd.flatten_all().unwrap()).is_err());
    }
}
