//! A convolution with its resampling and its activation as one operation.
//!
//! A network trains on what its layers leave behind: joined, a layer leaves the activated features alone, where one
//! operation after the other would leave resampled, convolved and biased ones as well, and candle would start a
//! gradient of zeros for each of them. What a gradient needs besides is computed again: it costs one pass over memory.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, WithDType, bail};
use rayon::prelude::*;

use crate::activation::{
    LeakyReluGradNoiseSums, LeakyReluGradSums, NoisePlanes, SLOPE, leaky_relu_grad, unpack,
};
use crate::conv::geometry::{Geometry, Planes};
use crate::conv::{Convolve, tracked, turned};
use crate::planes::{float_kernel, is_parallel, slice, vectorized};
use crate::smooth::{Smooth, Way};

/// What a layer does to the sides of its pictures besides the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Nothing.
    Keep,
    /// Doubles them by repeating pixels before the convolution, and smooths by `[1, 2, 1]` after it if `blur` says so.
    Up {
        /// Whether to smooth.
        blur: bool,
    },
    /// Smooths by `[1, 2, 1]` before the convolution if `blur` says so, and halves them by means over 2x2 pixels after
    /// it.
    Down {
        /// Whether to smooth.
        blur: bool,
    },
}

/// `leaky_relu(convolution + bias)`, with the sides changed as `sampling` says.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3, 3 where the sides change
/// - `bias`: `[out_channels]`
/// - returns: `[batch, out_channels, height, width]`, the sides doubled or halved
///
/// # Errors
/// If the shapes do not fit together, sides to be halved are odd, or the dtype is neither `f32` nor `f64`.
pub fn conv_leaky_relu(x: &Tensor, weight: &Tensor, bias: &Tensor, sampling: Sampling) -> Result<Tensor> {
    let path = Path::of_input(sampling, x, weight)?;
    if bias.dims() != [path.output.channels] {
        bail!("conv-leaky-relu: bias {:?} does not match weight {:?}", bias.dims(), weight.dims());
    }
    let layer = Layer { path, noise: None };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, layer)
}

/// `leaky_relu(convolution + noise · strength + bias)`, with the sides changed as `sampling` says: a synthesis layer up
/// to its norm (Karras et al. 2019, figure 1b). The noise gets no gradient.
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
    let path = Path::of_input(sampling, x, weight)?;
    let Planes { channels, height, width } = path.output;
    let (noise_batch, noise_channels, noise_height, noise_width) = noise.dims4()?;
    let covers = (noise_channels, noise_height, noise_width) == (1, height, width);
    if !covers || (noise_batch != path.batch && noise_batch != 1) || noise.dtype() != x.dtype() {
        bail!("conv-noise-leaky-relu: noise {:?} does not cover {height}x{width} pixels", noise.dims());
    }
    if strength.dims() != [channels] || bias.dims() != [channels] {
        bail!("conv-noise-leaky-relu: strength {:?} or bias {:?} do not match", strength.dims(), bias.dims());
    }
    // A custom operation takes three arguments at most.
    let strength_and_bias = Tensor::stack(&[strength, bias], 0)?;
    let layer = Layer { path, noise: Some(noise.detach().contiguous()?) };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &strength_and_bias, layer)
}

/// The gradient with respect to the input of a layer `y = conv_leaky_relu(x, weight, ...)`, from the gradient `g` with
/// respect to `y`.
///
/// Linear in `g` and in `weight`, and can be differentiated by both; `y` only tells where the activation bends, and
/// gets no gradient.
///
/// # Shapes
/// - `g`, `y`: as the layer's result
/// - `weight`: as the layer's
/// - returns: as the layer's input
///
/// # Errors
/// If the shapes do not fit together, or the dtype is neither `f32` nor `f64`.
pub fn conv_leaky_relu_input_grad(
    g: &Tensor,
    y: &Tensor,
    weight: &Tensor,
    sampling: Sampling,
) -> Result<Tensor> {
    let path = Path::of_output(sampling, g, weight)?;
    if g.dims() != y.dims() {
        bail!("conv-leaky-relu-input-grad: g {:?} and y {:?} differ in shape", g.dims(), y.dims());
    }
    let op = InputGrad { path };
    g.contiguous()?.apply_op3(&y.detach().contiguous()?, &weight.contiguous()?, op)
}

