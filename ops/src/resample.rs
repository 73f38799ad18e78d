//! Halving, doubling, smoothing and blending pictures. All of it is linear, and each gradient is made of the
//! same operations, so they can be differentiated any number of times.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, WithDType, bail};

#[cfg(feature = "cuda")]
use crate::cuda::on_gpu;
use crate::loops::{build, float_kernel, map, slice};

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

/// Every pixel four times, times `scale`.
struct Repeat2x {
    scale: f64,
}

impl CustomOp1 for Repeat2x {
    fn name(&self) -> &'static str {
        "repeat2x"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let scale = T::from_f64(self.scale);
            let x = slice::<T>(x, x_layout)?;
            let y = build(batch * channels * height, 4 * width, 0, #[inline(always)] |rows, out, _| {
                for row in rows {
                    let (first, second) = out.take(4 * width).split_at_mut(2 * width);
                    let pairs = first.as_chunks_mut::<2>().0;
                    for (pair, &x) in pairs.iter_mut().zip(&x[row * width..][..width]) {
                        *pair = [x * scale; 2];
                    }
                    second.copy_from_slice(first);
                }
            });
            Ok((T::to_cpu_storage_owned(y), Shape::from((batch, channels, 2 * height, 2 * width))))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        on_gpu!(self.name(), x, gpu => {
            let y = gpu.repeat2x(gpu.view(x, x_layout)?, width, self.scale)?;
            (y, (batch, channels, 2 * height, 2 * width).into())
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        g.contiguous()?.apply_op1(Sum2x2 { scale: self.scale }).map(Some)
    }
}

/// The sum of 2x2 pixels, times `scale`.
struct Sum2x2 {
    scale: f64,
}

impl Sum2x2 {
    /// Batch, channels, height and width of the result.
    fn halves(&self, x: &Layout) -> Result<(usize, usize, usize, usize)> {
        let (batch, channels, height, width) = x.shape().dims4()?;
        if height % 2 != 0 || width % 2 != 0 {
            bail!("{}: expected even sides, got {height}x{width}", self.name());
        }
        Ok((batch, channels, height / 2, width / 2))
    }
}

impl CustomOp1 for Sum2x2 {
    fn name(&self) -> &'static str {
        "sum2x2"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, out_height, out_width) = self.halves(x_layout)?;
        let width = 2 * out_width;
        float_kernel!(self.name(), x, T => {
            let scale = T::from_f64(self.scale);
            let x = slice::<T>(x, x_layout)?;
            let y = build(batch * channels * out_height, out_width, 0, #[inline(always)] |rows, out, _| {
                for row in rows {
                    let (above, below) = x[row * 2 * width..][..2 * width].split_at(width);
                    let (above, below) = (above.as_chunks::<2>().0, below.as_chunks::<2>().0);
                    for ((y, above), below) in out.take(out_width).iter_mut().zip(above).zip(below) {
                        *y = ((above[0] + above[1]) + (below[0] + below[1])) * scale;
                    }
                }
            });
            Ok((T::to_cpu_storage_owned(y), Shape::from((batch, channels, out_height, out_width))))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (batch, channels, height, width) = self.halves(x_layout)?;
        on_gpu!(self.name(), x, gpu => {
            let y = gpu.sum2x2(gpu.view(x, x_layout)?, 2 * width, self.scale)?;
            (y, (batch, channels, height, width).into())
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        g.contiguous()?.apply_op1(Repeat2x { scale: self.scale }).map(Some)
    }
}

struct Blur;

impl CustomOp1 for Blur {
    fn name(&self) -> &'static str {
        "blur"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        float_kernel!(self.name(), x, T => {
            let (two, sixteenth) = (T::from_f64(2.), T::from_f64(1. / 16.));
            let x = slice::<T>(x, x_layout)?;
            let y = build(batch * channels * height, width, 0, #[inline(always)] |rows, out, _| {
                let zeros = vec![0.; width];
                // One row smoothed vertically, with a zero at either end.
                let mut smooth = vec![0.; width + 2];
                for row in rows {
                    let here = &x[row * width..][..width];
                    let is_first = row % height == 0;
                    let is_last = row % height == height - 1;
                    let above = if is_first { &zeros } else { &x[(row - 1) * width..][..width] };
                    let below = if is_last { &zeros } else { &x[(row + 1) * width..][..width] };
                    let neighbors = above.iter().zip(below);
                    for ((sum, &here), (&above, &below)) in smooth[1..].iter_mut().zip(here).zip(neighbors) {
                        *sum = (above + below) + two * here;
                    }
                    let sides = smooth.iter().zip(&smooth[2..]);
                    for ((y, &here), (&left, &right)) in
                        out.take(width).iter_mut().zip(&smooth[1..]).zip(sides)
                    {
                        *y = ((left + right) + two * here) * sixteenth;
                    }
                }
            });
            Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (_batch, _channels, height, width) = x_layout.shape().dims4()?;
        on_gpu!(self.name(), x, gpu => {
            (gpu.blurred(gpu.view(x, x_layout)?, [height, width])?, x_layout.shape().clone())
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if x.track_op() { blur(g).map(Some) } else { Ok(None) }
    }
}

struct Blend {
    t: f64,
}

impl CustomOp2 for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        float_kernel!(self.name(), a, T => {
            let t = T::from_f64(self.t);
            let (a, b) = (slice::<T>(a, a_layout)?, slice::<T>(b, b_layout)?);
            let y = map(a, b, #[inline(always)] |a, b| a + (b - a) * t);
            Ok((T::to_cpu_storage_owned(y), a_layout.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        a: &CudaStorage,
        a_layout: &Layout,
        b: &CudaStorage,
        b_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        on_gpu!(self.name(), a, gpu => {
            (gpu.blend(gpu.view(a, a_layout)?, gpu.view(b, b_layout)?, self.t)?, a_layout.shape().clone())
        })
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let da = if a.track_op() { Some(g.affine(1. - self.t, 0.)?) } else { None };
        let db = if b.track_op() { Some(g.affine(self.t, 0.)?) } else { None };
        Ok((da, db))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        assert_close, assert_gradients, assert_independent_of_threads, assert_same_as, normal, plain_blur,
    };

    const PICTURE: &[usize] = &[3, 5, 8, 4];
    const LARGE: &[usize] = &[3, 5, 96, 64];

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
