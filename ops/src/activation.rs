//! Bias, noise and leaky `ReLU`, alone or in one pass over the picture.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, WithDType, bail,
};

use rayon::prelude::*;

#[cfg(feature = "cuda")]
use crate::cuda::on_gpu;
use crate::loops::{build, float_kernel, is_parallel, map, reduce, slice, sums, vectorized};

/// What a leaky `ReLU` multiplies negative values by.
pub(crate) const SLOPE: f64 = 0.2;

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
    g.contiguous()?.apply_op2(&y.detach().contiguous()?, LeakyReluGrad)
}

/// `leaky_relu(x + bias)` in one pass.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]` or `[batch, channels]`
/// - `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `bias` does not hold one value for each channel of `x`.
pub fn bias_leaky_relu(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    check_channels("bias-leaky-relu", "bias", x, bias)?;
    x.contiguous()?.apply_op2(&bias.contiguous()?, Bias { activate: true })
}

/// `x + bias` in one pass, without activation.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]` or `[batch, channels]`
/// - `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `bias` does not hold one value for each channel of `x`.
pub fn add_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    check_channels("add-bias", "bias", x, bias)?;
    x.contiguous()?.apply_op2(&bias.contiguous()?, Bias { activate: false })
}

/// `leaky_relu(x + noise * strength + bias)` in one pass: the first half of a synthesis layer's epilogue
/// (Karras et al. 2019, figure 1b).
///
/// The noise gets no gradient.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - `noise`: `[batch, 1, height, width]`, or `[1, 1, height, width]` for the same noise on all samples
/// - `strength`, `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `noise` does not cover `x`, or `strength` or `bias` do not hold one value for each channel.
pub fn noise_bias_leaky_relu(x: &Tensor, noise: &Tensor, strength: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (batch, _channels, height, width) = x.dims4()?;
    let (noise_batch, noise_channels, noise_height, noise_width) = noise.dims4()?;
    let covers = (noise_channels, noise_height, noise_width) == (1, height, width);
    if !covers || (noise_batch != batch && noise_batch != 1) {
        bail!("noise-bias-leaky-relu: noise {:?} does not cover x {:?}", noise.dims(), x.dims());
    }
    check_channels("noise-bias-leaky-relu", "strength", x, strength)?;
    check_channels("noise-bias-leaky-relu", "bias", x, bias)?;
    // A custom operation takes three arguments at most.
    let strength_and_bias = Tensor::stack(&[strength, bias], 0)?;
    x.contiguous()?.apply_op3(&noise.detach().contiguous()?, &strength_and_bias, NoiseBiasLeakyRelu)
}

fn check_channels(name: &str, what: &str, x: &Tensor, values: &Tensor) -> Result<()> {
    let (_batch, channels, _area) = split_channels(name, x.shape())?;
    if values.dims() != [channels] {
        bail!("{name}: {what} {:?} does not match the channels of x {:?}", values.dims(), x.dims());
    }
    if values.dtype() != x.dtype() {
        bail!("{name}: {what} is {:?} and x is {:?}", values.dtype(), x.dtype());
    }
    Ok(())
}

/// Batch, channels and pixels of a picture, or of a row of features with one pixel each.
fn split_channels(name: &str, shape: &Shape) -> Result<(usize, usize, usize)> {
    match *shape.dims() {
        [batch, channels] => Ok((batch, channels, 1)),
        [batch, channels, height, width] => Ok((batch, channels, height * width)),
        _ => bail!(
            "{name}: expected [batch, channels, height, width] or [batch, channels], got {:?}",
            shape.dims()
        ),
    }
}

/// Separates what [`LeakyReluGradNoiseSums`] wrote one behind the other: the gradient of the picture, and the two sums
/// of each plane, added up over the batch to `[channels, 2]`.
fn unpack(packed: &Tensor, x: &Shape) -> Result<(Tensor, Tensor)> {
    let (batch, channels, area) = split_channels("unpack", x)?;
    let len = batch * channels * area;
    let dx = packed.narrow(0, 0, len)?.reshape(x)?;
    let sums = packed.narrow(0, len, batch * channels * 2)?;
    Ok((dx, sums.reshape((batch, channels, 2))?.sum(0)?))
}

