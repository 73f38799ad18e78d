//! `stylegan mix`

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_drawing::{Content, LatentSpace, Layers, MixFigure, Painter, Recipe, Seeds};
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::output::{Force, Output, check_pixels};
use crate::painter::open_painter;
use crate::report::{Exit, Refusal, note};

/// Draw the style-mixing figure of two sets of seeds
///
/// The pictures of `--rows` stand along the left edge, those of `--cols` along the top. Where a row and a column meet
/// is the row's picture with the styles of the column in the layers of `--styles`: the first ones are pose and shape
/// of the face, the last ones colors.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the rows, numbers and ranges such as `0-3`
    #[arg(long, value_name = "LIST")]
    rows: Seeds,

    /// Seeds of the columns, numbers and ranges such as `4-7`
    #[arg(long, value_name = "LIST")]
    cols: Seeds,

    /// Layers that take the column's style, numbers and ranges from 0 (the smallest pictures, mostly 4x4) on, two
    /// for each size
    #[arg(long, value_name = "LIST")]
    styles: Layers,

    #[command(flatten)]
    style: StyleArgs,

    /// PNG of the figure
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Output::Png(path) = Output::parse(&args.out)? else {
        return Err(Refusal::usage(format!("`--out {}` is no PNG file", args.out.display()))
            .hint("the figure is one picture, `--out NAME.png`")
            .into());
    };
    Output::check_file(&path, args.force)?;
    let painter = open_painter(&args.network, &args.style, LatentSpace::Z)?;
    let Args { rows, cols, styles, .. } = args;
    let figure = MixFigure { rows: rows.clone(), cols: cols.clone(), styles: styles.clone() };
    write_figure(&painter, figure, &path, args.force)?;
    Ok(Exit::Done)
}

/// Draws the figure and writes it as a PNG.
pub(super) fn write_figure(painter: &Painter, figure: MixFigure, path: &Path, force: Force) -> Result<()> {
    check_pixels(figure.layout(), painter, "take fewer seeds")?;
    let picture = figure.draw(painter)?;
    let (columns, rows, resolution) = (figure.cols.0.len(), figure.rows.0.len(), painter.resolution());
    Recipe::new(painter, Content::Mix(figure)).save(path, &picture, force.force)?;
    info!(columns, rows, %resolution, path = %path.display(), "wrote mixes");
    note(&format!("wrote {columns}x{rows} mixes of {resolution} to `{}`", path.display()));
    Ok(())
}
