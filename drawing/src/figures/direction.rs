//! Pictures moved along a direction.

use serde::{Deserialize, Serialize};
use stylegan_generator::Truncation;
use stylegan_media::{DynamicImage, grid};

use crate::{
    Error, Latent, LatentId, LatentIds, LatentSource, LatentSpace, Layers, Layout, Painter, Result, Sample,
    Strengths, text,
};

/// What becomes of pictures along a direction of w, under the names of a recipe's JSON.
///
/// Each latent has a row, each strength a column: so many times the direction is added to w, in all layers or in some, before w
/// is truncated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectionFigure {
    /// Latents of the rows.
    #[serde(with = "text")]
    pub seeds: LatentIds,
    /// Row of the file of directions, from 0.
    pub direction: u64,
    /// How far each column goes.
    #[serde(with = "text")]
    pub strengths: Strengths,
    /// The layers whose w moves; all of them if not given.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
}

impl DirectionFigure {
    /// How many pictures stand side by side.
    pub fn layout(&self) -> Layout {
        Layout { columns: self.strengths.0.len(), rows: self.seeds.0.len() }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If there is no such latent, direction or layer, the picture would be too large, or the device fails.
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        let layout = self.layout();
        source.check(painter, &self.seeds.0)?;
        layout.check_size(painter.resolution())?;
        let moving = Moving::new(painter, source, self)?;
        let cells: Vec<(LatentId, f64)> = self
            .seeds
            .0
            .iter()
            .flat_map(|&id| self.strengths.0.iter().map(move |&strength| (id, strength)))
            .collect();
        let pictures =
            painter.pictures(&cells, |&(id, strength)| moving.sample(painter, source, id, strength))?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}

/// The direction as it is added to w of each layer.
struct Moving {
    /// `[1, num_layers, w_dim]`, zero in layers that stay
    step: candle_core::Tensor,
}

impl Moving {
    fn new(painter: &Painter, source: &LatentSource, figure: &DirectionFigure) -> Result<Self> {
        let Some(file) = source.directions() else { return Err(Error::NoDirections) };
        if file.space() == LatentSpace::Z {
            return Err(Error::DirectionOfZ);
        }
        file.check(painter.config())?;
        let num_layers = painter.config().num_layers();
        let step = painter.w_plus(&file.row(figure.direction, painter.device())?)?;
        let Some(layers) = &figure.layers else { return Ok(Self { step }) };
        layers.check(num_layers)?;
        let moves = (0..num_layers).map(|layer| f32::from(u8::from(layers.0.contains(&layer))));
        let moves = candle_core::Tensor::from_iter(moves, painter.device())?.reshape((1, num_layers, 1))?;
        Ok(Self { step: step.broadcast_mul(&moves)? })
    }

    fn sample(
        &self,
        painter: &Painter,
        source: &LatentSource,
        id: LatentId,
        strength: f64,
    ) -> Result<Sample> {
        let sample = source.sample(painter, id)?;
        let w_plus = (painter.w_plus(&sample.latent)? + (&self.step * strength)?)?;
        // As without a direction: `w_plus` is drawn as it is.
        let truncation = matches!(sample.latent, Latent::WPlus(_)).then_some(Truncation::OFF);
        Ok(Sample { latent: Latent::WPlus(w_plus), truncation, ..sample })
    }
}
