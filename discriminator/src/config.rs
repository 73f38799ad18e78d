//! The shape of a critic.

use serde::{Deserialize, Serialize};
use stylegan_ops::feature_maps;

/// Every number that decides the shape of a critic; the defaults are the paper's 1024x1024 network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// Side of the pictures in pixels, a power of two, 8 to 1024.
    pub resolution: usize,
    /// Length of a label vector, 0 for no labels.
    pub label_dim: usize,
    /// Feature maps double with every halving of the side, from `fmap_base / (resolution / 2)` on.
    pub fmap_base: usize,
    /// log2 of the factor between the feature maps of neighboring sides.
    pub fmap_decay: f64,
    /// Most feature maps of any layer.
    pub fmap_max: usize,
    /// Samples in a group of the minibatch stddev layer; 0 or 1 for no such layer.
    pub mbstd_group_size: usize,
    /// Channels that the minibatch stddev layer appends; they divide the feature maps at 4x4.
    pub mbstd_num_features: usize,
    /// Whether features are blurred by [1, 2, 1] before they are scaled down. Table 1: off in A.
    pub blur: bool,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self {
            resolution: 1024,
            label_dim: 0,
            fmap_base: 8192,
            fmap_decay: 1.0,
            fmap_max: 512,
            mbstd_group_size: 4,
            mbstd_num_features: 1,
            blur: true,
        }
    }
}

impl DiscriminatorConfig {
    /// Feature maps of the block at `side` pixels.
    pub fn feature_maps(&self, side: usize) -> usize {
        feature_maps(side, self.fmap_base, self.fmap_decay, self.fmap_max)
    }

    /// Everything that makes this shape impossible, one sentence each with the key's path; empty if nothing does.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !(self.resolution.is_power_of_two() && (8..=1024).contains(&self.resolution)) {
            found.push(format!(
                "`discriminator.resolution` is {}, but must be a power of two from 8 to 1024",
                self.resolution
            ));
        }
        for (key, value, least, most) in [
            ("label_dim", self.label_dim, 0, 4096),
            ("fmap_base", self.fmap_base, 1, 1 << 20),
            ("fmap_max", self.fmap_max, 1, 4096),
            ("mbstd_group_size", self.mbstd_group_size, 0, 4096),
            ("mbstd_num_features", self.mbstd_num_features, 1, 4096),
        ] {
            if !(least..=most).contains(&value) {
                found.push(format!("`discriminator.{key}` is {value}, but must be {least} to {most}"));
            }
        }
        if !(0.0..=8.0).contains(&self.fmap_decay) {
            found.push(format!("`discriminator.fmap_decay` is {}, but must be 0 to 8", self.fmap_decay));
        }
        let channels = self.feature_maps(4);
        if self.mbstd_num_features > 0 && !channels.is_multiple_of(self.mbstd_num_features) {
            found.push(format!(
                "`discriminator.mbstd_num_features` is {}, but must divide the {channels} feature maps at 4x4",
                self.mbstd_num_features
            ));
        }
        found
    }

    /// Channels that the minibatch stddev layer appends.
    pub(crate) fn stddev_channels(&self) -> usize {
        if self.mbstd_group_size > 1 { self.mbstd_num_features } else { 0 }
    }
}