/// A resampled convolution, linear in features and weight, and closed under differentiation as `conv2d` is.
#[derive(Clone, Copy, Debug)]
struct Path {
    sampling: Sampling,
    batch: usize,
    input: Planes,
    output: Planes,
    /// The convolution in it; of `Up`, that of its adjoint.
    convolution: Geometry,
}

impl Path {
    fn of_input(sampling: Sampling, x: &Tensor, weight: &Tensor) -> Result<Self> {
        let (batch, channels, height, width) = x.dims4()?;
        let (out_channels, ..) = weight.dims4()?;
        let input = Planes { channels, height, width };
        let output = match sampling {
            Sampling::Keep => input,
            Sampling::Up { .. } => Planes { channels, height: 2 * height, width: 2 * width },
            Sampling::Down { .. } if height % 2 == 0 && width % 2 == 0 => {
                Planes { channels, height: height / 2, width: width / 2 }
            }
            Sampling::Down { .. } => bail!("layer: the sides of x {:?} are not even", x.shape()),
        };
        Self::new(sampling, batch, input, Planes { channels: out_channels, ..output }, x, weight)
    }

    fn of_output(sampling: Sampling, g: &Tensor, weight: &Tensor) -> Result<Self> {
        let (batch, channels, height, width) = g.dims4()?;
        let (_, in_channels, ..) = weight.dims4()?;
        let output = Planes { channels, height, width };
        let input = match sampling {
            Sampling::Keep => output,
            Sampling::Up { .. } => Planes { channels, height: height / 2, width: width / 2 },
            Sampling::Down { .. } => Planes { channels, height: 2 * height, width: 2 * width },
        };
        Self::new(sampling, batch, Planes { channels: in_channels, ..input }, output, g, weight)
    }

    fn new(
        sampling: Sampling,
        batch: usize,
        input: Planes,
        output: Planes,
        features: &Tensor,
        weight: &Tensor,
    ) -> Result<Self> {
        let (out_channels, in_channels, kernel, kernel_width) = weight.dims4()?;
        let is_kernel = kernel == kernel_width
            && match sampling {
                Sampling::Keep => matches!(kernel, 1 | 3),
                _ => kernel == 3,
            };
        if !is_kernel || (out_channels, in_channels) != (output.channels, input.channels) {
            bail!("layer: features {:?} and weight {:?} do not fit", features.shape(), weight.shape());
        }
        if features.dtype() != weight.dtype() || !matches!(weight.dtype(), DType::F32 | DType::F64) {
            bail!("layer: dtypes {:?} and {:?} are not both f32 or f64", features.dtype(), weight.dtype());
        }
        let convolution = match sampling {
            Sampling::Keep => Geometry::same(batch, input, out_channels, kernel),
            Sampling::Up { .. } => Geometry::halving(batch, out_channels, input),
            Sampling::Down { .. } => Geometry::halving(batch, in_channels, output),
        };
        Ok(Self { sampling, batch, input, output, convolution })
    }

    fn grow<T: WithDType>(&self, blur: bool, scale: f64, planes: Planes, x: &[T]) -> Vec<T> {
        let smooth = Smooth { way: Way::Grow, blur, scale };
        smooth.apply(self.batch * planes.channels, planes.height, planes.width, x)
    }

    fn shrink<T: WithDType>(&self, blur: bool, scale: f64, planes: Planes, x: &[T]) -> Vec<T> {
        let smooth = Smooth { way: Way::Shrink, blur, scale };
        smooth.apply(self.batch * planes.channels, planes.height + 1, planes.width + 1, x)
    }

    /// Features and weight to features.
    fn forward<T: Convolve>(&self, x: &[T], weight: &[T]) -> Vec<T> {
        let Self { sampling, input, output, ref convolution, .. } = *self;
        match sampling {
            Sampling::Keep => T::forward(convolution, x, weight),
            Sampling::Up { blur } => {
                let weight = turned(output.channels, 9, weight);
                self.shrink(blur, 1., output, &T::transpose(convolution, x, &weight))
            }
            Sampling::Down { blur } => T::forward(convolution, &self.grow(blur, 0.25, input, x), weight),
        }
    }

