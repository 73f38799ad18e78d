//! One layer of the synthesis network.

use candle_core::{Result, Shape, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use stylegan_ops::{
    Chain, EqualizedWeight, FeatureLayout, GAIN_LEAKY_RELU, Key, Sampling, add_bias, bias_leaky_relu, blur,
    conv2d, conv2d_up, instance_norm, instance_norm_style, leaky_relu, noise_bias_leaky_relu, pixel_norm,
    smooth_up, synthesis_layer,
};

use crate::batch_norm::BatchNorm;
use crate::{GeneratorConfig, Noise, Norm};

/// A synthesis layer: `[upscale ->] conv 3x3 [-> blur] -> noise -> bias -> leaky ReLU -> norm -> style`.
///
/// Layer 0 has no convolution. Even layers from 2 on double width and height. In networks with `bias_before_blur` these add
/// their bias before the blur.
#[derive(Clone, Debug)]
pub struct SynthesisLayer {
    weight: Option<EqualizedWeight>,
    sampling: Sampling,
    noise: Option<LayerNoise>,
    bias: Tensor,
    bias_before_blur: bool,
    norm: Norm,
    norm_epsilon: f64,
    batch_norm: Option<BatchNorm>,
    style: Option<Style>,
}

#[derive(Clone, Debug)]
struct LayerNoise {
    strength: Tensor,
    stored: Tensor,
    layer: usize,
    /// The layer whose images are added: this one, or the first of its side.
    image_of: usize,
}

#[derive(Clone, Debug)]
struct Style {
    weight: EqualizedWeight,
    bias: Tensor,
}

impl SynthesisLayer {
    pub(crate) fn new(config: &GeneratorConfig, index: usize, vb: &VarBuilder) -> Result<Self> {
        let Some(resolution) = config.resolution.levels().nth(index / 2) else {
            bail!("a network of {} has no layer {index}", config.resolution)
        };
        let side = resolution.side();
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
                (1, 1, resolution.height, resolution.width),
                crate::NOISE_CONST,
                Init::Randn { mean: 0.0, stdev: 1.0 },
            )?;
            // A buffer: detached, so that no gradient is ever computed for it.
            let strength = zeros(channels, "noise_strength")?;
            Some(LayerNoise { strength, stored: stored.detach(), layer: index, image_of: index })
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
        let batch_norm = match config.norm {
            Norm::Batch => Some(BatchNorm::new(channels, config.norm_epsilon, vb)?),
            _ => None,
        };
        let sampling = if upscales { Sampling::Up { blur: config.blur } } else { Sampling::Keep };
        Ok(Self {
            weight,
            sampling,
            noise,
            bias,
            bias_before_blur: config.bias_before_blur && upscales && config.blur,
            norm: config.norm,
            norm_epsilon: config.norm_epsilon,
            batch_norm,
            style,
        })
    }

    /// From now on batch norm, if there is one, takes the statistics of batches.
    pub(crate) fn train(&mut self) {
        if let Some(norm) = &mut self.batch_norm {
            norm.train();
        }
    }

    /// From now on what is made of its weight is kept.
    pub(crate) fn keep_filters(&mut self) -> Result<()> {
        self.weight.as_mut().map_or(Ok(()), EqualizedWeight::keep_filters)
    }

    /// From now on this layer adds the images of `other`.
    pub(crate) fn take_noise_of(&mut self, other: &Self) {
        if let (Some(noise), Some(other)) = (&mut self.noise, &other.noise) {
            (noise.stored, noise.image_of) = (other.stored.clone(), other.image_of);
        }
    }

    /// What the images of a batch are drawn from, if this layer adds any, and their shape.
    pub(crate) fn noise_draw(&self, key: Key, batch: usize) -> Option<(Key, Shape)> {
        let LayerNoise { stored, image_of, .. } = self.noise.as_ref()?;
        let shape: Vec<usize> = [&[batch], &stored.dims()[1..]].concat();
        Some((key.child("layer", *image_of as u64), shape.into()))
    }

    /// The whole layer, its parameters rounded to the type of `x`.
    ///
    /// # Shapes
    /// - `x`: `[batch, in, height, width]`
    /// - `w`: `[batch, w_dim]`
    /// - returns: `[batch, channels, height, width]`, twice as high and wide in a layer that up-samples
    ///
    /// # Errors
    /// If a shape differs, or given noise has no image for this layer.
    pub fn forward(&self, x: &Tensor, w: &Tensor, noise: &Noise) -> Result<Tensor> {
        self.forward_in(x, w, noise, FeatureLayout::Nchw)
    }

    /// The same from and to features that lie as `layout` has it. What ablations alone have works on planes.
    pub(crate) fn forward_in(
        &self,
        x: &Tensor,
        w: &Tensor,
        noise: &Noise,
        layout: FeatureLayout,
    ) -> Result<Tensor> {
        let noise = match &self.noise {
            Some(LayerNoise { strength, stored, layer, image_of }) => {
                noise.of_layer(*layer, *image_of, stored, x)?.map(|image| (image, strength))
            }
            None => None,
        };
        let noise = noise.as_ref().map(|(image, strength)| (image, *strength));
        let style = self.style(w)?;
        let is_joined = !self.bias_before_blur && !noise.is_some_and(|(image, _)| image.track_op());
        if let (Some(weight), true, Some(noise), Norm::Instance, Some(style)) =
            (&self.weight, is_joined, noise, self.norm, &style)
        {
            let style = Some((style, self.norm_epsilon));
            return synthesis_layer(x, weight.of_layer(), noise, &self.bias, style, self.sampling, layout);
        }
        let x = self.activated(&layout.to_planes(x)?, noise)?;
        let style = style.map(|style| style.to_dtype(x.dtype())).transpose()?;
        let wide = || x.to_dtype(w.dtype());
        let y = match (self.norm, &self.batch_norm, style) {
            (Norm::Instance, _, Some(style)) => instance_norm_style(&x, &style, self.norm_epsilon),
            (Norm::Instance, _, None) => instance_norm(&x, self.norm_epsilon),
            (Norm::Pixel, _, style) => apply_style(&pixel_norm(&wide()?)?.to_dtype(x.dtype())?, style),
            (_, Some(norm), style) => apply_style(&norm.forward(&wide()?)?.to_dtype(x.dtype())?, style),
            (_, None, style) => apply_style(&x, style),
        }?;
        layout.of_planes(&y)
    }

    /// All up to the leaky ReLU.
    fn activated(&self, x: &Tensor, noise: Option<(&Tensor, &Tensor)>) -> Result<Tensor> {
        let own = |parameter: &Tensor| parameter.to_dtype(x.dtype());
        match (&self.weight, noise) {
            (_, Some((image, strength))) if image.track_op() => {
                self.activated_behind(x, &own(image)?, &own(strength)?)
            }
            (None, None) => bias_leaky_relu(x, &own(&self.bias)?),
            (None, Some((image, strength))) => {
                noise_bias_leaky_relu(x, &own(image)?, &own(strength)?, &own(&self.bias)?)
            }
            (Some(weight), noise) if self.bias_before_blur => {
                let x = smooth_up(&conv2d_up(x, &own(&weight.effective()?)?)?, true)?;
                let x = x.broadcast_add(&self.blurred_bias(&x)?)?;
                match noise {
                    None => leaky_relu(&x),
                    Some((image, strength)) => noise_bias_leaky_relu(
                        &x,
                        &own(image)?,
                        &own(strength)?,
                        &own(&self.bias.zeros_like()?)?,
                    ),
                }
            }
            (Some(weight), None) => {
                let links = [weight.link(&self.bias, self.sampling)];
                Ok(Chain::new(x, &links, FeatureLayout::Nchw)?.output().clone())
            }
            (Some(weight), Some(noise)) => {
                let layout = FeatureLayout::Nchw;
                synthesis_layer(x, weight.of_layer(), noise, &self.bias, None, self.sampling, layout)
            }
        }
    }

    /// All up to the leaky `ReLU` where somebody asks for the gradient of the noise, which the joined operations do not have.
    fn activated_behind(&self, x: &Tensor, image: &Tensor, strength: &Tensor) -> Result<Tensor> {
        let own = |parameter: &Tensor| parameter.to_dtype(x.dtype());
        let x = match (&self.weight, self.sampling) {
            (None, _) => x.clone(),
            (Some(weight), Sampling::Up { blur }) => {
                smooth_up(&conv2d_up(x, &own(&weight.effective()?)?)?, blur)?
            }
            (Some(weight), _) => conv2d(x, &own(&weight.effective()?)?)?,
        };
        let bias = own(&self.bias)?;
        let (x, bias) = if self.bias_before_blur {
            (x.broadcast_add(&self.blurred_bias(&x)?)?, bias.zeros_like()?)
        } else {
            (x, bias)
        };
        let noise = image.broadcast_mul(&strength.reshape((1, (), 1, 1))?)?;
        bias_leaky_relu(&x.broadcast_add(&noise)?, &bias)
    }

    /// What a blur leaves of the bias on features like `x`, `[1, channels, height, width]`: 3/4 of it on edges, 9/16 in
    /// corners, all elsewhere.
    fn blurred_bias(&self, x: &Tensor) -> Result<Tensor> {
        let (_, channels, height, width) = x.dims4()?;
        let share = blur(&Tensor::ones((1, 1, height, width), x.dtype(), x.device())?)?;
        self.bias.to_dtype(x.dtype())?.reshape((1, channels, 1, 1))?.broadcast_mul(&share)
    }

    /// The affine transform of w, `[batch, 2 * channels]`: all scales (to which 1 is added), then all shifts; none in
    /// a network without styles.
    ///
    /// # Errors
    /// If `w` is not `[batch, w_dim]`.
    pub fn style(&self, w: &Tensor) -> Result<Option<Tensor>> {
        self.style.as_ref().map(|style| add_bias(&style.weight.matmul(w)?, &style.bias)).transpose()
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
