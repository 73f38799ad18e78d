//! Where jobs are, and what came of them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Part};
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;

use crate::http::png;
use crate::jobs::State;
use crate::state::Shared;
use crate::{Error, Result};

/// `GET /api/jobs/{job}/events`
pub(crate) async fn events(
    Part(shared): Part<Arc<Shared>>,
    Path(id): Path<u64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let mut progress = shared.jobs.get(id)?.progress();
    progress.mark_changed();
    let told = unfold(Some(progress), |progress| async {
        let mut progress = progress?;
        // An error says that the job is gone with all that it told.
        progress.changed().await.ok()?;
        let now = progress.borrow_and_update().clone();
        let event = Event::default().json_data(&now).unwrap_or_default();
        Some((Ok(event), (now.state == State::Running).then_some(progress)))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::default()))
}

/// `POST /api/jobs/{job}/stop`
pub(crate) async fn stop(Part(shared): Part<Arc<Shared>>, Path(id): Path<u64>) -> Result<Json<()>> {
    shared.jobs.get(id)?.stop();
    Ok(Json(()))
}

/// `GET /api/jobs/{job}/file`
pub(crate) async fn file(Part(shared): Part<Arc<Shared>>, Path(id): Path<u64>) -> Result<Response> {
    let job = shared.jobs.get(id)?;
    let is_done = job.progress().borrow().state == State::Done;
    let path = job.path.as_ref().filter(|_| is_done).ok_or(Error::NoSuch { what: "film of job", id })?;
    let bytes = tokio::fs::read(path).await.map_err(Error::Keep)?;
    let kind = match path.extension().and_then(|ending| ending.to_str()) {
        Some("mp4") => "video/mp4",
        Some("gif") => "image/gif",
        _ => "image/apng",
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", job.file_name)),
    ];
    Ok((headers, bytes).into_response())
}

/// `GET /api/jobs/{job}/picture`
pub(crate) async fn picture(Part(shared): Part<Arc<Shared>>, Path(id): Path<u64>) -> Result<Response> {
    let picture = shared.jobs.get(id)?.picture();
    png(picture.ok_or(Error::NoSuch { what: "picture of job", id })?).await
}

/// `GET /api/jobs/{job}/target`
pub(crate) async fn target(Part(shared): Part<Arc<Shared>>, Path(id): Path<u64>) -> Result<Response> {
    let target = shared.jobs.get(id)?.target.clone();
    png(target.ok_or(Error::NoSuch { what: "photo of job", id })?).await
}
