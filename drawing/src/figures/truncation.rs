//! The figure of the truncation trick.

use serde::{Deserialize, Serialize};
use stylegan_generator::Truncation;
use stylegan_media::{DynamicImage, grid};

use crate::{LatentId, LatentIds, LatentSource, Layout, Painter, Psis, Result, Sample, text};

/// What becomes of pictures on the way of w through its mean (Karras et al. 2019, figure 8), under the names of a recipe's
/// JSON.
///
/// Each seed has a row, each psi a column. The truncation of the painter's options is not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruncationFigure {
    /// Latents of the rows.
    #[serde(with = "text")]
    pub seeds: LatentIds,
    /// Values of `truncation_psi`, a column each.
    #[serde(with = "text")]
    pub psi: Psis,
    /// Number of layers, from the coarsest on, that are truncated.
    pub layers: usize,
}

impl TruncationFigure {
    /// How many pictures stand side by side.
    pub fn layout(&self) -> Layout {
        Layout { columns: self.psi.0.len(), rows: self.seeds.0.len() }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If there is no such seed, the picture would be too large, or the device fails.
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        let layout = self.layout();
        source.check(painter, &self.seeds.0)?;
        layout.check_size(painter.resolution())?;
        let cells: Vec<(LatentId, f64)> =
            self.seeds.0.iter().flat_map(|&id| self.psi.0.iter().map(move |&psi| (id, psi))).collect();
        let pictures = painter.pictures(&cells, |&(id, psi)| {
            let truncation = Some(Truncation { psi, cutoff: self.layers });
            Ok(Sample { truncation, ..source.sample(painter, id)? })
        })?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
