//! `stylegan figure mixing`

use anyhow::Result;
use stylegan_drawing::{LatentIds, MixFigure, RowLayers};

use super::{UNTRUNCATED, open_untruncated};
use crate::args::{NetworkArgs, StyleArgs};
use crate::commands::mix::write_figure;
use crate::figure::OutArgs;
use crate::latents::{LatentArgs, space_of};
use crate::report::{Exit, note};

/// Draw the style-mixing figure of the paper
///
/// Figure 3 of the paper. Pictures along the left edge take the styles of those along the top: half of the rows the coarse ones
/// (4x4 and 8x8), a third the middle ones (16x16 and 32x32), a sixth the fine ones (64x64 and larger). A smaller network has
/// one level of fine layers, one of middle ones, and the rest is coarse.
///
/// It is what `stylegan mix` draws of `--rows`, `--cols` and `--styles 0-3/0-3/0-3/4-7/4-7/8-17`.
#[derive(Debug, clap::Args)]
#[command(mut_arg("truncation_psi", |psi| psi.help(UNTRUNCATED)))]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds along the top, whose styles are taken
    #[arg(long, value_name = "LIST", default_value = "639,701,687,615,2268")]
    sources: LatentIds,

    /// Seeds along the left edge, which take them
    #[arg(long, value_name = "LIST", default_value = "888,829,1898,1733,1614,845")]
    destinations: LatentIds,

    #[command(flatten)]
    latents: LatentArgs,

    /// Layers that take the source's style, of all rows, or of each as `0-3/4-7/8-17` [default: coarse, middle and fine ones]
    #[arg(long, value_name = "LIST")]
    styles: Option<RowLayers>,

    #[command(flatten)]
    style: StyleArgs,

    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let path = args.out.path()?;
    let ids = [&args.destinations, &args.sources];
    let source = args.latents.open_for(&ids)?;
    let painter = open_untruncated(&args.network, &args.style, space_of(&source, &ids))?;
    let mut figure = MixFigure::of_paper(&painter, args.destinations.clone(), args.sources.clone())?;
    if let Some(styles) = &args.styles {
        figure.styles = styles.clone();
    }
    let rows = figure.styles.0.chunk_by(PartialEq::eq).map(|same| match same {
        [layers] => format!("1 row by layers {layers}"),
        rows => format!("{} rows by layers {}", rows.len(), rows[0]),
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    let is_of_rows = figure.styles.0.len() > 1;
    write_figure(&painter, &source, figure, &path, args.out.force)?;
    if is_of_rows {
        note(&format!("from top to bottom: {rows}"));
    }
    Ok(Exit::Done)
}
