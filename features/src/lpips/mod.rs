//! LPIPS: how different two pictures look (Zhang et al. 2018), version 0.1 with the trunk VGG16.
//!
//! The features of five layers of torchvision's VGG16 are made unit vectors pixel by pixel; the squares of their differences,
//! weighted channel by channel, are added up and their means over the pixels too. What the channels weigh comes with the program
//! (`weights/`, with its license).

use candle_core::{D, Device, Result as TensorResult, Tensor};

use crate::error::{Error, Result};
use crate::network::PixelRange;
use crate::tensors::Weights;
use crate::unit_distance::unit_distance;
use crate::vgg::{self, Depth, Vgg};

/// What the channels weigh, the layers one behind the other, as little-endian `f32`.
const LINEAR: &[u8] = include_bytes!("weights/vgg.bin");

/// The last layer of each block.
const TAPS: [&str; 5] = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"];

/// The distance; it can be differentiated with respect to both pictures.
#[derive(Debug)]
pub struct Lpips {
    trunk: Vgg,
    linear: Vec<Tensor>,
}

/// What [`Lpips`] sees in pictures, to be compared.
#[derive(Clone, Debug)]
pub struct LpipsFeatures(Vec<Tensor>);

impl Lpips {
    /// The distance with this trunk: weights of `vgg16`, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn new(trunk: &Weights, device: &Device) -> Result<Self> {
        let mut values = LINEAR.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value));
        let linear = vgg::WIDTHS.map(|width| {
            let values: Vec<f32> = values.by_ref().take(width).collect();
            Tensor::from_vec(values, (1, width, 1, 1), device)
        });
        let linear = linear.into_iter().collect::<TensorResult<_>>().map_err(Error::from)?;
        Ok(Self::of_parts(Vgg::new(trunk, Depth::Sixteen)?, linear))
    }

    /// The distance by another trunk and other weights of the channels.
    ///
    /// # Shapes
    /// - `linear`: five, `[1, channels, 1, 1]` each
    pub fn of_parts(trunk: Vgg, linear: Vec<Tensor>) -> Self {
        Self { trunk, linear }
    }

    /// The same for many looks at few pictures, as [`Vgg::keeping_filters`] has it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn keeping_filters(self) -> Result<Self> {
        Ok(Self { trunk: self.trunk.keeping_filters()?, ..self })
    }

    /// What is seen in pictures.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, 3, height, width]`, in `range`, both sides 16 at least
    ///
    /// # Errors
    /// If the pictures have another shape or are too small, or the device fails.
    pub fn look(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<LpipsFeatures> {
        self.trunk.taps(pictures, range, &TAPS).map(LpipsFeatures)
    }

    /// How different pictures look, layer by layer.
    ///
    /// # Shapes
    /// - `a`, `b`: of pictures of the same size; one picture may be compared with many
    /// - returns: `[batch, 5]`
    ///
    /// # Errors
    /// If the sizes differ, or the device fails.
    pub fn layers(&self, a: &LpipsFeatures, b: &LpipsFeatures) -> TensorResult<Tensor> {
        let layers =
            a.0.iter().zip(&b.0).zip(&self.linear).map(|((a, b), linear)| unit_distance(a, b, Some(linear)));
        Tensor::stack(&layers.collect::<TensorResult<Vec<_>>>()?, 1)
    }

    /// How different pictures look.
    ///
    /// # Shapes
    /// - `a`, `b`: `[batch, 3, height, width]`, in `range`
    /// - returns: `[batch]`
    ///
    /// # Errors
    /// As [`Lpips::look`] and [`Lpips::layers`].
    pub fn distance(&self, a: &Tensor, b: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        self.layers(&self.look(a, range)?, &self.look(b, range)?)?.sum(D::Minus1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Var};

    use super::*;
    use crate::network::Colors;
    use crate::reference::{assert_close, assert_near, pictures, uniform};

    fn narrow() -> Lpips {
        let trunk = vgg::tests::narrow(Depth::Sixteen, Colors::TORCHVISION);
        let linear = [4, 6, 8, 10, 12].into_iter().enumerate().map(|(number, width)| {
            let values: Vec<f32> =
                uniform(13 + number, width).iter().map(|value| value.abs() as f32).collect();
            Tensor::from_vec(values, (1, width, 1, 1), &Device::Cpu).unwrap()
        });
        Lpips::of_parts(trunk, linear.collect())
    }

    /// Golden numbers of a trunk with widths 8 to 64, in f64, with the authors' constants in place of torchvision's colors.
    #[test]
    fn layers_are_those_of_an_independent_implementation() {
        let golden = include_bytes!("../../tests/fixtures/lpips.safetensors");
        let golden: HashMap<_, _> = candle_core::safetensors::load_buffer(golden, &Device::Cpu).unwrap();
        let colors = Colors::TORCHVISION;
        let of_colors =
            |values: [f64; 3]| Tensor::new(&values.map(|value| value as f32), &Device::Cpu).unwrap();
        let mut tensors = HashMap::from([
            ("colors.mean".to_owned(), of_colors(colors.mean)),
            ("colors.deviation".to_owned(), of_colors(colors.deviation)),
        ]);
        tensors.extend(
            golden
                .iter()
                .filter_map(|(name, tensor)| Some((name.strip_prefix("net.")?.to_owned(), tensor.clone()))),
        );
        let trunk =
            Vgg::with_widths(&Weights::new(tensors, "golden"), Depth::Sixteen, [8, 16, 32, 64, 64]).unwrap();
        let first = trunk.taps(&golden["x"].narrow(0, 0, 1).unwrap(), PixelRange::Bytes, &TAPS).unwrap();
        for (number, found) in first.iter().enumerate() {
            let name = format!("x0.relu{}.mean", number + 1);
            let expected = golden[&name].to_dtype(DType::F32).unwrap();
            assert_near(&name, &found.mean((2, 3)).unwrap().squeeze(0).unwrap(), &expected, 1e-5);
        }
        let linear = (0..5).map(|number| golden[&format!("lin{number}.weight")].clone()).collect();
        let lpips = Lpips::of_parts(trunk, linear);
        let [x, y] = ["x", "y"].map(|name| lpips.look(&golden[name], PixelRange::Bytes).unwrap());
        let layers = lpips.layers(&x, &y).unwrap();
        assert_near("layers", &layers, &golden["layers"].to_dtype(DType::F32).unwrap(), 1e-5);
        let distance = lpips.distance(&golden["x"], &golden["y"], PixelRange::Bytes).unwrap();
        assert_near("distance", &distance, &golden["distance"].to_dtype(DType::F32).unwrap(), 1e-5);
    }

    fn signed(bytes: &Tensor) -> Tensor {
        ((bytes.to_dtype(DType::F32).unwrap() / 127.5).unwrap() - 1.0).unwrap()
    }

    #[test]
    fn layers_are_what_pytorch_computes() {
        let lpips = narrow();
        let a = signed(&pictures(2, 40, 36));
        let b = a.flip(&[2]).unwrap();
        let [seen_a, seen_b] = [&a, &b].map(|x| lpips.look(x, PixelRange::Signed).unwrap());
        let layers = lpips.layers(&seen_a, &seen_b).unwrap();
        assert_close("lpips.layers", &layers, 2e-5);
        let distance = lpips.distance(&a, &b, PixelRange::Signed).unwrap().to_vec1::<f32>().unwrap();
        let sums = layers.sum(1).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(distance, sums);
        let same = lpips.distance(&a, &a, PixelRange::Signed).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(same, [0.0; 2]);
    }

    #[test]
    fn the_embedded_numbers_are_all_there_and_none_is_negative() {
        assert_eq!(LINEAR.len(), 4 * vgg::WIDTHS.iter().sum::<usize>());
        let values = LINEAR.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value));
        assert!(values.clone().all(|value| (0.0..10.0).contains(&value)));
        assert!(values.sum::<f32>() > 100.0);
    }

    #[test]
    fn gradients_are_finite_even_where_nothing_is_seen() {
        let lpips = narrow();
        let black = Tensor::full(-1_f32, (1, 3, 32, 20), &Device::Cpu).unwrap();
        let picture = Var::from_tensor(&signed(&pictures(1, 32, 20))).unwrap();
        for other in [&black, picture.as_tensor()] {
            let loss =
                lpips.distance(&picture, &other.detach(), PixelRange::Signed).unwrap().sum_all().unwrap();
            let gradients = loss.backward().unwrap();
            let gradient = gradients.get(&picture).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(gradient.iter().all(|value| value.is_finite()));
        }
    }
}
