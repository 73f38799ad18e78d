//! Flags that are shared by every command that draws: which network, and how.

use std::path::PathBuf;

use clap::ValueEnum;
use stylegan_drawing::{DrawOptions, LabelVector, NoiseMode, Psis};
use stylegan_generator::{SeedStyle, Truncation};
use stylegan_ops::Resolution;
use stylegan_trainer::{ConfigError, MOST_SEED, TrainConfig};

use crate::device::DeviceName;
use crate::report::Refusal;

/// What is trained.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Preset by name, or a TOML file [default: faces-64]
    #[arg(long, value_name = "PRESET|FILE", visible_alias = "preset")]
    config: Option<String>,

    /// Change one number of the configuration, such as `schedule.total_kimg=5000`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
}

impl ConfigArgs {
    /// The configuration, if it is possible.
    pub(crate) fn load(&self) -> Result<TrainConfig, ConfigError> {
        TrainConfig::load(Some(self.config.as_deref().unwrap_or("faces-64")), &self.assignments)
    }
}

/// A seed that a configuration can hold.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let bounds = format!("a seed is a whole number from 0 to {MOST_SEED}");
    text.parse().ok().filter(|seed| *seed <= MOST_SEED).ok_or(bounds)
}

/// Which network draws, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Checkpoint of this program or another, a run's folder for its newest snapshot, or `demo` for the faces that come
    /// with the program
    #[arg(long, alias = "network", value_name = "FILE|RUN_DIR|demo")]
    pub(crate) checkpoint: PathBuf,

    /// Side for which the network was trained, for files that do not say it: those of rosinality
    #[arg(long, value_name = "N", value_parser = side, allow_negative_numbers = true)]
    pub(crate) resolution: Option<usize>,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    pub(crate) device: DeviceName,

    /// Class of the pictures, by its name or its number from 0, or several for what is between them; for networks with labels
    /// alone
    #[arg(long, value_name = "NAME|N", allow_negative_numbers = true)]
    pub(crate) class: Option<String>,

    /// Label of the pictures in numbers, such as `0.5,0.5,0` for what is between two of three classes
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true, conflicts_with = "class")]
    pub(crate) label: Option<LabelVector>,
}

/// How pictures are drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct StyleArgs {
    #[command(flatten)]
    pub(crate) truncation: TruncationArgs,

    #[command(flatten)]
    pub(crate) noise: NoiseArgs,

    #[command(flatten)]
    pub(crate) seeds: SeedArgs,
}

/// How far w is truncated.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_field_names, reason = "as the flags are called")]
pub(crate) struct TruncationArgs {
    /// How far w keeps from its mean: 0 draws the mean picture, 1 leaves w alone [default: 0.7]
    #[arg(long, alias = "trunc", value_name = "PSI", value_parser = psi, allow_negative_numbers = true)]
    truncation_psi: Option<f64>,

    /// Number of layers, from the coarsest on, that are truncated [default: 8]
    #[arg(long, value_name = "LAYERS", allow_negative_numbers = true)]
    truncation_cutoff: Option<usize>,

    /// The psi of each layer, from the coarsest on; layers beyond the list are left alone
    #[arg(long, value_name = "PSI,…", allow_hyphen_values = true, conflicts_with_all = ["truncation_psi", "truncation_cutoff"])]
    truncation_layers: Option<Psis>,
}

/// What noise there is.
#[derive(Debug, clap::Args)]
pub(crate) struct NoiseArgs {
    /// Noise of the layers
    #[arg(long, value_name = "MODE", value_enum, default_value_t = NoiseName::Const)]
    noise_mode: NoiseName,

    /// Seed of `--noise-mode random`
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    noise_seed: u64,
}

/// What seeds are.
#[derive(Debug, clap::Args)]
pub(crate) struct SeedArgs {
    /// How a seed becomes a picture [default: what the checkpoint says, `numpy` if it was converted from one of the
    /// original's and else `native`]
    #[arg(long, value_name = "STYLE", value_enum)]
    seed_style: Option<SeedStyleName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SeedStyleName {
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
    /// Sets what was asked for; where nothing was, truncation is the usual one.
    pub(crate) fn set(&self, usual: Truncation, options: &mut DrawOptions) {
        self.truncation.set(usual, options);
        self.noise.set(options);
        self.seeds.set(options);
    }
}

impl TruncationArgs {
    /// Sets the truncation that was asked for; where none was, the usual one.
    pub(crate) fn set(&self, usual: Truncation, options: &mut DrawOptions) {
        let usual = if self.truncation_layers.is_some() {
            Truncation::OFF
        } else if self.truncation_psi.is_some() || self.truncation_cutoff.is_some() {
            Truncation::default()
        } else {
            usual
        };
        options.truncation_layers.clone_from(&self.truncation_layers);
        options.truncation_psi = self.truncation_psi.unwrap_or(usual.psi);
        options.truncation_cutoff = self.truncation_cutoff.unwrap_or(usual.cutoff);
    }
}

impl NoiseArgs {
    /// Sets this noise.
    pub(crate) fn set(&self, options: &mut DrawOptions) {
        options.noise_mode = self.noise_mode.into();
        options.noise_seed = self.noise_seed;
    }

    /// Refuses `--noise-mode none` where noise is what is shown.
    pub(crate) fn check_is_some(&self) -> Result<(), Refusal> {
        if self.noise_mode == NoiseName::None {
            return Err(Refusal::usage("`--noise-mode none` leaves no noise to be shown"));
        }
        Ok(())
    }
}

impl SeedArgs {
    /// Sets the style that was asked for.
    pub(crate) fn set(&self, options: &mut DrawOptions) {
        if let Some(style) = self.seed_style {
            options.seed_style = style.into();
        }
    }
}

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NoiseName {
    /// The images stored with the network, the same for every picture, or those that a file has beside its latents
    Const,
    /// Images of its own for every picture
    Random,
    /// No noise
    None,
}

impl From<NoiseName> for NoiseMode {
    fn from(name: NoiseName) -> Self {
        match name {
            NoiseName::Const => Self::Const,
            NoiseName::Random => Self::Random,
            NoiseName::None => Self::None,
        }
    }
}

/// How far w keeps from its mean.
pub(crate) fn psi(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(psi) if (-100.0..=100.0).contains(&psi) => Ok(psi),
        _ => Err("psi is a number from -100 to 100, mostly from -1 to 2".to_owned()),
    }
}

/// A side that a square network of any program can have.
pub(crate) fn side(text: &str) -> Result<usize, String> {
    let is_possible =
        |side: &usize| side.is_power_of_two() && Resolution::square(*side).violation().is_none();
    text.parse().ok().filter(is_possible).ok_or_else(|| "a side is a power of two from 8 to 1024".to_owned())
}
