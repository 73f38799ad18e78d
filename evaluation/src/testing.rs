//! A network for the tests of this room.

use candle_core::{DType, Result, Tensor};
use stylegan_features::{FeatureNetwork, PixelRange};

/// The mean of each channel.
#[derive(Debug)]
pub(crate) struct Means;

impl FeatureNetwork for Means {
    fn name(&self) -> &'static str {
        "inception"
    }

    fn width(&self) -> usize {
        3
    }

    fn fingerprint(&self) -> String {
        "means".to_owned()
    }

    fn features(&self, pictures: &Tensor, _: PixelRange) -> Result<Tensor> {
        pictures.to_dtype(DType::F32)?.mean((2, 3))
    }
}
