//! Why a request is refused, or cannot be done.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use stylegan_base::units::mebibytes;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request is refused, or cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The folder for what clients send cannot be made or written.
    #[error("cannot keep what was sent")]
    Keep(#[source] io::Error),
    /// A number that stands for nothing here.
    #[error("there is no {what} {id}")]
    NoSuch {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        id: u64,
    },
    /// A path that is none of the page's.
    #[error("there is no such page")]
    NoPage,
    /// A file of a run that is none of its pictures.
    #[error("the run has no such picture")]
    NoPicture,
    /// A request that cannot be understood.
    #[error("the request is not understood: {0}")]
    Bad(String),
    /// A body that is too long.
    #[error("what was sent is longer than {:.0} MiB", mebibytes(*limit_bytes))]
    TooLong {
        /// The most bytes.
        limit_bytes: u64,
    },
    /// A body that ended before its time, or did not come.
    #[error("what was sent did not arrive")]
    Lost,
    /// More work than is done at a time.
    #[error("the studio is busy with other requests; ask again in a moment")]
    Busy,
    /// A request of another page.
    #[error("{0}")]
    Refused(&'static str),
    /// A request without the token that the studio was started with.
    #[error("the token is missing or wrong: open the address that the studio printed when it started")]
    NoToken,
    /// A training that another process does, or that is over.
    #[error("this training is not done by this process, which can only show it")]
    NotLive,
    /// Something that should not happen.
    #[error("the studio failed at this request; it goes on with others")]
    Panic,
    /// A room below refuses or fails.
    #[error(transparent)]
    Other(Arc<dyn StdError + Send + Sync>),
}

impl Error {
    /// An error of a room below.
    pub(crate) fn other(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::Other(Arc::new(error))
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuch { .. } | Self::NoPage | Self::NoPicture => StatusCode::NOT_FOUND,
            Self::Bad(_) | Self::Other(_) => StatusCode::BAD_REQUEST,
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Lost => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::NotLive => StatusCode::CONFLICT,
            Self::Listen { .. } | Self::Keep(_) | Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

macro_rules! of_rooms {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        })+
    };
}

of_rooms!(
    candle_core::Error,
    stylegan_alignment::CropError,
    stylegan_checkpoint::Error,
    stylegan_dataset::Error,
    stylegan_drawing::Error,
    stylegan_features::Error,
    stylegan_features::WeightsError,
    stylegan_import::Error,
    stylegan_media::Error,
    stylegan_projector::Error,
);

/// The body is written where it is known what helps (`http::explained`).
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
