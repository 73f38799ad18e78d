//! `stylegan figure truncation`

use anyhow::Result;
use stylegan_drawing::{Content, LatentIds, Psis, TruncationFigure};
use stylegan_generator::Truncation;

use crate::args::{NetworkArgs, NoiseArgs, SeedArgs};
use crate::figure::{OutArgs, write};
use crate::latents::{LatentArgs, space_of};
use crate::painter::open_painter_with;
use crate::report::Exit;

/// Draw what becomes of pictures on the way of w through its mean
///
/// Figure 8 of the paper. Each seed has a row, each psi a column: 1 leaves w alone, 0 draws the mean picture, a negative number
/// the opposite of w.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the rows, or `@0` and so on of `--latents`
    #[arg(long, value_name = "LIST", default_value = "91,388")]
    seeds: LatentIds,

    #[command(flatten)]
    latents: LatentArgs,

    /// How far w keeps from its mean in each column, numbers from -100 to 100
    #[arg(
        long,
        alias = "truncation-psi",
        value_name = "LIST",
        default_value = "1,0.7,0.5,0,-0.5,-1",
        allow_hyphen_values = true
    )]
    psi: Psis,

    /// Number of layers, from the coarsest on, that are truncated [default: all]
    #[arg(long, value_name = "LAYERS", allow_negative_numbers = true)]
    truncation_cutoff: Option<usize>,

    #[command(flatten)]
    noise: NoiseArgs,

    #[command(flatten)]
    seed_style: SeedArgs,

    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let path = args.out.path()?;
    let source = args.latents.open_for(&[&args.seeds])?;
    let space = space_of(&source, &[&args.seeds]);
    let painter = open_painter_with(&args.network, space, |options| {
        args.noise.set(options);
        args.seed_style.set(options);
        // Each column has its own.
        let Truncation { psi, cutoff } = Truncation::OFF;
        (options.truncation_psi, options.truncation_cutoff) = (psi, cutoff);
    })?;
    let &Args { ref seeds, ref psi, truncation_cutoff, .. } = args;
    let layers = truncation_cutoff.unwrap_or_else(|| painter.config().num_layers());
    let figure = TruncationFigure { seeds: seeds.clone(), psi: psi.clone(), layers };
    let what = format!("{} pictures", figure.layout());
    write(&painter, &source, Content::Truncation(figure), &what, &path, args.out.force)?;
    Ok(Exit::Done)
}
