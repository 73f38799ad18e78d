//! The flags for truncation and noise, shared by every command that draws.

use clap::ValueEnum;
use stylegan_generator::Truncation;

/// How pictures are drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct StyleArgs {
    /// How far w keeps from its mean: 0 draws the mean picture, 1 leaves w alone
    #[arg(long, value_name = "PSI", default_value_t = Truncation::default().psi, value_parser = psi,
          allow_negative_numbers = true)]
    pub(crate) truncation_psi: f64,

    /// Number of layers, from the coarsest on, that are truncated
    #[arg(long, value_name = "LAYERS", default_value_t = Truncation::default().cutoff)]
    pub(crate) truncation_cutoff: usize,

    /// Noise of the layers
    #[arg(long, value_name = "MODE", value_enum, default_value_t = NoiseMode::Const)]
    pub(crate) noise_mode: NoiseMode,

    /// Seed of `--noise-mode random`
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) noise_seed: u64,
}

impl StyleArgs {
    pub(crate) fn truncation(&self) -> Truncation {
        Truncation { psi: self.truncation_psi, cutoff: self.truncation_cutoff }
    }
}

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
