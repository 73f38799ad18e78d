//! What a style is: mean and deviation of each channel.

use candle_core::{Result, Tensor};
use stylegan_ops::plane_moments;

/// Added to a variance before its root is taken, as the widely used PyTorch port of the original does.
pub const EPSILON: f64 = 1e-5;

/// Mean and deviation of each channel of features.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// `[batch, channels]`
    pub mean: Tensor,
    /// `[batch, channels]`: `sqrt(variance + 1e-5)`, the variance that of a sample, with `n - 1`.
    pub deviation: Tensor,
}

impl Statistics {
    /// Those of features; they can be differentiated once.
    ///
    /// # Shapes
    /// - `features`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// If the features have no pixels or the device fails.
    pub fn of(features: &Tensor) -> Result<Self> {
        let (_, _, height, width) = features.dims4()?;
        let (mean, variance) = plane_moments(features)?;
        let (to_sample, _) = of_sample(height * width);
        Ok(Self { mean, deviation: variance.affine(to_sample, EPSILON)?.sqrt()? })
    }

    /// The way from one style to others: their weighted mean, the weights as they are given.
    ///
    /// # Errors
    /// If there is none, or their shapes differ.
    pub fn blend(styles: &[(Self, f64)]) -> Result<Self> {
        let sum = |part: fn(&Self) -> &Tensor| {
            let mut parts = styles.iter().map(|(style, weight)| part(style).affine(*weight, 0.0));
            let Some(first) = parts.next() else { candle_core::bail!("there is no style to blend") };
            parts.try_fold(first?, |sum, part| sum + part?)
        };
        Ok(Self { mean: sum(|style| &style.mean)?, deviation: sum(|style| &style.deviation)? })
    }
}

/// From a population's variance to that of a sample of so many, and back. A single one has no variance either way.
pub(crate) fn of_sample(count: usize) -> (f64, f64) {
    let (count, fewer) = (count as f64, count.saturating_sub(1).max(1) as f64);
    (count / fewer, fewer / count)
}
