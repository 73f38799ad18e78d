//! The whole generator.

use candle_core::{DType, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use stylegan_ops::{FeatureLayout, blend, ema_update};

use crate::{GeneratorConfig, Mapping, Noise, SeedStyle, Synthesis, Truncation};

/// Mapping network, synthesis network and the running mean of w.
#[derive(Clone, Debug)]
pub struct Generator {
    config: GeneratorConfig,
    mapping: Mapping,
    synthesis: Synthesis,
    w_avg: Tensor,
}

impl Generator {
    /// The generator of `config`, with its tensors from `vb`: `mapping.*`, `synthesis.*` and `w_avg`.
    ///
    /// # Errors
    /// If the configuration is impossible or `vb` has no such tensors.
    pub fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        if let Some(violation) = config.violations().first() {
            bail!("{violation}")
        }
        Ok(Self {
            mapping: Mapping::new(config, &vb.pp("mapping"))?,
            synthesis: Synthesis::new(config, &vb.pp("synthesis"))?,
            w_avg: vb.get_with_hints(config.w_dim, crate::W_AVG, Init::Const(0.0))?.detach(),
            config: config.clone(),
        })
    }

    /// The same network with synthesis features of another type, such as `bf16` on a GPU; weights, latents and pictures
    /// keep theirs.
    #[must_use]
    pub fn with_features_in(mut self, dtype: DType) -> Self {
        self.synthesis.compute_features_in(dtype);
        self
    }

    /// The same network, with features that lie so in memory; where it is not `nchw`, on a GPU only.
    #[must_use]
    pub fn with_layout(mut self, layout: FeatureLayout) -> Self {
        self.synthesis.lay_features_out(layout);
        self
    }

    /// The same network as it is trained: batch norm, if it has one, takes the statistics of each batch, and keeps running ones.
    #[must_use]
    pub fn in_training(mut self) -> Self {
        self.synthesis.train();
        self
    }

    /// The same network for drawing: layers keep the filters that they make of their weights. On a CPU, where few pictures are drawn
    /// at a time again and again, that saves making them anew and takes up to four times the memory of the weights.
    ///
    /// It is for weights that nobody changes any more, not for views of a network that is trained meanwhile.
    ///
    /// # Errors
    /// If a weight is a variable.
    pub fn with_kept_filters(mut self) -> Result<Self> {
        self.synthesis.keep_filters()?;
        Ok(self)
    }

    /// The shape of this network.
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
    }

    /// z to w.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// w to pixels.
    pub fn synthesis(&self) -> &Synthesis {
        &self.synthesis
    }

    /// The running mean of w, `[w_dim]`: the w of the average picture.
    pub fn w_avg(&self) -> &Tensor {
        &self.w_avg
    }

    /// The latent z of each seed, `[seeds, z_dim]`: standard normal numbers, a function of seed and style alone.
    ///
    /// # Errors
    /// If the style has no such seed, or the device cannot hold the numbers.
    pub fn latents(&self, seeds: &[u64], style: SeedStyle) -> Result<Tensor> {
        let (dtype, device) = (self.w_avg.dtype(), self.w_avg.device());
        let z = seeds
            .iter()
            .map(|&seed| style.latent(seed, self.config.z_dim, dtype, device))
            .collect::<Result<Vec<_>>>()?;
        Tensor::stack(&z, 0)
    }

    /// The same w for every layer: `[batch, w_dim]` to `[batch, num_layers, w_dim]`.
    ///
    /// # Errors
    /// If `w` is not of two dimensions.
    pub fn broadcast(&self, w: &Tensor) -> Result<Tensor> {
        let (batch, w_dim) = w.dims2()?;
        w.unsqueeze(1)?.expand((batch, self.config.num_layers(), w_dim))?.contiguous()
    }

    /// Pulls the w of the first layers towards the mean (Karras et al. 2019, appendix B).
    ///
    /// # Shapes
    /// - `w_plus`: `[batch, num_layers, w_dim]`
    /// - returns: the same
    ///
    /// # Errors
    /// If the shape differs.
    pub fn truncate(&self, w_plus: &Tensor, truncation: Truncation) -> Result<Tensor> {
        let (_, num_layers, _) = w_plus.dims3()?;
        let cutoff = truncation.cutoff.min(num_layers);
        if truncation.is_off() {
            return Ok(w_plus.clone());
        }
        let first = w_plus.narrow(1, 0, cutoff)?;
        let pulled = blend(&self.w_avg.broadcast_as(first.shape())?, &first, truncation.psi)?;
        if cutoff == num_layers {
            return Ok(pulled);
        }
        Tensor::cat(&[&pulled, &w_plus.narrow(1, cutoff, num_layers - cutoff)?], 1)
    }

    /// The same with a psi for each layer, from the coarsest on; layers beyond them are left alone.
    ///
    /// # Errors
    /// As [`Generator::truncate`].
    pub fn truncate_layers(&self, w_plus: &Tensor, psis: &[f64]) -> Result<Tensor> {
        let (_, num_layers, _) = w_plus.dims3()?;
        let layers = (0..num_layers).map(|layer| {
            let w = w_plus.narrow(1, layer, 1)?;
            match psis.get(layer) {
                Some(&psi) if psi != 1.0 => blend(&self.w_avg.broadcast_as(w.shape())?, &w, psi),
                _ => Ok(w),
            }
        });
        Tensor::cat(&layers.collect::<Result<Vec<_>>>()?, 1)
    }

    /// The running mean of w takes in one more batch: `w_avg <- mean + (w_avg - mean) · beta`.
    ///
    /// # Errors
    /// If `w` is not `[batch, w_dim]`.
    pub fn track_w_avg(&self, w: &Tensor, beta: f64) -> Result<()> {
        ema_update(&[(&self.w_avg, &w.detach().mean(0)?)], beta)
    }

    /// Pictures from z: mapped, broadcast to all layers, truncated, synthesized; no style mixing.
    ///
    /// # Shapes
    /// - `z`: `[batch, z_dim]`
    /// - `labels`: `[batch, label_dim]`, for a network with labels
    /// - returns: `[batch, num_channels, height, width]` in -1..1 (not clamped), of the size of `lod`
    ///
    /// # Errors
    /// If a shape differs or `lod` is outside the network.
    pub fn draw(
        &self,
        z: &Tensor,
        labels: Option<&Tensor>,
        lod: f64,
        truncation: Truncation,
        noise: &Noise,
    ) -> Result<Tensor> {
        self.draw_w_plus(&self.broadcast(&self.mapping.forward(z, labels)?)?, lod, truncation, noise)
    }

    /// Pictures from a w for each layer: truncated, synthesized.
    ///
    /// # Shapes
    /// - `w_plus`: `[batch, num_layers, w_dim]`, as [`Generator::broadcast`] makes it of w; not truncated yet
    /// - returns: as [`Generator::draw`]
    ///
    /// # Errors
    /// If the shape differs or `lod` is outside the network.
    pub fn draw_w_plus(
        &self,
        w_plus: &Tensor,
        lod: f64,
        truncation: Truncation,
        noise: &Noise,
    ) -> Result<Tensor> {
        self.synthesis.forward(&self.truncate(w_plus, truncation)?, lod, noise)
    }
}

/// Style mixing: layers below `cutoff` take `first`, the rest `second` (Karras et al. 2019, section 3.1).
///
/// # Shapes
/// - `first`, `second`: `[batch, num_layers, w_dim]`
/// - returns: the same
///
/// # Errors
/// If the shapes differ.
pub fn mix_styles(first: &Tensor, second: &Tensor, cutoff: usize) -> Result<Tensor> {
    let (_, num_layers, _) = first.dims3()?;
    if first.dims() != second.dims() {
        bail!("cannot mix styles of shapes {:?} and {:?}", first.dims(), second.dims())
    }
    match cutoff {
        0 => Ok(second.clone()),
        cutoff if cutoff >= num_layers => Ok(first.clone()),
        cutoff => {
            Tensor::cat(&[first.narrow(1, 0, cutoff)?, second.narrow(1, cutoff, num_layers - cutoff)?], 1)
        }
    }
}
