//! What VGG16 sees in a picture as a whole, for precision and recall.

use candle_core::{Result as TensorResult, Tensor};

use crate::error::Result;
use crate::layers::Linear;
use crate::network::{FeatureNetwork, PixelRange, in_parts};
use crate::resize::Resize;
use crate::tensors::{LinearLayer, Weights};
use crate::vgg::{Depth, Pooling, Vgg, WIDTHS, halved};

/// Side of the pictures that it looks at.
const SIDE: usize = 224;
/// Pictures at a time; at its widest the network takes 13 MB for one, twice.
const AT_A_TIME: usize = 8;

/// The two layers behind the last pool, which leaves 7x7 pixels.
pub(crate) const LAYERS: [LinearLayer; 2] = [
    LinearLayer {
        name: "fc1",
        shape: [4096, WIDTHS[4] * 7 * 7],
        has_bias: true,
        torchvision: "classifier.0",
        graph: "layers.fc1",
    },
    LinearLayer {
        name: "fc2",
        shape: [4096, 4096],
        has_bias: true,
        torchvision: "classifier.3",
        graph: "layers.fc2",
    },
];

/// VGG16 up to its last layer but one; `features` are the 4096 numbers of `fc2` behind its `ReLU`.
///
/// They are what precision and recall are measured by (Kynkäänniemi et al. 2019). As in NVIDIA's metrics and torch-fidelity, pictures
/// are made 224x224 as `TensorFlow` 1 does it, and their colors are those of torchvision.
#[derive(Debug)]
pub struct Vgg16Features {
    trunk: Vgg,
    layers: [Linear; 2],
    side: usize,
    width: usize,
    fingerprint: String,
}

impl Vgg16Features {
    /// The network of these weights, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn new(weights: &Weights) -> Result<Self> {
        Self::behind(Vgg::new(weights, Depth::Sixteen)?, weights, &LAYERS, SIDE)
    }

    fn behind(trunk: Vgg, weights: &Weights, layers: &[LinearLayer; 2], side: usize) -> Result<Self> {
        let [first, second] = layers;
        Ok(Self {
            trunk,
            layers: [Linear::new(weights, first)?, Linear::new(weights, second)?],
            side,
            width: second.shape[0],
            fingerprint: format!("vgg16-fc2-{}", weights.fingerprint()),
        })
    }

    fn look(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        let resized = Resize::Tf1.apply(&range.rgb(pictures)?, range, self.side)?;
        let last = self.trunk.taps(&resized, range, &["relu5_3"])?;
        let mut x = halved(&last[0], Pooling::Floor)?.flatten_from(1)?;
        for layer in &self.layers {
            x = layer.forward(&x)?.relu()?;
        }
        Ok(x)
    }
}

impl FeatureNetwork for Vgg16Features {
    fn name(&self) -> &'static str {
        "vgg16-fc2"
    }

    fn width(&self) -> usize {
        self.width
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn features(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        in_parts(pictures, AT_A_TIME, |pictures| self.look(pictures, range))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::network::Colors;
    use crate::reference::{assert_close, assert_near, pictures};
    use crate::vgg::tests::{NARROW, narrow_weights};

    /// Pictures of 64x64, of which 2x2 pixels are left: so the order of channels and pixels counts.
    fn narrow() -> Vgg16Features {
        let [first, second] = LAYERS;
        let layers =
            [LinearLayer { shape: [10, 12 * 2 * 2], ..first }, LinearLayer { shape: [14, 10], ..second }];
        let weights = narrow_weights(Depth::Sixteen, Colors::TORCHVISION, &layers);
        let trunk = Vgg::with_widths(&weights, Depth::Sixteen, NARROW).unwrap();
        Vgg16Features::behind(trunk, &weights, &layers, 64).unwrap()
    }

    #[test]
    fn features_are_what_pytorch_computes() {
        let network = narrow();
        let found = network.features(&pictures(2, 40, 36), PixelRange::Bytes).unwrap();
        assert_close("vgg16.fc2", &found, 2e-5);
        assert_eq!((network.width(), network.fingerprint().as_str()), (14, "vgg16-fc2-made-up"));
    }

    #[test]
    fn both_ranges_and_any_batch_give_the_same() {
        let network = narrow();
        let bytes = pictures(AT_A_TIME + 1, 19, 23);
        let features = network.features(&bytes, PixelRange::Bytes).unwrap();
        let signed = ((bytes.to_dtype(DType::F32).unwrap() / 127.5).unwrap() - 1.0).unwrap();
        let last = network.features(&signed.narrow(0, AT_A_TIME, 1).unwrap(), PixelRange::Signed).unwrap();
        assert_near("the last", &last, &features.narrow(0, AT_A_TIME, 1).unwrap(), 1e-5);
    }

    #[test]
    fn a_trunk_alone_is_refused() {
        let weights = narrow_weights(Depth::Sixteen, Colors::TORCHVISION, &[]);
        let trunk = Vgg::with_widths(&weights, Depth::Sixteen, NARROW).unwrap();
        let error = Vgg16Features::behind(trunk, &weights, &LAYERS, SIDE).unwrap_err().to_string();
        assert_eq!(error, "weight `fc1.weight` is missing");
    }
}
