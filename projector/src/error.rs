//! Why photos cannot be projected.

use std::path::PathBuf;

use stylegan_base::Hint;
use thiserror::Error;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why photos cannot be projected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An option is outside of its bounds: all that are.
    #[error("{}", .0.join("; "))]
    Options(Vec<String>),
    /// Noise is to be found for a network that has none.
    #[error("this network has no noise, so there is none to be optimized")]
    NoNoise,
    /// Photos that are not as large as the network draws.
    #[error("photos have shape {found:?} where the network draws {expected:?}")]
    Shape {
        /// Theirs.
        found: Vec<usize>,
        /// `[batch, channels, height, width]` of the network.
        expected: Vec<usize>,
    },
    /// Pictures that a perceptual network cannot look at.
    #[error(
        "pictures of {height}x{width} are too small for `{network}`, which needs {} pixels a side",
        crate::LEAST_SIDE
    )]
    TooSmall {
        /// What it is called.
        network: &'static str,
        /// Pixels from top to bottom.
        height: usize,
        /// Pixels from left to right.
        width: usize,
    },
    /// The state of another projection.
    #[error("`{}` is the state of another projection: {what} differs", path.display())]
    OtherJob {
        /// The file.
        path: PathBuf,
        /// The first thing that is not the same.
        what: String,
    },
    /// A state that lacks what it should hold.
    #[error("`{}` cannot be gone on from: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The numbers went bad.
    #[error("the projection diverged in step {step}: what it draws is not finite")]
    Diverged {
        /// The step, from 0.
        step: u32,
    },
    /// A state cannot be read or written.
    #[error(transparent)]
    Checkpoint(Box<stylegan_checkpoint::Error>),
    /// A result cannot be drawn or written.
    #[error(transparent)]
    Drawing(#[from] stylegan_drawing::Error),
    /// A picture cannot be made or written.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
    /// A perceptual network cannot be built.
    #[error("the perceptual network cannot be built")]
    Perception(#[from] stylegan_features::Error),
    /// Its weights are nowhere, or damaged.
    #[error(transparent)]
    Weights(Box<stylegan_features::WeightsError>),
    /// What was done cannot be written down.
    #[error("cannot write `{}`", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The networks or the device failed.
    #[error("the networks failed")]
    Networks(#[from] candle_core::Error),
}

impl From<stylegan_features::WeightsError> for Error {
    fn from(error: stylegan_features::WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
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
            Self::Drawing(error) => error.hint(),
            Self::Media(error) => error.hint(),
            Self::Diverged { .. } => Some("a smaller learning rate may hold".to_owned()),
            _ => None,
        }
    }
}
