//! The 68 points of a face: a picture of 112x112 with a face in it in, points out.
//!
//! It is the network `face_landmark_68` of face-api.js: four dense blocks of separable convolutions, a mean, a linear layer.

use candle_core::{Result as TensorResult, Tensor};
use image::{RgbImage, imageops};
use stylegan_ops::{add_bias, conv2d_down, dense};

use super::layers::{Conv, SeparableConv, input};
use crate::error::Result;
use crate::quantized::Quantized;

/// How many points a face has.
pub const LANDMARKS: usize = 68;

/// Side of the pictures it looks at.
pub(super) const SIDE: usize = 112;

const MANIFEST: &[u8] = include_bytes!("weights/face_landmark_68_model-weights_manifest.json");
const WEIGHTS: &[u8] = include_bytes!("weights/face_landmark_68_model.bin");

/// Of the pictures it was trained with.
const MEAN: [f32; 3] = [122.782, 117.001, 104.298];

/// Channels of the blocks.
const CHANNELS: [usize; 4] = [32, 64, 128, 256];

/// The point that each becomes when the picture is mirrored: the other jaw, brow, half of the nose, eye, half of the mouth.
const MIRRORED: [usize; LANDMARKS] = [
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, // jaw
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17, // brows
    27, 28, 29, 30, 35, 34, 33, 32, 31, // nose
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, // eyes
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, // lips, outside
    64, 63, 62, 61, 60, 67, 66, 65, // lips, inside
];

/// The outer corners of the eyes, which tell size and roll of a face.
pub(super) const EYE_CORNERS: [usize; 2] = [36, 45];

/// Points of a face, from 0 to 1 in the picture.
pub(super) type Points = [[f64; 2]; LANDMARKS];

/// A face as it was seen, and in a mirror.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// The mean of both.
    pub(super) points: Points,
    /// How far both are apart on average, in distances of the eyes' outer corners.
    pub(super) disagreement: f64,
}

#[derive(Debug)]
pub(super) struct LandmarkNetwork {
    blocks: Vec<DenseBlock>,
    weight: Tensor,
    bias: Tensor,
}

/// A convolution that halves the sides, and three of which each gets the sum of what all before it gave.
#[derive(Debug)]
struct DenseBlock {
    first: First,
    others: [SeparableConv; 3],
}

#[derive(Debug)]
enum First {
    Plain(Conv),
    Separable(SeparableConv),
}

impl LandmarkNetwork {
    pub(super) fn embedded() -> Result<Self> {
        let weights = Quantized::read(MANIFEST, WEIGHTS)?;
        let mut in_channels = 3;
        let mut blocks = Vec::new();
        for (number, channels) in CHANNELS.into_iter().enumerate() {
            let name = |conv: usize| format!("dense{number}/conv{conv}");
            let first = if number == 0 {
                First::Plain(Conv::new(&weights, &name(0), (in_channels, channels), 3)?)
            } else {
                First::Separable(SeparableConv::new(&weights, &name(0), (in_channels, channels))?)
            };
            let other = |conv| SeparableConv::new(&weights, &name(conv), (channels, channels));
            blocks.push(DenseBlock { first, others: [other(1)?, other(2)?, other(3)?] });
            in_channels = channels;
        }
        let weight = weights.get("fc/weights", &[in_channels, 2 * LANDMARKS])?.t()?.contiguous()?;
        Ok(Self { blocks, weight, bias: weights.get("fc/bias", &[2 * LANDMARKS])? })
    }

    /// The points of faces, one in each picture of 112x112.
    pub(super) fn look(&self, pictures: &[RgbImage]) -> TensorResult<Vec<Sight>> {
        let both: Vec<RgbImage> = pictures
            .iter()
            .flat_map(|picture| [picture.clone(), imageops::flip_horizontal(picture)])
            .collect();
        let values = self.forward(&input(&both, MEAN)?)?.to_vec2::<f32>()?;
        let points: Vec<Points> = values
            .iter()
            .map(|values| {
                let mut points = [[0.0; 2]; LANDMARKS];
                for (point, xy) in points.iter_mut().zip(values.as_chunks().0) {
                    *point = <[f32; 2]>::map(*xy, f64::from);
                }
                points
            })
            .collect();
        Ok(points.as_chunks().0.iter().map(|[plain, mirrored]| Sight::of(plain, mirrored)).collect())
    }

    /// # Shapes
    /// - `x`: `[batch, 3, 112, 112]`
    /// - returns: `[batch, 136]`, x and y of each point
    fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        // All pixels that are left, 7x7.
        let means = x.mean((2, 3))?;
        add_bias(&dense(&means, &self.weight, 1.0)?, &self.bias)
    }
}

impl DenseBlock {
    /// # Shapes
    /// - `x`: `[batch, in_channels, height, width]`, of even sides
    /// - returns: `[batch, out_channels, height / 2, width / 2]`
    fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        let first = match &self.first {
            First::Plain(conv) => {
                // TensorFlow puts the zeros that a stride of 2 needs at the right and at the bottom.
                let padded = x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?;
                add_bias(&conv2d_down(&padded, &conv.weight)?, &conv.bias)?
            }
            First::Separable(conv) => conv.forward(x, 2)?,
        };
        let mut sum = first.relu()?;
        for conv in &self.others {
            sum = (&sum + conv.forward(&sum.relu()?, 1)?)?;
        }
        sum.relu()
    }
}

impl Sight {
    fn of(plain: &Points, mirrored: &Points) -> Self {
        let mut points = *plain;
        let mut apart = 0.0;
        for (point, mirrored_at) in points.iter_mut().zip(MIRRORED) {
            let [x, y] = mirrored[mirrored_at];
            let other = [1.0 - x, y];
            apart += distance(*point, other) / LANDMARKS as f64;
            *point = [0, 1].map(|axis| f64::midpoint(point[axis], other[axis]));
        }
        let [left, right] = EYE_CORNERS.map(|number| points[number]);
        Self { points, disagreement: apart / distance(left, right) }
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    #[test]
    fn it_computes_what_the_reference_does() {
        let picture = reference::picture(SIDE as u32);
        let network = LandmarkNetwork::embedded().unwrap();
        let points = network.forward(&input(&[picture], MEAN).unwrap()).unwrap();
        reference::assert_close("points", &points, 2e-4);
    }

    #[test]
    fn a_mirrored_face_has_mirrored_points() {
        let picture = reference::picture(SIDE as u32);
        let network = LandmarkNetwork::embedded().unwrap();
        let [plain, mirrored] =
            network.look(&[picture.clone(), imageops::flip_horizontal(&picture)]).unwrap()[..]
        else {
            panic!()
        };
        for (number, [x, y]) in plain.points.into_iter().enumerate() {
            let [mirrored_x, mirrored_y] = mirrored.points[MIRRORED[number]];
            assert!((x - (1.0 - mirrored_x)).abs() < 1e-5 && (y - mirrored_y).abs() < 1e-5, "{number}");
        }
        assert!((plain.disagreement - mirrored.disagreement).abs() < 1e-5);
        assert!((0..LANDMARKS).all(|number| MIRRORED[MIRRORED[number]] == number));
    }
}
