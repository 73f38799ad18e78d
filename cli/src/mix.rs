//! `stylegan mix`

use std::path::PathBuf;

use anyhow::Result;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use stylegan_media::{RgbImage, mix_figure};

use crate::latents::LatentSpace;
use crate::layout::Layout;
use crate::network::NetworkArgs;
use crate::output::{Force, Output};
use crate::painter::{Painter, Sketch, pixels};
use crate::recipe::{Subject, text};
use crate::report::{Refusal, note};
use crate::seeds::{Layers, Seeds};
use crate::style::StyleArgs;

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

    /// Layers that take the column's style, numbers and ranges from 0 (4x4) on, two for each side
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

/// A figure, under the names of a recipe's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    #[serde(with = "text")]
    rows: Seeds,
    #[serde(with = "text")]
    cols: Seeds,
    #[serde(with = "text")]
    styles: Layers,
}

/// A cell of the figure.
enum Cell {
    Source(u64),
    Mix { row: u64, column: u64 },
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Output::Png(path) = Output::parse(&args.out)? else {
        return Err(Refusal::usage(format!("`--out {}` is no PNG file", args.out.display()))
            .hint("the figure is one picture, `--out NAME.png`")
            .into());
    };
    Output::check_file(&path, args.force)?;
    let painter = Painter::open(&args.network, &args.style, LatentSpace::Z)?;
    let Args { rows, cols, styles, .. } = args;
    let figure = Figure { rows: rows.clone(), cols: cols.clone(), styles: styles.clone() };
    let picture = figure.draw(&painter)?;
    painter.recipe(Subject::Mix(figure)).save(&path, &picture, args.force)?;
    note(&format!(
        "wrote {}x{} mixes of {side}x{side} to `{}`",
        cols.0.len(),
        rows.0.len(),
        path.display(),
        side = painter.side()
    ));
    Ok(())
}

impl Figure {
    pub(crate) fn draw(&self, painter: &Painter) -> Result<RgbImage> {
        let (rows, columns, styles) = (&self.rows.0, &self.cols.0, &self.styles.0);
        let num_layers = painter.config().num_layers();
        if let Some(layer) = styles.iter().find(|&&layer| layer >= num_layers) {
            return Err(Refusal::usage(format!(
                "`--styles` names layer {layer}, but the network has {num_layers} layers"
            ))
            .hint(format!("layers are counted from 0 to {}", num_layers - 1))
            .into());
        }
        painter.check_seeds(rows)?;
        painter.check_seeds(columns)?;
        Layout { columns: columns.len() + 1, rows: rows.len() + 1 }
            .check_size(painter.side(), "take fewer seeds")?;

        let mixes = rows.iter().flat_map(|&row| columns.iter().map(move |&column| Cell::Mix { row, column }));
        let cells: Vec<Cell> =
            rows.iter().chain(columns).map(|&seed| Cell::Source(seed)).chain(mixes).collect();
        let sketch = |cell: &Cell| match *cell {
            Cell::Source(seed) => painter.seed(seed),
            Cell::Mix { row, column } => Ok(Sketch {
                w_plus: mixed(&painter.seed(row)?.w_plus, &painter.seed(column)?.w_plus, styles)?,
                noise_of: vec![row, column],
            }),
        };
        let mut pictures = Vec::with_capacity(cells.len());
        painter.draw(&cells, sketch, |_, picture| {
            pictures.push(pixels(&picture)?);
            Ok(())
        })?;
        let (of_rows, rest) = pictures.split_at(rows.len());
        let (of_columns, mixes) = rest.split_at(columns.len());
        let mixes: Vec<Vec<RgbImage>> = mixes.chunks(columns.len()).map(<[RgbImage]>::to_vec).collect();
        Ok(mix_figure(of_rows, of_columns, &mixes))
    }
}

/// `row` `[1, num_layers, w_dim]` with these layers of `column`.
fn mixed(row: &Tensor, column: &Tensor, layers: &[usize]) -> Result<Tensor> {
    let (_, num_layers, _) = row.dims3()?;
    let of_layer = |layer| if layers.contains(&layer) { column } else { row }.narrow(1, layer, 1);
    let all = (0..num_layers).map(of_layer).collect::<candle_core::Result<Vec<_>>>()?;
    Ok(Tensor::cat(&all, 1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_columns_styles_enter_in_their_layers_alone() {
        let row = Tensor::new(&[[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]]], &Device::Cpu).unwrap();
        let column = (&row * 10.0).unwrap();
        let mix = mixed(&row, &column, &[0, 2]).unwrap().to_vec3::<f32>().unwrap();
        assert_eq!(mix, [[[10.0, 20.0], [3.0, 4.0], [50.0, 60.0]]]);
    }
}
