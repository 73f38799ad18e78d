//! A frame of mirrored pixels.

mod cpu;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

pub(crate) use cpu::framed;

use crate::float::{float_kernel, slice};
use crate::gradients::tracked;
use crate::planes::Planes;

/// Puts a frame of one pixel around each plane that continues it as in a mirror, the edge not repeated: `1 | 0 1 2 | 1`.
///
/// It is linear, and on a CPU can be differentiated any number of times. Elsewhere it is put together of candle's operations.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`, both sides 2 at least
/// - returns: `[batch, channels, height + 2, width + 2]`
///
/// # Errors
/// If a side of `x` is less than 2, or it is no picture of `f32` or `f64`.
pub fn reflect_pad(x: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    if height < 2 || width < 2 {
        bail!("reflect-pad: {height}x{width} pixels have no mirror image, which takes 2 along each side");
    }
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1(Reflect { is_adjoint: false });
    }
    let along = |x: &Tensor, axis: usize, len: usize| {
        Tensor::cat(&[&x.narrow(axis, 1, 1)?, x, &x.narrow(axis, len - 2, 1)?], axis)
    };
    along(&along(x, 2, height)?, 3, width)
}

/// The adjoint of [`reflect_pad`] on a CPU: from the gradient of a plane with its frame to that of the plane.
pub(crate) fn reflect_pad_grad(g: &Tensor) -> Result<Tensor> {
    g.contiguous()?.apply_op1(Reflect { is_adjoint: true })
}

/// The frame, or its adjoint, which adds it to the pixels that it mirrors.
struct Reflect {
    is_adjoint: bool,
}

impl CustomOp1 for Reflect {
    fn name(&self) -> &'static str {
        if self.is_adjoint { "reflect-pad-grad" } else { "reflect-pad" }
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, planes) = Planes::of(layout.shape())?;
        let Planes { height, width, .. } = planes;
        let (height, width) = if self.is_adjoint { (height - 2, width - 2) } else { (height + 2, width + 2) };
        let shape = Planes { height, width, ..planes }.shape(batch);
        float_kernel!(self.name(), x, T => {
            let x = slice::<T>(x, layout)?;
            let count = batch * planes.channels;
            let values = if self.is_adjoint {
                cpu::unframed(x, count, [height, width])
            } else {
                framed(x, count, [planes.height, planes.width])
            };
            Ok((candle_core::WithDType::to_cpu_storage_owned(values), shape))
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || g.contiguous()?.apply_op1(Self { is_adjoint: !self.is_adjoint }))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_gradients, assert_independent_of_threads, assert_same_as, normal,
    };

    /// By the places that each pixel comes from.
    fn plain(x: &Tensor) -> Result<Tensor> {
        let along = |x: &Tensor, axis: usize| {
            let len = x.dim(axis)? as u32;
            let places = [1].into_iter().chain(0..len).chain([len - 2]).collect::<Vec<u32>>();
            x.contiguous()?.index_select(&Tensor::new(places, x.device())?, axis)
        };
        along(&along(x, 2)?, 3)
    }

    #[test]
    fn a_frame_mirrors_its_plane() {
        for shape in [PICTURE, LARGE, &[2, 3, 2, 2], &[1, 2, 3, 2], &[1, 1, 2, 5]] {
            assert_same_as(&[shape], 1, |v| reflect_pad(&v[0]), |v| plain(&v[0]));
        }
        assert_gradients(&[PICTURE], |v| reflect_pad(&v[0]));
        // The square makes the gradient of the second use depend on the first.
        assert_gradients(&[&[1, 2, 3, 2]], |v| reflect_pad(&reflect_pad(&v[0])?.sqr()?));
    }

    #[test]
    fn threads_make_no_difference() {
        let x = normal("x", LARGE, DType::F32);
        assert_independent_of_threads(|| vec![reflect_pad(&x).unwrap()]);
    }

    #[test]
    fn what_has_no_mirror_image_is_refused() {
        let x = normal("x", PICTURE, DType::F32);
        let error = reflect_pad(&x.narrow(3, 0, 1).unwrap()).unwrap_err().to_string();
        assert!(error.contains("8x1 pixels have no mirror image"), "{error}");
        assert!(reflect_pad(&x.to_dtype(DType::F16).unwrap()).is_err());
        assert!(reflect_pad(&x.flatten_all().unwrap()).is_err());
    }
}
