//! Where latents come from: seeds, or a file.

use stylegan_media::{DynamicImage, grid};

use crate::{Error, LatentFile, LatentSpace, Layout, Painter, Result, Sample};

/// Where latents come from, each by a number: a seed, or a row of a file.
#[derive(Debug)]
pub enum LatentSource {
    /// A latent z for each seed.
    Seeds,
    /// The latents of a file.
    File(LatentFile),
}

impl LatentSource {
    /// Where its latents enter the network.
    pub fn space(&self) -> LatentSpace {
        match self {
            Self::Seeds => LatentSpace::Z,
            Self::File(file) => file.space(),
        }
    }

    /// Makes sure that the network can draw these.
    ///
    /// # Errors
    /// If there is no such seed or row, the network takes latents of another shape, or a label is missing.
    pub fn check(&self, painter: &Painter, numbers: &[u64]) -> Result<()> {
        let file = match self {
            Self::Seeds => return painter.check_seeds(numbers),
            Self::File(file) => file,
        };
        painter.check_class(file.space())?;
        file.check(painter.config())?;
        match numbers.iter().find(|&&row| row >= file.count() as u64) {
            Some(&row) => Err(Error::Row { row, count: file.count() }),
            None => Ok(()),
        }
    }

    /// The picture of a seed or row, to be drawn.
    ///
    /// # Errors
    /// If there is no such seed or row, or the device fails.
    pub fn sample(&self, painter: &Painter, number: u64) -> Result<Sample> {
        match self {
            Self::Seeds => painter.seed(number),
            Self::File(file) => Ok(Sample::new(file.row(number, painter.device())?, vec![number])),
        }
    }

    /// All of these in one picture.
    ///
    /// # Errors
    /// As [`LatentSource::check`], and if the picture would be too large or the device fails.
    pub fn grid(&self, painter: &Painter, numbers: &[u64], layout: Layout) -> Result<DynamicImage> {
        self.check(painter, numbers)?;
        layout.check_size(painter.resolution())?;
        let pictures = painter.pictures(numbers, |&number| self.sample(painter, number))?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
