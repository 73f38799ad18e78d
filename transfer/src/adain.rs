//! Adaptive instance normalization, with the statistics of a picture.

use candle_core::{Result, Tensor};
use stylegan_ops::instance_norm_style;

use crate::statistics::{EPSILON, Statistics, of_sample};

/// Gives each channel of the content the mean and the deviation that it has in the style.
///
/// `AdaIN(c, s) = σ(s) (c - μ(c)) / σ(c) + μ(s)` (Huang and Belongie 2017, eq. 8), both deviations as [`Statistics`] has
/// them. It is the operation of a `StyleGAN` layer, [`instance_norm_style`], where `w` decides what a picture does here. The
/// gradient is of first order only.
///
/// # Shapes
/// - `content`: `[batch, channels, height, width]`
/// - `style`: of `[batch, channels]`
/// - returns: as `content`
///
/// # Errors
/// If the style has other channels, or the device fails.
pub fn adain(content: &Tensor, style: &Statistics) -> Result<Tensor> {
    let (_, _, height, width) = content.dims4()?;
    // The norm divides by `sqrt(population + epsilon)`: the factor between both variances is taken out of the root.
    let (_, to_population) = of_sample(height * width);
    let deviation = style.deviation.affine(to_population.sqrt(), 0.0)?;
    restyled(content, &deviation, &style.mean, EPSILON * to_population)
}

/// The same by the population's variance, as the authors' own program has it: `epsilon` is added to the content's alone.
///
/// # Shapes
/// - `deviation`, `mean`: `[batch, channels]` of the style
///
/// # Errors
/// As [`adain`].
pub fn restyled(content: &Tensor, deviation: &Tensor, mean: &Tensor, epsilon: f64) -> Result<Tensor> {
    // A layer's style says how much more than one the scale is.
    let style = Tensor::cat(&[&deviation.affine(1.0, -1.0)?, mean], 1)?;
    instance_norm_style(content, &style, epsilon)
}
