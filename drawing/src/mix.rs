//! The style-mixing figure.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, mix_figure};

use crate::{Error, Latent, Layers, Layout, Painter, Result, Sample, Seeds, text};

/// The style-mixing figure of two sets of seeds (Karras et al. 2019, figure 3), under the names of a recipe's JSON.
///
/// The pictures of `rows` stand along the left edge, those of `cols` along the top. Where a row and a column meet is the
/// row's picture with the styles of the column in the layers of `styles`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixFigure {
    /// Seeds of the rows.
    #[serde(with = "text")]
    pub rows: Seeds,
    /// Seeds of the columns.
    #[serde(with = "text")]
    pub cols: Seeds,
    /// Layers that take the column's style, from 0 (the smallest level, mostly 4x4) on, two for each level.
    #[serde(with = "text")]
    pub styles: Layers,
}

/// A cell of the figure.
enum Cell {
    Source(u64),
    Mix { row: u64, column: u64 },
}

impl MixFigure {
    /// How many pictures stand side by side, those along the edges included.
    pub fn layout(&self) -> Layout {
        Layout { columns: self.cols.0.len() + 1, rows: self.rows.0.len() + 1 }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If there is no such seed or layer, the picture would be too large, or the device fails.
    pub fn draw(&self, painter: &Painter) -> Result<DynamicImage> {
        let (rows, columns, styles) = (&self.rows.0, &self.cols.0, &self.styles.0);
        let num_layers = painter.config().num_layers();
        if let Some(&layer) = styles.iter().find(|&&layer| layer >= num_layers) {
            return Err(Error::Layer { layer, num_layers });
        }
        painter.check_seeds(rows)?;
        painter.check_seeds(columns)?;
        self.layout().check_size(painter.resolution())?;

        let mixes = rows.iter().flat_map(|&row| columns.iter().map(move |&column| Cell::Mix { row, column }));
        let cells: Vec<Cell> =
            rows.iter().chain(columns).map(|&seed| Cell::Source(seed)).chain(mixes).collect();
        let w_plus = |seed| painter.w_plus(&painter.seed(seed)?.latent);
        let pictures = painter.pictures(&cells, |cell| match *cell {
            Cell::Source(seed) => painter.seed(seed),
            Cell::Mix { row, column } => Ok(Sample {
                latent: Latent::WPlus(mixed(&w_plus(row)?, &w_plus(column)?, styles)?),
                noise_numbers: vec![row, column],
            }),
        })?;
        let (of_rows, rest) = pictures.split_at(rows.len());
        let (of_columns, mixes) = rest.split_at(columns.len());
        let mixes: Vec<Vec<DynamicImage>> =
            mixes.chunks(columns.len().max(1)).map(<[DynamicImage]>::to_vec).collect();
        Ok(mix_figure(of_rows, of_columns, &mixes))
    }
}

/// `row` `[1, num_layers, w_dim]` with these layers of `column`.
fn mixed(row: &Tensor, column: &Tensor, layers: &[usize]) -> candle_core::Result<Tensor> {
    let (_, num_layers, _) = row.dims3()?;
    let of_layer = |layer| if layers.contains(&layer) { column } else { row }.narrow(1, layer, 1);
    let all = (0..num_layers).map(of_layer).collect::<candle_core::Result<Vec<_>>>()?;
    Tensor::cat(&all, 1)
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
