//! Pictures as answers.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use stylegan_media::{DynamicImage, png_bytes};

use crate::{Error, Result};

/// A picture as PNG, encoded where it keeps nobody waiting.
pub(crate) async fn png(picture: DynamicImage) -> Result<Response> {
    let bytes = tokio::task::spawn_blocking(move || png_bytes(&picture, &[])).await;
    let bytes = bytes.map_err(|_| Error::Panic)??;
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes).into_response())
}
