//! Convolution, closed under differentiation; kernels of 3x3 and 1x1 are what the networks here are made of and what is fast.
//!
//! The three operations are each other's gradients, so every order of derivative runs the same kernels:
//!
//! | operation | gradient of the first argument | gradient of the second argument |
//! |---|---|---|
//! | `conv2d(x, w)` | `conv2d_transpose(v, w)` | `conv2d_weight_grad(x, v)` |
//! | `conv2d_transpose(g, w)` | `conv2d(v, w)` | `conv2d_weight_grad(v, g)` |
//! | `conv2d_weight_grad(x, g)` | `conv2d_transpose(g, v)` | `conv2d(x, v)` |
//!
//! (`v` is the gradient of the result.) `conv2d_down`, which halves the sides, and its adjoint are related in the same
//! way. An argument that is not tracked gets no gradient, so a frozen network
//! pays nothing for its weights.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
mod cudnn;
mod direct;
mod frozen;
mod geometry;
#[cfg(any(feature = "cuda", test))]
mod kept;
mod output;
mod relu;
mod scratch;
#[cfg(test)]
mod tests;
mod weight;
mod winograd;

use candle_core::{CustomOp1, CustomOp2, DType, Result, Shape, Tensor, bail};

pub use frozen::FrozenConv;
pub(crate) use geometry::Geometry;
pub use relu::{Around, conv2d_bias_relu};
pub(crate) use weight::Weight;
pub(crate) use winograd::FrozenFilters;
pub use winograd::vector_unit;

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::feature_layout::FeatureLayout;
use crate::finish::Finish;
use crate::gradients::tracked;
use crate::planes::Planes;

/// Correlates `x` with `weight`, stride 1, the size kept: a 3x3 kernel sees one pixel of zeros around `x`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3
/// - returns: `[batch, out_channels, height, width]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn conv2d(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    conv2d_in(x, weight, FeatureLayout::Nchw)
}

/// The same of features, and to features, that lie as `layout` has it.
pub(crate) fn conv2d_in(x: &Tensor, weight: &Tensor, layout: FeatureLayout) -> Result<Tensor> {
    layout.check("conv2d", x)?;
    let (batch, input) = Planes::of_layout(x.shape(), layout)?;
    let (out_channels, in_channels, kernel) = weight_dims("conv2d", weight)?;
    if input.channels != in_channels {
        bail!("conv2d: x {:?} does not have the {in_channels} channels that weight takes", x.shape());
    }
    forward(Geometry::same(batch, input, out_channels, kernel), x, &layout.of_planes(weight)?)
}

/// The adjoint of [`conv2d`] in its first argument: spreads every value of `g` over the pixels it came from.
///
/// # Shapes
/// - `g`: `[batch, out_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3
/// - returns: `[batch, in_channels, height, width]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn conv2d_transpose(g: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, output) = Planes::of(g.shape())?;
    let (out_channels, in_channels, kernel) = weight_dims("conv2d_transpose", weight)?;
    if output.channels != out_channels {
        bail!("conv2d_transpose: g {:?} does not have the {out_channels} channels of weight", g.shape());
    }
    let input = Planes { channels: in_channels, ..output };
    transpose(Geometry::same(batch, input, out_channels, kernel), g, weight)
}

/// The gradient of `sum(g * conv2d(x, weight))` with respect to `weight`, which is linear in `x` and in `g`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `g`: `[batch, out_channels, height, width]`
/// - returns: `[out_channels, in_channels, kernel, kernel]`
///
/// # Errors
/// If the shapes do not fit together, `kernel` is neither 1 nor 3, or the dtype is neither `f32` nor `f64` nor, on a GPU,
/// `bf16`.
pub fn conv2d_weight_grad(x: &Tensor, g: &Tensor, kernel: usize) -> Result<Tensor> {
    let ((batch, input), (g_batch, output)) = (Planes::of(x.shape())?, Planes::of(g.shape())?);
    if (batch, input.height, input.width) != (g_batch, output.height, output.width) {
        bail!("conv2d_weight_grad: x {:?} and g {:?} differ beyond their channels", x.shape(), g.shape());
    }
    check_kernel("conv2d_weight_grad", kernel)?;
    weight_grad(Geometry::same(batch, input, output.channels, kernel), x, g)
}

