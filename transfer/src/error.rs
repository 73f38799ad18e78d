//! What can go wrong with a style transfer.

use std::path::PathBuf;

use stylegan_base::Hint;
use thiserror::Error;

use crate::encoder_config::EncoderWeights;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a style transfer.
#[derive(Debug, Error)]
pub enum Error {
    /// The weights of an encoder do not fit.
    #[error("the encoder cannot be built")]
    Encoder(#[from] stylegan_features::Error),
    /// A decoder was trained for other weights.
    #[error("the decoder is for an encoder of the weights `{}`, not for one of `{}`", expected.name(), found.name())]
    OtherEncoder {
        /// What it was trained for.
        expected: EncoderWeights,
        /// What was given.
        found: EncoderWeights,
    },
    /// A decoder file cannot be read or written.
    #[error(transparent)]
    Checkpoint(Box<stylegan_checkpoint::Error>),
    /// What a decoder file says of itself is wrong.
    #[error("`{}` holds no decoder that can be used: {reason}", path.display())]
    Decoder {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture is too small to be looked at.
    #[error("{what} is {width}x{height}, but {least} pixels along each side is the least")]
    TooSmall {
        /// Which one.
        what: String,
        /// Pixels from left to right.
        width: usize,
        /// Pixels from top to bottom.
        height: usize,
        /// The least of them.
        least: usize,
    },
    /// Masks that do not go with the styles.
    #[error("{0}")]
    Masks(String),
    /// What a picture was drawn from cannot be written down.
    #[error("the recipe of a picture cannot be written")]
    Recipe(#[source] serde_json::Error),
    /// A picture cannot be written.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
    /// The networks or the device failed.
    #[error("the networks failed")]
    Networks(#[from] candle_core::Error),
}

impl From<stylegan_checkpoint::Error> for Error {
    fn from(error: stylegan_checkpoint::Error) -> Self {
        Self::Checkpoint(Box::new(error))
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::OtherEncoder { expected: EncoderWeights::Normalized, .. } => Some(
                "the authors' normalized VGG19 is a file `vgg_normalised.pth` beside their decoder"
                    .to_owned(),
            ),
            Self::Media(error) => error.hint(),
            _ => None,
        }
    }
}
