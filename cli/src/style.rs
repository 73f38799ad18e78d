//! The flags for truncation and noise, shared by every command that draws.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use stylegan_generator::{SeedStyle, Truncation};

use crate::latents::LatentSpace;

/// How pictures are drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct StyleArgs {
    /// How far w keeps from its mean: 0 draws the mean picture, 1 leaves w alone [default: 0.7]
    #[arg(long, value_name = "PSI", value_parser = psi, allow_negative_numbers = true)]
    truncation_psi: Option<f64>,

    /// Number of layers, from the coarsest on, that are truncated [default: 8]
    #[arg(long, value_name = "LAYERS")]
    truncation_cutoff: Option<usize>,

    /// Noise of the layers
    #[arg(long, value_name = "MODE", value_enum, default_value_t = NoiseMode::Const)]
    noise_mode: NoiseMode,

    /// Seed of `--noise-mode random`
    #[arg(long, value_name = "N", default_value_t = 0)]
    noise_seed: u64,

    /// How a seed becomes a picture [default: what the checkpoint says, `numpy` if it was converted from one of the
    /// original's and else `native`]
    #[arg(long, value_name = "STYLE", value_enum)]
    seed_style: Option<SeedStyleName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeedStyleName {
    /// This program's own way, for every seed
    Native,
    /// The original's: z is `RandomState(seed).randn`, for seeds up to 4294967295
    Numpy,
}

impl From<SeedStyleName> for SeedStyle {
    fn from(name: SeedStyleName) -> Self {
        match name {
            SeedStyleName::Native => Self::Native,
            SeedStyleName::Numpy => Self::Numpy,
        }
    }
}

impl StyleArgs {
    /// How to draw latents of a space, where `seed_style` is the checkpoint's.
    pub(crate) fn manner(&self, class: Option<usize>, seed_style: SeedStyle, space: LatentSpace) -> Manner {
        let asked = self.truncation_psi.is_some() || self.truncation_cutoff.is_some();
        let usual =
            if space == LatentSpace::WPlus && !asked { Truncation::OFF } else { Truncation::default() };
        Manner {
            seed_style: self.seed_style.map_or(seed_style, SeedStyle::from),
            class,
            truncation_psi: self.truncation_psi.unwrap_or(usual.psi),
            truncation_cutoff: self.truncation_cutoff.unwrap_or(usual.cutoff),
            noise_mode: self.noise_mode,
            noise_seed: self.noise_seed,
        }
    }
}

/// How a picture is drawn, whatever it shows; under the names of a recipe's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manner {
    pub(crate) seed_style: SeedStyle,
    pub(crate) class: Option<usize>,
    truncation_psi: f64,
    truncation_cutoff: usize,
    pub(crate) noise_mode: NoiseMode,
    pub(crate) noise_seed: u64,
}

impl Manner {
    pub(crate) fn truncation(&self) -> Truncation {
        Truncation { psi: self.truncation_psi, cutoff: self.truncation_cutoff }
    }
}

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoiseMode {
    /// The images stored with the network, the same for every picture
    Const,
    /// Images of its own for every picture
    Random,
    /// No noise
    None,
}

fn psi(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(psi) if psi.is_finite() => Ok(psi),
        _ => Err("psi is a number, mostly from -1 to 2".to_owned()),
    }
}
