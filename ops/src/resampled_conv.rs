//! A convolution and what changes the side of its pictures, as one linear map.

use candle_core::{Result, bail};

use crate::conv::{Convolve, Geometry, Weight};
use crate::finish::Finish;
use crate::planes::Planes;

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
pub(crate) struct ResampledConv {
    sampling: Sampling,
    pub(crate) batch: usize,
    pub(crate) input: Planes,
    pub(crate) output: Planes,
    /// The convolution in it; of `Up`, that of its adjoint.
    convolution: Geometry,
}

impl ResampledConv {
    /// The one from `batch` features of these planes by a weight of these dimensions.
    ///
    /// # Errors
    /// If they do not fit.
    pub(crate) fn new(sampling: Sampling, batch: usize, input: Planes, weight: &[usize]) -> Result<Self> {
        let Planes { channels, height, width, .. } = input;
        let (out_channels, kernel) = match *weight {
            [outs, ins, 3, 3] if ins == channels => (outs, 3),
            [outs, ins, 1, 1] if ins == channels && sampling == Sampling::Keep => (outs, 1),
            _ => bail!("layer: features {input:?} and weight {weight:?} do not fit for {sampling:?}"),
        };
        let output = |height, width| Planes { channels: out_channels, height, width, ..input };
        let (output, convolution) = match sampling {
            Sampling::Keep => (output(height, width), Geometry::same(batch, input, out_channels, kernel)),
            Sampling::Up { blur } => (
                output(2 * height, 2 * width),
                Geometry::halving(batch, out_channels, input).smoothed(blur, 1.),
            ),
            Sampling::Down { blur } if height % 2 == 0 && width % 2 == 0 => {
                let output = output(height / 2, width / 2);
                (output, Geometry::halving(batch, channels, output).smoothed(blur, 0.25))
            }
            Sampling::Down { .. } => bail!("layer: the sides of {input:?} are not even"),
        };
        Ok(Self { sampling, batch, input, output, convolution })
    }

    /// The same for another number of samples.
    pub(crate) fn of_batch(&self, batch: usize) -> Self {
        Self { batch, convolution: Geometry { batch, ..self.convolution }, ..*self }
    }

    /// The same by a weight that is multiplied by `scale` where it is read, in `f32` on a CPU.
    pub(crate) fn scaled(self, scale: f64) -> Self {
        Self { convolution: Geometry { weight_scale: scale, ..self.convolution }, ..self }
    }

    /// Values of the weight.
    pub(crate) fn weight_len(&self) -> usize {
        self.convolution.weight_len()
    }

    /// Features and weight to features, and what follows.
    pub(crate) fn forward<E: Convolve>(
        &self,
        engine: &E,
        x: E::View<'_>,
        weight: Weight<'_, E::View<'_>>,
        finish: Option<&Finish<E::View<'_>>>,
    ) -> Result<E::Values> {
        if self.is_turned() {
            engine.transpose(&self.convolution, x, weight.turned(), finish)
        } else {
            engine.forward(&self.convolution, x, weight, finish)
        }
    }

    /// The adjoint of [`ResampledConv::forward`] in the features, and what follows.
    pub(crate) fn adjoint<E: Convolve>(
        &self,
        engine: &E,
        g: E::View<'_>,
        weight: Weight<'_, E::View<'_>>,
        finish: Option<&Finish<E::View<'_>>>,
    ) -> Result<E::Values> {
        if self.is_turned() {
            engine.forward(&self.convolution, g, weight.turned(), finish)
        } else {
            engine.transpose(&self.convolution, g, weight, finish)
        }
    }

    /// The adjoint of [`ResampledConv::forward`] in the weight.
    pub(crate) fn weight_grad<E: Convolve>(
        &self,
        engine: &E,
        x: E::View<'_>,
        g: E::View<'_>,
    ) -> Result<E::Values> {
        if self.is_turned() {
            let turned = engine.weight_grad(&self.convolution, g, x)?;
            engine.turned(self.input, 9, engine.all(&turned))
        } else {
            engine.weight_grad(&self.convolution, x, g)
        }
    }

    /// Whether the convolution is that of the adjoint.
    fn is_turned(&self) -> bool {
        matches!(self.sampling, Sampling::Up { .. })
    }
}
