//! Latents of pictures, and files of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_drawing::{LatentSpace, Latents};

use super::draw::Draw;
use crate::http::{Input, receive};
use crate::latents::Shown;
use crate::models::Model;
use crate::state::Shared;
use crate::{Error, Result};

/// The largest file that a client may send.
const MOST_BYTES: u64 = 64 << 20;
/// Pictures of which latents are taken at a time.
const MOST_DRAWS: usize = 1000;

/// The w of every layer of these pictures as they are drawn: each truncated as it says, since rows of `w_plus` are drawn as they are.
pub(crate) fn w_plus(draws: &[Draw], shared: &Shared, model: &Model) -> Result<Latents> {
    let of_one = |draw: &Draw| {
        let painter = draw.painter(model)?;
        let w_plus = draw.blend.w_plus(&painter, &draw.source(shared, model)?)?;
        Ok(painter.truncated(&w_plus, None)?.to_device(&Device::Cpu)?)
    };
    let all = draws.iter().map(of_one).collect::<Result<Vec<Tensor>>>()?;
    Ok(Latents { space: LatentSpace::WPlus, all: Tensor::cat(&all, 0)? })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Draws {
    draws: Vec<Draw>,
}

/// `POST /api/models/{model}/latents`
pub(crate) async fn of_draws(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(Draws { draws }): Input<Draws>,
) -> Result<Json<Shown>> {
    if !(1..=MOST_DRAWS).contains(&draws.len()) {
        return Err(Error::Bad(format!("latents are taken of 1 to {MOST_DRAWS} pictures")));
    }
    shared
        .ask(move |shared| {
            let model = shared.models.open(model)?;
            Ok(Json(shared.latents.keep(&w_plus(&draws, shared, &model)?, &shared.kept)?))
        })
        .await
}

/// `POST /api/latents`
pub(crate) async fn upload(State(shared): State<Arc<Shared>>, request: Request) -> Result<Json<Shown>> {
    let upload = receive(request, &shared.kept, MOST_BYTES).await?;
    shared.ask(move |shared| Ok(Json(shared.latents.add(upload)?))).await
}

/// `GET /api/latents/{id}`
pub(crate) async fn download(State(shared): State<Arc<Shared>>, Path(id): Path<u64>) -> Result<Response> {
    let upload = shared.latents.upload(id)?;
    let bytes = tokio::fs::read(&upload.path).await.map_err(Error::Keep)?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"latents.safetensors\""),
    ];
    Ok((headers, bytes).into_response())
}

#[derive(Debug, Serialize)]
pub(crate) struct FoundDirections {
    directions: &'static str,
    count: usize,
}

/// `GET /api/models/{model}/directions`
pub(crate) async fn directions(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
) -> Result<Json<FoundDirections>> {
    shared
        .ask(move |shared| {
            let count = shared.models.open(model)?.directions()?.count();
            Ok(Json(FoundDirections { directions: "sefa", count }))
        })
        .await
}
