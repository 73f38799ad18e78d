//! How different pictures look.

use candle_core::{Device, Result as TensorResult, Tensor};
use stylegan_features::{
    Depth, KnownWeights, Lpips, LpipsFeatures, PixelRange, Places, Vgg, Weights, unit_distance,
};

use crate::{Error, Result};

/// The least pixels a side that a network looks at.
pub const LEAST_SIDE: usize = 16;

/// The last layer of each block of VGG19.
const TAPS: [&str; 5] = ["relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4"];

/// What looks at pictures.
#[derive(Debug)]
pub enum Perception {
    /// LPIPS, which people's judgments were fitted by (Zhang et al. 2018).
    Lpips {
        /// The distance.
        network: Box<Lpips>,
        /// What tells its weights from others.
        fingerprint: String,
    },
    /// Features of VGG19, each pixel's made a unit vector: LPIPS without what people's judgments say of channels.
    Vgg19 {
        /// The network.
        network: Box<Vgg>,
        /// What tells its weights from others.
        fingerprint: String,
    },
    /// None: pixels alone.
    Pixels,
}

/// What is seen in pictures.
#[derive(Clone, Debug)]
pub enum Seen {
    /// By LPIPS.
    Lpips(LpipsFeatures),
    /// By VGG19, layer by layer, `[batch, channels, height, width]`.
    Vgg19(Vec<Tensor>),
    /// Nothing.
    Nothing,
}

impl Perception {
    /// LPIPS by the weights `vgg16`.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn lpips(weights: &Weights, device: &Device) -> Result<Self> {
        let network = Box::new(Lpips::new(weights, device)?.keeping_filters()?);
        Ok(Self::Lpips { network, fingerprint: weights.fingerprint().to_owned() })
    }

    /// The features of the weights `vgg19`.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn vgg19(weights: &Weights) -> Result<Self> {
        let network = Box::new(Vgg::new(weights, Depth::Nineteen)?.keeping_filters()?);
        Ok(Self::Vgg19 { network, fingerprint: weights.fingerprint().to_owned() })
    }

    /// The best that can look at pictures of this side: LPIPS or features of VGG19, by which weights are there, or nothing.
    ///
    /// # Errors
    /// If the weights that are there are damaged.
    pub fn at_hand(places: &Places, side: usize, device: &Device) -> Result<Self> {
        let is_there = |name| KnownWeights::of(name).is_some_and(|known| places.find(known).is_some());
        if side >= LEAST_SIDE && is_there("vgg16") {
            Self::lpips(&places.open("vgg16", device)?, device)
        } else if side >= LEAST_SIDE && is_there("vgg19") {
            Self::vgg19(&places.open("vgg19", device)?)
        } else {
            Ok(Self::Pixels)
        }
    }

    /// What users call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lpips { .. } => "lpips",
            Self::Vgg19 { .. } => "vgg19",
            Self::Pixels => "pixels",
        }
    }

    /// What tells its weights from others, if it has any.
    pub fn fingerprint(&self) -> Option<&str> {
        match self {
            Self::Lpips { fingerprint, .. } | Self::Vgg19 { fingerprint, .. } => Some(fingerprint),
            Self::Pixels => None,
        }
    }

    /// Makes sure that it can look at pictures of this size.
    ///
    /// # Errors
    /// If they are too small.
    pub(crate) fn check(&self, height: usize, width: usize) -> Result<()> {
        if self.fingerprint().is_some() && height.min(width) < LEAST_SIDE {
            return Err(Error::TooSmall { network: self.name(), height, width });
        }
        Ok(())
    }

    /// What it sees.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, 1, 3 or 4, height, width]` from -1 to 1; of four channels, the last is not looked at
    ///
    /// # Errors
    /// If they have another shape or are too small, or the device fails.
    pub fn look(&self, pictures: &Tensor) -> TensorResult<Seen> {
        let pictures = match pictures.dim(1)? {
            4 => pictures.narrow(1, 0, 3)?.contiguous()?,
            _ => pictures.clone(),
        };
        Ok(match self {
            Self::Lpips { network, .. } => Seen::Lpips(network.look(&pictures, PixelRange::Signed)?),
            Self::Vgg19 { network, .. } => Seen::Vgg19(network.taps(&pictures, PixelRange::Signed, &TAPS)?),
            Self::Pixels => Seen::Nothing,
        })
    }

    /// How different pictures look, `[batch]`; nothing where no network looks.
    ///
    /// # Errors
    /// If they are not of the same size or seen by different networks, or the device fails.
    pub fn distance(&self, a: &Seen, b: &Seen) -> TensorResult<Option<Tensor>> {
        match (self, a, b) {
            (Self::Lpips { network, .. }, Seen::Lpips(a), Seen::Lpips(b)) => {
                network.layers(a, b)?.sum(1).map(Some)
            }
            (Self::Vgg19 { .. }, Seen::Vgg19(a), Seen::Vgg19(b)) => {
                let layers = a.iter().zip(b).map(|(a, b)| unit_distance(a, b, None));
                Tensor::stack(&layers.collect::<TensorResult<Vec<_>>>()?, 1)?.mean(1).map(Some)
            }
            _ => Ok(None),
        }
    }
}
