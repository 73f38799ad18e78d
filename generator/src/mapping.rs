//! The mapping network, z to w.

use candle_core::{Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use stylegan_ops::{EqualizedDense, GAIN_LEAKY_RELU, pixel_norm};

use crate::GeneratorConfig;

/// Maps a latent z to an intermediate latent w by a stack of dense layers (Karras et al. 2019, section 2).
#[derive(Clone, Debug)]
pub struct Mapping {
    label_embed: Option<Tensor>,
    layers: Vec<EqualizedDense>,
}

impl Mapping {
    /// The mapping network of `config`: `label_embed` (with labels) and `dense0`, `dense1`, ...
    ///
    /// # Errors
    /// If `vb` has no such tensors.
    pub fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let mut width = config.z_dim;
        let label_embed = if config.label_dim > 0 {
            width *= 2;
            let shape = (config.label_dim, config.z_dim);
            Some(vb.get_with_hints(shape, "label_embed", Init::Randn { mean: 0.0, stdev: 1.0 })?)
        } else {
            None
        };
        let mut layers = Vec::with_capacity(config.mapping_layers);
        for i in 0..config.mapping_layers {
            let out = if i + 1 == config.mapping_layers { config.w_dim } else { config.mapping_fmaps };
            let vb = vb.pp(format!("dense{i}"));
            layers.push(EqualizedDense::new(width, out, GAIN_LEAKY_RELU, config.mapping_lrmul, &vb)?);
            width = out;
        }
        Ok(Self { label_embed, layers })
    }

    /// z to w.
    ///
    /// # Shapes
    /// - `z`: `[batch, z_dim]`
    /// - `labels`: `[batch, label_dim]`, given if and only if the network has labels
    /// - returns: `[batch, w_dim]`
    ///
    /// # Errors
    /// If a shape differs, or labels are given to a network without or missing for one with.
    pub fn forward(&self, z: &Tensor, labels: Option<&Tensor>) -> Result<Tensor> {
        let mut x = match (&self.label_embed, labels) {
            (None, None) => pixel_norm(z)?,
            (Some(embed), Some(labels)) => pixel_norm(&Tensor::cat(&[z, &labels.matmul(embed)?], 1)?)?,
            (None, Some(_)) => bail!("labels were given to a generator that has none"),
            (Some(_), None) => bail!("this generator needs labels"),
        };
        for layer in &self.layers {
            x = layer.forward_leaky_relu(&x)?;
        }
        Ok(x)
    }
}
