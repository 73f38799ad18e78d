//! `stylegan figure`

use anyhow::Result;
use stylegan_drawing::{LatentSpace, Painter};
use stylegan_generator::Truncation;

use crate::args::{NetworkArgs, StyleArgs};
use crate::painter::open_painter_with;
use crate::report::Exit;

mod mixing;
mod noise;
mod noise_detail;
mod truncation;
mod uncurated;

/// Draw the figures of the paper for a network
///
/// The layouts are those of Karras et al. 2019, scaled to the pictures and the layers of the network, and so are the seeds: with
/// a checkpoint of the original's they show its faces.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Uncurated(Box<uncurated::Args>),
    Mixing(Box<mixing::Args>),
    NoiseDetail(Box<noise_detail::Args>),
    Noise(Box<noise::Args>),
    Truncation(Box<truncation::Args>),
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.command {
        Command::Uncurated(args) => uncurated::run(args),
        Command::Mixing(args) => mixing::run(args),
        Command::NoiseDetail(args) => noise_detail::run(args),
        Command::Noise(args) => noise::run(args),
        Command::Truncation(args) => truncation::run(args),
    }
}

/// The painter of figures that the paper draws without truncation.
fn open_untruncated(network: &NetworkArgs, style: &StyleArgs, space: LatentSpace) -> Result<Painter> {
    open_painter_with(network, space, |options| style.set(Truncation::OFF, options))
}

/// The help of `--truncation-psi` where it is so.
const UNTRUNCATED: &str =
    "How far w keeps from its mean: 0 draws the mean picture, 1 leaves w alone [default: 1]";
