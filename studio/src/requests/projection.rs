//! Photos, projected while somebody watches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State as Part};
use candle_core::{Device, Tensor};
use serde::Deserialize;
use stylegan_drawing::{Latents, Painter, pixels};
use stylegan_projector::{Perception, ProjectOptions, Projection, Space, Target, psnr};

use super::film::Begun;
use crate::http::Input;
use crate::jobs::{Job, State};
use crate::models::Model;
use crate::photos::{Photo, Points};
use crate::state::Shared;
use crate::{Error, Result};

/// Steps that a page asks for, at most.
const MOST_STEPS: u32 = 10_000;
/// How often the picture of now is drawn.
const LOOKS: Duration = Duration::from_millis(400);

/// A projection as the page asks for it.
#[derive(Debug, Deserialize)]
pub(crate) struct ProjectionRequest {
    photo: u64,
    #[serde(default)]
    points: Option<Points>,
    #[serde(default)]
    space: Space,
    steps: u32,
    #[serde(default)]
    class: Option<usize>,
}

/// `POST /api/models/{model}/projections`
pub(crate) async fn projection(
    Part(shared): Part<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(request): Input<ProjectionRequest>,
) -> Result<Json<Begun>> {
    shared.ask(move |shared| begin(shared, model, &request).map(|job| Json(Begun { job }))).await
}

fn begin(shared: &Arc<Shared>, model: u64, request: &ProjectionRequest) -> Result<u64> {
    if !(1..=MOST_STEPS).contains(&request.steps) {
        return Err(Error::Bad(format!("a projection has 1 to {MOST_STEPS} steps here")));
    }
    let (model, photo) = (shared.models.open(model)?, shared.photos.get(request.photo)?);
    let mut options = model.painter.options().clone();
    options.class = request.class;
    let painter = model.painter.with(options)?;
    painter.check_class(stylegan_drawing::LatentSpace::Z)?;
    let target =
        photo.fitted(request.points.as_ref(), painter.resolution(), painter.config().num_channels)?;
    let options = ProjectOptions { space: request.space, steps: request.steps, ..ProjectOptions::default() };
    let job = Job::new(request.steps.into(), None, String::new(), Some(target.clone()));
    shared.start(job, move |job, shared| project(job, shared, &model, &painter, &target, &options))
}

fn project(
    job: &Job,
    shared: &Shared,
    model: &Model,
    painter: &Painter,
    photo: &stylegan_media::DynamicImage,
    options: &ProjectOptions,
) -> Result<State> {
    let side = painter.resolution().shorter_side();
    let perception = Perception::at_hand(&shared.weights, side, painter.device())?;
    let mean = model.mean_w(painter)?;
    let target = Target { pictures: Photo::tensor(photo, painter.device())?, numbers: vec![0] };
    let mut projection = Projection::new(painter, &perception, &mean, options, target)?;
    let mut looked: Option<Instant> = None;
    while projection.steps_done() < options.steps && !job.is_stopped() {
        projection.step()?;
        let is_last = projection.steps_done() == options.steps;
        job.tell(|progress| progress.done = projection.steps_done().into());
        if is_last || looked.is_none_or(|looked| looked.elapsed() >= LOOKS) {
            show(job, &projection, photo)?;
            looked = Some(Instant::now());
        }
    }
    if projection.steps_done() == 0 {
        return Ok(State::Stopped);
    }
    show(job, &projection, photo)?;
    let all: Tensor = projection.latents()?.to_device(&Device::Cpu)?;
    let found = shared.latents.keep(&Latents { space: options.space.latents(), all }, &shared.kept)?;
    job.tell(|progress| progress.latents = Some(found.latents));
    Ok(if job.is_stopped() { State::Stopped } else { State::Done })
}

/// Shows the picture of now, and how far it is from the photo.
fn show(job: &Job, projection: &Projection<'_>, photo: &stylegan_media::DynamicImage) -> Result<()> {
    let losses = projection.losses()?;
    let picture = pixels(&projection.drawn()?)?;
    let distance = psnr(&picture, photo);
    let first = |losses: &[f32]| losses.first().copied().unwrap_or(0.0);
    let loss = losses.perceptual.as_deref().map_or(0.0, first) + first(&losses.pixels);
    job.show(picture);
    job.tell(|progress| {
        progress.loss = Some(loss.into());
        progress.psnr = distance.is_finite().then_some(distance);
        progress.pictures += 1;
    });
    Ok(())
}
