//! The classes that Inception tells pictures apart by, for the Inception Score.

use candle_core::{Result as TensorResult, Tensor};

use crate::error::Result;
use crate::inception::Inception;
use crate::layers::{Linear, softmax};
use crate::network::{FeatureNetwork, PixelRange};
use crate::resize::Resize;
use crate::tensors::{LinearLayer, Weights};

/// Its classes: the 1000 of `ImageNet` and eight that stand for none.
const CLASSES: usize = 1008;

/// The layer behind the last pool. Its bias does not count: the original Inception Score (Salimans et al. 2016) leaves it out, and so
/// do NVIDIA's `is50k` and torch-fidelity.
pub(crate) const OUTPUT: LinearLayer = LinearLayer {
    name: "output",
    shape: [CLASSES, 2048],
    has_bias: false,
    torchvision: "fc",
    graph: "output",
};

/// [`Inception`] with its last layer; `features` are the probabilities of its 1008 classes, rows with a sum of 1.
#[derive(Debug)]
pub struct InceptionClasses {
    inception: Inception,
    output: Linear,
}

impl InceptionClasses {
    /// The network of these weights, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn new(weights: &Weights, resize: Resize) -> Result<Self> {
        Self::behind(Inception::new(weights, resize)?, weights, &OUTPUT)
    }

    fn behind(inception: Inception, weights: &Weights, output: &LinearLayer) -> Result<Self> {
        Ok(Self { inception, output: Linear::new(weights, output)? })
    }
}

impl FeatureNetwork for InceptionClasses {
    fn name(&self) -> &'static str {
        "inception-classes"
    }

    fn width(&self) -> usize {
        CLASSES
    }

    fn fingerprint(&self) -> String {
        format!("classes-{}", self.inception.fingerprint())
    }

    fn features(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        softmax(&self.output.forward(&self.inception.features(pictures, range)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inception::tests::{NARROWED, narrow_weights};
    use crate::reference::{assert_close, pictures};

    #[test]
    fn probabilities_are_what_pytorch_computes() {
        let narrow = LinearLayer { shape: OUTPUT.shape.map(|side| side / NARROWED), ..OUTPUT };
        let weights = narrow_weights(std::slice::from_ref(&narrow));
        let inception = Inception::narrowed(&weights, Resize::Tf1, NARROWED).unwrap();
        let network = InceptionClasses::behind(inception, &weights, &narrow).unwrap();
        let found = network.features(&pictures(2, 60, 47), PixelRange::Bytes).unwrap();
        assert_close("inception.classes", &found, 2e-5);
        for sum in found.sum(1).unwrap().to_vec1::<f32>().unwrap() {
            assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        }
        assert_eq!(network.fingerprint(), "classes-inception-made-up-tf1");
    }

    #[test]
    fn large_logits_are_no_trouble() {
        let logits =
            Tensor::new(&[[1e4_f32, 1e4, -1e4], [0.0, 0.0, 0.0]], &candle_core::Device::Cpu).unwrap();
        let found = softmax(&logits).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(found[0], [0.5, 0.5, 0.0]);
        assert!(found[1].iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-7), "{found:?}");
    }

    #[test]
    fn weights_without_the_last_layer_are_refused() {
        let weights = narrow_weights(&[]);
        let inception = Inception::narrowed(&weights, Resize::Tf1, NARROWED).unwrap();
        let error = InceptionClasses::behind(inception, &weights, &OUTPUT).unwrap_err().to_string();
        assert_eq!(error, "weight `output.weight` is missing");
    }
}
