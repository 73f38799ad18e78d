//! A synthesis layer up to its norm as one operation.
//!
//! A network trains on what its layers leave behind: joined, a layer leaves the activated features alone, where one
//! operation after the other would leave resampled, convolved and noisy ones as well, and candle would start a
//! gradient of zeros for each of them. What a gradient needs besides is computed again: it costs one pass over memory.

use candle_core::{
    CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor, WithDType, bail,
};

use crate::activation::{Finish, LeakyReluGradNoiseSums, NoisePlanes, leaky_relu_grad, unpack};
use crate::conv::geometry::Planes;
use crate::conv::tracked;
use crate::path::{Path, Sampling};
use crate::planes::{float_kernel, slice};

/// `leaky_relu(convolution + noise · strength + bias)`, with the sides changed as `sampling` says: a synthesis layer up
/// to its norm (Karras et al. 2019, figure 1b). The noise gets no gradient; the gradient is of first order only.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3, 3 where the sides change
/// - `noise`: `[batch, 1, height, width]` of the result, or `[1, 1, height, width]` for the same noise on all samples
/// - `strength`, `bias`: `[out_channels]`
/// - returns: `[batch, out_channels, height, width]`, the sides doubled or halved
///
/// # Errors
/// If the shapes do not fit together, sides to be halved are odd, or the dtype is neither `f32` nor `f64`.
pub fn conv_noise_leaky_relu(
    x: &Tensor,
    weight: &Tensor,
    noise: &Tensor,
    strength: &Tensor,
    bias: &Tensor,
    sampling: Sampling,
) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let path = Path::new(sampling, batch, Planes { channels, height, width }, weight.dims())?;
    let Planes { channels, height, width } = path.output;
    let (noise_batch, noise_channels, noise_height, noise_width) = noise.dims4()?;
    let covers = (noise_channels, noise_height, noise_width) == (1, height, width);
    if !covers || (noise_batch != batch && noise_batch != 1) || noise.dtype() != x.dtype() {
        bail!("conv-noise-leaky-relu: noise {:?} does not cover {height}x{width} pixels", noise.dims());
    }
    if strength.dims() != [channels] || bias.dims() != [channels] || weight.dtype() != x.dtype() {
        bail!("conv-noise-leaky-relu: strength {:?} or bias {:?} do not match", strength.dims(), bias.dims());
    }
    // A custom operation takes three arguments at most.
    let strength_and_bias = Tensor::stack(&[strength, bias], 0)?;
    let layer = Layer { path, noise: noise.detach().contiguous()? };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &strength_and_bias, layer)
}

/// `leaky_relu(path + noise · strength + bias)`, strength and bias stacked as `[2, channels]`.
struct Layer {
    path: Path,
    noise: Tensor,
}

impl CustomOp3 for Layer {
    fn name(&self) -> &'static str {
        "layer"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self { path, noise } = self;
        let (storage, layout) = noise.storage_and_layout();
        let Storage::Cpu(noise) = &*storage else {
            bail!("{}: the noise is on another device", self.name());
        };
        let Planes { channels, .. } = path.output;
        float_kernel!(self.name(), x, T => {
            let (strength, bias) = slice::<T>(b, lb)?.split_at(channels);
            let planes = NoisePlanes::new(slice::<T>(noise, layout)?, channels, path.output.pixels());
            let finish = Finish::Activate { bias, noise: Some((strength, planes)) };
            let y = path.forward(slice::<T>(x, lx)?, slice::<T>(w, lw)?, Some(&finish));
            Ok((T::to_cpu_storage_owned(y), path.shape(path.output)))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        parameters: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (g, y) = (g.contiguous()?, y.detach());
        let (g, parameters_grad) = if parameters.track_op() {
            let packed = g.apply_op3_no_bwd(&y, &self.noise, &LeakyReluGradNoiseSums)?;
            let (g, sums) = unpack(&packed, y.shape(), 2)?;
            (g, Some(sums.t()?.contiguous()?))
        } else {
            (leaky_relu_grad(&g, &y)?, None)
        };
        Ok((
            tracked(x, || g.apply_op2_no_bwd(&weight.detach(), &PathAdjoint(self.path)))?,
            tracked(weight, || x.detach().apply_op2_no_bwd(&g, &PathWeightGrad(self.path)))?,
            parameters_grad,
        ))
    }
}

/// `path.adjoint(g, weight)`, not to be differentiated.
struct PathAdjoint(Path);

impl CustomOp2 for PathAdjoint {
    fn name(&self) -> &'static str {
        "path-adjoint"
    }

    fn cpu_fwd(
        &self,
        g: &CpuStorage,
        lg: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self(path) = self;
        float_kernel!(self.name(), g, T => {
            let x = path.adjoint(slice::<T>(g, lg)?, slice::<T>(w, lw)?, None);
            Ok((T::to_cpu_storage_owned(x), path.shape(path.input)))
        })
    }
}

/// `path.weight_grad(x, g)`, not to be differentiated.
struct PathWeightGrad(Path);

impl CustomOp2 for PathWeightGrad {
    fn name(&self) -> &'static str {
        "path-weight-grad"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        g: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self(path) = self;
        float_kernel!(self.name(), x, T => {
            let grad = path.weight_grad(slice::<T>(x, lx)?, slice::<T>(g, lg)?);
            Ok((T::to_cpu_storage_owned(grad), path.weight_shape()))
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::noise_bias_leaky_relu;
    use crate::testing::{WAYS, assert_same_as, normal, plain_path};

    #[test]
    fn a_layer_is_its_steps() {
        for sampling in WAYS {
            let (height, width) = match sampling {
                Sampling::Keep => (8, 6),
                Sampling::Up { .. } => (16, 12),
                Sampling::Down { .. } => (4, 3),
            };
            // Few channels of odd numbers, and enough for the fast ways.
            for (batch, ins, outs) in [(1, 5, 4), (3, 5, 4), (1, 9, 12), (3, 17, 8)] {
                assert_same_as(
                    &[&[3, ins, 8, 6], &[outs, ins, 3, 3], &[outs], &[outs], &[batch, 1, height, width]],
                    4,
                    |v| conv_noise_leaky_relu(&v[0], &v[1], &v[4], &v[2], &v[3], sampling),
                    |v| noise_bias_leaky_relu(&plain_path(&v[0], &v[1], sampling)?, &v[4], &v[2], &v[3]),
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tensor = |shape: &[usize]| normal("x", shape, DType::F32);
        let (x, weight, ones) = (tensor(&[2, 3, 4, 5]), tensor(&[7, 3, 3, 3]), tensor(&[7]));
        let layer = |weight: &Tensor, noise: &[usize], ones: &Tensor, sampling| {
            conv_noise_leaky_relu(&x, weight, &tensor(noise), ones, ones, sampling)
        };
        let up = Sampling::Up { blur: true };
        assert!(layer(&weight, &[1, 1, 8, 10], &ones, up).is_ok());
        assert!(layer(&weight, &[1, 1, 4, 5], &ones, up).is_err());
        assert!(layer(&weight, &[1, 1, 8, 10], &tensor(&[6]), up).is_err());
        assert!(layer(&tensor(&[7, 4, 3, 3]), &[1, 1, 8, 10], &ones, up).is_err());
        assert!(layer(&tensor(&[7, 3, 1, 1]), &[1, 1, 8, 10], &ones, up).is_err());
        let down = layer(&weight, &[1, 1, 2, 2], &ones, Sampling::Down { blur: true });
        assert!(down.unwrap_err().to_string().contains("not even"));
    }
}
