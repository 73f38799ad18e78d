//! Mean and variance of each plane: what style transfer takes from a picture, and compares pictures by.

mod cpu;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

pub(crate) use cpu::Moments;

use crate::float::{float_kernel, slice};
use crate::gradients::tracked;

/// The mean of each plane, and its variance, that of the population: `mean((x - mean)²)`.
///
/// On a CPU in one pass over each plane, while it is in cache; its gradient is of first order only. Elsewhere it is put together
/// of candle's operations.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - returns: `[batch, channels]` each, means and variances
///
/// # Errors
/// If `x` is no picture of `f32` or `f64`, or has no pixels.
pub fn plane_moments(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (batch, channels, height, width) = x.dims4()?;
    if height * width == 0 {
        bail!("plane-moments: x {:?} has no pixels", x.shape());
    }
    if !x.device().is_cpu() {
        let x = x.flatten_from(2)?;
        let mean = x.mean_keepdim(2)?;
        let variance = x.broadcast_sub(&mean)?.sqr()?.mean(2)?;
        return Ok((mean.squeeze(2)?, variance));
    }
    let both = x.contiguous()?.apply_op1(PlaneMoments)?.reshape((2, batch, channels))?;
    Ok((both.get(0)?, both.get(1)?))
}

/// The means of all planes, then their variances.
struct PlaneMoments;

impl CustomOp1 for PlaneMoments {
    fn name(&self) -> &'static str {
        "plane-moments"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let moments = cpu::of_planes(slice::<T>(x, layout)?, height * width);
            Ok((candle_core::WithDType::to_cpu_storage_owned(moments), Shape::from(2 * batch * channels)))
        })
    }

    fn bwd(&self, x: &Tensor, moments: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || {
            // Of the moments the means are wanted once more, and each gradient beside its moment.
            let both = Tensor::stack(&[&moments.detach(), g], 0)?.contiguous()?;
            x.detach().contiguous()?.apply_op2_no_bwd(&both, &PlaneMomentsGrad)
        })
    }
}

/// The gradient of [`plane_moments`] from the moments and their gradients: `(g_mean + 2 g_variance (x - mean)) / pixels`.
struct PlaneMomentsGrad;

impl CustomOp2 for PlaneMomentsGrad {
    fn name(&self) -> &'static str {
        "plane-moments-grad"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        both: &CpuStorage,
        both_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, _, height, width) = layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let both = slice::<T>(both, both_layout)?;
            let gradient = cpu::grad(slice::<T>(x, layout)?, both, height * width);
            Ok((candle_core::WithDType::to_cpu_storage_owned(gradient), layout.shape().clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_close, assert_gradients, assert_independent_of_threads, assert_same_as, normal,
    };

    /// Both in one tensor, as tests compare them.
    fn joined((mean, variance): (Tensor, Tensor)) -> Result<Tensor> {
        Tensor::stack(&[mean, variance], 0)
    }

    fn plain(x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?.flatten_from(2)?;
        let mean = x.mean_keepdim(2)?;
        joined((mean.squeeze(2)?, x.broadcast_sub(&mean)?.sqr()?.mean(2)?))
    }

    #[test]
    fn moments_are_their_definition() {
        for shape in [PICTURE, LARGE, &[2, 3, 1, 1]] {
            assert_same_as(&[shape], 1, |v| joined(plane_moments(&v[0])?), |v| plain(&v[0]));
        }
        assert_gradients(&[PICTURE], |v| joined(plane_moments(&v[0])?));
    }

    #[test]
    fn a_constant_plane_far_from_zero_has_no_variance() {
        let x = Tensor::full(1e4_f32, (1, 2, 9, 7), &candle_core::Device::Cpu).unwrap();
        let (mean, variance) = plane_moments(&x).unwrap();
        assert_close("mean", &mean, &Tensor::full(1e4_f32, (1, 2), x.device()).unwrap());
        assert_eq!(variance.to_vec2::<f32>().unwrap(), [[0.0, 0.0]]);
    }

    #[test]
    fn threads_make_no_difference() {
        let x = normal("x", LARGE, DType::F32);
        assert_independent_of_threads(|| {
            let (mean, variance) = plane_moments(&x).unwrap();
            vec![mean, variance]
        });
    }

    #[test]
    fn wrong_arguments_are_errors() {
        let x = normal("x", PICTURE, DType::F32);
        let empty = x.narrow(2, 0, 0).unwrap();
        assert!(plane_moments(&empty).unwrap_err().to_string().contains("has no pixels"));
        assert!(plane_moments(&x.flatten_all().unwrap()).is_err());
        assert!(plane_moments(&x.to_dtype(DType::F16).unwrap()).is_err());
    }
}
