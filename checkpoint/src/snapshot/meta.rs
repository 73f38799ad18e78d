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

    /// Everything that makes these configurations impossible, one sentence each.
    pub fn violations(&self) -> Vec<String> {
        let mut found = self.generator.violations();
        if let Some(critic) = &self.critic {
            found.extend(critic.violations());
            for (key, g, d) in [
                ("resolution", self.generator.resolution, critic.resolution),
                ("label_dim", self.generator.label_dim, critic.label_dim),
            ] {
                if g != d {
                    found.push(format!("`generator.{key}` is {g}, but `discriminator.{key}` is {d}"));
                }
            }
        }
        if found.is_empty()
            && let Err(error) = stylegan_ops::Level::new(self.generator.resolution, self.progress.lod)
        {
            found.push(format!("`progress.lod`: {error}"));
        }
        found
    }
}
