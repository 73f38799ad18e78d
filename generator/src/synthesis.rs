//! The synthesis network, w to pixels.

use candle_core::{DType, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use stylegan_ops::{
    EqualizedConv, EqualizedWeight, FeatureLayout, GAIN_LEAKY_RELU, Level, Resolution, blend, normals,
    upscale2x,
};

use crate::{GeneratorConfig, Noise, SynthesisLayer};

/// Draws a picture from one w for each layer (Karras et al. 2019, figure 1b).
///
/// It works at the size of the level of detail, never at full size with repeated pixels.
#[derive(Clone, Debug)]
pub struct Synthesis {
    resolution: Resolution,
    input: Input,
    layers: Vec<SynthesisLayer>,
    /// One for each level from the start on.
    to_rgb: Vec<EqualizedConv>,
    /// The type of features; none for that of w.
    features: Option<DType>,
    layout: FeatureLayout,
}

/// What layer 0 starts from.
#[derive(Clone, Debug)]
enum Input {
    /// A learned constant, `[1, channels, height, width]` of the start, which is 4x4 in a square network.
    Const(Tensor),
    /// The first layer's w through a dense layer, as Progressive GAN has it; its bias is the epilogue's.
    Dense { weight: EqualizedWeight, start: Resolution },
}

impl Synthesis {
    /// The synthesis network of `config`: `const` (or `input.weight`), `layer0`, `layer1`, ... and `to_rgb_4`,
    /// `to_rgb_8`, ..., by the longer side.
    ///
    /// # Errors
    /// If `vb` has no such tensors.
    pub fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let start = config.resolution.start();
        let channels = config.feature_maps(start.side());
        let input = if config.const_input {
            let shape = (1, channels, start.height, start.width);
            Input::Const(vb.get_with_hints(shape, "const", Init::Const(1.0))?)
        } else {
            // Progressive GAN's gain here is a quarter of the usual.
            let gain = GAIN_LEAKY_RELU / 4.0;
            let shape = [start.pixels() * channels, config.w_dim];
            let weight = EqualizedWeight::new(&shape, gain, 1.0, "weight", &vb.pp("input"))?;
            Input::Dense { weight, start }
        };
        let mut layers = (0..config.num_layers())
            .map(|index| SynthesisLayer::new(config, index, &vb.pp(format!("layer{index}"))))
            .collect::<Result<Vec<_>>>()?;
        if config.noise_per_block {
            for block in layers.chunks_exact_mut(2) {
                let (first, second) = block.split_at_mut(1);
                second[0].take_noise_of(&first[0]);
            }
        }
        let to_rgb = config
            .resolution
            .levels()
            .map(|level| {
                let side = level.side();
                let vb = vb.pp(format!("to_rgb_{side}"));
                EqualizedConv::new(config.feature_maps(side), config.num_channels, 1, 1.0, &vb)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            resolution: config.resolution,
            input,
            layers,
            to_rgb,
            features: None,
            layout: FeatureLayout::Nchw,
        })
    }

    /// The layers, two for each level from the start on.
    pub fn layers(&self) -> &[SynthesisLayer] {
        &self.layers
    }

    /// From now on batch norm, if there is one, takes the statistics of batches.
    pub(crate) fn train(&mut self) {
        self.layers.iter_mut().for_each(SynthesisLayer::train);
    }

    /// From now on what is made of weights is kept.
    pub(crate) fn keep_filters(&mut self) -> Result<()> {
        self.layers.iter_mut().try_for_each(SynthesisLayer::keep_filters)
    }

    /// From now on features are of this type, between w and pixels, which keep theirs.
    pub(crate) fn compute_features_in(&mut self, dtype: DType) {
        self.features = Some(dtype);
    }

    pub(crate) fn lay_features_out(&mut self, layout: FeatureLayout) {
        self.layout = layout;
    }

    /// The features that enter layer 0, `[batch, channels, height, width]` of the start.
    ///
    /// # Errors
    /// If `w` is not `[batch, w_dim]`.
    pub fn input(&self, w: &Tensor) -> Result<Tensor> {
        let batch = w.dim(0)?;
        match &self.input {
            Input::Const(constant) => {
                let (_, channels, height, width) = constant.dims4()?;
                constant.expand((batch, channels, height, width))?.contiguous()
            }
            Input::Dense { weight, start } => {
                weight.matmul(w)?.reshape((batch, (), start.height, start.width))
            }
        }
    }

    /// The same noise, if it is random drawn for the layers in use at `lod`: images for a batch, of a type and on a device like those
    /// of `like`.
    ///
    /// # Errors
    /// If `lod` is outside the network, or the device cannot hold the images.
    pub fn drawn(&self, noise: &Noise, like: &Tensor, lod: f64) -> Result<Noise> {
        let Noise::Random(key) = noise else { return Ok(noise.clone()) };
        let (blocks, batch) = (Level::new(self.resolution, lod)?.resolution.levels().len(), like.dim(0)?);
        let layers = &self.layers[..2 * blocks];
        let draws: Vec<_> = layers.iter().filter_map(|layer| layer.noise_draw(*key, batch)).collect();
        if draws.is_empty() {
            return Ok(Noise::None);
        }
        normals(&draws, like.dtype(), like.device()).map(Noise::Given)
    }

    /// Pictures of the size of `lod`, in -1..1 (not clamped).
    ///
    /// While `lod` has a fraction `t`, the picture is `lerp(to_rgb(new), upscale(to_rgb(previous)), t)`.
    ///
    /// # Shapes
    /// - `w_plus`: `[batch, num_layers, w_dim]`; layers beyond the level of `lod` are not looked at
    /// - returns: `[batch, num_channels, height, width]`, those of the resolution `/ 2^floor(lod)`
    ///
    /// # Errors
    /// If a shape differs, or `lod` is outside the network.
    pub fn forward(&self, w_plus: &Tensor, lod: f64, noise: &Noise) -> Result<Tensor> {
        self.forward_seen(w_plus, lod, noise, &mut |_, _| Ok(()))
    }

    /// The same; `see` is shown the number of each layer and the features behind it, `[batch, channels, height, width]` in the
    /// layout of features.
    ///
    /// # Errors
    /// As [`Synthesis::forward`], and with the error of `see`.
    pub fn forward_seen(
        &self,
        w_plus: &Tensor,
        lod: f64,
        noise: &Noise,
        see: &mut dyn FnMut(usize, &Tensor) -> Result<()>,
    ) -> Result<Tensor> {
        let level = Level::new(self.resolution, lod)?;
        let (_, num_layers, _) = w_plus.dims3()?;
        if num_layers != self.layers.len() {
            bail!("w_plus has {num_layers} layers where the network has {}", self.layers.len())
        }
        let blocks = level.resolution.levels().len();
        let w_of = |layer: usize| w_plus.get_on_dim(1, layer);
        let mut x = self.input(&w_of(0)?)?.to_dtype(self.features.unwrap_or(w_plus.dtype()))?;
        let mut previous = None;
        for (index, layer) in self.layers[..2 * blocks].iter().enumerate() {
            if index + 2 == 2 * blocks && level.fade > 0.0 {
                previous = Some(x.clone());
            }
            x = if index == 0 {
                self.layout.of_planes(&layer.forward(&x, &w_of(index)?, noise)?)?
            } else {
                layer.forward_in(&x, &w_of(index)?, noise, self.layout)?
            };
            see(index, &x)?;
        }
        let to_rgb =
            |block: usize, x: &Tensor| self.to_rgb[block].forward(x, self.layout)?.to_dtype(w_plus.dtype());
        let picture = to_rgb(blocks - 1, &x)?;
        match previous {
            Some(x) => blend(&picture, &upscale2x(&to_rgb(blocks - 2, &x)?)?, level.fade),
            None => Ok(picture),
        }
    }
}
