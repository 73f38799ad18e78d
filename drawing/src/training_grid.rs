//! What a training is looked at by.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, grid};
use stylegan_ops::upscale2x;

use crate::painter::label_vector;
use crate::{Error, Latent, Layout, Painter, Result, Sample, Seeds, pixels, text};

/// The pictures of seeds, each with a label of its own, at the network's full size: while it grows, by repeated pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingGrid {
    /// The seeds.
    #[serde(with = "text")]
    pub seeds: Seeds,
    /// How they stand side by side.
    #[serde(with = "text")]
    pub grid: Layout,
    /// The class of each, for a network with labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<usize>,
}

impl TrainingGrid {
    /// What contradicts itself, if something does.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        let count = self.seeds.0.len();
        if !self.grid.holds(count) {
            Some("its grid has no place for all pictures")
        } else if !self.classes.is_empty() && self.classes.len() != count {
            Some("it has not as many classes as seeds")
        } else {
            None
        }
    }

    /// The picture, with `labels` `[count, label_dim]` for a network that has them.
    ///
    /// # Errors
    /// If the network has no such seeds or labels, the picture would be too large, or the device fails.
    pub fn draw(&self, painter: &Painter, labels: Option<&Tensor>) -> Result<DynamicImage> {
        let full = painter.config().resolution;
        self.grid.check_size(full)?;
        let seeds: Vec<_> = self.seeds.0.iter().copied().enumerate().collect();
        let mut pictures = Vec::with_capacity(seeds.len());
        let sample = |&(index, seed): &(usize, u64)| {
            let label = labels.map(|labels| labels.narrow(0, index, 1)).transpose()?;
            let w = painter.w_of(&painter.z(seed)?, label.as_ref())?;
            Ok(Sample::new(Latent::W(w), vec![seed]))
        };
        painter.draw_all(&seeds, sample, |_, mut picture| {
            while picture.dim(3)? < full.width {
                picture = upscale2x(&picture)?;
            }
            pictures.push(pixels(&picture)?);
            Ok::<(), Error>(())
        })?;
        Ok(grid(&pictures, self.grid.columns, self.grid.rows))
    }

    /// The same with the labels of its classes.
    pub(crate) fn draw_again(&self, painter: &Painter) -> Result<DynamicImage> {
        let label_dim = painter.config().label_dim;
        if self.classes.is_empty() {
            return if label_dim == 0 { self.draw(painter, None) } else { Err(Error::NoClass { label_dim }) };
        }
        let labels = self.classes.iter().map(|&class| label_vector(class, label_dim, painter.device()));
        let labels = Tensor::cat(&labels.collect::<Result<Vec<_>>>()?, 0)?;
        self.draw(painter, Some(&labels))
    }
}
