//! The filters around convolutions that change the side.
//!
//! The generator repeats pixels, convolves and blurs; the critic blurs, convolves and takes means over 2x2 pixels. Both
//! are linear, and repeating pixels is a filter `[1, 1]` over pixels set apart by zeros, so that the filters can be
//! moved to one side and joined: `[1, 1]` and `[1, 2, 1]` make `[1, 3, 3, 1]`, along both axes. What remains is a
//! convolution at every second pixel, [`conv2d_down`](crate::conv2d_down), or one of pixels set apart,
//! [`conv2d_up`](crate::conv2d_up), at a quarter of the values. Pixels outside of a picture are zeros before each of the
//! steps joined, so the taps at a border differ.
//!
//! Within a layer, what is smoothed before a convolution is so on its way into tiles (`conv/winograd/smoothing.rs`), and
//! what is smoothed after one a few samples at a time, so that the larger features never leave the cache.

#![expect(clippy::inline_always, reason = "vector instructions are available only in what is inlined")]

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, WithDType, bail};

use crate::activation::Finish;
#[cfg(feature = "cuda")]
use crate::cuda::on_gpu;
use crate::loops::{append, float_kernel, slice};

/// What follows [`conv2d_up`](crate::conv2d_up) for both to be `upscale2x`, `conv2d` and, if `blur` says so, a blur.
///
/// # Shapes
/// - `x`: `[batch, channels, height + 1, width + 1]`
/// - returns: `[batch, channels, height, width]`
///
/// # Errors
/// If `x` is no picture of `f32` or `f64` of at least 2x2 pixels.
pub fn smooth_up(x: &Tensor, blur: bool) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Smooth { way: Way::Shrink, blur, scale: 1. })
}

/// What precedes [`conv2d_down`](crate::conv2d_down) for both to be, if `blur` says so, a blur, `conv2d` and
/// `downscale2x`.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - returns: `[batch, channels, height + 1, width + 1]`
///
/// # Errors
/// If `x` is no picture of `f32` or `f64`.
pub fn smooth_down(x: &Tensor, blur: bool) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Smooth { way: Way::Grow, blur, scale: 0.25 })
}

/// The gradient behind [`smooth_down`].
///
/// # Shapes
/// - `g`: `[batch, channels, height + 1, width + 1]`
/// - returns: `[batch, channels, height, width]`
///
/// # Errors
/// If `g` is no picture of `f32` or `f64` of at least 2x2 pixels.
pub fn smooth_down_adjoint(g: &Tensor, blur: bool) -> Result<Tensor> {
    g.contiguous()?.apply_op1(Smooth { way: Way::Shrink, blur, scale: 0.25 })
}

/// Both are each other's adjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `n` pixels to `n + 1`: blur, then sums of neighbors.
    Grow,
    /// `n + 1` pixels to `n`: sums of neighbors, then blur.
    Shrink,
}

/// Sums over neighbors, times `scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Smooth {
    pub(crate) way: Way,
    pub(crate) blur: bool,
    pub(crate) scale: f64,
}

impl Smooth {
    /// The same filters the other way.
    pub(crate) fn adjoint(self) -> Self {
        Self { way: if self.way == Way::Grow { Way::Shrink } else { Way::Grow }, ..self }
    }

    /// The filters on contiguous planes of these sizes.
    pub(crate) fn apply<T: WithDType>(self, planes: usize, height: usize, width: usize, x: &[T]) -> Vec<T> {
        let mut y = Vec::new();
        self.append(&mut y, planes, (height, width), x, None);
        y
    }

    /// The same behind what `y` holds already, and what follows the filters.
    pub(crate) fn append<T: WithDType>(
        self,
        y: &mut Vec<T>,
        planes: usize,
        (height, width): (usize, usize),
        x: &[T],
        finish: Option<&Finish<&[T]>>,
    ) {
        let (out_height, out_width) = (self.len(height), self.len(width));
        let scale = T::from_f64(self.scale());
        append(
            y,
            planes * out_height,
            out_width,
            0,
            #[inline(always)]
            |rows, out, _| {
                let zeros = vec![T::zero(); width];
                // Summed over the column, with zeros for what lies beyond the ends.
                let mut padded = vec![T::zero(); out_width + 3];
                for row in rows {
                    let (index, row) = (row / out_height, row % out_height);
                    let plane = &x[index * height * width..][..height * width];
                    let taps: [T; 4] = self.taps(row, out_height);
                    let neighbors = std::array::from_fn(|index| {
                        match usize::try_from(self.first(row) + index as isize) {
                            Ok(source) if source < height => (&plane[source * width..][..width], taps[index]),
                            _ => (&zeros[..], taps[index]),
                        }
                    });
                    let target = out.take(out_width);
                    self.row(neighbors, &mut padded, target, scale);
                    if let Some(finish) = finish {
                        finish.part(index, out_height * out_width, row * out_width, target);
                    }
                }
            },
        );
    }

