//! A convolution and what changes the side of its pictures, as one linear map.

use candle_core::{Result, Shape, WithDType, bail};

use crate::activation::Finish;
use crate::conv::geometry::{Geometry, Planes};
use crate::conv::{Convolve, turned};
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

/// A resampled convolution, linear in features and weight, and closed under differentiation as `conv2d` is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    sampling: Sampling,
    pub(crate) batch: usize,
    pub(crate) input: Planes,
    pub(crate) output: Planes,
    /// The convolution in it; of `Up`, that of its adjoint.
    convolution: Geometry,
}

impl Path {
    /// The path from `batch` features of these planes by a weight of these dimensions.
    ///
    /// # Errors
    /// If they do not fit.
    pub(crate) fn new(sampling: Sampling, batch: usize, input: Planes, weight: &[usize]) -> Result<Self> {
        let Planes { channels, height, width } = input;
        let (out_channels, kernel) = match *weight {
            [outs, ins, 3, 3] if ins == channels => (outs, 3),
            [outs, ins, 1, 1] if ins == channels && sampling == Sampling::Keep => (outs, 1),
            _ => bail!("layer: features {input:?} and weight {weight:?} do not fit for {sampling:?}"),
        };
        let output = |height, width| Planes { channels: out_channels, height, width };
        let (output, convolution) = match sampling {
            Sampling::Keep => (output(height, width), Geometry::same(batch, input, out_channels, kernel)),
            Sampling::Up { .. } => {
                (output(2 * height, 2 * width), Geometry::halving(batch, out_channels, input))
            }
            Sampling::Down { .. } if height % 2 == 0 && width % 2 == 0 => {
                let output = output(height / 2, width / 2);
                (output, Geometry::halving(batch, channels, output))
            }
            Sampling::Down { .. } => bail!("layer: the sides of {input:?} are not even"),
        };
        Ok(Self { sampling, batch, input, output, convolution })
    }

    /// The same for another number of samples.
    pub(crate) fn of_batch(&self, batch: usize) -> Self {
        Self { batch, convolution: Geometry { batch, ..self.convolution }, ..*self }
    }

    /// Values of the weight.
    pub(crate) fn weight_len(&self) -> usize {
        self.convolution.weight_len()
    }

    fn grow<T: WithDType>(&self, blur: bool, scale: f64, planes: Planes, x: &[T]) -> Vec<T> {
        let smooth = Smooth { way: Way::Grow, blur, scale };
        smooth.apply(self.batch * planes.channels, planes.height, planes.width, x, None)
    }

    fn shrink<T: WithDType>(
        &self,
        blur: bool,
        scale: f64,
        planes: Planes,
        x: &[T],
        finish: Option<&Finish<'_, T>>,
    ) -> Vec<T> {
        let smooth = Smooth { way: Way::Shrink, blur, scale };
        smooth.apply(self.batch * planes.channels, planes.height + 1, planes.width + 1, x, finish)
    }

    /// Features and weight to features, and what follows.
    pub(crate) fn forward<T: Convolve>(
        &self,
        x: &[T],
        weight: &[T],
        finish: Option<&Finish<'_, T>>,
    ) -> Vec<T> {
        let Self { sampling, input, output, ref convolution, .. } = *self;
        match sampling {
            Sampling::Keep => T::forward(convolution, x, weight, finish),
            Sampling::Up { blur } => {
                let weight = turned(output.channels, 9, weight);
                self.shrink(blur, 1., output, &T::transpose(convolution, x, &weight, None), finish)
            }
            Sampling::Down { blur } => {
                T::forward(convolution, &self.grow(blur, 0.25, input, x), weight, finish)
            }
        }
    }

    /// The adjoint of [`Path::forward`] in the features, and what follows.
    pub(crate) fn adjoint<T: Convolve>(
        &self,
        g: &[T],
        weight: &[T],
        finish: Option<&Finish<'_, T>>,
    ) -> Vec<T> {
        let Self { sampling, input, output, ref convolution, .. } = *self;
        match sampling {
            Sampling::Keep => T::transpose(convolution, g, weight, finish),
            Sampling::Up { blur } => self.adjoint_of_grown(&self.grow(blur, 1., output, g), weight, finish),
            Sampling::Down { blur } => {
                self.shrink(blur, 0.25, input, &T::transpose(convolution, g, weight, None), finish)
            }
        }
    }

    /// The adjoint of [`Path::forward`] in the weight.
    pub(crate) fn weight_grad<T: Convolve>(&self, x: &[T], g: &[T]) -> Vec<T> {
        let Self { sampling, input, output, ref convolution, .. } = *self;
        match sampling {
            Sampling::Keep => T::weight_grad(convolution, x, g),
            Sampling::Up { blur } => self.weight_grad_of_grown(x, &self.grow(blur, 1., output, g)),
            Sampling::Down { blur } => T::weight_grad(convolution, &self.grow(blur, 0.25, input, x), g),
        }
    }

    /// Both adjoints, or nothing for one that is not wanted; what they have in common is done once.
    pub(crate) fn adjoints<T: Convolve>(
        &self,
        x: &[T],
        weight: &[T],
        g: &[T],
        [of_x, of_weight]: [bool; 2],
    ) -> [Vec<T>; 2] {
        let Sampling::Up { blur } = self.sampling else {
            return [
                if of_x { self.adjoint(g, weight, None) } else { Vec::new() },
                if of_weight { self.weight_grad(x, g) } else { Vec::new() },
            ];
        };
        let grown = self.grow(blur, 1., self.output, g);
        [
            if of_x { self.adjoint_of_grown(&grown, weight, None) } else { Vec::new() },
            if of_weight { self.weight_grad_of_grown(x, &grown) } else { Vec::new() },
        ]
    }

    /// What remains of [`Path::adjoint`] of `Up` behind its filter.
    fn adjoint_of_grown<T: Convolve>(
        &self,
        grown: &[T],
        weight: &[T],
        finish: Option<&Finish<'_, T>>,
    ) -> Vec<T> {
        T::forward(&self.convolution, grown, &turned(self.output.channels, 9, weight), finish)
    }

    /// What remains of [`Path::weight_grad`] of `Up` behind its filter.
    fn weight_grad_of_grown<T: Convolve>(&self, x: &[T], grown: &[T]) -> Vec<T> {
        turned(self.input.channels, 9, &T::weight_grad(&self.convolution, grown, x))
    }

    pub(crate) fn shape(&self, planes: Planes) -> Shape {
        (self.batch, planes.channels, planes.height, planes.width).into()
    }
}
