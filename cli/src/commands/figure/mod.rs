//! `stylegan figure`

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_drawing::{Content, LatentSource, LatentSpace, Painter, Recipe};
use stylegan_generator::Truncation;
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::output::{Force, Output, or_too_large};
use crate::painter::open_painter_with;
use crate::report::{Exit, Refusal, note};

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

/// Where a figure goes.
#[derive(Debug, clap::Args)]
pub(super) struct OutArgs {
    /// PNG of the figure
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,

    #[command(flatten)]
    pub(super) force: Force,
}

impl OutArgs {
    /// The file, if it can be written.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let Output::Png(path) = Output::parse(&self.out)? else {
            return Err(Refusal::usage(format!("`--out {}` is no PNG file", self.out.display()))
                .hint("the figure is one picture, `--out NAME.png`")
                .into());
        };
        Output::check_file(&path, self.force)?;
        Ok(path)
    }
}

/// The painter of figures that the paper draws without truncation.
fn open_untruncated(network: &NetworkArgs, style: &StyleArgs) -> Result<Painter> {
    open_painter_with(network, LatentSpace::Z, |options| style.set(Truncation::OFF, options))
}

/// The help of `--truncation-psi` where it is so.
const UNTRUNCATED: &str =
    "How far w keeps from its mean: 0 draws the mean picture, 1 leaves w alone [default: 1]";

/// Draws a figure, which holds pictures of the painter's size, and writes it as a PNG.
pub(super) fn write(
    painter: &Painter,
    content: Content,
    what: &str,
    path: &Path,
    force: Force,
) -> Result<()> {
    let recipe = Recipe::new(painter, content);
    let drawn = recipe.draw(painter, &LatentSource::Seeds);
    let picture = drawn.map_err(|error| or_too_large(error, "take fewer seeds"))?;
    recipe.save(path, &picture, force.force)?;
    let resolution = painter.resolution();
    info!(what, %resolution, path = %path.display(), "wrote figure");
    note(&format!("wrote {what} of {resolution} to `{}`", path.display()));
    Ok(())
}
