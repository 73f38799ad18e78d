//! The shape of a generator.

use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::{NORM_EPSILON, Resolution, Widths, channels_violation, resolution_violation};

/// What follows the activation of a synthesis layer, before the style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Each channel of each sample to mean 0 and variance 1: the norm inside AdaIN.
    #[default]
    Instance,
    /// Each pixel's feature vector to unit length: the norm of Progressive GAN.
    Pixel,
    /// Each channel of a whole minibatch to mean 0 and variance 1 while it is trained, by running statistics where it draws.
    Batch,
    /// Nothing.
    None,
}

/// Every number that decides the shape of a generator; the defaults are the paper's 1024x1024 network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a row of the paper's Table 1, switched on its own"
)]
pub struct GeneratorConfig {
    /// Side of the pictures in pixels, a power of two from 8 to 1024, or their width and height such as "512x384": up to
    /// 1024, and one power of two times sides up to 16.
    #[schemars(with = "String")]
    pub resolution: Resolution,
    /// Channels of the pictures: 1 for grey, 3 for color, 4 for color and transparency (color times alpha, and alpha).
    #[serde(skip_serializing_if = "is_color")]
    pub num_channels: usize,
    /// Length of the latent vector z.
    pub z_dim: usize,
    /// Length of the intermediate latent vector w.
    pub w_dim: usize,
    /// Layers of the mapping network, 0 to 32; with 0, w is the normalized z.
    pub mapping_layers: usize,
    /// Features of the mapping network's hidden layers.
    pub mapping_fmaps: usize,
    /// Learning rate of the mapping network relative to the rest.
    pub mapping_lrmul: f64,
    /// Length of a label vector, 0 for no labels.
    pub label_dim: usize,
    /// Feature maps at each side, by keys of their own in this table.
    #[serde(flatten)]
    pub widths: Widths,
    /// Whether w styles each layer (AdaIN); without, w only enters at the start. Table 1: off in A and B.
    pub styles: bool,
    /// Whether synthesis starts from a learned constant instead of w. Table 1: off in A to C.
    pub const_input: bool,
    /// Whether noise is added to each layer. Table 1: off in A to D.
    pub noise: bool,
    /// What normalizes the activations: `instance`, `pixel`, `batch` or `none`. Table 1: `pixel` in A and B.
    pub norm: Norm,
    /// Whether up-sampled features are blurred by [1, 2, 1]. Table 1: off in A.
    pub blur: bool,
    /// What the instance norm adds to a variance before its root, 1e-12 to 0.01. The default is the
    /// original's; 1e-5 in some networks of other programs, as are the next two fields.
    #[serde(skip_serializing_if = "is_original_epsilon")]
    pub norm_epsilon: f64,
    /// Whether layers that up-sample add their bias before the blur, whose zero padding dims it at the border.
    #[serde(skip_serializing_if = "Not::not")]
    pub bias_before_blur: bool,
    /// Whether both layers of a side add the noise image of the first, so that the image of the second has no effect.
    #[serde(skip_serializing_if = "Not::not")]
    pub noise_per_block: bool,
}

/// What the original has is not written, as files always were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_color(num_channels: &usize) -> bool {
    *num_channels == 3
}

/// Likewise.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_original_epsilon(norm_epsilon: &f64) -> bool {
    *norm_epsilon == NORM_EPSILON
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            resolution: Resolution::square(1024),
            num_channels: 3,
            z_dim: 512,
            w_dim: 512,
            mapping_layers: 8,
            mapping_fmaps: 512,
            mapping_lrmul: 0.01,
            label_dim: 0,
            widths: Widths::default(),
            styles: true,
            const_input: true,
            noise: true,
            norm: Norm::Instance,
            blur: true,
            norm_epsilon: NORM_EPSILON,
            bias_before_blur: false,
            noise_per_block: false,
        }
    }
}

impl GeneratorConfig {
    /// Layers of the synthesis network, two for each level from the start on: `2 · log2(resolution) - 2` in a square one.
    pub fn num_layers(&self) -> usize {
        2 * self.resolution.levels().len()
    }

