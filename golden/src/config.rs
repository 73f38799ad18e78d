//! The networks behind the golden numbers.

use serde::Deserialize;

/// The shape of both networks, by the names that the files use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Longer side of the pictures in pixels.
    pub resolution: usize,
    /// Height and width at the smallest level; of a file that does not tell, 4x4.
    #[serde(default = "square")]
    pub start: [usize; 2],
    /// Channels of the pictures.
    pub num_channels: usize,
    /// Length of z.
    pub latent_size: usize,
    /// Length of w.
    pub dlatent_size: usize,
    /// Layers of the mapping network.
    pub mapping_layers: usize,
    /// Features of its hidden layers.
    pub mapping_fmaps: usize,
    /// Its learning rate relative to the rest.
    pub mapping_lrmul: f64,
    /// Length of a label vector, 0 for no labels.
    pub label_size: usize,
    /// Feature maps before any limit and halving.
    pub fmap_base: usize,
    /// log2 of the factor between neighboring sides.
    pub fmap_decay: f64,
    /// Most feature maps of any layer.
    pub fmap_max: usize,
    /// Which up-convolutions are in the fused form.
    pub fused_scale: FusedScale,
    /// Samples in a group of the minibatch stddev layer.
    pub mbstd_group_size: usize,
    /// Channels that this layer appends.
    pub mbstd_num_features: usize,
}

/// What most networks start from.
fn square() -> [usize; 2] {
    [4, 4]
}

/// Which up- and down-convolutions are fused.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum FusedScale {
    /// All or none.
    All(bool),
    /// By a rule; the only one is `auto`: those between 64 pixels and 128, and beyond.
    Rule(String),
}

impl Config {
    /// Width and height of the pictures in pixels.
    pub fn size(&self) -> (usize, usize) {
        let [height, width] = self.start;
        let repeat = self.resolution / height.max(width);
        (width * repeat, height * repeat)
    }

    /// Whether this synthesis layer up-samples in the fused form.
    pub fn is_fused_up(&self, layer: usize) -> bool {
        let side = 4usize << (layer / 2);
        let upscales = layer >= 2 && layer.is_multiple_of(2);
        let is_fused = match &self.fused_scale {
            FusedScale::All(all) => *all,
            FusedScale::Rule(rule) => {
                assert_eq!(rule, "auto");
                side >= 128
            }
        };
        upscales && is_fused
    }
}