    /// The factor on all sums by taps.
    pub(crate) fn scale(self) -> f64 {
        if self.blur { self.scale / 16. } else { self.scale }
    }

    /// Batch, channels, height and width of what is to be smoothed.
    fn sides(self, x: &Layout) -> Result<(usize, usize, usize, usize)> {
        let (batch, channels, height, width) = x.shape().dims4()?;
        if self.way == Way::Shrink && height.min(width) < 2 {
            bail!("{}: a picture of {height}x{width} has no neighbors to sum", self.name());
        }
        Ok((batch, channels, height, width))
    }

    /// Pixels along one side of the result.
    pub(crate) fn len(self, from: usize) -> usize {
        match self.way {
            Way::Grow => from + 1,
            Way::Shrink => from - 1,
        }
    }

    /// What the result at `position` of `len` takes from its four neighbors, which start at
    /// [`Smooth::first`] and of which those outside of the picture count as zeros.
    #[inline(always)]
    pub(crate) fn taps<T: WithDType>(self, position: usize, len: usize) -> [T; 4] {
        let is_ends = [position == 0, position + 1 == len];
        let taps = match (self.blur, self.way, is_ends) {
            (false, ..) => [0., 1., 1., 0.],
            // A border is blurred from one side only, and summed with nothing.
            (true, Way::Grow, [true, _]) => [0., 0., 2., 1.],
            (true, Way::Grow, [_, true]) => [1., 2., 0., 0.],
            // The sum beyond a border does not exist, and is blurred as nothing.
            (true, Way::Shrink, [true, true]) => [0., 2., 2., 0.],
            (true, Way::Shrink, [true, false]) => [0., 2., 3., 1.],
            (true, Way::Shrink, [false, true]) => [1., 3., 2., 0.],
            (true, ..) => [1., 3., 3., 1.],
        };
        taps.map(T::from_f64)
    }

    /// The taps away from the borders.
    #[inline(always)]
    pub(crate) fn inner_taps<T: WithDType>(self) -> [T; 4] {
        self.taps(1, 3)
    }

    /// Where the four neighbors of `position` start.
    #[inline(always)]
    fn first(self, position: usize) -> isize {
        match self.way {
            Way::Grow => position as isize - 2,
            Way::Shrink => position as isize - 1,
        }
    }

    /// One row of the result from its four neighbors, with their taps.
    #[inline(always)]
    fn row<T: WithDType>(self, rows: [(&[T], T); 4], padded: &mut [T], target: &mut [T], scale: T) {
        let [(r0, t0), (r1, t1), (r2, t2), (r3, t3)] = rows;
        let margin = usize::try_from(-self.first(0)).unwrap_or(0);
        let inner = &mut padded[margin..][..r0.len()];
        for ((((sum, &a), &b), &c), &d) in inner.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
            *sum = ((a * t0 + d * t3) + (b * t1 + c * t2)) * scale;
        }
        let last = target.len() - 1;
        let [outer, inner, ..] = self.inner_taps::<T>();
        for (y, around) in target.iter_mut().zip(padded.windows(4)) {
            *y = (around[0] + around[3]) * outer + (around[1] + around[2]) * inner;
        }
        for position in [0, last] {
            let taps: [T; 4] = self.taps(position, last + 1);
            let mut sum = T::zero();
            for (&value, tap) in padded[position..][..4].iter().zip(taps) {
                sum += value * tap;
            }
            target[position] = sum;
        }
    }
}

