//! What clients send, within bounds of length and time.

use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::files::{Kept, Upload, shown_name};
use crate::{Error, Result};

/// The longest JSON of a request.
const MOST_JSON: u64 = 1 << 20;
/// How long the next part of a body may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The JSON of a request.
#[derive(Debug)]
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Input<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let mut json = Vec::new();
        read(request.into_body(), MOST_JSON, |part| {
            json.extend_from_slice(part);
            Ok(())
        })
        .await?;
        serde_json::from_slice(&json).map(Self).map_err(|error| Error::Bad(error.to_string()))
    }
}

#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    name: String,
}

/// Receives the body of a request as a file, `?name=` beside it.
///
/// # Errors
/// If it is longer than `most` bytes, does not come, or cannot be kept.
pub(crate) async fn receive(request: Request, kept: &Kept, most: u64) -> Result<Upload> {
    let query = axum::extract::Query::<Name>::try_from_uri(request.uri());
    let name = query.map(|query| query.0.name).unwrap_or_default();
    let upload = Upload { name: shown_name(&name), path: kept.fresh(&name) };
    let mut file = std::fs::File::create_new(&upload.path).map_err(Error::Keep)?;
    read(request.into_body(), most, |part| file.write_all(part).map_err(Error::Keep)).await?;
    Ok(upload)
}

async fn read(body: Body, most: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut parts = body.into_data_stream();
    let mut length = 0;
    while let Some(part) = timeout(PATIENCE, parts.next()).await.map_err(|_| Error::Lost)? {
        let part = part.map_err(|_| Error::Lost)?;
        length += part.len() as u64;
        if length > most {
            return Err(Error::TooLong { limit_bytes: most });
        }
        take(&part)?;
    }
    Ok(())
}
