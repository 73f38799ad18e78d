//! `stylegan mix`

use std::path::Path;

use anyhow::Result;
use stylegan_drawing::{Content, LatentIds, LatentSource, MixFigure, Painter, RowLayers};

use crate::args::{NetworkArgs, StyleArgs};
use crate::figure::{OutArgs, write};
use crate::latents::{LatentArgs, space_of};
use crate::output::Force;
use crate::painter::open_painter;
use crate::report::Exit;

/// Draw the style-mixing figure of two sets of seeds or latents
///
/// The pictures of `--rows` stand along the left edge, those of `--cols` along the top. Where a row and a column meet
/// is the row's picture with the styles of the column in the layers of `--styles`: the first ones are pose and shape
/// of the face, the last ones colors.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the rows, numbers and ranges such as `0-3`, or `@0` and so on of `--latents`
    #[arg(long, value_name = "LIST")]
    rows: LatentIds,

    /// Seeds of the columns, numbers and ranges such as `4-7`, or `@0` and so on of `--latents`
    #[arg(long, value_name = "LIST")]
    cols: LatentIds,

    #[command(flatten)]
    latents: LatentArgs,

    /// Layers that take the column's style, numbers and ranges from 0 (the smallest pictures, mostly 4x4) on, two
    /// for each size; other layers in each row as `0-3/4-7`
    #[arg(long, value_name = "LIST")]
    styles: RowLayers,

    #[command(flatten)]
    style: StyleArgs,

    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let path = args.out.path()?;
    let Args { rows, cols, styles, .. } = args;
    let source = args.latents.open_for(&[rows, cols])?;
    let painter = open_painter(&args.network, &args.style, space_of(&source, &[rows, cols]))?;
    let figure = MixFigure { rows: rows.clone(), cols: cols.clone(), styles: styles.clone() };
    write_figure(&painter, &source, figure, &path, args.out.force)?;
    Ok(Exit::Done)
}

/// Draws the figure and writes it as a PNG.
pub(super) fn write_figure(
    painter: &Painter,
    source: &LatentSource,
    figure: MixFigure,
    path: &Path,
    force: Force,
) -> Result<()> {
    let what = format!("{}x{} mixes", figure.cols.0.len(), figure.rows.0.len());
    write(painter, source, Content::Mix(figure), &what, path, force)
}
