//! `stylegan export`

use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::Device;
use clap::ValueEnum;
use stylegan_base::files;
use stylegan_base::units::mebibytes;
use stylegan_checkpoint::Network;
use stylegan_generator::Truncation;
use stylegan_onnx::Settings;
use stylegan_ops::Level;
use tracing::info;

use crate::args::side;
use crate::output::{Force, Output};
use crate::painter::open_checkpoint;
use crate::report::{Exit, Refusal, note};

/// Write the generator as an ONNX model, for programs in any language
///
/// Inputs of the model are `z [batch, z_dim]`, standard normal numbers, and `psi`, a number: how far w keeps from its
/// mean. A network with labels has `labels [batch, label_dim]` as well. Its output is `image [batch, channels, height, width]`
/// in -1..1, not clamped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Checkpoint of this program or another, a run's folder for its newest snapshot, or `demo` for the faces that come
    /// with the program
    #[arg(long, value_name = "FILE|RUN_DIR|demo")]
    checkpoint: PathBuf,

    /// Side for which the network was trained, for files that do not say it: those of rosinality
    #[arg(long, value_name = "N", value_parser = side, allow_negative_numbers = true)]
    resolution: Option<usize>,

    /// File to write
    #[arg(long, value_name = "FILE.onnx")]
    out: PathBuf,

    /// Number of layers, from the coarsest on, that `psi` truncates
    #[arg(long, value_name = "LAYERS", allow_negative_numbers = true, default_value_t = Truncation::default().cutoff)]
    truncation_cutoff: usize,

    /// Noise of the layers
    #[arg(long, value_name = "MODE", value_enum, default_value_t = NoiseMode::Const)]
    noise_mode: NoiseMode,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NoiseMode {
    /// The images stored with the network, the same for every picture
    Const,
    /// No noise
    None,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Args { checkpoint, resolution, out, truncation_cutoff, noise_mode, force } = args;
    if out.extension().is_none_or(|extension| extension != "onnx") {
        return Err(Refusal::usage(format!("`--out {}` is no ONNX file by its name", out.display()))
            .hint("models are written as `--out NAME.onnx`")
            .into());
    }
    Output::check_file(out, *force)?;
    let checkpoint = open_checkpoint(checkpoint, *resolution)?;
    let meta = checkpoint.meta();
    let (config, lod) = (&meta.generator, meta.progress.lod);
    let noise = *noise_mode == NoiseMode::Const;
    let properties = [
        ("checkpoint", checkpoint.hash()),
        ("resolution", config.resolution.short()),
        ("lod", lod.to_string()),
        ("kimg", meta.progress.kimg().to_string()),
        ("truncation_cutoff", truncation_cutoff.to_string()),
        ("noise_mode", if noise { "const" } else { "none" }.to_owned()),
    ];
    let settings = Settings { lod, truncation_cutoff: *truncation_cutoff, noise };
    let builder = checkpoint.builder(Network::GEma, &Device::Cpu);
    let model = stylegan_onnx::export(config, &builder, settings, properties)?;
    files::write(out, force.force, &mut |file| file.write_all(&model))
        .with_context(|| format!("cannot write `{}`", out.display()))?;
    info!(path = %out.display(), size_bytes = model.len(), "wrote model");
    let (resolution, full) = (Level::new(config.resolution, lod)?.resolution, config.resolution);
    let growing = if lod > 0.0 { format!(", growing to {full},") } else { String::new() };
    note(&format!(
        "wrote a generator of {resolution} pictures{growing} to `{}`, {:.1} MiB",
        out.display(),
        mebibytes(model.len() as u64),
    ));
    Ok(Exit::Done)
}