    /// The adjoint of [`Path::forward`] in the features.
    fn adjoint<T: Convolve>(&self, g: &[T], weight: &[T]) -> Vec<T> {
        let Self { sampling, input, output, ref convolution, .. } = *self;
        match sampling {
            Sampling::Keep => T::transpose(convolution, g, weight),
            Sampling::Up { blur } => {
                let weight = turned(output.channels, 9, weight);
                T::forward(convolution, &self.grow(blur, 1., output, g), &weight)
            }
            Sampling::Down { blur } => self.shrink(blur, 0.25, input, &T::transpose(convolution, g, weight)),
        }
    }

    /// The adjoint of [`Path::forward`] in the weight.
    fn weight_grad<T: Convolve>(&self, x: &[T], g: &[T]) -> Vec<T> {
        let Self { sampling, input, output, ref convolution, .. } = *self;
        match sampling {
            Sampling::Keep => T::weight_grad(convolution, x, g),
            Sampling::Up { blur } => {
                let grad = T::weight_grad(convolution, &self.grow(blur, 1., output, g), x);
                turned(input.channels, 9, &grad)
            }
            Sampling::Down { blur } => T::weight_grad(convolution, &self.grow(blur, 0.25, input, x), g),
        }
    }

    fn shape(&self, planes: Planes) -> Shape {
        (self.batch, planes.channels, planes.height, planes.width).into()
    }
}

/// `path.forward(x, weight)`, not to be differentiated.
struct PathForward(Path);

impl CustomOp2 for PathForward {
    fn name(&self) -> &'static str {
        "path-forward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self(path) = self;
        float_kernel!(self.name(), x, T => {
            let y = path.forward(slice::<T>(x, lx)?, slice::<T>(w, lw)?);
            Ok((T::to_cpu_storage_owned(y), path.shape(path.output)))
        })
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
            let x = path.adjoint(slice::<T>(g, lg)?, slice::<T>(w, lw)?);
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
        let kernel = path.convolution.kernel;
        float_kernel!(self.name(), x, T => {
            let grad = path.weight_grad(slice::<T>(x, lx)?, slice::<T>(g, lg)?);
            let shape = Shape::from((path.output.channels, path.input.channels, kernel, kernel));
            Ok((T::to_cpu_storage_owned(grad), shape))
        })
    }
}

/// `leaky_relu(path + noise · strength + bias)`; with noise, strength and bias come stacked as `[2, channels]`.
struct Layer {
    path: Path,
    noise: Option<Tensor>,
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
        let Planes { channels, .. } = path.output;
        float_kernel!(self.name(), x, T => {
            let mut y = path.forward(slice::<T>(x, lx)?, slice::<T>(w, lw)?);
            let parameters = slice::<T>(b, lb)?;
            match noise {
                None => activate(&mut y, path.output, |channel| (T::from_f64(0.), parameters[channel]), None),
                Some(noise) => {
                    let (storage, layout) = noise.storage_and_layout();
                    let candle_core::Storage::Cpu(noise) = &*storage else {
                        bail!("{}: the noise is on another device", self.name());
                    };
                    let noise = NoisePlanes::new(slice::<T>(noise, layout)?, channels, path.output.pixels());
                    let of = |channel| (parameters[channel], parameters[channels + channel]);
                    activate(&mut y, path.output, of, Some(&noise));
                }
            }
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
        let (g, parameters_grad) = match (parameters.track_op(), &self.noise) {
            (false, _) => (leaky_relu_grad(&g, &y)?, None),
            (true, None) => {
                let (g, sums) = unpack(&g.apply_op2_no_bwd(&y, &LeakyReluGradSums)?, y.shape(), 1)?;
                (g, Some(sums.squeeze(1)?))
            }
            (true, Some(noise)) => {
                let packed = g.apply_op3_no_bwd(&y, noise, &LeakyReluGradNoiseSums)?;
                let (g, sums) = unpack(&packed, y.shape(), 2)?;
                (g, Some(sums.t()?.contiguous()?))
            }
        };
        Ok((
            tracked(x, || g.apply_op2_no_bwd(&weight.detach(), &PathAdjoint(self.path)))?,
            tracked(weight, || x.detach().apply_op2_no_bwd(&g, &PathWeightGrad(self.path)))?,
            parameters_grad,
        ))
    }
}

/// `path.adjoint(leaky_relu_grad(g, y), weight)`
struct InputGrad {
    path: Path,
}

impl CustomOp3 for InputGrad {
    fn name(&self) -> &'static str {
        "layer-input-grad"
    }

