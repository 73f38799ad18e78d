//! Errors as clients read them.

use std::error::Error as StdError;
use std::iter::successors;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Serialize;
use tracing::{info, warn};

use crate::Error;
use crate::state::Shared;

/// An error in sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Explanation {
    error: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Explanation {
    /// What an error says, and what is known to help against it or one of its causes.
    pub(crate) fn of(error: &Error, shared: &Shared) -> Self {
        // The error of a room below stands for itself, which a transparent variant would hide.
        let first: &(dyn StdError + 'static) = match error {
            Error::Other(error) => error.as_ref(),
            error => error,
        };
        let chain: Vec<_> =
            successors(Some(first), |error: &&(dyn StdError + 'static)| (*error).source()).collect();
        let words = |error: &dyn StdError| shared.kept.in_clients_words(&error.to_string());
        Self {
            error: words(first),
            causes: chain[1..].iter().map(|error| words(*error)).collect(),
            hint: chain.iter().find_map(|error| (shared.hint_of)(*error)),
        }
    }
}

/// Writes the bodies of errors; a panic is one.
pub(super) async fn explained(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Error::Panic.into_response());
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    let explanation = Explanation::of(&error, &shared);
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
