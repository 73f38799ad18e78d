//! `stylegan figure uncurated`

use anyhow::Result;
use stylegan_drawing::{Content, LatentSource, LatentSpace, Lods, UncuratedFigure};

use crate::args::{NetworkArgs, StyleArgs, seed};
use crate::figure::{OutArgs, write};
use crate::painter::open_painter;
use crate::report::Exit;

/// Draw pictures of seeds in a row, nobody's choice, in columns of shrinking size
///
/// Figure 2 of the paper. Seeds follow one another down each column.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seed of the first picture
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = seed, allow_negative_numbers = true)]
    seed: u64,

    /// Level of detail of each column: its pictures are halved so often, and there are twice as many for each [default:
    /// 0,1,2,2,3,3, as far as the network's pictures can be halved]
    #[arg(long, value_name = "LIST")]
    lods: Option<Lods>,

    /// Pictures in a column of full size, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: u32,

    #[command(flatten)]
    style: StyleArgs,

    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let path = args.out.path()?;
    let painter = open_painter(&args.network, &args.style, LatentSpace::Z)?;
    let lods = args.lods.clone().unwrap_or_else(|| UncuratedFigure::lods_of_paper(painter.resolution()));
    let figure = UncuratedFigure { seed: args.seed, lods, rows: args.rows };
    let what = format!("{} uncurated pictures", figure.count());
    write(&painter, &LatentSource::SEEDS, Content::Uncurated(figure), &what, &path, args.out.force)?;
    Ok(Exit::Done)
}
