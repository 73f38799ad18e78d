//! Errors as clients read them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::{info, warn};

use crate::Error;
use crate::state::Shared;

/// Writes the bodies of errors; a panic is one.
pub(super) async fn explained(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Error::Panic.into_response());
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    let explanation = shared.explained(&error);
    if response.status().is_server_error() {
        warn!(%method, path, error = explanation.error, "request failed");
    } else {
        info!(%method, path, error = explanation.error, "request refused");
    }
    // What the guard says of the page stays, and what was said of the body goes with it.
    let mut headers = std::mem::take(response.headers_mut());
    let mut explained = (response.status(), Json(explanation)).into_response();
    headers.extend(std::mem::take(explained.headers_mut()));
    headers.remove(CONTENT_LENGTH);
    *explained.headers_mut() = headers;
    explained
}
