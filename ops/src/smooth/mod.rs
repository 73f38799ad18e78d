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

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
mod cuda_last;

use candle_core::{CustomOp1, Result, Shape, Tensor, bail};

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::finish::Finish;
use crate::float::Float;
use crate::gradients::tracked;
use crate::planes::Planes;

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

pub(crate) trait ApplySmooth: Engine {
    /// The filters on planes of these sides, and what follows them.
    fn smooth(
        &self,
        smooth: Smooth,
        x: Self::View<'_>,
        sides: [usize; 2],
        finish: Option<&Finish<Self::View<'_>>>,
    ) -> Result<Self::Values>;
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

    /// The factor on all sums by taps.
    pub(crate) fn scale(self) -> f64 {
        if self.blur { self.scale / 16. } else { self.scale }
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
    pub(crate) fn taps<T: Float>(self, position: usize, len: usize) -> [T; 4] {
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
    pub(crate) fn inner_taps<T: Float>(self) -> [T; 4] {
        self.taps(1, 3)
    }
}

impl Smooth {
    fn run<E: ApplySmooth>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (batch, planes) = Planes::of(x.shape)?;
        let Planes { height, width, .. } = planes;
        let least = if self.way == Way::Shrink { 2 } else { 1 };
        if height.min(width) < least {
            bail!("{}: a picture of {height}x{width} has no neighbors to sum", self.name());
        }
        let smoothed = Planes { height: self.len(height), width: self.len(width), ..planes };
        Ok((engine.smooth(*self, x.values, [height, width], None)?, smoothed.shape(batch)))
    }
}

impl CustomOp1 for Smooth {
    fn name(&self) -> &'static str {
        "smooth"
    }

    runs_on_every_engine!(1);

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        tracked(x, || g.contiguous()?.apply_op1(self.adjoint()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_close, assert_gradients, assert_independent_of_threads, assert_same_as,
        normal, plain_blur, plain_resampled_conv,
    };
    use crate::{Sampling, conv2d_down, conv2d_up};

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
