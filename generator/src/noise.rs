//! Where the noise of the synthesis layers comes from.

use candle_core::{Result, Tensor, bail};
use stylegan_ops::{Key, RandomTensors};

/// The one-channel noise images that the synthesis layers add.
#[derive(Clone, Debug)]
pub enum Noise {
    /// The images stored with the network: the same for every picture.
    Const,
    /// Fresh images for every sample, a function of the key and the layer.
    Random(Key),
    /// No noise.
    None,
    /// These images, one `[batch or 1, 1, side, side]` for each layer in use.
    Given(Vec<Tensor>),
}

impl Noise {
    /// The image of `layer`, whose features have `side` pixels a side; of the type and on the device of `like`.
    pub(crate) fn of_layer(
        &self,
        layer: usize,
        stored: &Tensor,
        batch: usize,
        side: usize,
        like: &Tensor,
    ) -> Result<Option<Tensor>> {
        Ok(match self {
            Noise::None => None,
            Noise::Const => Some(stored.clone()),
            Noise::Random(key) => Some(key.child("layer", layer as u64).normal(
                (batch, 1, side, side),
                like.dtype(),
                like.device(),
            )?),
            Noise::Given(images) => match images.get(layer) {
                Some(image) => Some(image.clone()),
                None => bail!("noise was given for {} layers, but layer {layer} is in use", images.len()),
            },
        })
    }
}
