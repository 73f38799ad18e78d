//! Pixel norm, instance norm and adaptive instance norm (`AdaIN`).

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, WithDType, bail,
};

#[cfg(feature = "cuda")]
use crate::cuda::on_gpu;
use crate::loops::{build, float_kernel, slice, sums};

/// What the pixel norm adds to every mean square before its root is taken.
const EPSILON: f64 = 1e-8;

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
/// and `σ = sqrt(mean((x - μ)²) + epsilon)`, the population's deviation; the paper's epsilon is 1e-8. The gradient is of
/// first order only.
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

/// The statistics of one plane.
struct Moments<T> {
    /// The mean, as the nearest value of the plane's type and what is left.
    ///
    /// A plane that is nearly constant is divided by a deviation of as little as 1e-4, which would magnify the
    /// rounding of its mean.
    mean: [T; 2],
    inverse_deviation: f64,
}

impl<T: WithDType> Moments<T> {
    #[inline(always)]
    fn of(plane: &[T], epsilon: f64) -> Self {
        let Some(&first) = plane.first() else {
            return Self { mean: [T::zero(); 2], inverse_deviation: 0. };
        };
        let len = plane.len() as f64;
        // Sums of differences are exact for a constant plane, whose deviation must come out as zero.
        let [sum] = sums(
            plane,
            plane,
            #[inline(always)]
            |x, _| [x - first],
        );
        let mean = first.to_f64() + sum / len;
        let rounded = T::from_f64(mean);
        let mut moments =
            Self { mean: [rounded, T::from_f64(mean - rounded.to_f64())], inverse_deviation: 0. };
        let [squares] = sums(
            plane,
            plane,
            #[inline(always)]
            |x, _| {
                let centered = moments.center(x);
                [centered * centered]
            },
        );
        moments.inverse_deviation = 1. / (squares / len + epsilon).sqrt();
        moments
    }

    #[inline(always)]
    fn center(&self, x: T) -> T {
        (x - self.mean[0]) - self.mean[1]
    }
}

/// Scale (plus one) and shift of one plane; the identity without `style`.
fn style_of<T: WithDType>(style: Option<&[T]>, channels: usize, plane: usize) -> (f64, T) {
    match style {
        None => (1., T::zero()),
        Some(style) => {
            let sample = &style[plane / channels * 2 * channels..][..2 * channels];
            (sample[plane % channels].to_f64() + 1., sample[channels + plane % channels])
        }
    }
}

/// Normalizes planes of `area` values while they are in cache.
pub(crate) fn normalize<T: WithDType>(
    x: &[T],
    style: Option<&[T]>,
    channels: usize,
    area: usize,
    epsilon: f64,
) -> Vec<T> {
    build(
        x.len() / area.max(1),
        area,
        0,
        #[inline(always)]
        |planes, out, _| {
            for plane in planes {
                let x = &x[plane * area..][..area];
                let moments = Moments::of(x, epsilon);
                let (scale, shift) = style_of(style, channels, plane);
                let factor = T::from_f64(scale * moments.inverse_deviation);
                out.plane(
                    x,
                    #[inline(always)]
                    |y, x| {
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = moments.center(x) * factor + shift;
                        }
                    },
                );
            }
        },
    )
}

/// The gradient of the picture, then the gradients of scale and shift for each plane if there is a `style`.
pub(crate) fn normalize_grad<T: WithDType>(
    x: &[T],
    style: Option<&[T]>,
    g: &[T],
    channels: usize,
    area: usize,
    epsilon: f64,
) -> Vec<T> {
    let sums_per_plane = if style.is_some() { 2 } else { 0 };
    build(
        x.len() / area.max(1),
        area,
        sums_per_plane,
        #[inline(always)]
        |planes, out, dstyle| {
            let mut dstyle = dstyle.chunks_exact_mut(2);
            for plane in planes {
                let (x, mut g) = (&x[plane * area..][..area], &g[plane * area..][..area]);
                let moments = Moments::of(x, epsilon);
                let [g_sum, g_centered_sum] = sums(
                    x,
                    g,
                    #[inline(always)]
                    |x, g| [g, g * moments.center(x)],
                );
                if let Some(dstyle) = dstyle.next() {
                    dstyle[0] = T::from_f64(g_centered_sum * moments.inverse_deviation);
                    dstyle[1] = T::from_f64(g_sum);
                }
                let (scale, _shift) = style_of(style, channels, plane);
                let len = area as f64;
                let factor = T::from_f64(scale * moments.inverse_deviation);
                let g_mean = T::from_f64(g_sum / len);
                let slope = T::from_f64(g_centered_sum / len * moments.inverse_deviation.powi(2));
                out.plane(
                    x,
                    #[inline(always)]
                    |dx, x| {
                        let (g_block, rest) = g.split_at(x.len());
                        g = rest;
                        for ((dx, &x), &g) in dx.iter_mut().zip(x).zip(g_block) {
                            *dx = ((g - g_mean) - moments.center(x) * slope) * factor;
                        }
                    },
                );
            }
        },
    )
}

