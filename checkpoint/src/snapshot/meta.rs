//! What a checkpoint says about itself.

use serde::{Deserialize, Serialize};
use stylegan_discriminator::CriticConfig;
use stylegan_generator::{GeneratorConfig, SeedStyle};

use crate::Network;

/// How far training has come.
///
/// Fields that a later version adds are ignored by this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Real pictures shown so far.
    pub nimg: u64,
    /// Level of detail: 0 is full size, each +1 halves the side, the fraction is the fade.
    pub lod: f64,
}

impl Progress {
    /// Thousands of real pictures shown so far.
    pub fn kimg(&self) -> f64 {
        self.nimg as f64 / 1000.0
    }
}

/// The metadata of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// The shape of `g` and `g_ema`.
    pub generator: GeneratorConfig,
    /// The shape of `d`; none in a file for sampling alone.
    pub critic: Option<CriticConfig>,
    /// How far training had come.
    pub progress: Progress,
    /// The resolved configuration of the run, TOML; keys that cannot change its networks may be left out.
    pub config: Option<String>,
    /// How a seed becomes a latent, unless somebody asks for another way.
    pub seed_style: SeedStyle,
    /// What the classes of a network with labels are called, one name for each; empty if they have no names.
    pub class_names: Vec<String>,
    /// What the networks were converted from, in words; none if this program trained them.
    pub source: Option<String>,
}

impl Meta {
    /// The same for a file for sampling alone: without critic.
    #[must_use]
    pub fn for_sampling(&self) -> Self {
        Self { critic: None, ..self.clone() }
    }

    /// The networks that a checkpoint of this metadata holds.
    pub fn networks(&self) -> &'static [Network] {
        if self.critic.is_some() { &Network::ALL } else { &[Network::GEma] }
    }

    /// The class of this name, or else of this number, from 0; none if there is no such class.
    ///
    /// Where the name of any class is a number, numbers are names alone.
    pub fn class(&self, name: &str) -> Option<usize> {
        let by_name = self.class_names.iter().position(|known| known == name);
        let are_numbers = self.class_names.iter().any(|known| known.parse::<usize>().is_ok());
        let by_number =
            || name.parse().ok().filter(|&class| class < self.generator.label_dim && !are_numbers);
        by_name.or_else(by_number)
    }

    /// Everything that makes these configurations impossible, one sentence each.
    pub fn violations(&self) -> Vec<String> {
        let mut found = self.generator.violations();
        if let Some(critic) = &self.critic {
            found.extend(critic.violations());
            for (key, g, d) in [
                ("resolution", self.generator.resolution.short(), critic.resolution.short()),
                ("num_channels", self.generator.num_channels.to_string(), critic.num_channels.to_string()),
                ("label_dim", self.generator.label_dim.to_string(), critic.label_dim.to_string()),
            ] {
                if g != d {
                    found.push(format!("`generator.{key}` is {g}, but `discriminator.{key}` is {d}"));
                }
            }
        }
        let (names, label_dim) = (self.class_names.len(), self.generator.label_dim);
        if names > 0 && names != label_dim {
            found.push(format!(
                "there are names of {names} classes, but `generator.label_dim` is {label_dim}"
            ));
        }
        if found.is_empty()
            && let Err(error) = stylegan_ops::Level::new(self.generator.resolution, self.progress.lod)
        {
            found.push(format!("`progress.lod`: {error}"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(label_dim: usize, names: &[&str]) -> Meta {
        Meta {
            generator: GeneratorConfig { label_dim, ..GeneratorConfig::default() },
            class_names: names.iter().map(|&name| name.to_owned()).collect(),
            ..Meta::default()
        }
    }

    #[test]
    fn classes_go_by_name_and_by_number() {
        let pets = meta(2, &["cats", "dogs"]);
        assert_eq!(
            ["dogs", "0", "1", "2", "birds", "-1"].map(|name| pets.class(name)),
            [Some(1), Some(0), Some(1), None, None, None]
        );
        assert_eq!(["0", "2", "cats"].map(|name| meta(3, &[]).class(name)), [Some(0), Some(2), None]);
        // A folder for each digit but the first.
        assert_eq!(["1", "2", "0"].map(|name| meta(2, &["1", "2"]).class(name)), [Some(0), Some(1), None]);
    }

    #[test]
    fn there_is_a_name_for_each_class_or_for_none() {
        assert!(meta(2, &["cats", "dogs"]).violations().is_empty());
        assert_eq!(meta(3, &["cats", "dogs"]).violations().len(), 1);
    }
}
