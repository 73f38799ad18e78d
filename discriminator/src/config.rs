//! The shape of a critic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::{Resolution, Widths, channels_violation, resolution_violation};

/// Every number that decides the shape of a critic; the defaults are the paper's 1024x1024 network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CriticConfig {
    /// Side of the pictures in pixels, or their width and height.
    pub resolution: Resolution,
    /// Channels of the pictures: 1, 3 or 4.
    #[serde(skip_serializing_if = "is_color")]
    pub num_channels: usize,
    /// Length of a label vector, 0 for no labels.
    pub label_dim: usize,
    /// Feature maps at each side, by keys of their own in this table.
    #[serde(flatten)]
    pub widths: Widths,
    /// What the critic alone has, by keys of their own in this table.
    #[serde(flatten)]
    pub switches: CriticSwitches,
}

/// What can be chosen of a critic and has no counterpart in the generator; the defaults are the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CriticSwitches {
    /// Samples in a group of the minibatch stddev layer; 0 or 1 for no such layer.
    pub mbstd_group_size: usize,
    /// Channels that the minibatch stddev layer appends; they divide the feature maps at the smallest side.
    pub mbstd_num_features: usize,
    /// Whether features are blurred by [1, 2, 1] before they are scaled down. Table 1: off in A.
    pub blur: bool,
}

/// What the original has is not written, as files always were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_color(num_channels: &usize) -> bool {
    *num_channels == 3
}

impl Default for CriticConfig {
    fn default() -> Self {
        Self {
            resolution: Resolution::square(1024),
            num_channels: 3,
            label_dim: 0,
            widths: Widths::default(),
            switches: CriticSwitches::default(),
        }
    }
}

impl Default for CriticSwitches {
    fn default() -> Self {
        Self { mbstd_group_size: 4, mbstd_num_features: 1, blur: true }
    }
}

impl CriticSwitches {
    /// Channels that the minibatch stddev layer appends, 0 if there is no such layer.
    pub(crate) fn stddev_channels(&self) -> usize {
        if self.mbstd_group_size > 1 { self.mbstd_num_features } else { 0 }
    }
}

impl CriticConfig {
    /// Feature maps of the block whose longer side has `side` pixels.
    pub fn feature_maps(&self, side: usize) -> usize {
        self.widths.feature_maps(side)
    }

    /// Everything that makes this shape impossible, one sentence each with the key's path; empty if nothing does.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::from_iter(resolution_violation("discriminator", self.resolution));
        found.extend(channels_violation("discriminator", self.num_channels));
        let CriticSwitches { mbstd_group_size, mbstd_num_features, .. } = self.switches;
        for (key, value, least) in [
            ("label_dim", self.label_dim, 0),
            ("mbstd_group_size", mbstd_group_size, 0),
            ("mbstd_num_features", mbstd_num_features, 1),
        ] {
            if !(least..=4096).contains(&value) {
                found.push(format!("`discriminator.{key}` is {value}, but must be {least} to 4096"));
            }
        }
        found.extend(self.widths.violations("discriminator"));
        let start = self.resolution.start();
        let channels = self.feature_maps(start.side());
        if mbstd_num_features > 0 && !channels.is_multiple_of(mbstd_num_features) {
            found.push(format!(
                "`discriminator.mbstd_num_features` is {mbstd_num_features}, but must divide the {channels} feature maps at \
                 {start}"
            ));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_are_reported_at_once() {
        assert_eq!(CriticConfig::default().violations(), [""; 0]);
        let config = CriticConfig {
            resolution: 100.into(),
            num_channels: 2,
            widths: Widths { fmap_max: 9, fmap_decay: -1.0, ..Widths::default() },
            switches: CriticSwitches { mbstd_num_features: 4, ..CriticSwitches::default() },
            ..CriticConfig::default()
        };
        assert_eq!(
            config.violations(),
            [
                &*resolution_violation("discriminator", 100.into()).unwrap(),
                "`discriminator.num_channels` is 2, but must be 1, 3 or 4",
                "`discriminator.fmap_decay` is -1, but must be 0 to 8",
                "`discriminator.mbstd_num_features` is 4, but must divide the 9 feature maps at 25x25"
            ]
        );
    }

    #[test]
    fn files_have_one_flat_table() {
        let text = r#"{"resolution":64,"label_dim":3,"fmap_base":512,"fmap_decay":0.75,"fmap_max":24,"mbstd_group_size":2,"mbstd_num_features":8,"blur":false}"#;
        let config = CriticConfig {
            resolution: 64.into(),
            num_channels: 3,
            label_dim: 3,
            widths: Widths { fmap_base: 512, fmap_decay: 0.75, fmap_max: 24 },
            switches: CriticSwitches { mbstd_group_size: 2, mbstd_num_features: 8, blur: false },
        };
        assert_eq!(serde_json::to_string(&config).unwrap(), text);
        assert_eq!(serde_json::from_str::<CriticConfig>(text).unwrap(), config);
        assert_eq!(serde_json::from_str::<CriticConfig>("{}").unwrap(), CriticConfig::default());
        let grey = CriticConfig { num_channels: 1, ..config };
        assert!(serde_json::to_string(&grey).unwrap().contains(r#""resolution":64,"num_channels":1,"#));
        let error = serde_json::from_str::<CriticConfig>(r#"{"fmap_bases":512}"#).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `fmap_bases`"), "{error}");
    }
}
