//! What can go wrong on the way from a picture to what a network sees in it.

/// What can go wrong on the way from a picture to what a network sees in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list of a network's weights cannot be understood.
    #[error("the list of weights cannot be understood")]
    Manifest(#[from] serde_json::Error),
    /// A weight is not what the list or the network says.
    #[error("weight `{name}` {reason}")]
    Weight {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The weights' bytes do not end where the list ends.
    #[error("the weights have {found} bytes, not the {listed} that are listed")]
    Length {
        /// How many bytes there are.
        found: usize,
        /// How many the list asks for.
        listed: usize,
    },
    /// A network cannot be computed.
    #[error("cannot compute a network that looks at pictures")]
    Tensor(#[from] candle_core::Error),
}

/// A result of this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn weight(name: &str, reason: impl Into<String>) -> Self {
        Self::Weight { name: name.to_owned(), reason: reason.into() }
    }
}
