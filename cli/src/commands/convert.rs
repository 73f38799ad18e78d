//! `stylegan convert`

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Result;
use candle_core::{DType, Tensor};
use clap::ValueEnum;
use stylegan_base::units::mebibytes;
use stylegan_checkpoint::{Checkpoint, DecoderFile, Meta, Network, convert, newest_snapshot, save};
use stylegan_import::{Conversion, Foreign, Purpose};
use stylegan_ops::Parameters;
use tracing::info;

use crate::args::side;
use crate::output::{Force, Output};
use crate::painter::{check_resolution, open_checkpoint};
use crate::report::{Exit, Refusal, note};

/// Write a checkpoint anew: of another program's, for sampling alone, or in half the size
///
/// Opens the original's pickles and the PyTorch files of rosinality, genforce, lernapparat and huangzh13; nothing in them is
/// run. Of a checkpoint of this program all that it says about itself is kept, but for the networks that are left out. A decoder of
/// style transfer is written anew as well.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Checkpoint of this program or another, a run's folder for its newest snapshot, or `demo` for the faces that come
    /// with the program
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write
    #[arg(value_name = "OUT.safetensors")]
    output: PathBuf,

    /// Side for which the networks were trained, for files that do not say it: those of rosinality
    #[arg(long, value_name = "N", value_parser = side, allow_negative_numbers = true)]
    resolution: Option<usize>,

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

/// A file of whatever kind.
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
enum Input {
    Ours(Checkpoint),
    Foreign(Foreign, Conversion),
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    if args.output.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(Refusal::usage(format!(
            "`{}` is no safetensors file by its name",
            args.output.display()
        ))
        .hint("checkpoints are written as `NAME.safetensors`")
        .into());
    }
    Output::check_file(&args.output, args.force)?;
    if let Some(decoder) = decoder(args) {
        return write_decoder(args, decoder);
    }
    let mut input = Input::open(args)?;
    let meta = input.meta(args.sampling_only);
    let dtype = args.dtype.map(NumberType::dtype);
    let mut converted = Vec::new();
    for &network in meta.networks() {
        converted.push((network, convert(&args.input, network, input.tensors(network)?, dtype)?));
    }
    let parameters: Vec<(Network, &Parameters)> =
        converted.iter().map(|(network, parameters)| (*network, parameters)).collect();
    save(&args.output, &meta, &parameters, args.force.force)?;
    let names: Vec<&str> = parameters.iter().map(|(network, _)| network.prefix()).collect();
    let (networks, path, size_bytes) =
        (names.join(", "), args.output.display(), args.output.metadata()?.len());
    info!(networks, %path, size_bytes, "wrote checkpoint");
    note(&format!("wrote {networks} to `{path}`, {:.1} MiB", mebibytes(size_bytes)));
    Ok(Exit::Done)
}

/// The decoder of a style transfer that a file or the newest snapshot of a run's folder holds, if it holds one.
fn decoder(args: &Args) -> Option<DecoderFile> {
    let path = if args.input.is_dir() { newest_snapshot(&args.input).ok() } else { Some(args.input.clone()) };
    match path.map(|path| DecoderFile::open(&path)) {
        Some(Ok(opened)) => Some(opened.file),
        // What else it may be is said by who opens it.
        Some(Err(_)) | None => None,
    }
}

fn write_decoder(args: &Args, decoder: DecoderFile) -> Result<Exit> {
    let decoder = match args.dtype {
        Some(dtype) => decoder.converted(&args.input, dtype.dtype())?,
        None => decoder,
    };
    decoder.save_new(&args.output, args.force.force)?;
    let (path, size_bytes) = (args.output.display(), args.output.metadata()?.len());
    info!(%path, size_bytes, "wrote decoder");
    note(&format!("wrote the decoder to `{path}`, {:.1} MiB", mebibytes(size_bytes)));
    Ok(Exit::Done)
}

/// Larger files take more than a moment.
const LARGE_BYTES: u64 = 64 << 20;

impl Input {
    fn open(args: &Args) -> Result<Self> {
        let path = &args.input;
        check_resolution(path, args.resolution)?;
        if !Foreign::is_one(path) {
            return Ok(Self::Ours(open_checkpoint(path, None)?));
        }
        let mut foreign = Foreign::open(path)?;
        let purpose = if args.sampling_only { Purpose::Sampling } else { Purpose::Training };
        let conversion = foreign.conversion(args.resolution, purpose)?;
        let family = foreign.family();
        note(&format!("`{}` is a checkpoint of {family} ({})", path.display(), foreign.format()));
        if foreign.size_bytes() > LARGE_BYTES {
            note(&format!("converting {:.0} MiB …", mebibytes(foreign.size_bytes())));
        }
        Ok(Self::Foreign(foreign, conversion))
    }

    fn meta(&self, sampling_only: bool) -> Meta {
        match self {
            Self::Ours(checkpoint) if sampling_only => checkpoint.meta().for_sampling(),
            Self::Ours(checkpoint) => checkpoint.meta().clone(),
            Self::Foreign(_, conversion) => conversion.meta().clone(),
        }
    }

    fn tensors(&mut self, network: Network) -> Result<HashMap<String, Tensor>> {
        Ok(match self {
            Self::Ours(checkpoint) => checkpoint.tensors(network)?,
            Self::Foreign(foreign, conversion) => foreign.read(conversion, network)?,
        })
    }
}
