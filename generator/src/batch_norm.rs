//! Batch norm, for asking what a norm of single pictures is worth.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use stylegan_ops::{ema_update, instance_norm};

/// Name of the running mean of a layer's channels, a buffer.
pub const RUNNING_MEAN: &str = "running_mean";
/// Name of their running variance, a buffer.
pub const RUNNING_VARIANCE: &str = "running_var";

/// Share of a batch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Batch norm without a learned scale and shift, which are the style's (Ioffe and Szegedy 2015, algorithms 1 and 2).
///
/// `y = (x - μ) / sqrt(σ² + epsilon)` for each channel. While a network is trained, μ and σ² are those of the batch, and the
/// running ones take them in: `running <- 0.9 running + 0.1 batch`, the variance as that of a sample. Where it draws, μ
/// and σ² are the running ones, so that no picture depends on what else is drawn.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    /// `[channels]`
    mean: Tensor,
    /// `[channels]`
    variance: Tensor,
    epsilon: f64,
    by_batch: bool,
}

impl BatchNorm {
    pub(crate) fn new(channels: usize, epsilon: f64, vb: &VarBuilder) -> Result<Self> {
        let buffer = |name, value| vb.get_with_hints(channels, name, Init::Const(value));
        Ok(Self {
            mean: buffer(RUNNING_MEAN, 0.0)?.detach(),
            variance: buffer(RUNNING_VARIANCE, 1.0)?.detach(),
            epsilon,
            by_batch: false,
        })
    }

    /// From now on by the statistics of batches, which the running ones take in.
    pub(crate) fn train(&mut self) {
        self.by_batch = true;
    }

    /// # Shapes
    /// - `x`: `[batch, channels, height, width]`
    /// - returns: as `x`
    ///
    /// # Errors
    /// If the shape differs.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        if !self.by_batch {
            let of_channel = |x: &Tensor| x.reshape((1, channels, 1, 1));
            let deviation = (&self.variance + self.epsilon)?.sqrt()?;
            return x.broadcast_sub(&of_channel(&self.mean)?)?.broadcast_div(&of_channel(&deviation)?);
        }
        // The pictures of a batch one below the other are one picture, whose instance norm is the batch's.
        let x = x.transpose(0, 1)?.contiguous()?;
        let pixels = x.detach().reshape((channels, ()))?;
        ema_update(&[(&self.mean, &pixels.mean(1)?), (&self.variance, &pixels.var(1)?)], 1.0 - MOMENTUM)?;
        let y = instance_norm(&x.reshape((1, channels, batch * height, width))?, self.epsilon)?;
        y.reshape((channels, batch, height, width))?.transpose(0, 1)?.contiguous()
    }
}
