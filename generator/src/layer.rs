//! One layer of the synthesis network.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use stylegan_ops::{
    EqualizedWeight, GAIN_LEAKY_RELU, bias_leaky_relu, blur, conv2d, instance_norm, instance_norm_style,
    noise_bias_leaky_relu, pixel_norm, upscale2x,
};

use crate::{GeneratorConfig, Noise, Norm};

/// A synthesis layer: `[upscale ->] conv 3x3 [-> blur] -> noise -> bias -> leaky ReLU -> norm -> style`.
///
/// Layer 0 has no convolution. Even layers from 2 on double the side.
#[derive(Clone, Debug)]
pub struct SynthesisLayer {
    index: usize,
    weight: Option<EqualizedWeight>,
    blur: bool,
    noise: Option<LayerNoise>,
    bias: Tensor,
    norm: Norm,
    style: Option<Style>,
}

#[derive(Clone, Debug)]
struct LayerNoise {
    strength: Tensor,
    stored: Tensor,
}

#[derive(Clone, Debug)]
struct Style {
    weight: EqualizedWeight,
    bias: Tensor,
}

impl SynthesisLayer {
    pub(crate) fn new(config: &GeneratorConfig, index: usize, vb: &VarBuilder) -> Result<Self> {
        let side = 4 << (index / 2);
        let channels = config.feature_maps(side);
        let upscales = index >= 2 && index.is_multiple_of(2);
        let weight = if index == 0 {
            None
        } else {
            let inputs = if upscales { config.feature_maps(side / 2) } else { channels };
            Some(EqualizedWeight::new(&[channels, inputs, 3, 3], GAIN_LEAKY_RELU, 1.0, "weight", vb)?)
        };
        let zeros = |count: usize, name: &str| vb.get_with_hints(count, name, Init::Const(0.0));
        let noise = if config.noise {
            let stored = vb.get_with_hints(
                (1, 1, side, side),
                crate::NOISE_CONST,
                Init::Randn { mean: 0.0, stdev: 1.0 },
            )?;
            // A buffer: detached, so that no gradient is ever computed for it.
            Some(LayerNoise { strength: zeros(channels, "noise_strength")?, stored: stored.detach() })
        } else {
            None
        };
        let style = if config.styles {
            let weight = EqualizedWeight::new(&[2 * channels, config.w_dim], 1.0, 1.0, "style_weight", vb)?;
            Some(Style { weight, bias: zeros(2 * channels, "style_bias")? })
        } else {
            None
        };
        let bias = zeros(channels, "bias")?;
        Ok(Self { index, weight, blur: config.blur && upscales, noise, bias, norm: config.norm, style })
    }

    /// Everything before the epilogue; what layer 0 is given passes through.
    ///
    /// # Shapes
    /// - `x`: `[batch, in, side, side]`
    /// - returns: `[batch, channels, side, side]`, of twice the side in a layer that up-samples
    ///
    /// # Errors
    /// If `x` does not have the layer's number of channels.
    pub fn convolve(&self, x: &Tensor) -> Result<Tensor> {
        let Some(weight) = &self.weight else { return Ok(x.clone()) };
        let weight = weight.effective()?;
        if self.index.is_multiple_of(2) {
            let x = conv2d(&upscale2x(x)?, &weight)?;
            if self.blur { blur(&x) } else { Ok(x) }
        } else {
            conv2d(x, &weight)
        }
    }

    /// Noise, bias, leaky ReLU, norm and style, in this order.
    ///
    /// # Shapes
    /// - `x`: `[batch, channels, side, side]`
    /// - `w`: `[batch, w_dim]`
    /// - returns: as `x`
    ///
    /// # Errors
    /// If a shape differs, or given noise has no image for this layer.
    pub fn epilogue(&self, x: &Tensor, w: &Tensor, noise: &Noise) -> Result<Tensor> {
        let image = match &self.noise {
            Some(layer) => {
                noise.of_layer(self.index, &layer.stored, x)?.map(|image| (image, &layer.strength))
            }
            None => None,
        };
        let x = match image {
            Some((image, strength)) => noise_bias_leaky_relu(x, &image, strength, &self.bias)?,
            None => bias_leaky_relu(x, &self.bias)?,
        };
        match (self.norm, self.style(w)?) {
            (Norm::Instance, Some(style)) => instance_norm_style(&x, &style),
            (Norm::Instance, None) => instance_norm(&x),
            (Norm::Pixel, style) => apply_style(&pixel_norm(&x)?, style),
            (Norm::None, style) => apply_style(&x, style),
        }
    }

    /// The affine transform of w, `[batch, 2 * channels]`: all scales (to which 1 is added), then all shifts; none in
    /// a network without styles.
    ///
    /// # Errors
    /// If `w` is not `[batch, w_dim]`.
    pub fn style(&self, w: &Tensor) -> Result<Option<Tensor>> {
        self.style.as_ref().map(|style| style.weight.matmul(w)?.broadcast_add(&style.bias)).transpose()
    }
}

/// `x · (scale + 1) + shift`, for the ablations that style without instance norm.
fn apply_style(x: &Tensor, style: Option<Tensor>) -> Result<Tensor> {
    let Some(style) = style else { return Ok(x.clone()) };
    let (batch, channels, _, _) = x.dims4()?;
    let style = style.reshape((batch, 2, channels, 1, 1))?;
    let (scale, shift) = (style.get_on_dim(1, 0)?, style.get_on_dim(1, 1)?);
    x.broadcast_mul(&(scale + 1.0)?)?.broadcast_add(&shift)
}
