//! The layer that shows the critic how much the samples of a minibatch differ.

use candle_core::{D, Result, Tensor, bail};
use stylegan_ops::NORM_EPSILON;

/// Appends the standard deviation over a group of samples as constant channels (Karras et al. 2018, section 3).
///
/// Groups are strided through the batch: of `batch / size` groups, sample `i` belongs to group `i mod groups`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinibatchStddev {
    pub(crate) group_size: usize,
    pub(crate) num_features: usize,
}

/// The deviations within the groups, by which the layer and its adjoint are both defined.
struct Deviations {
    /// `x - mean`, `[sets, size, groups, features, channels / features · height · width]`
    centered: Tensor,
    /// `sqrt(mean(centered²) + ε)`, the same shape with `size` 1
    stddev: Tensor,
}

impl MinibatchStddev {
    /// `x` `[batch, channels, height, width]`, made of so many `sets` of samples that do not see each other, to
    /// `[batch, channels + num_features, height, width]`.
    pub(crate) fn forward(&self, x: &Tensor, sets: usize) -> Result<Tensor> {
        let (batch, _, height, width) = x.dims4()?;
        let Deviations { centered, stddev } = self.deviations(x, sets)?;
        let (sets, size, groups, features, _) = centered.dims5()?;
        let planes = stddev
            .mean_keepdim(D::Minus1)?
            .expand((sets, size, groups, features, height * width))?
            .contiguous()?
            .reshape((batch, features, height, width))?;
        Tensor::cat(&[x, &planes], 1)
    }

    /// The gradient of a scalar with respect to `x`, given its gradient `g` with respect to the output of one set.
    ///
    /// With `y = x - mean` and `s = sqrt(mean(y²) + ε)` over a group of `G`, `ds/dx_i = y_i / (G · s)`; the mean's own
    /// derivative vanishes since the `y` of a group add up to 0. All of it is differentiable again, in `g` and in `x`.
    pub(crate) fn input_gradient(&self, g: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let Deviations { centered, stddev } = self.deviations(x, 1)?;
        let (_, size, groups, features, values) = centered.dims5()?;
        let of_statistic = g
            .narrow(1, channels, features)?
            .contiguous()?
            .reshape((size, groups, features, height * width))?
            .sum((0, 3))?
            .reshape((1, 1, groups, features, 1))?;
        let count = (size * values) as f64;
        let through = centered.broadcast_mul(&(of_statistic / count)?.broadcast_div(&stddev)?)?;
        g.narrow(1, 0, channels)? + through.reshape((batch, channels, height, width))?
    }

    fn deviations(&self, x: &Tensor, sets: usize) -> Result<Deviations> {
        let (batch, channels, _, _) = x.dims4()?;
        let batch = batch / sets;
        let size = self.group_size.min(batch);
        if !batch.is_multiple_of(size) || !channels.is_multiple_of(self.num_features) {
            bail!(
                "minibatch stddev: a batch of {batch} with {channels} channels cannot be divided into groups of {size} \
                 with {} features",
                self.num_features
            )
        }
        let grouped = x.reshape((sets, size, batch / size, self.num_features, ()))?;
        let centered = grouped.broadcast_sub(&grouped.mean_keepdim(1)?)?;
        let stddev = (centered.sqr()?.mean_keepdim(1)? + NORM_EPSILON)?.sqrt()?;
        Ok(Deviations { centered, stddev })
    }
}