/// Correlates `x` with `weight`, stride 1, with `padding` rows of zeros above and below, and columns at both sides.
///
/// It serves the networks of others. On a CPU kernels of 3x3, 1x7 and 7x1 have
/// fast ways of their own; others are computed the plain way.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel_height, kernel_width]`
/// - returns: `[batch, out_channels, height + 2 * padding - kernel_height + 1, …]`
///
/// # Errors
/// If the shapes do not fit together, the padding is as large as the kernel, or the dtype is neither `f32` nor `f64` nor, on
/// a GPU, `bf16`.
pub fn conv2d_padded(x: &Tensor, weight: &Tensor, padding: [usize; 2]) -> Result<Tensor> {
    let (batch, input) = Planes::of(x.shape())?;
    let (out_channels, in_channels, height, width) = weight.dims4()?;
    let geometry = Geometry::padded(batch, input, out_channels, [height, width], padding);
    match geometry.filter(|_| input.channels == in_channels) {
        Some(geometry) => forward(geometry, x, weight),
        None => bail!(
            "conv2d_padded: x {:?}, weight {:?} and padding {padding:?} do not fit",
            x.shape(),
            weight.shape()
        ),
    }
}

/// Correlates `x` with a 3x3 `weight` at every second pixel, nothing around `x`.
///
/// With [`smooth_down`](crate::smooth_down) before it, it is the critic's convolution with a mean over 2x2 pixels
/// behind it; but it computes a quarter of the values.
///
/// # Shapes
/// - `x`: `[batch, in_channels, 2 * height + 1, 2 * width + 1]`
/// - `weight`: `[out_channels, in_channels, 3, 3]`
/// - returns: `[batch, out_channels, height, width]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn conv2d_down(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, input) = Planes::of(x.shape())?;
    let (out_channels, in_channels, kernel) = weight_dims("conv2d_down", weight)?;
    if input.channels != in_channels || kernel != 3 {
        bail!("conv2d_down: x {:?} and weight {:?} do not fit", x.shape(), weight.shape());
    }
    if input.height.is_multiple_of(2) || input.width.is_multiple_of(2) {
        bail!("conv2d_down: the sides of x {:?} are not odd", x.shape());
    }
    let (height, width) = (input.height / 2, input.width / 2);
    let output = Planes { channels: out_channels, height, width, ..input };
    forward(Geometry::halving(batch, in_channels, output), x, weight)
}

/// The adjoint of [`conv2d_down`] in its first argument.
///
/// # Shapes
/// - `g`: `[batch, out_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, 3, 3]`
/// - returns: `[batch, in_channels, 2 * height + 1, 2 * width + 1]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn conv2d_down_transpose(g: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, output) = Planes::of(g.shape())?;
    let (out_channels, in_channels, kernel) = weight_dims("conv2d_down_transpose", weight)?;
    if output.channels != out_channels || kernel != 3 {
        bail!("conv2d_down_transpose: g {:?} and weight {:?} do not fit", g.shape(), weight.shape());
    }
    transpose(Geometry::halving(batch, in_channels, output), g, weight)
}

/// Sets the pixels of `x` apart by zeros, around them too, and correlates with a 3x3 `weight`, the size kept.
///
/// With [`smooth_up`](crate::smooth_up) behind it, it is the generator's upscale and convolution; but it computes a
/// quarter of the products.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, 3, 3]`
/// - returns: `[batch, out_channels, 2 * height + 1, 2 * width + 1]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn conv2d_up(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    conv2d_down_transpose(x, &weight.contiguous()?.apply_op1(Turn)?)
}

fn forward(geometry: Geometry, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    apply(Conv2d(geometry), x, weight)
}

fn transpose(geometry: Geometry, g: &Tensor, weight: &Tensor) -> Result<Tensor> {
    apply(Conv2dTranspose(geometry), g, weight)
}

fn weight_grad(geometry: Geometry, x: &Tensor, g: &Tensor) -> Result<Tensor> {
    apply(Conv2dWeightGrad(geometry), x, g)
}

/// `(out_channels, in_channels, kernel)` of a weight.
fn weight_dims(op: &str, weight: &Tensor) -> Result<(usize, usize, usize)> {
    let (out_channels, in_channels, kernel, kernel_width) = weight.dims4()?;
    if kernel != kernel_width {
        bail!("{op}: the kernel of weight {:?} is not square", weight.shape());
    }
    check_kernel(op, kernel)?;
    Ok((out_channels, in_channels, kernel))
}

fn check_kernel(op: &str, kernel: usize) -> Result<()> {
    if !matches!(kernel, 1 | 3) {
        bail!("{op}: a kernel of size {kernel} is not supported, only 1 and 3");
    }
    Ok(())
}

