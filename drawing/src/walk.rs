//! Walks through latent space.

use candle_core::{IndexOp, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_generator::{Space, interpolate};
use stylegan_media::{DynamicImage, grid};

use crate::{Error, Latent, Layout, Painter, Result, Sample, Seeds, text};

/// Seeds and frames of the longest walk.
pub const MAX_FRAMES: u32 = 100_000;

/// A walk that visits seeds in order at even steps, under the names of a recipe's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// The seeds, at least two.
    #[serde(with = "text")]
    pub seeds: Seeds,
    /// Where it goes straight: in w along lines, in z along great circles.
    #[serde(with = "SpaceName")]
    pub space: Space,
    /// How many frames it has, 1 to [`MAX_FRAMES`].
    pub frames: u32,
    /// Whether it goes on from the last seed back to the first.
    #[serde(rename = "loop")]
    pub looping: bool,
}

/// The names of the spaces in a recipe.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Space", rename_all = "lowercase")]
enum SpaceName {
    Z,
    W,
}

/// The points of a walk, from which its frames are drawn.
#[derive(Debug)]
pub struct WalkPath {
    space: Space,
    /// `[frames, z_dim]` or `[frames, w_dim]`
    points: Tensor,
}

/// Some frames of a walk in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// The walk.
    #[serde(flatten)]
    pub walk: Walk,
    /// Numbers of the frames, from 0.
    #[serde(with = "text")]
    pub shown: Seeds,
    /// How they stand side by side.
    #[serde(with = "text")]
    pub grid: Layout,
}

impl Walk {
    /// The numbers of all its frames.
    pub fn all(&self) -> Vec<u64> {
        (0..self.frames.into()).collect()
    }

    /// Makes sure that it goes somewhere, and has an end.
    ///
    /// # Errors
    /// If it has too few or too many seeds or frames.
    pub fn check(&self) -> Result<()> {
        match (self.seeds.0.len(), self.frames) {
            (..2, _) => Err(Error::OneSeed),
            (count, _) if count > MAX_FRAMES as usize => Err(Error::TooManySeeds { count }),
            (_, 1..=MAX_FRAMES) => Ok(()),
            (_, frames) => Err(Error::Frames { frames }),
        }
    }

    /// The points of all frames.
    ///
    /// # Errors
    /// As [`Walk::check`], and if a seed cannot be drawn or the device fails.
    pub fn path(&self, painter: &Painter) -> Result<WalkPath> {
        self.check()?;
        painter.check_seeds(&self.seeds.0)?;
        let keys = self.seeds.0.iter().map(|&seed| match self.space {
            Space::Z => painter.z(seed),
            Space::W => painter.w(&painter.z(seed)?),
        });
        let keys = Tensor::cat(&keys.collect::<Result<Vec<_>>>()?, 0)?;
        let points = interpolate(&keys, self.frames as usize, self.looping, self.space)?;
        Ok(WalkPath { space: self.space, points })
    }
}

impl WalkPath {
    /// A frame, to be drawn.
    ///
    /// # Errors
    /// If there is no such frame.
    pub fn sample(&self, frame: u64) -> Result<Sample> {
        let index = frame as usize;
        let point = self.points.i(index..=index)?.contiguous()?;
        let latent = match self.space {
            Space::Z => Latent::Z(point),
            Space::W => Latent::W(point),
        };
        Ok(Sample::new(latent, vec![frame]))
    }
}

impl Strip {
    /// Draws the frames side by side.
    ///
    /// # Errors
    /// As [`Walk::path`], and if the picture would be too large.
    pub fn draw(&self, painter: &Painter) -> Result<DynamicImage> {
        let Self { walk, shown: Seeds(shown), grid: layout } = self;
        layout.check_size(painter.resolution())?;
        let path = walk.path(painter)?;
        let pictures = painter.pictures(shown, |&frame| path.sample(frame))?;
        Ok(grid(&pictures, layout.columns, layout.rows))
    }
}
