//! How pictures are drawn, whatever they show.

use serde::{Deserialize, Serialize};
use stylegan_checkpoint::Checkpoint;
use stylegan_generator::{SeedStyle, Truncation};

use crate::{LabelVector, Psis, text};

/// How pictures are drawn, whatever they show; under the names of a recipe's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrawOptions {
    /// How a seed becomes a latent z.
    pub seed_style: SeedStyle,
    /// The label, from 0; for networks with labels alone.
    pub class: Option<usize>,
    /// The label itself, in place of a class.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelVector>,
    /// 1 leaves w alone, 0 gives its mean.
    pub truncation_psi: f64,
    /// Number of layers, from the coarsest on, that are truncated.
    pub truncation_cutoff: usize,
    /// What stands in the place of the two: a psi for each layer, from the coarsest on; layers beyond them are left alone.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub truncation_layers: Option<Psis>,
    /// Where the noise of the layers comes from.
    pub noise_mode: NoiseMode,
    /// Seed of [`NoiseMode::Random`].
    pub noise_seed: u64,
}

/// Where the noise of the layers comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoiseMode {
    /// The images stored with the network, the same for every picture, or those that a file has beside its latents.
    #[default]
    Const,
    /// Images of its own for every picture.
    Random,
    /// No noise.
    None,
}

impl DrawOptions {
    /// The usual ones, and seeds as the checkpoint says.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        let Truncation { psi, cutoff } = Truncation::default();
        Self {
            seed_style: checkpoint.meta().seed_style,
            class: None,
            label: None,
            truncation_psi: psi,
            truncation_cutoff: cutoff,
            truncation_layers: None,
            noise_mode: NoiseMode::default(),
            noise_seed: 0,
        }
    }

    /// How far, and in how many layers, w is pulled towards its mean, unless there is a psi for each of them.
    pub fn truncation(&self) -> Truncation {
        Truncation { psi: self.truncation_psi, cutoff: self.truncation_cutoff }
    }
}