impl CustomOp1 for Smooth {
    fn name(&self) -> &'static str {
        "smooth"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = self.sides(x_layout)?;
        float_kernel!(self.name(), x, T => {
            let y = self.apply(batch * channels, height, width, slice::<T>(x, x_layout)?);
            let shape = Shape::from((batch, channels, self.len(height), self.len(width)));
            Ok((T::to_cpu_storage_owned(y), shape))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, x_layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (batch, channels, height, width) = self.sides(x_layout)?;
        on_gpu!(self.name(), x, gpu => {
            let y = gpu.smoothed(*self, gpu.view(x, x_layout)?, [height, width], None)?;
            (y, (batch, channels, self.len(height), self.len(width)).into())
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        g.contiguous()?.apply_op1(self.adjoint()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        assert_close, assert_gradients, assert_independent_of_threads, assert_same_as, normal, plain_blur,
        plain_resampled_conv,
    };
    use crate::{Sampling, conv2d_down, conv2d_up};

    const PICTURE: &[usize] = &[3, 5, 8, 4];
    const LARGE: &[usize] = &[3, 5, 96, 64];

    fn sum_of_neighbors(x: &Tensor) -> Result<Tensor> {
        let along = |x: &Tensor, axis: usize| -> Result<Tensor> {
            let len = x.dim(axis)? - 1;
            x.narrow(axis, 0, len)? + x.narrow(axis, 1, len)?
        };
        along(&along(x, 2)?, 3)
    }

    fn plain_down(x: &Tensor, blur: bool) -> Result<Tensor> {
        let x = plain_blur(x, blur)?;
        sum_of_neighbors(&x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?)? * 0.25
    }

    fn plain_up(x: &Tensor, blur: bool) -> Result<Tensor> {
        plain_blur(&sum_of_neighbors(x)?, blur)
    }

    #[test]
    fn smoothing_is_its_definition() {
        for shape in [PICTURE, LARGE, &[2, 3, 2, 3], &[2, 3, 3, 2], &[1, 2, 5, 9]] {
            for blur in [true, false] {
                assert_same_as(&[shape], 1, |v| smooth_down(&v[0], blur), |v| plain_down(&v[0], blur));
                assert_same_as(&[shape], 1, |v| smooth_up(&v[0], blur), |v| plain_up(&v[0], blur));
                let quarter = |v: &[Tensor]| plain_up(&v[0], blur)? * 0.25;
                assert_same_as(&[shape], 1, |v| smooth_down_adjoint(&v[0], blur), quarter);
            }
        }
        assert_same_as(&[&[1, 1, 1, 1]], 1, |v| smooth_down(&v[0], true), |v| plain_down(&v[0], true));
    }

    /// The joined form is the plain one: pixels repeated, convolved, blurred; and blurred, convolved, means taken.
    #[test]
    fn joined_filters_are_the_separate_ones() {
        for (shape, weight) in [(PICTURE, [6, 5, 3, 3]), (&[2, 9, 6, 4], [11, 9, 3, 3])] {
            for blur in [true, false] {
                assert_same_as(
                    &[shape, &weight],
                    2,
                    |v| conv2d_down(&smooth_down(&v[0], blur)?, &v[1]),
                    |v| plain_resampled_conv(&v[0], &v[1], Sampling::Down { blur }),
                );
                assert_same_as(
                    &[shape, &weight],
                    2,
                    |v| smooth_up(&conv2d_up(&v[0], &v[1])?, blur),
                    |v| plain_resampled_conv(&v[0], &v[1], Sampling::Up { blur }),
                );
            }
        }
    }

    #[test]
    fn gradients_are_differences() {
        for blur in [true, false] {
            assert_gradients(&[PICTURE], |v| smooth_up(&smooth_down(&v[0], blur)?.sqr()?, blur));
            assert_gradients(&[PICTURE], |v| smooth_down_adjoint(&v[0], blur));
        }
    }

    #[test]
    fn the_adjoint_is_adjoint() {
        let dot = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap();
        let (a, b) = (normal("a", PICTURE, DType::F64), normal("b", &[3, 5, 9, 5], DType::F64));
        for blur in [true, false] {
            let left = dot(&smooth_down(&a, blur).unwrap(), &b);
            assert_close("smooth", &left, &dot(&a, &smooth_down_adjoint(&b, blur).unwrap()));
        }
    }

    #[test]
    fn threads_make_no_difference() {
        let x = normal("x", LARGE, DType::F32);
        assert_independent_of_threads(|| {
            let y = smooth_down(&x, true).unwrap();
            vec![smooth_up(&y, true).unwrap(), y]
        });
    }

    #[test]
    fn one_pixel_has_no_neighbors() {
        let x = normal("x", &[2, 3, 1, 4], DType::F32);
        assert!(smooth_up(&x, true).unwrap_err().to_string().contains("1x4"));
    }
}
