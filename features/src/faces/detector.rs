//! The tiny face detector: a picture of 416x416 in, boxes out.
//!
//! It is the network `tiny_face_detector` of face-api.js, a small YOLO (v2) of separable convolutions.

use candle_core::{D, Result as TensorResult, Tensor};
use image::RgbImage;
use stylegan_ops::{add_bias, conv2d};

use super::layers::{Conv, SeparableConv, input};
use crate::error::Result;
use crate::quantized::Quantized;

/// Side of the pictures it looks at.
pub(super) const SIDE: usize = 416;

const MANIFEST: &[u8] = include_bytes!("weights/tiny_face_detector_model-weights_manifest.json");
const WEIGHTS: &[u8] = include_bytes!("weights/tiny_face_detector_model.bin");

/// Of the pictures it was trained with.
const MEAN: [f32; 3] = [117.001, 114.697, 97.404];

/// Width and height of the boxes that others are told relative to, in cells.
const ANCHORS: [[f64; 2]; 5] = [
    [1.603_231, 2.094_468],
    [6.041_143, 7.080_126],
    [2.882_459, 3.518_061],
    [4.266_906, 5.178_857],
    [9.041_765, 10.663_08],
];

/// Center, width and height of a box and how far it is thought to be a face.
const NUMBERS: usize = 5;

const SLOPE: f64 = 0.1;

/// A box in the picture, whose sides are 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Detection {
    pub(super) confidence: f64,
    pub(super) center: [f64; 2],
    /// Width and height.
    pub(super) size: [f64; 2],
}

#[derive(Debug)]
pub(super) struct Detector {
    first: Conv,
    separable: Vec<SeparableConv>,
    last: Conv,
}

impl Detector {
    pub(super) fn embedded() -> Result<Self> {
        let weights = Quantized::read(MANIFEST, WEIGHTS)?;
        let separable = (1..6).map(|number| {
            let channels = (8 << number, 16 << number);
            SeparableConv::new(&weights, &format!("conv{number}"), channels)
        });
        Ok(Self {
            first: Conv::new(&weights, "conv0", (3, 16), 3)?,
            separable: separable.collect::<Result<_>>()?,
            last: Conv::new(&weights, "conv8", (512, NUMBERS * ANCHORS.len()), 1)?,
        })
    }

    /// The boxes of a picture of 416x416 that are thought to be faces by at least `min_confidence`.
    pub(super) fn detect(&self, picture: &RgbImage, min_confidence: f64) -> TensorResult<Vec<Detection>> {
        let cells = self.forward(&input(std::slice::from_ref(picture), MEAN)?)?;
        let (_, _, rows, columns) = cells.dims4()?;
        let cells = cells.reshape((ANCHORS.len(), NUMBERS, rows, columns))?.permute((2, 3, 0, 1))?;
        let cells = cells.flatten_all()?.to_vec1::<f32>()?;
        let mut detections = Vec::new();
        for (number, values) in cells.as_chunks::<NUMBERS>().0.iter().enumerate() {
            let [x, y, width, height, score] = values.map(f64::from);
            let confidence = sigmoid(score);
            if confidence < min_confidence {
                continue;
            }
            let (cell, anchor) = (number / ANCHORS.len(), ANCHORS[number % ANCHORS.len()]);
            let in_cells = [cell % columns, cell / columns].map(|cell| cell as f64);
            let sides = [columns, rows].map(|side| side as f64);
            detections.push(Detection {
                confidence,
                center: [0, 1].map(|axis| (in_cells[axis] + sigmoid([x, y][axis])) / sides[axis]),
                size: [0, 1].map(|axis| [width, height][axis].exp() * anchor[axis] / sides[axis]),
            });
        }
        Ok(detections)
    }

    /// # Shapes
    /// - `x`: `[batch, 3, 416, 416]`
    /// - returns: `[batch, 25, 13, 13]`
    fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        // No zeros are put around the picture: what would be computed of them is cut off.
        let (_, _, height, width) = x.dims4()?;
        let x = conv2d(x, &self.first.weight)?.narrow(2, 1, height - 2)?.narrow(3, 1, width - 2)?;
        // Bias and activation grow with what they are given, so they follow the maximum of which they take a quarter.
        let mut x = leaky_relu(&add_bias(&halved(&x)?, &self.first.bias)?)?;
        for (number, conv) in self.separable.iter().enumerate() {
            x = conv.forward(&x, 1)?;
            x = leaky_relu(&if number + 1 < self.separable.len() { halved(&x)? } else { spread(&x)? })?;
        }
        add_bias(&conv2d(&x, &self.last.weight)?, &self.last.bias)
    }
}

fn leaky_relu(x: &Tensor) -> TensorResult<Tensor> {
    x.maximum(&(x * SLOPE)?)
}

/// The largest of each 2x2 values; at an odd edge, of those that there are.
fn halved(x: &Tensor) -> TensorResult<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    x.pad_with_same(2, 0, height % 2)?.pad_with_same(D::Minus1, 0, width % 2)?.max_pool2d(2)
}

/// The largest of each value and those at the right and below.
fn spread(x: &Tensor) -> TensorResult<Tensor> {
    x.pad_with_same(2, 0, 1)?.pad_with_same(D::Minus1, 0, 1)?.max_pool2d_with_stride(2, 1)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    #[test]
    fn it_computes_what_the_reference_does() {
        let picture = reference::picture(SIDE as u32);
        let cells = Detector::embedded().unwrap().forward(&input(&[picture], MEAN).unwrap()).unwrap();
        reference::assert_close("cells", &cells, 2e-3);
    }

    #[test]
    fn a_face_is_where_it_was_drawn() {
        let picture = reference::picture(SIDE as u32);
        let mut found = Detector::embedded().unwrap().detect(&picture, 0.3).unwrap();
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        assert!(!found.is_empty());
        for axis in 0..2 {
            assert!((found[0].center[axis] - 0.5).abs() < 0.1, "{found:?}");
        }
        let all = Detector::embedded().unwrap().detect(&picture, 0.0).unwrap();
        assert_eq!(all.len(), 13 * 13 * ANCHORS.len());
    }
}