    fn cpu_fwd(
        &self,
        g: &CpuStorage,
        lg: &Layout,
        y: &CpuStorage,
        ly: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self { path } = self;
        float_kernel!(self.name(), g, T => {
            let g = crate::activation::masked(slice::<T>(g, lg)?, slice::<T>(y, ly)?);
            let x = path.adjoint(&g, slice::<T>(w, lw)?);
            Ok((T::to_cpu_storage_owned(x), path.shape(path.input)))
        })
    }

    fn bwd(
        &self,
        g: &Tensor,
        y: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        v: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (v, weight_value) = (v.contiguous()?, weight.detach());
        Ok((
            tracked(g, || leaky_relu_grad(&v.apply_op2_no_bwd(&weight_value, &PathForward(self.path))?, y))?,
            None,
            tracked(weight, || {
                v.apply_op2_no_bwd(&leaky_relu_grad(&g.detach(), y)?, &PathWeightGrad(self.path))
            })?,
        ))
    }
}

/// Adds noise and bias of each channel, `(strength, bias)`, and applies the leaky `ReLU`, in place.
fn activate<T: WithDType>(
    y: &mut [T],
    Planes { channels, height, width }: Planes,
    of: impl Fn(usize) -> (T, T) + Sync,
    noise: Option<&NoisePlanes<'_, T>>,
) {
    let area = height * width;
    let slope = T::from_f64(SLOPE);
    let leaky = |v: T| if v >= T::zero() { v } else { v * slope };
    let run = |(plane, y): (usize, &mut [T])| {
        let (strength, bias) = of(plane % channels);
        vectorized(
            #[inline(always)]
            || match noise {
                None => {
                    for y in y {
                        *y = leaky(*y + bias);
                    }
                }
                Some(noise) => {
                    for (y, &noise) in y.iter_mut().zip(noise.of(plane)) {
                        *y = leaky(*y + noise * strength + bias);
                    }
                }
            },
        );
    };
    if is_parallel(y.len()) {
        y.par_chunks_exact_mut(area).enumerate().for_each(run);
    } else {
        y.chunks_exact_mut(area.max(1)).enumerate().for_each(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_gradients, assert_independent_of_threads, assert_same_as, normal};
    use crate::{
        bias_leaky_relu, conv2d, conv2d_transpose, downscale2x, downscale2x_adjoint, noise_bias_leaky_relu,
        upscale2x, upscale2x_adjoint,
    };

    const WAYS: [Sampling; 5] = [
        Sampling::Keep,
        Sampling::Up { blur: true },
        Sampling::Up { blur: false },
        Sampling::Down { blur: true },
        Sampling::Down { blur: false },
    ];

    fn plain_blur(x: &Tensor, blur: bool) -> Result<Tensor> {
        let along = |x: &Tensor, axis: usize| -> Result<Tensor> {
            let (padded, len) = (x.pad_with_zeros(axis, 1, 1)?, x.dim(axis)?);
            let ends = (padded.narrow(axis, 0, len)? + padded.narrow(axis, 2, len)?)?;
            (ends + (x * 2.)?)? * 0.25
        };
        if blur { along(&along(x, 2)?, 3) } else { Ok(x.clone()) }
    }

    /// One step after the other, as the paper has it.
    fn plain(x: &Tensor, weight: &Tensor, sampling: Sampling) -> Result<Tensor> {
        match sampling {
            Sampling::Keep => conv2d(x, weight),
            Sampling::Up { blur } => plain_blur(&conv2d(&upscale2x(x)?, weight)?, blur),
            Sampling::Down { blur } => downscale2x(&conv2d(&plain_blur(x, blur)?, weight)?),
        }
    }

    fn plain_adjoint(g: &Tensor, weight: &Tensor, sampling: Sampling) -> Result<Tensor> {
        match sampling {
            Sampling::Keep => conv2d_transpose(g, weight),
            Sampling::Up { blur } => upscale2x_adjoint(&conv2d_transpose(&plain_blur(g, blur)?, weight)?),
            Sampling::Down { blur } => plain_blur(&conv2d_transpose(&downscale2x_adjoint(g)?, weight)?, blur),
        }
    }

    /// Few channels of odd numbers, and enough for the fast ways.
    const CHANNELS: [(usize, usize); 2] = [(5, 4), (9, 12)];

    #[test]
    fn a_layer_is_its_steps() {
        for sampling in WAYS {
            for (ins, outs) in CHANNELS {
                assert_same_as(
                    &[&[3, ins, 8, 6], &[outs, ins, 3, 3], &[outs]],
                    3,
                    |v| conv_leaky_relu(&v[0], &v[1], &v[2], sampling),
                    |v| bias_leaky_relu(&plain(&v[0], &v[1], sampling)?, &v[2]),
                );
            }
        }
        assert_same_as(
            &[&[3, 5, 8, 6], &[4, 5, 1, 1], &[4]],
            3,
            |v| conv_leaky_relu(&v[0], &v[1], &v[2], Sampling::Keep),
            |v| bias_leaky_relu(&conv2d(&v[0], &v[1])?, &v[2]),
        );
    }

    #[test]
    fn a_layer_with_noise_is_its_steps() {
        for sampling in WAYS {
            let (height, width) = match sampling {
                Sampling::Keep => (8, 6),
                Sampling::Up { .. } => (16, 12),
                Sampling::Down { .. } => (4, 3),
            };
            for batch in [1, 3] {
                assert_same_as(
                    &[&[3, 5, 8, 6], &[4, 5, 3, 3], &[4], &[4], &[batch, 1, height, width]],
                    4,
                    |v| conv_noise_leaky_relu(&v[0], &v[1], &v[4], &v[2], &v[3], sampling),
                    |v| noise_bias_leaky_relu(&plain(&v[0], &v[1], sampling)?, &v[4], &v[2], &v[3]),
                );
            }
        }
    }

    #[test]
    fn input_gradients_are_those_of_the_steps() {
        for sampling in WAYS {
            for (ins, outs) in CHANNELS {
                let shape: &[usize] = &[3, outs, 4, 6];
                assert_same_as(
                    &[shape, &[outs, ins, 3, 3], shape],
                    2,
                    |v| conv_leaky_relu_input_grad(&v[0], &v[2], &v[1], sampling),
                    |v| plain_adjoint(&leaky_relu_grad(&v[0], &v[2])?, &v[1], sampling),
                );
            }
            let y = normal("y", &[2, 4, 4, 2], DType::F64);
            // A square, as in a penalty, so that the second order is looked at.
            assert_gradients(&[&[2, 4, 4, 2], &[4, 3, 3, 3]], |v| {
                conv_leaky_relu_input_grad(&v[0], &y, &v[1], sampling)?.sqr()?.affine(0.01, 0.)
            });
        }
    }

    #[test]
    fn threads_make_no_difference() {
        let (x, weight) = (normal("x", &[3, 9, 64, 40], DType::F32), normal("w", &[10, 9, 3, 3], DType::F32));
        let bias = normal("bias", &[10], DType::F32);
        assert_independent_of_threads(|| {
            WAYS.map(|sampling| conv_leaky_relu(&x, &weight, &bias, sampling).unwrap()).to_vec()
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tensor = |shape: &[usize]| normal("x", shape, DType::F32);
        let (x, bias) = (tensor(&[2, 3, 4, 5]), tensor(&[7]));
        let up = Sampling::Up { blur: true };
        let down = Sampling::Down { blur: true };
        assert!(conv_leaky_relu(&x, &tensor(&[7, 4, 3, 3]), &bias, up).is_err());
        assert!(conv_leaky_relu(&x, &tensor(&[7, 3, 1, 1]), &bias, up).is_err());
        assert!(conv_leaky_relu(&x, &tensor(&[7, 3, 3, 3]), &tensor(&[6]), up).is_err());
        let error = conv_leaky_relu(&x, &tensor(&[7, 3, 3, 3]), &bias, down).unwrap_err().to_string();
        assert!(error.contains("not even"), "{error}");
        assert!(conv_leaky_relu_input_grad(&x, &tensor(&[2, 3, 4, 4]), &tensor(&[3, 2, 3, 3]), up).is_err());
    }
}
