//! Where the noise of the synthesis layers comes from.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};
use stylegan_ops::{Key, RandomTensors};

/// The one-channel noise images that the synthesis layers add.
#[derive(Clone, Debug)]
pub enum Noise {
    /// The images stored with the network: the same for every picture.
    Const,
    /// Fresh images for every sample, a function of the key and the layer.
    Random(Key),
    /// Those of some samples of a larger batch, as `Random` draws them for all of it.
    RandomOf {
        /// What `Random` has.
        key: Key,
        /// Samples in all of it.
        batch: usize,
        /// Which samples these are.
        samples: Vec<Range<usize>>,
    },
    /// No noise.
    None,
    /// These images, one `[batch or 1, 1, height, width]` for each layer in use. Where they are tracked, they get a gradient, for
    /// which operations are taken one by one.
    Given(Vec<Tensor>),
    /// That of another in these layers, and none in the others.
    InLayers(Range<usize>, Box<Noise>),
}

impl Noise {
    /// The image of `layer` for features of the type, on the device and of the batch of `like`; `stored` is its own, as high
    /// and as wide. Where layers share images, it is that of the layer `image_of`.
    pub(crate) fn of_layer(
        &self,
        layer: usize,
        image_of: usize,
        stored: &Tensor,
        like: &Tensor,
    ) -> Result<Option<Tensor>> {
        let (_, _, height, width) = stored.dims4()?;
        Ok(match self {
            Noise::None => None,
            Noise::Const => Some(stored.clone()),
            // As `SynthesisLayer::noise_draw` has it.
            Noise::Random(key) => Some(key.child("layer", image_of as u64).normal(
                (like.dim(0)?, 1, height, width),
                like.dtype(),
                like.device(),
            )?),
            Noise::RandomOf { key, batch, samples } => {
                let shape = (*batch, 1, height, width);
                let all = key.child("layer", image_of as u64).normal(shape, like.dtype(), like.device())?;
                let parts = samples.iter().map(|run| all.narrow(0, run.start, run.len()));
                Some(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?)
            }
            Noise::Given(images) => match images.get(image_of) {
                Some(image) => Some(image.clone()),
                None => bail!("noise was given for {} layers, but layer {image_of} is in use", images.len()),
            },
            Noise::InLayers(layers, noise) => {
                if !layers.contains(&layer) {
                    return Ok(None);
                }
                noise.of_layer(layer, image_of, stored, like)?
            }
        })
    }
}
