//! The figure of what noise changes.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, beside, grid, zoom};
use stylegan_ops::Resolution;

use crate::layout::MAX_PIXELS;
use crate::{Area, Error, LatentId, LatentIds, LatentSource, Painter, Result, pixels, text};

/// Draws of noise whose pictures are shown closely.
pub const MIN_DRAWS: u32 = 4;
/// Most draws of noise.
pub const MAX_DRAWS: u32 = 100_000;

/// What noise changes in a picture (Karras et al. 2019, figure 4), under the names of a recipe's JSON.
///
/// Each seed has a row: its picture; a part of it, at twice the size and more, in the first four draws of noise; and the
/// standard deviation of each pixel over all draws, brighter where it is larger. The noise is random where the painter's options
/// say so, and else the same in all draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseDetailFigure {
    /// Latents of the rows.
    #[serde(with = "text")]
    pub seeds: LatentIds,
    /// Draws of noise for each seed, [`MIN_DRAWS`] to [`MAX_DRAWS`]. The first is that of the seed's picture.
    pub draws: u32,
    /// The part that is shown closely.
    #[serde(with = "text")]
    pub area: Area,
}

impl NoiseDetailFigure {
    /// Brightness of the standard deviation's picture, from 0 to 255, for each step of 1/255 that a pixel deviates: the
    /// paper's.
    pub const DEVIATION_GAIN: f64 = 4.0;

    /// Makes sure that pictures of this size make such a figure.
    ///
    /// # Errors
    /// If the part does not lie in them, there are too few or too many draws, or the figure would be too large.
    fn check(&self, resolution: Resolution) -> Result<()> {
        self.area.check(resolution)?;
        if !(MIN_DRAWS..=MAX_DRAWS).contains(&self.draws) {
            return Err(Error::Draws { draws: self.draws });
        }
        let (width, height) = (3 * resolution.width, resolution.height.saturating_mul(self.seeds.0.len()));
        if width.saturating_mul(height) > MAX_PIXELS {
            return Err(Error::FigureTooLarge { width, height });
        }
        Ok(())
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// If the network has no noise, there is no such seed, as the figure's part, draws and size are checked, or if the device
    /// fails.
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        if !painter.config().noise {
            return Err(Error::NoNoise);
        }
        source.check(painter, &self.seeds.0)?;
        self.check(painter.resolution())?;
        let jobs: Vec<(LatentId, u64)> =
            self.seeds.0.iter().flat_map(|&id| (0..self.draws.into()).map(move |draw| (id, draw))).collect();
        let (last, mut rows) = (u64::from(self.draws) - 1, Vec::new());
        let mut row = Row::new(self.area);
        painter.draw_all(
            &jobs,
            |&(id, draw)| {
                let mut sample = source.sample_of_many(painter, id)?;
                if draw > 0 {
                    sample.noise_numbers.push(draw);
                }
                Ok(sample)
            },
            |&(_, draw), picture| {
                row.add(&picture)?;
                if draw == last {
                    rows.push(std::mem::replace(&mut row, Row::new(self.area)).picture()?);
                }
                Ok::<(), Error>(())
            },
        )?;
        Ok(grid(&rows, 1, rows.len()))
    }
}

/// A row, while its draws come in.
struct Row {
    area: Area,
    first: Option<(DynamicImage, Tensor)>,
    close: Vec<DynamicImage>,
    deviation: Deviation,
}

impl Row {
    fn new(area: Area) -> Self {
        Self { area, first: None, close: Vec::new(), deviation: Deviation::default() }
    }

    fn add(&mut self, picture: &Tensor) -> Result<()> {
        self.deviation.add(&brightness(picture)?);
        if self.close.len() < MIN_DRAWS as usize {
            let drawn = pixels(picture)?;
            let Area { width, height, left, top } = self.area;
            // Four of them take the place of one picture.
            let to = ((drawn.width() / 2).max(1), (drawn.height() / 2).max(1));
            self.close.push(zoom(&drawn, (left, top), (width, height), to));
            self.first.get_or_insert((drawn, picture.clone()));
        }
        Ok(())
    }

    fn picture(self) -> Result<DynamicImage> {
        let Some((first, like)) = self.first else { return Ok(DynamicImage::default()) };
        let deviation = pixels(&grey(&self.deviation.numbers(), &like)?)?;
        Ok(beside(&[first, grid(&self.close, 2, 2), deviation]))
    }
}

/// The mean of a picture's colors, from 0 to 255, one number a pixel.
fn brightness(picture: &Tensor) -> Result<Vec<f32>> {
    let colors = picture.dim(1)?.min(3);
    let mean = picture.narrow(1, 0, colors)?.to_dtype(DType::F32)?.clamp(-1f32, 1f32)?.mean(1)?;
    Ok(((mean + 1.0)? * 127.5)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
}

/// A grey picture of the shape of `like` whose pixels are these numbers, rounded, 255 at most.
fn grey(brightness: &[f32], like: &Tensor) -> Result<Tensor> {
    let (_, channels, height, width) = like.dims4()?;
    // What `to_u8` makes these bytes of: it truncates at 128 + 127.5 x.
    let signed: Vec<f32> = brightness.iter().map(|x| (x.min(255.0).round() - 127.5) / 127.5).collect();
    let plane = Tensor::from_vec(signed, (1, 1, height, width), &Device::Cpu)?;
    let alpha = plane.ones_like()?;
    let planes: Vec<&Tensor> =
        (0..channels).map(|channel| if channel < 3 { &plane } else { &alpha }).collect();
    Ok(Tensor::cat(&planes, 1)?)
}

/// Mean and squared deviations of each number of vectors that come in one after the other (Welford 1962), so that equal ones
/// deviate by 0 to the last bit.
#[derive(Default)]
struct Deviation {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Deviation {
    fn add(&mut self, values: &[f32]) {
        self.count += 1.0;
        self.mean.resize(values.len(), 0.0);
        self.squares.resize(values.len(), 0.0);
        for ((value, mean), squares) in values.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let from_before = f64::from(*value) - *mean;
            *mean += from_before / self.count;
            *squares += from_before * (f64::from(*value) - *mean);
        }
    }

    /// The standard deviation of each, `[pixels]`, of the draws as a whole population, times the gain.
    fn numbers(&self) -> Vec<f32> {
        let gain = NoiseDetailFigure::DEVIATION_GAIN;
        self.squares.iter().map(|squares| ((squares / self.count).sqrt() * gain) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_the_whole() {
        let mut deviation = Deviation::default();
        for values in
            [[2.0, 7.1], [4.0, 7.1], [4.0, 7.1], [4.0, 7.1], [5.0, 7.1], [5.0, 7.1], [7.0, 7.1], [9.0, 7.1]]
        {
            deviation.add(&values);
        }
        assert_eq!(deviation.numbers(), [2.0 * 4.0, 0.0]);
    }

    #[test]
    fn grey_pixels_are_rounded() {
        let brightness = [0.0, 0.4, 0.6, 127.5, 254.4, 300.0];
        for (channels, expected) in [(1, 1), (3, 3), (4, 4)] {
            let like = Tensor::zeros((1, channels, 2, 3), DType::F32, &Device::Cpu).unwrap();
            let picture = pixels(&grey(&brightness, &like).unwrap()).unwrap();
            assert_eq!(usize::from(picture.color().channel_count()), expected);
            assert_eq!(picture.to_luma8().into_raw(), [0, 0, 1, 128, 254, 255]);
        }
    }
}
