//! The style-mixing figure.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, mix_figure};

use super::Scales;
use crate::{Error, Latent, Layers, Layout, Painter, Result, RowLayers, Sample, Seeds, text};

/// The style-mixing figure of two sets of seeds (Karras et al. 2019, figure 3), under the names of a recipe's JSON.
///
/// The pictures of `rows` stand along the left edge, those of `cols` along the top. Where a row and a column meet is the
/// row's picture with the styles of the column in the layers of `styles`, which may be others in each row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixFigure {
    /// Seeds of the rows.
    #[serde(with = "text")]
    pub rows: Seeds,
    /// Seeds of the columns.
    #[serde(with = "text")]
    pub cols: Seeds,
    /// Layers that take the column's style, of each row or of all, from 0 (the smallest level, mostly 4x4) on, two for each
    /// level.
    #[serde(with = "text")]
    pub styles: RowLayers,
}

/// A cell of the figure.
enum Cell<'a> {
    Source(u64),
    Mix { row: u64, column: u64, layers: &'a [usize] },
}

impl MixFigure {
    /// The figure as the paper has it: half of the rows take the coarse styles of the columns, a third the middle ones, a sixth
    /// the fine ones, in the [`Scales`] of the painter's network.
    ///
    /// # Errors
    /// If the network has no styles.
    pub fn of_paper(painter: &Painter, rows: Seeds, cols: Seeds) -> Result<Self> {
        if !painter.config().styles {
            return Err(Error::NoStyles);
        }
        let styles = Scales::of(painter.resolution()).of_rows(rows.0.len());
        Ok(Self {
            rows,
            cols,
            styles: RowLayers(styles.into_iter().map(|layers| Layers(layers.collect())).collect()),
        })
    }

    /// What contradicts itself, if something does.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        let count = self.styles.0.len();
        (count != 1 && count != self.rows.0.len()).then_some("it has not as many lists of layers as rows")
    }

    /// How many pictures stand side by side, those along the edges included.
    pub fn layout(&self) -> Layout {
        Layout { columns: self.cols.0.len() + 1, rows: self.rows.0.len() + 1 }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If there is no such seed or layer, layers are given for more or fewer rows than there are, the picture would be too
    /// large, or the device fails.
    pub fn draw(&self, painter: &Painter) -> Result<DynamicImage> {
        let (rows, columns) = (&self.rows.0, &self.cols.0);
        let num_layers = painter.config().num_layers();
        if let Some(&layer) =
            self.styles.0.iter().flat_map(|layers| &layers.0).find(|&&layer| layer >= num_layers)
        {
            return Err(Error::Layer { layer, num_layers });
        }
        if self.violation().is_some() {
            return Err(Error::RowCount { styles: self.styles.0.len(), rows: rows.len() });
        }
        painter.check_seeds(rows)?;
        painter.check_seeds(columns)?;
        self.layout().check_size(painter.resolution())?;

        let mut cells: Vec<Cell<'_>> = rows.iter().chain(columns).map(|&seed| Cell::Source(seed)).collect();
        for (index, &row) in rows.iter().enumerate() {
            let layers = self.styles.of_row(index).map_or(&[][..], |layers| &layers.0);
            cells.extend(columns.iter().map(|&column| Cell::Mix { row, column, layers }));
        }
        let w_plus = |seed| painter.w_plus(&painter.seed(seed)?.latent);
        let pictures = painter.pictures(&cells, |cell| match *cell {
            Cell::Source(seed) => painter.seed(seed),
            Cell::Mix { row, column, layers } => {
                let latent = Latent::WPlus(mixed(&w_plus(row)?, &w_plus(column)?, layers)?);
                Ok(Sample::new(latent, vec![row, column]))
            }
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