fn apply<Op>(op: Op, a: &Tensor, b: &Tensor) -> Result<Tensor>
where
    Op: CustomOp2 + Send + Sync + 'static,
{
    let is_known = match a.dtype() {
        DType::F32 | DType::F64 => true,
        DType::BF16 => a.device().is_cuda(),
        _ => false,
    };
    if a.dtype() != b.dtype() || !is_known {
        bail!("{}: dtypes {:?} and {:?} are not both f32 or both f64", op.name(), a.dtype(), b.dtype());
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, op)
}

pub(crate) trait Convolve: Engine {
    /// See [`conv2d`], and what follows it.
    fn forward(
        &self,
        geometry: &Geometry,
        x: Self::View<'_>,
        weight: Weight<'_, Self::View<'_>>,
        finish: Option<&Finish<Self::View<'_>>>,
    ) -> Result<Self::Values>;
    /// See [`conv2d_transpose`], and what follows it.
    fn transpose(
        &self,
        geometry: &Geometry,
        g: Self::View<'_>,
        weight: Weight<'_, Self::View<'_>>,
        finish: Option<&Finish<Self::View<'_>>>,
    ) -> Result<Self::Values>;
    /// See [`conv2d_weight_grad`].
    fn weight_grad(&self, geometry: &Geometry, x: Self::View<'_>, g: Self::View<'_>) -> Result<Self::Values>;
    /// `[in, out, taps]` of `[out, in, taps]`, every kernel turned by half a turn; `out` is the planes' channels, and weights
    /// lie as their layout has it.
    fn turned(&self, out: Planes, taps: usize, weight: Self::View<'_>) -> Result<Self::Values>;
    /// Calls `run` with the weight as it lies that is not turned.
    fn with_straight<R>(
        &self,
        geometry: &Geometry,
        weight: Weight<'_, Self::View<'_>>,
        run: impl FnOnce(Self::View<'_>) -> Result<R>,
    ) -> Result<R> {
        if !weight.is_turned {
            return run(weight.values);
        }
        let turned = self.turned(geometry.input, geometry.window(), weight.values)?;
        run(self.all(&turned))
    }
}

struct Conv2d(Geometry);

impl Conv2d {
    fn run<E: Convolve>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        weight: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        Ok((
            engine.forward(&self.0, x.values, Weight::new(weight.values), None)?,
            self.0.output.shape(self.0.batch),
        ))
    }
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // Detached, so that no gradient holds on to what it was made of.
        Ok((
            tracked(x, || transpose(self.0, grad, &weight.detach()))?,
            tracked(weight, || weight_grad(self.0, &x.detach(), grad))?,
        ))
    }
}

struct Conv2dTranspose(Geometry);

impl Conv2dTranspose {
    fn run<E: Convolve>(
        &self,
        engine: &E,
        g: Input<'_, E>,
        weight: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        Ok((
            engine.transpose(&self.0, g.values, Weight::new(weight.values), None)?,
            self.0.input.shape(self.0.batch),
        ))
    }
}

impl CustomOp2 for Conv2dTranspose {
    fn name(&self) -> &'static str {
        "conv2d_transpose"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        g: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            tracked(g, || forward(self.0, grad, &weight.detach()))?,
            tracked(weight, || weight_grad(self.0, grad, &g.detach()))?,
        ))
    }
}

struct Conv2dWeightGrad(Geometry);

impl Conv2dWeightGrad {
    fn run<E: Convolve>(&self, engine: &E, x: Input<'_, E>, g: Input<'_, E>) -> Result<(E::Values, Shape)> {
        Ok((engine.weight_grad(&self.0, x.values, g.values)?, self.0.weight_shape()))
    }
}

impl CustomOp2 for Conv2dWeightGrad {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        x: &Tensor,
        g: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            tracked(x, || transpose(self.0, &g.detach(), grad))?,
            tracked(g, || forward(self.0, &x.detach(), grad))?,
        ))
    }
}

/// `[in, out, k, k]` of `[out, in, k, k]`, every kernel turned by half a turn; its own adjoint.
struct Turn;

impl Turn {
    fn run<E: Convolve>(&self, engine: &E, weight: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (out_channels, in_channels, kernel, _) = weight.shape.dims4()?;
        let (_, planes) = Planes::of(&(1, out_channels, kernel, kernel).into())?;
        let turned = engine.turned(planes, kernel * kernel, weight.values)?;
        Ok((turned, (in_channels, out_channels, kernel, kernel).into()))
    }
}

impl CustomOp1 for Turn {
    fn name(&self) -> &'static str {
        "turn"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, weight: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        tracked(weight, || grad.contiguous()?.apply_op1(Turn))
    }
}
