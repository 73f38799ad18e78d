//! The figure of the truncation trick.

use serde::{Deserialize, Serialize};
use stylegan_generator::Truncation;
use stylegan_media::{DynamicImage, grid};

use crate::{Layout, Painter, Psis, Result, Sample, Seeds, text};

/// What becomes of pictures on the way of w through its mean (Karras et al. 2019, figure 8), under the names of a recipe's
/// JSON.
///
/// Each seed has a row, each psi a column. The truncation of the painter's options is not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruncationFigure {
    /// Seeds of the rows.
    #[serde(with = "text")]
    pub seeds: Seeds,
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
    pub fn draw(&self, painter: &Painter) -> Result<DynamicImage> {
        let layout = self.layout();
        painter.check_seeds(&self.seeds.0)?;
        layout.check_size(painter.resolution())?;
        let cells: Vec<(u64, f64)> =
            self.seeds.0.iter().flat_map(|&seed| self.psi.0.iter().map(move |&psi| (seed, psi))).collect();
        let pictures = painter.pictures(&cells, |&(seed, psi)| {
            Ok(Sample { truncation: Some(Truncation { psi, cutoff: self.layers }), ..painter.seed(seed)? })
        })?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
