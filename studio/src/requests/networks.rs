//! What there is to draw from.

use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use serde::{Deserialize, Serialize};
use stylegan_drawing::Scales;
use stylegan_generator::SeedStyle;
use stylegan_ops::Resolution;

use crate::http::receive;
use crate::models::{Listed, Model};
use crate::state::Shared;
use crate::{Error, Result};

/// The largest checkpoint that a client may send.
pub(crate) const MOST_BYTES: u64 = 2 << 30;
/// The shorter side, in pixels, below which nothing is drawn to be quick.
const LEAST_SIDE: usize = 32;

/// A network as the page shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    listed: Listed,
    hash: String,
    resolution: Size,
    full: Size,
    lod: f64,
    channels: usize,
    z_dim: usize,
    w_dim: usize,
    num_layers: usize,
    label_dim: usize,
    classes: Vec<String>,
    styles: bool,
    noise: bool,
    seed_style: SeedStyle,
    layers: Vec<ShownLayer>,
    scales: ShownScales,
    command: String,
    coarser: u32,
    usual: Usual,
}

/// How its pictures are truncated if nobody says so.
#[derive(Debug, Serialize)]
struct Usual {
    truncation_psi: f64,
    truncation_cutoff: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Size {
    width: usize,
    height: usize,
}

impl From<Resolution> for Size {
    fn from(Resolution { width, height }: Resolution) -> Self {
        Self { width, height }
    }
}

#[derive(Debug, Serialize)]
struct ShownLayer {
    layer: usize,
    width: usize,
    height: usize,
    channels: usize,
}

/// The layers of each scale, as lists.
#[derive(Debug, Serialize)]
struct ShownScales {
    coarse: String,
    middle: String,
    fine: String,
}

impl Shown {
    fn of(model: &Model) -> Self {
        let (painter, meta) = (&model.painter, &model.meta);
        let config = painter.config();
        let levels: Vec<Resolution> = config.resolution.levels().collect();
        let layers = (0..config.num_layers()).map(|layer| {
            let level = levels.get(layer / 2).copied().unwrap_or(config.resolution);
            let Resolution { width, height } = level;
            ShownLayer { layer, width, height, channels: config.feature_maps(level.side()) }
        });
        let scales = Scales::of(painter.resolution());
        let list = |layers: &Range<usize>| match layers.len() {
            0 => String::new(),
            1 => layers.start.to_string(),
            _ => format!("{}-{}", layers.start, layers.end - 1),
        };
        let smaller = |levels: u32| painter.resolution().shorter_side() >> levels;
        Self {
            listed: model.listed.clone(),
            hash: model.hash.clone(),
            resolution: painter.resolution().into(),
            full: config.resolution.into(),
            lod: painter.lod(),
            channels: config.num_channels,
            z_dim: config.z_dim,
            w_dim: config.w_dim,
            num_layers: config.num_layers(),
            label_dim: config.label_dim,
            classes: meta.class_names.clone(),
            styles: config.styles,
            noise: config.noise,
            seed_style: meta.seed_style,
            layers: layers.collect(),
            scales: ShownScales {
                coarse: list(&scales.coarse),
                middle: list(&scales.middle),
                fine: list(&scales.fine),
            },
            command: model.argument.clone(),
            usual: Usual {
                truncation_psi: painter.options().truncation_psi,
                truncation_cutoff: painter.options().truncation_cutoff,
            },
            coarser: (0..4).take_while(|&levels| smaller(levels + 1) >= LEAST_SIDE).count() as u32,
        }
    }
}

/// `GET /api/models`
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<Vec<Listed>>> {
    shared.runs.refresh_snapshots(&shared.models);
    Ok(Json(shared.models.list()))
}

/// `GET /api/models/{model}`
pub(crate) async fn one(State(shared): State<Arc<Shared>>, Path(model): Path<u64>) -> Result<Json<Shown>> {
    shared.ask(move |shared| Ok(Json(Shown::of(&*shared.models.open(model)?)))).await
}

#[derive(Debug, Deserialize)]
pub(crate) struct Side {
    resolution: Option<usize>,
}

/// `POST /api/models`
pub(crate) async fn upload(
    State(shared): State<Arc<Shared>>,
    side: Query<Side>,
    request: Request,
) -> Result<Json<Shown>> {
    if side.resolution.is_some_and(|side| !(4..=1024).contains(&side)) {
        return Err(Error::Bad("a network's side is from 4 to 1024 pixels".to_owned()));
    }
    let upload = receive(request, &shared.kept, MOST_BYTES).await?;
    shared.ask(move |shared| Ok(Json(Shown::of(&*shared.models.upload(upload, side.resolution)?)))).await
}
