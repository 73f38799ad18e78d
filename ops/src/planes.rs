//! The planes that pictures and their features consist of, and the noise over them.

use candle_core::{Result, Shape, bail};

use crate::engine::{Engine, Input};
use crate::feature_layout::FeatureLayout;

/// The channels of one picture, or of its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) layout: FeatureLayout,
}

impl Planes {
    /// Planes one behind the other.
    #[cfg(test)]
    pub(crate) fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, layout: FeatureLayout::Nchw }
    }

    /// Of `[batch, channels, height, width]`: the batch, and the planes of each sample.
    pub(crate) fn of(shape: &Shape) -> Result<(usize, Self)> {
        Self::of_layout(shape, FeatureLayout::Nchw)
    }

    /// Of a tensor in this layout.
    pub(crate) fn of_layout(shape: &Shape, layout: FeatureLayout) -> Result<(usize, Self)> {
        let (batch, a, b, c) = shape.dims4()?;
        let [channels, height, width] = match layout {
            FeatureLayout::Nchw => [a, b, c],
            FeatureLayout::Nhwc => [c, a, b],
        };
        Ok((batch, Self { channels, height, width, layout }))
    }

    /// Of the same, or of rows of features `[batch, channels]`, whose planes are of one pixel.
    pub(crate) fn of_features(operation: &str, shape: &Shape) -> Result<(usize, Self)> {
        match *shape.dims() {
            [batch, channels] => {
                Ok((batch, Self { channels, height: 1, width: 1, layout: FeatureLayout::Nchw }))
            }
            [_, _, _, _] => Self::of(shape),
            _ => bail!(
                "{operation}: expected [batch, channels, height, width] or [batch, channels], got {:?}",
                shape.dims()
            ),
        }
    }

    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    pub(crate) fn len(&self) -> usize {
        self.channels * self.pixels()
    }

    /// Checks that noise of this shape covers `batch` samples of such planes.
    pub(crate) fn check_noise(self, operation: &str, noise: &Shape, batch: usize) -> Result<()> {
        let (noise_batch, noise) = Self::of(noise)?;
        if noise != (Self { channels: 1, layout: FeatureLayout::Nchw, ..self })
            || (noise_batch != batch && noise_batch != 1)
        {
            let (noise, Self { height, width, .. }) = (noise.shape(noise_batch), self);
            bail!("{operation}: noise {noise:?} does not cover {height}x{width} pixels");
        }
        Ok(())
    }

    /// Of so many samples of such planes.
    pub(crate) fn shape(&self, batch: usize) -> Shape {
        let Self { channels, height, width, layout } = *self;
        match layout {
            FeatureLayout::Nchw => (batch, channels, height, width).into(),
            FeatureLayout::Nhwc => (batch, height, width, channels).into(),
        }
    }
}

/// The noise that lies over each plane of features; `V` is how values are seen.
#[derive(Clone, Copy)]
pub(crate) struct NoisePlanes<V> {
    pub(crate) noise: V,
    /// The planes that it lies over.
    pub(crate) planes: Planes,
    /// Whether all samples have the same.
    pub(crate) is_shared: bool,
}

impl<V> NoisePlanes<V> {
    /// `[batch, 1, height, width]` or `[1, 1, height, width]` over these planes.
    pub(crate) fn new<'a, E>(noise: Input<'a, E>, planes: Planes) -> Self
    where
        E: Engine<View<'a> = V>,
    {
        let is_shared = noise.shape.elem_count() == planes.pixels();
        Self { noise: noise.values, planes, is_shared }
    }

    /// How far the noise of neighboring samples lies apart.
    #[cfg(feature = "cuda")]
    pub(crate) fn stride(&self) -> usize {
        if self.is_shared { 0 } else { self.planes.pixels() }
    }
}

impl<'a, T> NoisePlanes<&'a [T]> {
    pub(crate) fn of(&self, plane: usize) -> &'a [T] {
        let (area, sample) = (self.planes.pixels(), plane / self.planes.channels);
        &self.noise[if self.is_shared { 0 } else { sample * area }..][..area]
    }

    /// The same for the samples from number `first` on.
    pub(crate) fn samples_from(self, first: usize) -> Self {
        let first = if self.is_shared { 0 } else { first };
        Self { noise: &self.noise[first * self.planes.pixels()..], ..self }
    }
}
