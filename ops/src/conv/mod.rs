//! Convolution with 3x3 or 1x1 kernels, closed under differentiation.
//!
//! The three operations are each other's gradients, so every order of derivative runs the same kernels:
//!
//! | operation | gradient of the first argument | gradient of the second argument |
//! |---|---|---|
//! | `conv2d(x, w)` | `conv2d_transpose(v, w)` | `conv2d_weight_grad(x, v)` |
//! | `conv2d_transpose(g, w)` | `conv2d(v, w)` | `conv2d_weight_grad(v, g)` |
//! | `conv2d_weight_grad(x, g)` | `conv2d_transpose(g, v)` | `conv2d(x, v)` |
//!
//! (`v` is the gradient of the result.) An argument that is not tracked gets no gradient, so a frozen network
//! pays nothing for its weights.

mod direct;
mod geometry;
mod output;
mod scratch;
#[cfg(test)]
mod tests;
mod winograd;

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};

use geometry::Geometry;

/// Correlates `x` with `weight`, stride 1, the size kept: a 3x3 kernel sees one pixel of zeros around `x`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3
/// - returns: `[batch, out_channels, height, width]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64`.
pub fn conv2d(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let (out_channels, in_channels, kernel) = weight_dims("conv2d", weight)?;
    if channels != in_channels {
        bail!("conv2d: x {:?} does not have the {in_channels} channels that weight takes", x.shape());
    }
    let geometry = Geometry { batch, in_channels, out_channels, height, width, kernel };
    apply(Conv2d(geometry), x, weight)
}

/// The adjoint of [`conv2d`] in its first argument: spreads every value of `g` over the pixels it came from.
///
/// # Shapes
/// - `g`: `[batch, out_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3
/// - returns: `[batch, in_channels, height, width]`
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64`.
pub fn conv2d_transpose(g: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = g.dims4()?;
    let (out_channels, in_channels, kernel) = weight_dims("conv2d_transpose", weight)?;
    if channels != out_channels {
        bail!("conv2d_transpose: g {:?} does not have the {out_channels} channels of weight", g.shape());
    }
    let geometry = Geometry { batch, in_channels, out_channels, height, width, kernel };
    apply(Conv2dTranspose(geometry), g, weight)
}

/// The gradient of `sum(g * conv2d(x, weight))` with respect to `weight`, which is linear in `x` and in `g`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `g`: `[batch, out_channels, height, width]`
/// - returns: `[out_channels, in_channels, kernel, kernel]`
///
/// # Errors
/// If the shapes do not fit together, `kernel` is neither 1 nor 3, or the dtype is neither `f32` nor `f64`.
pub fn conv2d_weight_grad(x: &Tensor, g: &Tensor, kernel: usize) -> Result<Tensor> {
    let (batch, in_channels, height, width) = x.dims4()?;
    let (g_batch, out_channels, g_height, g_width) = g.dims4()?;
    if (batch, height, width) != (g_batch, g_height, g_width) {
        bail!("conv2d_weight_grad: x {:?} and g {:?} differ beyond their channels", x.shape(), g.shape());
    }
    check_kernel("conv2d_weight_grad", kernel)?;
    let geometry = Geometry { batch, in_channels, out_channels, height, width, kernel };
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
    if a.dtype() != b.dtype() || !matches!(a.dtype(), DType::F32 | DType::F64) {
        bail!("{}: dtypes {:?} and {:?} are not both f32 or both f64", op.name(), a.dtype(), b.dtype());
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, op)
}

struct Conv2d(Geometry);

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = &self.0;
        let storage = match (s1, s2) {
            (CpuStorage::F32(x), CpuStorage::F32(weight)) if winograd::suits(geometry) => {
                CpuStorage::F32(winograd::forward(geometry, values(x, l1)?, values(weight, l2)?))
            }
            (CpuStorage::F32(x), CpuStorage::F32(weight)) => {
                CpuStorage::F32(direct::forward(geometry, values(x, l1)?, values(weight, l2)?))
            }
            (CpuStorage::F64(x), CpuStorage::F64(weight)) => {
                CpuStorage::F64(direct::forward(geometry, values(x, l1)?, values(weight, l2)?))
            }
            _ => bail!("conv2d: unsupported dtype"),
        };
        Ok((storage, (geometry.batch, geometry.out_channels, geometry.height, geometry.width).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            tracked(x, || conv2d_transpose(grad, weight))?,
            tracked(weight, || conv2d_weight_grad(x, grad, self.0.kernel))?,
        ))
    }
}

struct Conv2dTranspose(Geometry);

impl CustomOp2 for Conv2dTranspose {
    fn name(&self) -> &'static str {
        "conv2d_transpose"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = &self.0;
        let storage = match (s1, s2) {
            (CpuStorage::F32(g), CpuStorage::F32(weight)) if winograd::suits(geometry) => {
                CpuStorage::F32(winograd::transpose(geometry, values(g, l1)?, values(weight, l2)?))
            }
            (CpuStorage::F32(g), CpuStorage::F32(weight)) => {
                CpuStorage::F32(direct::transpose(geometry, values(g, l1)?, values(weight, l2)?))
            }
            (CpuStorage::F64(g), CpuStorage::F64(weight)) => {
                CpuStorage::F64(direct::transpose(geometry, values(g, l1)?, values(weight, l2)?))
            }
            _ => bail!("conv2d_transpose: unsupported dtype"),
        };
        Ok((storage, (geometry.batch, geometry.in_channels, geometry.height, geometry.width).into()))
    }

    fn bwd(
        &self,
        g: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            tracked(g, || conv2d(grad, weight))?,
            tracked(weight, || conv2d_weight_grad(grad, g, self.0.kernel))?,
        ))
    }
}

struct Conv2dWeightGrad(Geometry);

impl CustomOp2 for Conv2dWeightGrad {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = &self.0;
        let storage = match (s1, s2) {
            (CpuStorage::F32(x), CpuStorage::F32(g)) if winograd::suits(geometry) => {
                CpuStorage::F32(winograd::weight_grad(geometry, values(x, l1)?, values(g, l2)?))
            }
            (CpuStorage::F32(x), CpuStorage::F32(g)) => {
                CpuStorage::F32(direct::weight_grad(geometry, values(x, l1)?, values(g, l2)?))
            }
            (CpuStorage::F64(x), CpuStorage::F64(g)) => {
                CpuStorage::F64(direct::weight_grad(geometry, values(x, l1)?, values(g, l2)?))
            }
            _ => bail!("conv2d_weight_grad: unsupported dtype"),
        };
        let &Geometry { in_channels, out_channels, kernel, .. } = geometry;
        Ok((storage, (out_channels, in_channels, kernel, kernel).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        g: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((tracked(x, || conv2d_transpose(g, grad))?, tracked(g, || conv2d(x, grad))?))
    }
}

/// The gradient of `argument`, or nothing where nobody will ask for it.
fn tracked(argument: &Tensor, gradient: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
    if argument.track_op() { gradient().map(Some) } else { Ok(None) }
}

/// The values of a contiguous storage, in order.
fn values<'a, T>(storage: &'a [T], layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage[start..end]),
        None => bail!("convolution of a tensor that is not contiguous: {layout:?}"),
    }
}
