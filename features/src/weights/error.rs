//! Why weights cannot be had.

use std::io;
use std::path::PathBuf;

use stylegan_base::Hint;

use super::KnownWeights;

/// Why weights cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// No network has this name.
    #[error("`{name}` names no weights")]
    Unknown {
        /// The name.
        name: String,
    },
    /// They are nowhere.
    #[error("the weights of `{}` are not there", known.name)]
    Missing {
        /// Which.
        known: &'static KnownWeights,
        /// Where they were looked for.
        places: Vec<PathBuf>,
    },
    /// The system could not read a file.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system could not write what was converted.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no tensors, or is damaged.
    #[error("`{}` is damaged or holds no weights: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file whose arrays cannot be read.
    #[error(transparent)]
    Arrays(#[from] stylegan_arrays::Error),
    /// A file of other weights.
    #[error("`{}` does not hold the weights of `{name}`: {reason}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: &'static str,
        /// What it lacks.
        reason: String,
    },
    /// A tensor could not be computed.
    #[error("cannot make weights of `{}`", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// Why.
        source: candle_core::Error,
    },
}

impl Hint for WeightsError {
    fn hint(&self) -> Option<String> {
        let known = match self {
            Self::Unknown { .. } => return Some("`stylegan weights` lists them".to_owned()),
            Self::Missing { known, .. } => known,
            Self::Other { name, .. } => KnownWeights::of(name)?,
            _ => return None,
        };
        let file = known.files.first()?;
        Some(if known.is_fetched {
            format!("`scripts/fetch-weights {}` brings them; or name a file, `--weights FILE`", known.name)
        } else {
            format!("download {} and name it, `--weights FILE`", file.from)
        })
    }
}
