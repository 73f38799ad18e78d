//! Files of latents: sent by clients, found by projections, and the keyframes of films.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_drawing::{LatentFile, LatentSource, LatentSpace, Latents};

use super::Draw;
use crate::http::{Input, Upload};
use crate::models::Model;
use crate::numbered::Numbered;
use crate::state::Shared;
use crate::{Error, Result};

/// The largest file that a client may send.
const MOST_BYTES: u64 = 64 << 20;
/// Files that are kept; of more, the oldest go.
const MOST_FILES: usize = 64;
/// Pictures of which latents are taken at a time.
const MOST_DRAWS: usize = 1000;

/// Files of latents by number.
#[derive(Debug)]
pub(crate) struct LatentFiles(Numbered<Kept>);

impl Default for LatentFiles {
    fn default() -> Self {
        Self(Numbered::new("file of latents", MOST_FILES))
    }
}

#[derive(Clone, Debug)]
struct Kept {
    file: LatentFile,
    /// What the file lies in as long as it is kept.
    upload: Arc<Upload>,
}

/// A file of latents as the page knows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) latents: u64,
    count: usize,
    space: LatentSpace,
    hash: String,
}

impl LatentFiles {
    fn add(&self, upload: Upload) -> Result<Shown> {
        let file = LatentFile::open(&upload.path)?;
        let (count, space, hash) = (file.count(), file.space(), file.hash().to_owned());
        let latents = self.0.add(Kept { file, upload: Arc::new(upload) });
        Ok(Shown { latents, count, space, hash })
    }

    /// Keeps latents that were made here.
    pub(crate) fn keep(&self, latents: &Latents, shared: &Shared) -> Result<Shown> {
        let upload =
            Upload { name: "latents.safetensors".to_owned(), path: shared.kept.fresh("latents.safetensors") };
        latents.save(&upload.path, &[], false)?;
        self.add(upload)
    }

    pub(crate) fn file(&self, id: u64) -> Result<LatentFile> {
        self.0.get(id).map(|kept| kept.file)
    }

    /// Where seeds, and rows of this file, come from.
    pub(crate) fn source(&self, id: Option<u64>) -> Result<LatentSource> {
        Ok(match id {
            Some(id) => LatentSource::with_file(self.file(id)?),
            None => LatentSource::SEEDS,
        })
    }

    /// The number of the file with this hash.
    pub(crate) fn of_hash(&self, hash: &str) -> Option<u64> {
        self.0.find(|kept| kept.file.hash() == hash)
    }
}

/// The w of every layer of these pictures as they are drawn: each truncated as it says, since rows of `w_plus` are drawn as they are.
pub(crate) fn w_plus(draws: &[Draw], shared: &Shared, model: &Model) -> Result<Latents> {
    let of_one = |draw: &Draw| {
        let painter = draw.painter(model)?;
        let w_plus = draw.blend.w_plus(&painter, &draw.source(shared, model)?)?;
        let truncated = painter.generator().truncate(&w_plus, painter.options().truncation())?;
        Ok(truncated.to_device(&Device::Cpu)?)
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
            Ok(Json(shared.latents.keep(&w_plus(&draws, shared, &model)?, shared)?))
        })
        .await
}

/// `POST /api/latents`
pub(crate) async fn upload(State(shared): State<Arc<Shared>>, request: Request) -> Result<Json<Shown>> {
    let upload = Upload::receive(request, &shared, MOST_BYTES).await?;
    shared.ask(move |shared| Ok(Json(shared.latents.add(upload)?))).await
}

/// `GET /api/latents/{id}`
pub(crate) async fn download(State(shared): State<Arc<Shared>>, Path(id): Path<u64>) -> Result<Response> {
    let kept = shared.latents.0.get(id)?;
    let bytes = tokio::fs::read(&kept.upload.path).await.map_err(Error::Keep)?;
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
