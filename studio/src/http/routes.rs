//! Which function answers which request.

use std::sync::Arc;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use stylegan_features::KnownWeights;

use super::assets::asset;
use super::explained::explained;
use super::guarded::guarded;
use crate::Error;
use crate::photos::MOST_PIXELS;
use crate::requests::{
    command, draw, film, job, latents, layers, networks, photos, projection, recipe, runs,
};
use crate::state::Shared;

/// The page, and all that it asks for.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let interface = Router::new()
        .route("/about", get(about))
        .route("/models", get(networks::list).post(networks::upload))
        .route("/models/{model}", get(networks::one))
        .route("/models/{model}/picture", post(draw::picture))
        .route("/models/{model}/grid", post(draw::grid))
        .route("/models/{model}/mix", post(draw::mix))
        .route("/models/{model}/layers", post(layers::layers))
        .route("/models/{model}/layers/{layer}", post(layers::layer))
        .route("/models/{model}/command", post(command::command))
        .route("/models/{model}/recipe", post(recipe::recipe))
        .route("/models/{model}/latents", post(latents::of_draws))
        .route("/models/{model}/directions", get(latents::directions))
        .route("/models/{model}/films", post(film::film))
        .route("/models/{model}/projections", post(projection::projection))
        .route("/latents", post(latents::upload))
        .route("/latents/{latents}", get(latents::download))
        .route("/jobs/{job}/events", get(job::events))
        .route("/jobs/{job}/file", get(job::file))
        .route("/jobs/{job}/picture", get(job::picture))
        .route("/jobs/{job}/target", get(job::target))
        .route("/jobs/{job}/stop", post(job::stop))
        .route("/photos", post(photos::upload))
        .route("/photos/{photo}", get(photos::one))
        .route("/photos/{photo}/crop", post(photos::cropped))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(runs::one))
        .route("/runs/{run}/stats", get(runs::stats))
        .route("/runs/{run}/log", get(runs::log))
        .route("/runs/{run}/pictures/{file}", get(runs::picture))
        .route("/runs/{run}/events", get(runs::events))
        .route("/runs/{run}/{order}", post(runs::order))
        .fallback(async || Error::NoPage);
    Router::new()
        .nest("/api", interface)
        .fallback(get(asset))
        // Bodies are bounded where they are read, each kind by its own limit.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state(shared.clone(), guarded))
        .layer(from_fn_with_state(shared.clone(), explained))
        .with_state(shared)
}

/// What the studio is and what it lets others do.
#[derive(Debug, Serialize)]
struct About {
    version: &'static str,
    device: String,
    threads: usize,
    address: String,
    has_token: bool,
    roots: Vec<String>,
    limits: Limits,
    serving_run: Option<u64>,
    projector: &'static str,
    exposed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Limits {
    upload_bytes: u64,
    photo_pixels: u64,
}

/// `GET /api/about`
async fn about(State(shared): State<Arc<Shared>>) -> Json<About> {
    let guard = &shared.guard;
    let is_there = |name| KnownWeights::of(name).is_some_and(|known| shared.weights.find(known).is_some());
    let whom = if guard.address.ip().is_loopback() {
        "programs of this machine alone can reach the studio".to_owned()
    } else {
        "whoever can reach this machine and knows the token can use the studio".to_owned()
    };
    let serving_run = shared.runs.served();
    let mut exposed = vec![
        whom,
        "pictures, numbers, logs and configurations of the runs and networks it was started with can be read; no \
         other file can"
            .to_owned(),
        "networks, latents and photos can be sent, are kept in a folder of its own, and go when it ends".to_owned(),
    ];
    if serving_run.is_some() {
        exposed.push("the training of this process can be paused, saved and stopped".to_owned());
    }
    Json(About {
        version: env!("CARGO_PKG_VERSION"),
        device: if shared.device.is_cpu() { "cpu".to_owned() } else { "cuda".to_owned() },
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        address: guard.address.to_string(),
        has_token: guard.token.is_some(),
        roots: shared.runs.roots(),
        limits: Limits { upload_bytes: networks::MOST_BYTES, photo_pixels: MOST_PIXELS },
        serving_run,
        projector: match () {
            () if is_there("vgg16") => "lpips",
            () if is_there("vgg19") => "vgg19",
            () => "pixels",
        },
        exposed,
    })
}