/// `value`, times the slope where `sign` is negative.
///
/// The factor is chosen, not the product: compilers make a branch of the latter, which takes ten times as long.
#[inline(always)]
fn bent<T: WithDType>(value: T, sign: T, slope: T) -> T {
    value * if sign >= T::zero() { T::one() } else { slope }
}

struct LeakyRelu;

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        float_kernel!(self.name(), x, T => {
            let slope = T::from_f64(SLOPE);
            let x = slice::<T>(x, x_layout)?;
            let y = map(x, x, #[inline(always)] |x, _| bent(x, x, slope));
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        on_gpu!(self.name(), x, gpu => (gpu.leaky_relu(gpu.view(x, x_layout)?)?, x_layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if x.track_op() { leaky_relu_grad(g, y).map(Some) } else { Ok(None) }
    }
}

/// The values of [`leaky_relu_grad`].
pub(crate) fn masked<T: WithDType>(g: &[T], y: &[T]) -> Vec<T> {
    let slope = T::from_f64(SLOPE);
    map(
        g,
        y,
        #[inline(always)]
        |g, y| bent(g, y, slope),
    )
}

struct LeakyReluGrad;

impl CustomOp2 for LeakyReluGrad {
    fn name(&self) -> &'static str {
        "leaky-relu-grad"
    }

    fn cpu_fwd(
        &self,
        g: &CpuStorage,
        g_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        float_kernel!(self.name(), g, T => {
            let dx = masked(slice::<T>(g, g_layout)?, slice::<T>(y, y_layout)?);
            Ok((T::to_cpu_storage_owned(dx), g_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        g: &CudaStorage,
        g_layout: &Layout,
        y: &CudaStorage,
        y_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        on_gpu!(self.name(), g, gpu => {
            (gpu.masked(gpu.view(g, g_layout)?, gpu.view(y, y_layout)?)?, g_layout.shape().clone())
        })
    }

    fn bwd(
        &self,
        g: &Tensor,
        y: &Tensor,
        _dx: &Tensor,
        gg: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dg = if g.track_op() { Some(leaky_relu_grad(gg, y)?) } else { None };
        Ok((dg, None))
    }
}

/// `x + bias`, followed by a leaky `ReLU` if `activate`.
struct Bias {
    activate: bool,
}

impl CustomOp2 for Bias {
    fn name(&self) -> &'static str {
        if self.activate { "bias-leaky-relu" } else { "add-bias" }
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, area) = split_channels(self.name(), x_layout.shape())?;
        float_kernel!(self.name(), x, T => {
            // A slope of one makes the activation the identity, at no cost in a pass bound by memory.
            let slope = T::from_f64(if self.activate { SLOPE } else { 1. });
            let (x, bias) = (slice::<T>(x, x_layout)?, slice::<T>(bias, bias_layout)?);
            let y = if area == 1 {
                build(batch, channels, 0, #[inline(always)] |rows, out, _| {
                    for row in rows {
                        let x = &x[row * channels..][..channels];
                        for ((y, &x), &bias) in out.take(channels).iter_mut().zip(x).zip(bias) {
                            *y = bent(x + bias, x + bias, slope);
                        }
                    }
                })
            } else {
                build(batch * channels, area, 0, #[inline(always)] |planes, out, _| {
                    for plane in planes {
                        let bias = bias[plane % channels];
                        out.plane(&x[plane * area..][..area], #[inline(always)] |y, x| {
                            for (y, &x) in y.iter_mut().zip(x) {
                                *y = bent(x + bias, x + bias, slope);
                            }
                        });
                    }
                })
            };
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_batch, _channels, area) = split_channels(self.name(), x_layout.shape())?;
        let slope = if self.activate { SLOPE } else { 1. };
        on_gpu!(self.name(), x, gpu => {
            let (x, bias) = (gpu.view(x, x_layout)?, gpu.view(bias, bias_layout)?);
            (gpu.activated(x, bias, None, area, slope)?, x_layout.shape().clone())
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        if !bias.track_op() {
            let dx = match (x.track_op(), self.activate) {
                (false, _) => None,
                (true, false) => Some(g.clone()),
                (true, true) => Some(leaky_relu_grad(g, y)?),
            };
            return Ok((dx, None));
        }
        let dx = if self.activate { leaky_relu_grad(g, y)? } else { g.clone() };
        let plane_sums =
            if x.rank() == 2 { dx.clone() } else { dx.contiguous()?.apply_op1_no_bwd(&PlaneSums)? };
        let dbias = plane_sums.sum(0)?;
        Ok((x.track_op().then_some(dx), Some(dbias)))
    }
}

/// `leaky_relu(x + noise * strength + bias)`, with strength and bias stacked as `[2, channels]`.
struct NoiseBiasLeakyRelu;

impl CustomOp3 for NoiseBiasLeakyRelu {
    fn name(&self) -> &'static str {
        "noise-bias-leaky-relu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        noise: &CpuStorage,
        noise_layout: &Layout,
        strength_and_bias: &CpuStorage,
        strength_and_bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, area) = split_channels(self.name(), x_layout.shape())?;
        float_kernel!(self.name(), x, T => {
            let slope = T::from_f64(SLOPE);
            let x = slice::<T>(x, x_layout)?;
            let noise = NoisePlanes::new(slice::<T>(noise, noise_layout)?, noise_layout.shape().elem_count(), channels, area);
            let (strength, bias) =
                slice::<T>(strength_and_bias, strength_and_bias_layout)?.split_at(channels);
            let y = build(batch * channels, area, 0, #[inline(always)] |planes, out, _| {
                for plane in planes {
                    let (strength, bias) = (strength[plane % channels], bias[plane % channels]);
                    let mut noise = noise.of(plane);
                    out.plane(&x[plane * area..][..area], #[inline(always)] |y, x| {
                        let (noise_block, rest) = noise.split_at(x.len());
                        noise = rest;
                        for ((y, &x), &noise) in y.iter_mut().zip(x).zip(noise_block) {
                            let v = x + noise * strength + bias;
                            *y = bent(v, v, slope);
                        }
                    });
                }
            });
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        noise: &CudaStorage,
        noise_layout: &Layout,
        strength_and_bias: &CudaStorage,
        strength_and_bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_batch, channels, area) = split_channels(self.name(), x_layout.shape())?;
        on_gpu!(self.name(), x, gpu => {
            let noise_len = noise_layout.shape().elem_count();
            let noise = NoisePlanes::new(gpu.view(noise, noise_layout)?, noise_len, channels, area);
            let strength_and_bias = gpu.view(strength_and_bias, strength_and_bias_layout)?;
            let (strength, bias) =
                (strength_and_bias.part(0..channels), strength_and_bias.part(channels..2 * channels));
            let y = gpu.activated(gpu.view(x, x_layout)?, bias, Some((strength, noise)), area, SLOPE)?;
            (y, x_layout.shape().clone())
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        noise: &Tensor,
        strength_and_bias: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if !strength_and_bias.track_op() {
            let dx = if x.track_op() { Some(leaky_relu_grad(g, y)?) } else { None };
            return Ok((dx, None, None));
        }
        let packed = g.contiguous()?.apply_op3_no_bwd(y, noise, &LeakyReluGradNoiseSums)?;
        let (dx, sums) = unpack(&packed, x.shape())?;
        Ok((x.track_op().then_some(dx), None, Some(sums.t()?.contiguous()?)))
    }
}

/// The noise that lies over each plane of a picture.
#[derive(Clone, Copy)]
pub(crate) struct NoisePlanes<V> {
    pub(crate) noise: V,
    pub(crate) channels: usize,
    pub(crate) area: usize,
    /// Whether all samples have the same.
    pub(crate) is_shared: bool,
}

impl<V> NoisePlanes<V> {
    /// Of `len` values of noise.
    pub(crate) fn new(noise: V, len: usize, channels: usize, area: usize) -> Self {
        Self { noise, channels, area, is_shared: len == area }
    }
}

impl<'a, T> NoisePlanes<&'a [T]> {
    pub(crate) fn of(&self, plane: usize) -> &'a [T] {
        let sample = if self.is_shared { 0 } else { plane / self.channels };
        &self.noise[sample * self.area..][..self.area]
    }

    /// The same for the samples from number `first` on.
    fn samples_from(self, first: usize) -> Self {
        let first = if self.is_shared { 0 } else { first };
        Self { noise: &self.noise[first * self.area..], ..self }
    }
}

/// What happens to the values of features, or of their gradient, where they are written; `V` is how values are seen.
#[derive(Clone, Copy)]
pub(crate) enum Finish<V> {
    /// Noise and bias are added, and the leaky `ReLU` follows.
    Activate {
        /// One number for each channel.
        bias: V,
        /// The noise with its strength in each channel.
        noise: Option<(V, NoisePlanes<V>)>,
    },
    /// The gradient passes the leaky `ReLU` whose output was this.
    Mask(V),
}

impl<T: WithDType> Finish<&[T]> {
    /// The same for the samples from number `first` on, of so many channels of `area` pixels.
    pub(crate) fn samples_from(&self, first: usize, channels: usize, area: usize) -> Self {
        match *self {
            Self::Activate { bias, noise } => {
                let noise = noise.map(|(strength, planes)| (strength, planes.samples_from(first)));
                Self::Activate { bias, noise }
            }
            Self::Mask(y) => Self::Mask(&y[first * channels * area..]),
        }
    }

    /// Finishes some neighboring values of a plane, from its pixel `first` on; planes have `area` pixels, one plane for
    /// each channel of each sample.
    #[inline(always)]
    pub(crate) fn part(&self, plane: usize, area: usize, first: usize, values: &mut [T]) {
        let slope = T::from_f64(SLOPE);
        match self {
            Self::Activate { bias, noise: None } => {
                let bias = bias[plane % bias.len()];
                for value in values {
                    let sum = *value + bias;
                    *value = bent(sum, sum, slope);
                }
            }
            Self::Activate { bias, noise: Some((strength, noise)) } => {
                let (bias, strength) = (bias[plane % bias.len()], strength[plane % strength.len()]);
                for (value, &noise) in values.iter_mut().zip(&noise.of(plane)[first..]) {
                    let sum = *value + noise * strength + bias;
                    *value = bent(sum, sum, slope);
                }
            }
            Self::Mask(y) => {
                for (value, &y) in values.iter_mut().zip(&y[plane * area + first..]) {
                    *value = bent(*value, y, slope);
                }
            }
        }
    }

    /// Finishes planes of `area` pixels.
    pub(crate) fn planes(&self, features: &mut [T], area: usize) {
        let run = |(plane, values): (usize, &mut [T])| {
            vectorized(
                #[inline(always)]
                || self.part(plane, area, 0, &mut *values),
            );
        };
        if is_parallel(features.len()) {
            features.par_chunks_exact_mut(area).enumerate().for_each(run);
        } else {
            features.chunks_exact_mut(area.max(1)).enumerate().for_each(run);
        }
    }
}

/// The gradient `dx` behind a leaky `ReLU`, then the sums of `dx * noise` and `dx` over each plane.
struct LeakyReluGradNoiseSums;

impl CustomOp3 for LeakyReluGradNoiseSums {
    fn name(&self) -> &'static str {
        "leaky-relu-grad-noise-sums"
    }

    fn cpu_fwd(
        &self,
        g: &CpuStorage,
        g_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
        noise: &CpuStorage,
        noise_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, area) = split_channels(self.name(), g_layout.shape())?;
        float_kernel!(self.name(), g, T => {
            let (g, y) = (slice::<T>(g, g_layout)?, slice::<T>(y, y_layout)?);
            let noise = NoisePlanes::new(slice::<T>(noise, noise_layout)?, noise_layout.shape().elem_count(), channels, area);
            let packed = masked_and_noise_sums(g, y, &noise, batch * channels, area);
            let shape = Shape::from(packed.len());
            Ok((T::to_cpu_storage_owned(packed), shape))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        g: &CudaStorage,
        g_layout: &Layout,
        y: &CudaStorage,
        y_layout: &Layout,
        noise: &CudaStorage,
        noise_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_batch, channels, area) = split_channels(self.name(), g_layout.shape())?;
        on_gpu!(self.name(), g, gpu => {
            let noise_len = noise_layout.shape().elem_count();
            let noise = NoisePlanes::new(gpu.view(noise, noise_layout)?, noise_len, channels, area);
            let (g, y) = (gpu.view(g, g_layout)?, gpu.view(y, y_layout)?);
            let packed = gpu.masked_and_noise_sums(g, y, noise)?;
            let shape = Shape::from(packed.len());
            (packed, shape)
        })
    }
}

/// The gradient behind a leaky `ReLU`, then for each plane its products with the noise, summed up, and its sum.
pub(crate) fn masked_and_noise_sums<T: WithDType>(
    g: &[T],
    y: &[T],
    noise: &NoisePlanes<&[T]>,
    planes: usize,
    area: usize,
) -> Vec<T> {
    let slope = T::from_f64(SLOPE);
    build(
        planes,
        area,
        2,
        #[inline(always)]
        |planes, out, plane_sums| {
            for (plane, plane_sums) in planes.zip(plane_sums.chunks_exact_mut(2)) {
                let mut y = &y[plane * area..][..area];
                let mut noise = noise.of(plane);
                let mut totals = [0.; 2];
                out.plane(
                    &g[plane * area..][..area],
                    #[inline(always)]
                    |dx, g| {
                        let (y_block, y_rest) = y.split_at(g.len());
                        let (noise_block, noise_rest) = noise.split_at(g.len());
                        (y, noise) = (y_rest, noise_rest);
                        for ((dx, &g), &y) in dx.iter_mut().zip(g).zip(y_block) {
                            *dx = bent(g, y, slope);
                        }
                        let [dstrength, dbias] = sums(
                            dx,
                            noise_block,
                            #[inline(always)]
                            |dx, noise| [dx * noise, dx],
                        );
                        totals[0] += dstrength;
                        totals[1] += dbias;
                    },
                );
                for (sum, total) in plane_sums.iter_mut().zip(totals) {
                    *sum = T::from_f64(total);
                }
            }
        },
    )
}

/// The sum over each plane of `area` pixels.
fn plane_sums<T: WithDType>(x: &[T], planes: usize, area: usize) -> Vec<T> {
    reduce(
        planes,
        area,
        #[inline(always)]
        |plane| {
            let x = &x[plane * area..][..area];
            let [sum] = sums(
                x,
                x,
                #[inline(always)]
                |x, _| [x],
            );
            T::from_f64(sum)
        },
    )
}

/// The sum over all planes of each channel.
pub(crate) fn channel_sums<T: WithDType>(x: &[T], channels: usize, area: usize) -> Vec<T> {
    over_batch(plane_sums(x, x.len() / area.max(1), area), channels)
}

/// One value for each channel from one for each plane: their sum over the samples.
pub(crate) fn over_batch<T: WithDType>(of_planes: impl IntoIterator<Item = T>, channels: usize) -> Vec<T> {
    let mut sums = vec![T::zero(); channels];
    for (plane, value) in of_planes.into_iter().enumerate() {
        sums[plane % channels] += value;
    }
    sums
}

/// The sum over each plane: `[batch, channels, height, width]` to `[batch, channels]`.
struct PlaneSums;

impl CustomOp1 for PlaneSums {
    fn name(&self) -> &'static str {
        "plane-sums"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, area) = split_channels(self.name(), x_layout.shape())?;
        float_kernel!(self.name(), x, T => {
            let plane_sums = plane_sums(slice::<T>(x, x_layout)?, batch * channels, area);
            Ok((T::to_cpu_storage_owned(plane_sums), Shape::from((batch, channels))))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (batch, channels, area) = split_channels(self.name(), x_layout.shape())?;
        on_gpu!(self.name(), x, gpu => {
            (gpu.plane_sums(gpu.view(x, x_layout)?, batch * channels, area)?, (batch, channels).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::testing::{assert_gradients, assert_independent_of_threads, assert_same_as, normal};

    const PICTURE: &[usize] = &[3, 5, 8, 4];
    /// Enough for several tasks and threads.
    const LARGE: &[usize] = &[3, 5, 96, 64];

    fn plain(x: &Tensor) -> Result<Tensor> {
        x.maximum(&(x * SLOPE)?)
    }

    fn per_channel(values: &Tensor, rank: usize) -> Result<Tensor> {
        if rank == 2 { Ok(values.clone()) } else { values.reshape((1, values.dim(0)?, 1, 1)) }
    }

    #[test]
    fn leaky_relu_is_its_definition() {
        for shape in [PICTURE, LARGE, &[3, 7], &[5]] {
            assert_same_as(&[shape], 1, |v| leaky_relu(&v[0]), |v| plain(&v[0]));
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
    fn bias_is_its_definition() {
        for shape in [PICTURE, LARGE, &[3, 5], &[2, 5, 1, 1]] {
            let sum = |v: &[Tensor]| v[0].broadcast_add(&per_channel(&v[1], v[0].rank())?);
            assert_same_as(&[shape, &[5]], 2, |v| add_bias(&v[0], &v[1]), sum);
            assert_same_as(&[shape, &[5]], 2, |v| bias_leaky_relu(&v[0], &v[1]), |v| plain(&sum(v)?));
        }
        for shape in [PICTURE, &[3, 5]] {
            assert_gradients(&[shape, &[5]], |v| add_bias(&v[0], &v[1]));
            assert_gradients(&[shape, &[5]], |v| bias_leaky_relu(&v[0], &v[1]));
        }
    }

    #[test]
    fn noise_is_its_definition() {
        for (shape, noise) in [
            (PICTURE, [3, 1, 8, 4]),
            (PICTURE, [1, 1, 8, 4]),
            (LARGE, [3, 1, 96, 64]),
            (LARGE, [1, 1, 96, 64]),
        ] {
            assert_same_as(
                &[shape, &[5], &[5], &noise],
                3,
                |v| noise_bias_leaky_relu(&v[0], &v[3], &v[1], &v[2]),
                |v| {
                    let noise = v[3].broadcast_mul(&per_channel(&v[1], 4)?)?;
                    plain(&v[0].broadcast_add(&noise)?.broadcast_add(&per_channel(&v[2], 4)?)?)
                },
            );
        }
        let noise = normal("noise", &[3, 1, 8, 4], DType::F64);
        assert_gradients(&[PICTURE, &[5], &[5]], |v| noise_bias_leaky_relu(&v[0], &noise, &v[1], &v[2]));
    }

    #[test]
    fn noise_gets_no_gradient() {
        let x = Var::from_tensor(&normal("x", PICTURE, DType::F32)).unwrap();
        let noise = Var::from_tensor(&normal("noise", &[3, 1, 8, 4], DType::F32)).unwrap();
        let strength = normal("strength", &[5], DType::F32);
        let y = noise_bias_leaky_relu(&x, &noise, &strength, &strength).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&noise).is_none() && gradients.get(&x).is_some());
    }

    #[test]
    fn threads_make_no_difference() {
        let x = Var::from_tensor(&normal("x", LARGE, DType::F32)).unwrap();
        let noise = normal("noise", &[3, 1, 96, 64], DType::F32);
        let bias = Var::from_tensor(&normal("bias", &[5], DType::F32)).unwrap();
        assert_independent_of_threads(|| {
            let y = noise_bias_leaky_relu(&x, &noise, &bias, &bias).unwrap();
            let y = add_bias(&bias_leaky_relu(&y, &bias).unwrap(), &bias).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            vec![y, gradients.get(&x).unwrap().clone(), gradients.get(&bias).unwrap().clone()]
        });
    }

    #[test]
    fn sums_of_many_values_stay_exact() {
        let ones = vec![0.1_f32; 1 << 20];
        let [sum] = sums(
            &ones,
            &ones,
            #[inline(always)]
            |a, _| [a],
        );
        let expected = f64::from(0.1_f32) * f64::from(1 << 20);
        assert!((sum / expected - 1.).abs() < 1e-6, "{sum} and should be {expected}");
    }

    #[test]
    fn wrong_arguments_are_errors() {
        let x = normal("x", PICTURE, DType::F32);
        let message = |result: Result<Tensor>| result.unwrap_err().to_string();
        let four = normal("four", &[4], DType::F32);
        assert!(message(add_bias(&x, &four)).contains("bias [4] does not match the channels"));
        let double = normal("five", &[5], DType::F64);
        assert!(message(bias_leaky_relu(&x, &double)).contains("bias is F64 and x is F32"));
        assert!(message(add_bias(&four, &four)).contains("expected [batch, channels"));
        assert!(message(leaky_relu_grad(&x, &four)).contains("differ in shape"));
        let five = normal("five", &[5], DType::F32);
        let noise = normal("noise", &[2, 1, 8, 4], DType::F32);
        assert!(message(noise_bias_leaky_relu(&x, &noise, &five, &five)).contains("does not cover"));
        let half = x.to_dtype(DType::F16).unwrap();
        assert!(message(leaky_relu(&half)).contains("only f32 and f64"));
    }
}
