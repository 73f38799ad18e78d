//! What both networks are made of.

use candle_core::{Device, Result as TensorResult, Tensor};
use image::RgbImage;
use stylegan_ops::{add_bias, conv2d};

use crate::depthwise::{Zeros, depthwise};
use crate::error::Result;
use crate::quantized::Quantized;

/// Pictures as the networks take them, `(rgb_u8 - mean) / 255`.
///
/// # Shapes
/// - returns: `[batch, 3, height, width]`
pub(super) fn input(pictures: &[RgbImage], mean: [f32; 3]) -> TensorResult<Tensor> {
    let (width, height) = pictures.first().map_or((0, 0), RgbImage::dimensions);
    let mut values = Vec::with_capacity(pictures.len() * 3 * width as usize * height as usize);
    for picture in pictures {
        for (channel, mean) in mean.into_iter().enumerate() {
            values.extend(picture.pixels().map(|pixel| (f32::from(pixel.0[channel]) - mean) / 255.0));
        }
    }
    Tensor::from_vec(values, (pictures.len(), 3, height as usize, width as usize), &Device::Cpu)
}

/// A convolution with its bias.
#[derive(Debug)]
pub(super) struct Conv {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Conv {
    /// Those of the names `NAME/filters` and `NAME/bias`.
    pub(super) fn new(
        weights: &Quantized,
        name: &str,
        channels: (usize, usize),
        kernel: usize,
    ) -> Result<Self> {
        Ok(Self {
            weight: weights.conv(&format!("{name}/filters"), channels.0, channels.1, kernel)?,
            bias: weights.get(&format!("{name}/bias"), &[channels.1])?,
        })
    }
}

/// A 3x3 convolution in two parts: within each channel, and across channels.
#[derive(Debug)]
pub(super) struct SeparableConv {
    depthwise: Tensor,
    pointwise: Tensor,
    bias: Tensor,
}

impl SeparableConv {
    /// Those of the names `NAME/depthwise_filter`, `NAME/pointwise_filter` and `NAME/bias`.
    pub(super) fn new(weights: &Quantized, name: &str, channels: (usize, usize)) -> Result<Self> {
        let depthwise = weights.get(&format!("{name}/depthwise_filter"), &[3, 3, channels.0, 1])?;
        Ok(Self {
            depthwise: depthwise.squeeze(3)?.permute((2, 0, 1))?.contiguous()?,
            pointwise: weights.conv(&format!("{name}/pointwise_filter"), channels.0, channels.1, 1)?,
            bias: weights.get(&format!("{name}/bias"), &[channels.1])?,
        })
    }

    /// # Shapes
    /// - `x`: `[batch, in_channels, height, width]`
    /// - returns: `[batch, out_channels, ceil(height / stride), ceil(width / stride)]`
    pub(super) fn forward(&self, x: &Tensor, stride: usize) -> TensorResult<Tensor> {
        add_bias(
            &conv2d(&depthwise(x, &self.depthwise, stride, Zeros::AtTheEnd)?, &self.pointwise)?,
            &self.bias,
        )
    }
}
