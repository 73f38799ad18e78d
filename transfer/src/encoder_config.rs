//! What an encoder is like.

use serde::{Deserialize, Serialize};
use stylegan_features::{Padding, Pooling};

/// The weights that an encoder can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncoderWeights {
    /// VGG19 as it was trained.
    #[default]
    #[serde(rename = "vgg19")]
    Plain,
    /// The original's: scaled so that activations average to one, with a convolution of colors before all others.
    #[serde(rename = "vgg19-normalized")]
    Normalized,
}

impl EncoderWeights {
    /// By what they are asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "vgg19",
            Self::Normalized => "vgg19-normalized",
        }
    }
}

/// What an encoder is like. A decoder makes sense with the one alone that it was trained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderConfig {
    /// Its weights.
    pub weights: EncoderWeights,
    /// What is around pictures and features.
    pub padding: Padding,
    /// What becomes of odd sides.
    pub pooling: Pooling,
    /// Whether the features of VGG19 as it was trained are divided by their means over many pictures, so that they average to one
    /// as those of the normalized weights do by themselves. Those of `relu4_1` are near 400, of which no decoder learns.
    pub unit_means: bool,
}

impl Default for EncoderConfig {
    /// The original's, but with the weights that are in a package.
    fn default() -> Self {
        Self {
            weights: EncoderWeights::Plain,
            padding: Padding::Reflect,
            pooling: Pooling::Ceil,
            unit_means: true,
        }
    }
}
