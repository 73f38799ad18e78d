//! `stylegan convert`

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::{DType, Tensor};
use clap::ValueEnum;
use stylegan_checkpoint::{Checkpoint, Meta, Network, convert, save};
use stylegan_ops::Parameters;

use crate::output::{Force, Output};
use crate::report::{Refusal, note};

/// Write a checkpoint anew: for sampling alone, or in half the size
///
/// What a checkpoint says about itself is kept, but for the networks that are left out.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Checkpoint, or a run's folder for its newest snapshot
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write
    #[arg(value_name = "OUT.safetensors")]
    output: PathBuf,

    /// Keep the averaged generator `g_ema` alone, which is all that drawing needs: no training goes on from it
    #[arg(long)]
    sampling_only: bool,

    /// Type of the numbers in the file; pictures are drawn in f32 in any case [default: as they are]
    #[arg(long, value_enum, value_name = "TYPE")]
    dtype: Option<NumberType>,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NumberType {
    /// 32 bits, as training writes them
    F32,
    /// 16 bits, half the size: about three decimal digits
    F16,
}

impl NumberType {
    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }
}

/// Networks as any kind of file may hold them, under the names of this program.
struct Networks {
    meta: Meta,
    tensors: Vec<(Network, HashMap<String, Tensor>)>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.output.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(Refusal::usage(format!(
            "`{}` is no safetensors file by its name",
            args.output.display()
        ))
        .hint("checkpoints are written as `NAME.safetensors`")
        .into());
    }
    Output::check_file(&args.output, args.force)?;
    let Networks { meta, tensors } = read(&args.input, args.sampling_only)?;
    let dtype = args.dtype.map(NumberType::dtype);
    let converted = tensors
        .into_iter()
        .map(|(network, tensors)| Ok((network, convert(network, tensors, dtype)?)))
        .collect::<Result<Vec<_>>>()?;
    let parameters: Vec<(Network, &Parameters)> =
        converted.iter().map(|(network, parameters)| (*network, parameters)).collect();
    save(&args.output, &meta, &parameters, args.force.force)?;
    let names: Vec<&str> = parameters.iter().map(|(network, _)| network.prefix()).collect();
    note(&format!(
        "wrote {} to `{}`, {:.1} MiB",
        names.join(", "),
        args.output.display(),
        args.output.metadata()?.len() as f64 / f64::from(1 << 20)
    ));
    Ok(())
}

/// The networks of a file, of whatever kind; the averaged generator alone if no other is asked for.
fn read(path: &Path, sampling_only: bool) -> Result<Networks> {
    let checkpoint = Checkpoint::open(path)?;
    let meta = if sampling_only { checkpoint.meta().for_sampling() } else { checkpoint.meta().clone() };
    let read = |&network: &Network| Ok((network, checkpoint.tensors(network)?));
    let tensors = meta.networks().iter().map(read).collect::<Result<_>>()?;
    Ok(Networks { meta, tensors })
}
