//! The planes that pictures and their features consist of, and the noise over them.

use candle_core::{Result, Shape, bail};

use crate::engine::{Engine, Input};

/// The channels of one picture, or of its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Planes {
    /// Of `[batch, channels, height, width]`: the batch, and the planes of each sample.
    pub(crate) fn of(shape: &Shape) -> Result<(usize, Self)> {
        let (batch, channels, height, width) = shape.dims4()?;
        Ok((batch, Self { channels, height, width }))
    }

    /// Of the same, or of rows of features `[batch, channels]`, whose planes are of one pixel.
    pub(crate) fn of_features(operation: &str, shape: &Shape) -> Result<(usize, Self)> {
        match *shape.dims() {
            [batch, channels] => Ok((batch, Self { channels, height: 1, width: 1 })),
            [batch, channels, height, width] => Ok((batch, Self { channels, height, width })),
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
        if noise != (Self { channels: 1, ..self }) || (noise_batch != batch && noise_batch != 1) {
            let (noise, Self { height, width, .. }) = (noise.shape(noise_batch), self);
            bail!("{operation}: noise {noise:?} does not cover {height}x{width} pixels");
        }
        Ok(())
    }

    /// Of so many samples of such planes.
    pub(crate) fn shape(&self, batch: usize) -> Shape {
        (batch, self.channels, self.height, self.width).into()
    }
}

/// The noise that lies over each plane of features; `V` is how values are seen.
#[derive(Clone, Copy)]
pub(crate) struct NoisePlanes<V> {
    pub(crate) noise: V,
    pub(crate) channels: usize,
    pub(crate) area: usize,
    /// Whether all samples have the same.
    pub(crate) is_shared: bool,
}

impl<V> NoisePlanes<V> {
    /// `[batch, 1, height, width]` or `[1, 1, height, width]` over these planes.
    pub(crate) fn new<'a, E>(noise: Input<'a, E>, planes: Planes) -> Self
    where
        E: Engine<View<'a> = V>,
    {
        let area = planes.pixels();
        let is_shared = noise.shape.elem_count() == area;
        Self { noise: noise.values, channels: planes.channels, area, is_shared }
    }

    /// How far the noise of neighboring samples lies apart.
    #[cfg(feature = "cuda")]
    pub(crate) fn stride(&self) -> usize {
        if self.is_shared { 0 } else { self.area }
    }
}

impl<'a, T> NoisePlanes<&'a [T]> {
    pub(crate) fn of(&self, plane: usize) -> &'a [T] {
        let sample = if self.is_shared { 0 } else { plane / self.channels };
        &self.noise[sample * self.area..][..self.area]
    }

    /// The same for the samples from number `first` on.
    pub(crate) fn samples_from(self, first: usize) -> Self {
        let first = if self.is_shared { 0 } else { first };
        Self { noise: &self.noise[first * self.area..], ..self }
    }
}
