//! Where in a picture a style holds.

use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};

use super::tiles::Tiles;
use crate::encoder::STRIDE;
use crate::error::{Error, Result};

/// The shares of styles at each feature of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares {
    /// Of each style, row by row; together they are at most 1, and what is left stays as it was.
    pub(super) maps: Vec<Vec<f32>>,
}

impl Shares {
    /// Those of masks, white being all. They are stretched over the picture; where several overlap they share.
    pub(super) fn of(masks: &[GrayImage], picture: &RgbImage, tiles: Tiles) -> Result<Self> {
        let mut maps: Vec<Vec<f32>> = masks.iter().map(|mask| means(mask, picture, tiles)).collect();
        if let Some(number) = maps.iter().position(|map| map.iter().all(|share| *share == 0.0)) {
            return Err(Error::Masks(format!("mask {} is black everywhere", number + 1)));
        }
        for place in 0..maps.first().map_or(0, Vec::len) {
            let sum: f32 = maps.iter().map(|map| map[place]).sum();
            if sum > 1.0 {
                for map in &mut maps {
                    map[place] /= sum;
                }
            }
        }
        Ok(Self { maps })
    }
}

/// The mean of a mask over the pixels of each feature.
fn means(mask: &GrayImage, picture: &RgbImage, Tiles { features: [rows, columns], .. }: Tiles) -> Vec<f32> {
    let size = (picture.width(), picture.height());
    let stretched;
    let mask = if mask.dimensions() == size {
        mask
    } else {
        stretched = resize(mask, size.0, size.1, FilterType::Triangle);
        &stretched
    };
    let (width, height) = (size.0 as usize, size.1 as usize);
    let mut means = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            // A picture whose sides are no multiples goes on beyond its edge as at its last pixels.
            let along = |place: usize, pixels: usize| {
                let first = (place * STRIDE).min(pixels - 1);
                first..((place + 1) * STRIDE).min(pixels).max(first + 1)
            };
            let (mut sum, mut count) = (0_u32, 0_u32);
            for y in along(row, height) {
                for x in along(column, width) {
                    sum += u32::from(mask.as_raw()[y * width + x]);
                    count += 1;
                }
            }
            means.push(sum as f32 / (255 * count) as f32);
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn masks_become_shares_of_features() {
        let picture = RgbImage::new(20, 16);
        let tiles = Tiles::new([20, 16], 512);
        let left = GrayImage::from_fn(20, 16, |x, _| Luma([if x < 8 { 255 } else { 0 }]));
        let all = GrayImage::from_pixel(5, 4, Luma([255]));
        let shares = Shares::of(&[left.clone(), all], &picture, tiles).unwrap();
        assert_eq!(shares.maps, [[0.5, 0.0, 0.0, 0.5, 0.0, 0.0], [0.5, 1.0, 1.0, 0.5, 1.0, 1.0]]);
        let alone = Shares::of(&[left], &picture, tiles).unwrap();
        assert_eq!(alone.maps, [[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]]);
        let black = Shares::of(&[GrayImage::new(3, 3)], &picture, tiles).unwrap_err();
        assert_eq!(black.to_string(), "mask 1 is black everywhere");
    }
}
