//! What `stylegan sample` draws from: seeds, or the latents of a file.

use anyhow::Result;
use stylegan_media::{RgbImage, grid};

use crate::latents::{LatentSpace, Latents};
use crate::layout::Layout;
use crate::painter::{Painter, Sketch, pixels};
use crate::recipe::Subject;
use crate::report::Refusal;
use crate::seeds::Seeds;

pub(crate) enum Source {
    Seeds,
    Latents(Latents),
}

impl Source {
    /// Where its latents enter the network.
    pub(crate) fn space(&self) -> LatentSpace {
        match self {
            Self::Seeds => LatentSpace::Z,
            Self::Latents(latents) => latents.space,
        }
    }

    /// The name of a single picture's file.
    pub(crate) fn file_name(&self, number: u64) -> String {
        match self {
            Self::Seeds => format!("seed{number:04}.png"),
            Self::Latents(_) => format!("latent{number:04}.png"),
        }
    }

    /// A recipe's words for a grid of the pictures of these seeds, or of these rows of the file.
    pub(crate) fn subject(&self, numbers: &[u64], grid: Layout) -> Subject {
        let numbers = Seeds(numbers.to_vec());
        match self {
            Self::Seeds => Subject::Seeds { seeds: numbers, grid },
            Self::Latents(Latents { space, hash, .. }) => {
                Subject::Latents { latents: hash.clone(), space: *space, rows: numbers, grid }
            }
        }
    }

    /// Whether the network can draw these.
    pub(crate) fn check(&self, painter: &Painter, numbers: &[u64]) -> Result<()> {
        let latents = match self {
            Self::Seeds => return painter.check_seeds(numbers),
            Self::Latents(latents) => latents,
        };
        latents.check(painter.config())?;
        match numbers.iter().find(|&&row| row >= latents.count() as u64) {
            Some(row) => {
                Err(Refusal::new(format!("there is no row {row} in {} latents", latents.count())).into())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn sketch(&self, painter: &Painter, number: u64) -> Result<Sketch> {
        let latents = match self {
            Self::Seeds => return painter.seed(number),
            Self::Latents(latents) => latents,
        };
        let row = latents.row(number as usize, painter.device())?;
        let w_plus = match latents.space {
            LatentSpace::Z => painter.w_plus(&painter.w(&row)?)?,
            LatentSpace::W => painter.w_plus(&row)?,
            LatentSpace::WPlus => painter.truncated(&row)?,
        };
        Ok(Sketch { w_plus, noise_of: vec![number] })
    }

    /// All in one picture, once they are checked.
    pub(crate) fn grid(&self, painter: &Painter, numbers: &[u64], layout: Layout) -> Result<RgbImage> {
        layout
            .check_size(painter.side(), "write single pictures into a folder, `--out DIR`, or draw fewer")?;
        let mut pictures = Vec::with_capacity(numbers.len());
        painter.draw(
            numbers,
            |&number| self.sketch(painter, number),
            |_, picture| {
                pictures.push(pixels(&picture)?);
                Ok(())
            },
        )?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