struct InstanceNormStyle {
    epsilon: f64,
}

impl CustomOp2 for InstanceNormStyle {
    fn name(&self) -> &'static str {
        "instance-norm-style"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        style: &CpuStorage,
        style_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let style = slice::<T>(style, style_layout)?;
            let y = normalize(slice::<T>(x, x_layout)?, Some(style), channels, height * width, self.epsilon);
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        style: &CudaStorage,
        style_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        on_gpu!(self.name(), x, gpu => {
            let (x, style) = (gpu.view(x, x_layout)?, gpu.view(style, style_layout)?);
            let y = gpu.normalized(x, Some(style), channels, height * width, self.epsilon)?;
            (y, x_layout.shape().clone())
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        style: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (batch, channels, _height, _width) = x.dims4()?;
        let packed =
            x.apply_op3_no_bwd(style, &g.contiguous()?, &InstanceNormStyleGrad { epsilon: self.epsilon })?;
        let len = x.elem_count();
        let dx = if x.track_op() { Some(packed.narrow(0, 0, len)?.reshape(x.shape())?) } else { None };
        let dstyle = if style.track_op() {
            let pairs = packed.narrow(0, len, 2 * batch * channels)?.reshape((batch, channels, 2))?;
            Some(pairs.transpose(1, 2)?.reshape((batch, 2 * channels))?)
        } else {
            None
        };
        Ok((dx, dstyle))
    }
}

/// The gradients of [`instance_norm_style`]: of the picture, then of scale and shift for each plane.
struct InstanceNormStyleGrad {
    epsilon: f64,
}

impl CustomOp3 for InstanceNormStyleGrad {
    fn name(&self) -> &'static str {
        "instance-norm-style-grad"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        style: &CpuStorage,
        style_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let (x, g) = (slice::<T>(x, x_layout)?, slice::<T>(g, g_layout)?);
            let style = slice::<T>(style, style_layout)?;
            let packed = normalize_grad(x, Some(style), g, channels, height * width, self.epsilon);
            let shape = Shape::from(packed.len());
            Ok((T::to_cpu_storage_owned(packed), shape))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        style: &CudaStorage,
        style_layout: &Layout,
        g: &CudaStorage,
        g_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        on_gpu!(self.name(), x, gpu => {
            let (x, g) = (gpu.view(x, x_layout)?, gpu.view(g, g_layout)?);
            let style = gpu.view(style, style_layout)?;
            let packed = gpu.normalized_grad(x, Some(style), g, channels, height * width, self.epsilon)?;
            let shape = Shape::from(packed.len());
            (packed, shape)
        })
    }
}

struct InstanceNorm {
    epsilon: f64,
}

impl CustomOp1 for InstanceNorm {
    fn name(&self) -> &'static str {
        "instance-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let y = normalize(slice::<T>(x, x_layout)?, None, channels, height * width, self.epsilon);
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        on_gpu!(self.name(), x, gpu => {
            let y = gpu.normalized(gpu.view(x, x_layout)?, None, channels, height * width, self.epsilon)?;
            (y, x_layout.shape().clone())
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        x.apply_op2_no_bwd(&g.contiguous()?, &InstanceNormGrad { epsilon: self.epsilon }).map(Some)
    }
}

/// The gradient of [`instance_norm`].
struct InstanceNormGrad {
    epsilon: f64,
}

impl CustomOp2 for InstanceNormGrad {
    fn name(&self) -> &'static str {
        "instance-norm-grad"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let (x, g) = (slice::<T>(x, x_layout)?, slice::<T>(g, g_layout)?);
            let dx = normalize_grad(x, None, g, channels, height * width, self.epsilon);
            Ok((T::to_cpu_storage_owned(dx), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        g: &CudaStorage,
        g_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (_batch, channels, height, width) = x_layout.shape().dims4()?;
        on_gpu!(self.name(), x, gpu => {
            let (x, g) = (gpu.view(x, x_layout)?, gpu.view(g, g_layout)?);
            let dx = gpu.normalized_grad(x, None, g, channels, height * width, self.epsilon)?;
            (dx, x_layout.shape().clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::testing::{assert_gradients, assert_independent_of_threads, assert_same_as, normal};

    const PICTURE: &[usize] = &[3, 5, 8, 4];
    const LARGE: &[usize] = &[3, 5, 96, 64];

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
