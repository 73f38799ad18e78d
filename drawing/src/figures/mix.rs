//! The style-mixing figure.

use serde::{Deserialize, Serialize};
use stylegan_generator::Truncation;
use stylegan_media::{DynamicImage, mix_figure};

use super::Scales;
use crate::mixing::mixed;
use crate::{
    Error, Latent, LatentId, LatentIds, LatentSource, Layers, Layout, Painter, Result, RowLayers, Sample,
    text,
};

/// The style-mixing figure of two sets of latents (Karras et al. 2019, figure 3), under the names of a recipe's JSON.
///
/// The pictures of `rows` stand along the left edge, those of `cols` along the top. Where a row and a column meet is the
/// row's picture with the styles of the column in the layers of `styles`, which may be others in each row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixFigure {
    /// Latents of the rows.
    #[serde(with = "text")]
    pub rows: LatentIds,
    /// Latents of the columns.
    #[serde(with = "text")]
    pub cols: LatentIds,
    /// Layers that take the column's style, of each row or of all, from 0 (the smallest level, mostly 4x4) on, two for each
    /// level.
    #[serde(with = "text")]
    pub styles: RowLayers,
}

/// A cell of the figure.
enum Cell<'a> {
    Source(LatentId),
    Mix { row: LatentId, column: LatentId, layers: &'a [usize] },
}

impl MixFigure {
    /// The figure as the paper has it: half of the rows take the coarse styles of the columns, a third the middle ones, a sixth
    /// the fine ones, in the [`Scales`] of the painter's network.
    ///
    /// # Errors
    /// If the network has no styles.
    pub fn of_paper(painter: &Painter, rows: LatentIds, cols: LatentIds) -> Result<Self> {
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
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        let (rows, columns) = (&self.rows.0, &self.cols.0);
        let num_layers = painter.config().num_layers();
        self.styles.0.iter().try_for_each(|layers| layers.check(num_layers))?;
        if self.violation().is_some() {
            return Err(Error::RowCount { styles: self.styles.0.len(), rows: rows.len() });
        }
        let all: Vec<LatentId> = rows.iter().chain(columns).copied().collect();
        source.check(painter, &all)?;
        self.layout().check_size(painter.resolution())?;

        let mut cells: Vec<Cell<'_>> = all.iter().map(|&id| Cell::Source(id)).collect();
        for (index, &row) in rows.iter().enumerate() {
            let layers = self.styles.of_row(index).map_or(&[][..], |layers| &layers.0);
            cells.extend(columns.iter().map(|&column| Cell::Mix { row, column, layers }));
        }
        // Where some are truncated and others are not, they are so before they are mixed.
        let of_all_kinds = source.has_w_plus(&all);
        let w_plus = |id| {
            if of_all_kinds {
                source.truncated(painter, id)
            } else {
                painter.w_plus(&source.latent(painter, id)?)
            }
        };
        let pictures = painter.pictures(&cells, |cell| match *cell {
            Cell::Source(id) => source.sample_of_many(painter, id),
            Cell::Mix { row, column, layers } => {
                let latent = Latent::WPlus(mixed(&w_plus(row)?, &w_plus(column)?, layers)?);
                let truncation = of_all_kinds.then_some(Truncation::OFF);
                Ok(Sample { truncation, ..Sample::new(latent, vec![row.number(), column.number()]) })
            }
        })?;
        let (of_rows, rest) = pictures.split_at(rows.len());
        let (of_columns, mixes) = rest.split_at(columns.len());
        let mixes: Vec<Vec<DynamicImage>> =
            mixes.chunks(columns.len().max(1)).map(<[DynamicImage]>::to_vec).collect();
        Ok(mix_figure(of_rows, of_columns, &mixes))
    }
}
