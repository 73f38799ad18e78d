//! The figure of pictures that nobody chose.

use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, beside, grid};
use stylegan_ops::{Resolution, downscale2x};

use crate::layout::MAX_PIXELS;
use crate::{Error, Lods, Painter, Result, pixels, text};

/// Pictures of seeds in a row, in columns of shrinking size (Karras et al. 2019, figure 2), under the names of a recipe's
/// JSON.
///
/// A column of lod l holds `rows · 2^l` pictures from top to bottom, each shrunk by `2^l` to means of pixels, so that all
/// columns are equally high.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UncuratedFigure {
    /// Seed of the first picture; the others follow, down one column after the other. After the last seed of 64 bits comes 0.
    pub seed: u64,
    /// The level of detail of each column.
    #[serde(with = "text")]
    pub lods: Lods,
    /// Pictures of full size in a column of lod 0.
    pub rows: u32,
}

impl UncuratedFigure {
    /// The columns of the paper's figure that pictures of this size can have.
    pub fn lods_of_paper(resolution: Resolution) -> Lods {
        Lods([0, 1, 2, 2, 3, 3].into_iter().filter(|&lod| lod <= resolution.doublings()).collect())
    }

    /// How many pictures are drawn.
    pub fn count(&self) -> usize {
        self.lods.0.iter().map(|&lod| self.column_count(lod)).fold(0, usize::saturating_add)
    }

    fn column_count(&self, lod: u32) -> usize {
        (self.rows as usize).saturating_mul(1_usize.checked_shl(lod).unwrap_or(usize::MAX))
    }

    /// Makes sure that pictures of this size make such a figure.
    ///
    /// # Errors
    /// If they cannot be shrunk so far, or it would be too large.
    fn check(&self, resolution: Resolution) -> Result<()> {
        if let Some(&lod) = self.lods.0.iter().find(|&&lod| lod > resolution.doublings()) {
            return Err(Error::Lod { lod, resolution });
        }
        let width = self.lods.0.iter().map(|&lod| resolution.width >> lod).fold(0, usize::saturating_add);
        let height = resolution.height.saturating_mul(self.rows as usize);
        if width.saturating_mul(height) > MAX_PIXELS {
            return Err(Error::FigureTooLarge { width, height });
        }
        Ok(())
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If there is no such seed, the pictures cannot be shrunk so far, the figure would be too large, or the device fails.
    pub fn draw(&self, painter: &Painter) -> Result<DynamicImage> {
        self.check(painter.resolution())?;
        let lods = self.lods.0.iter().flat_map(|&lod| std::iter::repeat_n(lod, self.column_count(lod)));
        let jobs: Vec<(u64, u32)> = (0..).map(|index| self.seed.wrapping_add(index)).zip(lods).collect();
        painter.check_seeds(&jobs.iter().map(|&(seed, _)| seed).collect::<Vec<_>>())?;
        let mut pictures = Vec::with_capacity(jobs.len());
        painter.draw_all(
            &jobs,
            |&(seed, _)| painter.seed(seed),
            |&(_, lod), picture| {
                // Shrunk before colors are divided by alpha, of values that a picture can show.
                let mut picture = if lod > 0 { picture.clamp(-1f32, 1f32)? } else { picture };
                for _ in 0..lod {
                    picture = downscale2x(&picture)?;
                }
                pictures.push(pixels(&picture)?);
                Ok::<(), Error>(())
            },
        )?;
        let mut rest = pictures.as_slice();
        let columns: Vec<DynamicImage> = self
            .lods
            .0
            .iter()
            .map(|&lod| {
                let (column, others) = rest.split_at(self.column_count(lod));
                rest = others;
                grid(column, 1, column.len())
            })
            .collect();
        Ok(beside(&columns))
    }
}
