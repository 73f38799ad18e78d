//! Why measures cannot be taken.

use std::io;
use std::path::PathBuf;

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why measures cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture cannot be drawn.
    #[error(transparent)]
    Drawing(Box<stylegan_drawing::Error>),
    /// A source of pictures cannot be read.
    #[error(transparent)]
    Dataset(Box<stylegan_dataset::Error>),
    /// Weights of a network are not there, or are damaged.
    #[error(transparent)]
    Weights(Box<stylegan_features::WeightsError>),
    /// Weights are not those of their network.
    #[error(transparent)]
    Features(Box<stylegan_features::Error>),
    /// A measure is not made for these pictures, or the device failed.
    #[error("cannot take `{measure}`")]
    Measure {
        /// The measure.
        measure: &'static str,
        /// Why.
        source: candle_core::Error,
    },
    /// A network failed.
    #[error("`{network}` cannot look at pictures")]
    Network {
        /// The network.
        network: String,
        /// Why.
        source: candle_core::Error,
    },
    /// Pixels cannot become a tensor, or a tensor pixels.
    #[error("cannot hold pictures in memory")]
    Tensor(#[from] candle_core::Error),
    /// Other processes, which share the work, do not answer.
    #[error(transparent)]
    Peers(#[from] stylegan_peers::Error),
    /// Other processes work on something else.
    #[error(
        "the processes that share this have {found} bytes of a batch of {expected}: they measure something else"
    )]
    OtherRows {
        /// What they have.
        found: usize,
        /// What was expected.
        expected: usize,
    },
    /// A measure needs a network that is not there.
    #[error("`{measure}` looks through the network `{network}`, which is not there")]
    NoNetwork {
        /// The measure.
        measure: &'static str,
        /// The network.
        network: &'static str,
    },
    /// More latents were to be mixed than there are layers with styles.
    #[error("{latents} latents cannot be mixed in {layers} layers with styles")]
    NothingToMix {
        /// Latents a picture.
        latents: usize,
        /// Layers that draw by styles.
        layers: usize,
    },
    /// What a network sees was to be kept, and it is not there.
    #[error("the network `{network}` is not there")]
    NothingToKeep {
        /// The network.
        network: String,
    },
    /// A measure needs a generator or labels, and was asked for pictures.
    #[error("`{measure}` looks at {what}, not at pictures alone")]
    NotOfPictures {
        /// The measure.
        measure: &'static str,
        /// What it looks at.
        what: &'static str,
    },
    /// A measure is not one of path lengths.
    #[error("`{measure}` is no path length")]
    NotOfPaths {
        /// The measure.
        measure: &'static str,
    },
    /// A measure compares with reals, and there are none.
    #[error("`{measure}` compares with real pictures, of which none were given")]
    NoReals {
        /// The measure.
        measure: &'static str,
    },
    /// Not one picture of a set could be read.
    #[error("none of {count} pictures could be read; the first, `{name}`: {reason}")]
    NothingReadable {
        /// How many there are.
        count: usize,
        /// The first of them.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of attributes is none.
    #[error("line {line} of `{}` {reason}", path.display())]
    Attributes {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The attributes of a picture are not known.
    #[error("`{}` says nothing of `{picture}`", path.display())]
    NoAttributes {
        /// The file of attributes.
        path: PathBuf,
        /// The picture.
        picture: String,
    },
    /// Attributes cannot be learned.
    #[error("no classifier can be learned from these attributes")]
    Readout {
        /// Why.
        source: candle_core::Error,
    },
    /// A file of results cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<stylegan_drawing::Error> for Error {
    fn from(error: stylegan_drawing::Error) -> Self {
        Self::Drawing(Box::new(error))
    }
}

impl From<stylegan_dataset::Error> for Error {
    fn from(error: stylegan_dataset::Error) -> Self {
        Self::Dataset(Box::new(error))
    }
}

impl From<stylegan_features::WeightsError> for Error {
    fn from(error: stylegan_features::WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
}

impl From<stylegan_features::Error> for Error {
    fn from(error: stylegan_features::Error) -> Self {
        Self::Features(Box::new(error))
    }
}
