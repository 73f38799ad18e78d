//! The decoder: the encoder's mirror image, which learns to draw what has given features.

use candle_core::{Device, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};
use stylegan_ops::{Around, add_bias, conv2d_bias_relu, conv2d_padded, reflect_pad, upscale2x};

/// The most channels that a layer may have.
const MOST_CHANNELS: usize = 4096;

/// A decoder's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecoderConfig {
    /// Channels of the features that it decodes: those of the encoder.
    pub features: usize,
    /// Channels at full size, at half of it and at a quarter of it; the original's are those of the encoder.
    pub widths: [usize; 3],
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self { features: 512, widths: [64, 128, 256] }
    }
}

impl DecoderConfig {
    /// Everything wrong with it, a sentence each.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (key, width) in [self.features]
            .iter()
            .map(|width| ("features", width))
            .chain(self.widths.iter().map(|width| ("widths", width)))
        {
            if !(1..=MOST_CHANNELS).contains(width) {
                found.push(format!(
                    "`decoder.{key}` has {width}, but a layer has 1 to {MOST_CHANNELS} channels"
                ));
            }
        }
        found
    }

    /// Its layers from the features on, each with its number in a `Sequential` of PyTorch's that has a module for each frame of
    /// mirrored pixels, each `ReLU` and each upscale.
    pub fn layers(&self) -> [DecoderLayer; 9] {
        let Self { features, widths: [full, half, quarter] } = *self;
        let layer = |name, number, channels, doubles| DecoderLayer { name, number, channels, doubles };
        [
            layer("conv4_1", 1, (features, quarter), true),
            layer("conv3_4", 5, (quarter, quarter), false),
            layer("conv3_3", 8, (quarter, quarter), false),
            layer("conv3_2", 11, (quarter, quarter), false),
            layer("conv3_1", 14, (quarter, half), true),
            layer("conv2_2", 18, (half, half), false),
            layer("conv2_1", 21, (half, full), true),
            layer("conv1_2", 25, (full, full), false),
            layer("conv1_1", 28, (full, 3), false),
        ]
    }
}

/// A convolution of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderLayer {
    /// The encoder's layer whose mirror image it is.
    pub name: &'static str,
    /// Its number among the modules of PyTorch's ports.
    pub number: usize,
    /// Channels of what comes in, and of what goes out.
    pub channels: (usize, usize),
    /// Whether pixels are repeated behind it.
    pub doubles: bool,
}

impl DecoderLayer {
    /// `[out_channels, in_channels, 3, 3]`
    pub fn shape(&self) -> [usize; 4] {
        let (from, to) = self.channels;
        [to, from, 3, 3]
    }
}

/// From features to pictures.
#[derive(Clone, Debug)]
pub struct Decoder {
    layers: Vec<(DecoderLayer, Tensor, Tensor)>,
    config: DecoderConfig,
}

impl Decoder {
    /// A decoder whose tensors are `NAME.weight` and `NAME.bias`. Their first values are normal, with the deviation that keeps
    /// the size of what passes a `ReLU` (He et al. 2015), and 0.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn new(config: DecoderConfig, builder: &VarBuilder<'_>) -> Result<Self> {
        let layers = config.layers().into_iter().map(|layer| {
            let builder = builder.pp(layer.name);
            let (from, to) = layer.channels;
            let stdev = (2.0 / (9 * from) as f64).sqrt();
            let weight =
                builder.get_with_hints(layer.shape().to_vec(), "weight", Init::Randn { mean: 0.0, stdev })?;
            let bias = builder.get_with_hints(to, "bias", Init::Const(0.0))?;
            Ok((layer, weight, bias))
        });
        Ok(Self { layers: layers.collect::<Result<_>>()?, config })
    }

    /// Its shape.
    pub fn config(&self) -> DecoderConfig {
        self.config
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        self.layers.first().map_or(&Device::Cpu, |(_, weight, _)| weight.device())
    }

    /// Draws what has these features.
    ///
    /// # Shapes
    /// - `features`: `[batch, features, height, width]`, both sides 2 at least
    /// - returns: `[batch, 3, 8 * height, 8 * width]`, mostly from 0 to 1, not clamped
    ///
    /// # Errors
    /// If the features have another shape, or the device fails.
    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let mut x = features.clone();
        for (number, (layer, weight, bias)) in self.layers.iter().enumerate() {
            x = if number + 1 == self.layers.len() {
                add_bias(&conv2d_padded(&reflect_pad(&x)?, weight, [0, 0])?, bias)?
            } else {
                conv2d_bias_relu(&x, weight, bias, Around::Mirrored)?
            };
            if layer.doubles {
                x = upscale2x(&x)?;
            }
        }
        Ok(x)
    }
}
