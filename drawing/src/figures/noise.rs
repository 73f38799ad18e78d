//! The figure of the noise in layers of different scales.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, grid};

use crate::{Error, LatentId, LatentIds, LatentSource, Layout, Painter, Result, Sample, text};

/// What noise does in coarse and in fine layers (Karras et al. 2019, figure 5), under the names of a recipe's JSON.
///
/// Each seed has a row of four pictures: with noise in all layers, in none, in the fine ones alone, and in the coarse ones
/// alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseFigure {
    /// Latents of the rows.
    #[serde(with = "text")]
    pub seeds: LatentIds,
    /// The first layer that counts as fine, from 0.
    pub fine_from: usize,
}

impl NoiseFigure {
    /// How many pictures stand side by side.
    pub fn layout(&self) -> Layout {
        Layout { columns: 4, rows: self.seeds.0.len() }
    }

    /// The layers with noise, of each column.
    fn columns(&self) -> [Range<usize>; 4] {
        [0..usize::MAX, 0..0, self.fine_from..usize::MAX, 0..self.fine_from]
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If the network has no noise, there is no such seed, the picture would be too large, or the device fails.
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        let layout = self.layout();
        if !painter.config().noise {
            return Err(Error::NoNoise);
        }
        source.check(painter, &self.seeds.0)?;
        layout.check_size(painter.resolution())?;
        let cells: Vec<(LatentId, Range<usize>)> =
            self.seeds.0.iter().flat_map(|&id| self.columns().map(|layers| (id, layers))).collect();
        let pictures = painter.pictures(&cells, |(id, layers)| {
            Ok(Sample { noise_layers: Some(layers.clone()), ..source.sample_of_many(painter, *id)? })
        })?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