    /// Feature maps of the block whose longer side has `side` pixels.
    pub fn feature_maps(&self, side: usize) -> usize {
        self.widths.feature_maps(side)
    }

    /// Everything that makes this shape impossible, one sentence each with the key's path; empty if nothing does.
    ///
    /// The limits are far beyond any network that was ever trained; they keep a hostile file from asking for more
    /// memory than a machine has.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::from_iter(resolution_violation("generator", self.resolution));
        found.extend(channels_violation("generator", self.num_channels));
        for (key, value, least, most) in [
            ("z_dim", self.z_dim, 1, 4096),
            ("w_dim", self.w_dim, 1, 4096),
            ("mapping_layers", self.mapping_layers, 0, 32),
            ("mapping_fmaps", self.mapping_fmaps, 1, 4096),
            ("label_dim", self.label_dim, 0, 4096),
        ] {
            if !(least..=most).contains(&value) {
                found.push(format!("`generator.{key}` is {value}, but must be {least} to {most}"));
            }
        }
        found.extend(self.widths.violations("generator"));
        // Far smaller ones are 0 in `f32`, which nothing may be divided by.
        for (key, value, least, most) in [
            ("mapping_lrmul", self.mapping_lrmul, 1e-6, 100.0),
            ("norm_epsilon", self.norm_epsilon, 1e-12, 1e-2),
        ] {
            if !(least..=most).contains(&value) {
                found.push(format!("`generator.{key}` is {value}, but must be {least} to {most}"));
            }
        }
        let z_and_label = if self.label_dim > 0 { 2 * self.z_dim } else { self.z_dim };
        if self.mapping_layers == 0 && self.w_dim != z_and_label {
            found.push(format!(
                "`generator.w_dim` is {}, but without mapping layers w is z, which has {z_and_label} numbers",
                self.w_dim
            ));
        }
        if !self.styles && self.const_input {
            found.push(
                "`generator.styles` and `generator.const_input` leave no way for w into the picture: turn one of them \
                 around"
                    .to_owned(),
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_network_is_possible_and_has_18_layers() {
        let config = GeneratorConfig::default();
        assert_eq!(config.violations(), [""; 0]);
        assert_eq!(config.num_layers(), 18);
    }

    #[test]
    fn all_violations_are_reported_at_once() {
        let config = GeneratorConfig {
            resolution: 100.into(),
            z_dim: 0,
            mapping_lrmul: f64::NAN,
            norm_epsilon: 0.0,
            ..GeneratorConfig::default()
        };
        let found = config.violations();
        for key in ["resolution", "z_dim", "mapping_lrmul", "norm_epsilon"] {
            assert!(found.iter().any(|line| line.contains(&format!("`generator.{key}`"))), "{found:?}");
        }
        let no_way_in = GeneratorConfig { styles: false, ..GeneratorConfig::default() };
        assert_eq!(no_way_in.violations().len(), 1);
    }

    #[test]
    fn what_other_programs_do_differently_is_written_only_where_it_differs() {
        let written = |config: &GeneratorConfig| serde_json::to_value(config).unwrap();
        let original = written(&GeneratorConfig::default());
        let config = GeneratorConfig {
            num_channels: 1,
            norm_epsilon: 1e-5,
            bias_before_blur: true,
            noise_per_block: true,
            ..GeneratorConfig::default()
        };
        for (key, value) in [
            ("num_channels", 1.into()),
            ("norm_epsilon", 1e-5.into()),
            ("bias_before_blur", true.into()),
            ("noise_per_block", true.into()),
        ] {
            assert_eq!(original.get(key), None);
            assert_eq!(written(&config).get(key), Some::<&serde_json::Value>(&value));
        }
        assert_eq!(serde_json::from_value::<GeneratorConfig>(written(&config)).unwrap(), config);
        assert_eq!(serde_json::from_value::<GeneratorConfig>(original).unwrap(), GeneratorConfig::default());
    }
}
