//! From a picture back to the controls that drew it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use serde::Serialize;
use stylegan_drawing::{Blend, Content, DrawOptions, LatentId, Recipe};

use super::draw::{Directions, Draw, Sefa};
use crate::http::receive;
use crate::state::Shared;
use crate::{Error, Result};

/// The largest picture that a client may send to be read.
const MOST_BYTES: u64 = 256 << 20;

/// The controls of a picture.
#[derive(Debug, Serialize)]
pub(crate) struct Restored {
    /// The network that drew it, if it is known here.
    model: Option<u64>,
    network: String,
    kind: Shows,
    draw: Draw,
    #[serde(flatten)]
    figure: Figure,
    command: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Shows {
    Draw,
    Grid,
    Mix,
    Walk,
    Other,
}

/// The lists of a figure.
#[derive(Debug, Default, Serialize)]
struct Figure {
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cols: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    styles: Option<String>,
}

/// `POST /api/models/{model}/recipe`
pub(crate) async fn recipe(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    request: Request,
) -> Result<Json<Restored>> {
    let upload = receive(request, &shared.kept, MOST_BYTES).await?;
    shared.ask(move |shared| restored(shared, model, &Recipe::read(&upload.path)?).map(Json)).await
}

fn restored(shared: &Shared, model: u64, recipe: &Recipe) -> Result<Restored> {
    let network = recipe.origin.hash().to_owned();
    let known = shared.models.of_hash(&network).or_else(|| {
        // The one at hand may not have been opened yet.
        let open = shared.models.open(model).ok()?;
        (open.hash == network).then_some(model)
    });
    let latents = file_of(shared, recipe.latents(), "latents")?;
    let directions = file_of(shared, recipe.directions(), "directions")?;
    let of_one = |id: LatentId| Blend::of(id);
    let first = |ids: &[LatentId]| of_one(ids.first().copied().unwrap_or(LatentId::Seed(0)));
    let (kind, blend, figure) = match &recipe.content {
        Content::Seeds { seeds, .. } if seeds.0.len() == 1 => {
            (Shows::Draw, first(&seeds.0), Figure::default())
        }
        Content::Latents { rows, .. } if rows.0.len() == 1 => {
            (Shows::Draw, of_one(LatentId::Row(rows.0[0])), Figure::default())
        }
        Content::Blend(blend) => (Shows::Draw, blend.clone(), Figure::default()),
        Content::Seeds { seeds, grid } => {
            let figure =
                Figure { seeds: Some(seeds.to_string()), columns: Some(grid.columns), ..Figure::default() };
            (Shows::Grid, first(&seeds.0), figure)
        }
        Content::Latents { rows, grid, .. } => {
            let seeds: Vec<String> = rows.0.iter().map(|&row| LatentId::Row(row).to_string()).collect();
            let figure =
                Figure { seeds: Some(seeds.join(",")), columns: Some(grid.columns), ..Figure::default() };
            (Shows::Grid, of_one(LatentId::Row(rows.0.first().copied().unwrap_or(0))), figure)
        }
        Content::Mix(mix) => {
            let figure = Figure {
                rows: Some(mix.rows.to_string()),
                cols: Some(mix.cols.to_string()),
                styles: Some(mix.styles.to_string()),
                ..Figure::default()
            };
            (Shows::Mix, first(&mix.rows.0), figure)
        }
        Content::Interpolate(strip) => {
            let figure = Figure { seeds: Some(strip.walk.seeds.to_string()), ..Figure::default() };
            (Shows::Walk, first(&strip.walk.seeds.0), figure)
        }
        _ => (Shows::Other, Blend::of(LatentId::Seed(0)), Figure::default()),
    };
    if recipe.options.truncation_layers.is_some() {
        let words = "the picture has a psi for each layer, for which there is nothing to move here";
        return Err(Error::Bad(format!("{words}; `stylegan sample --like` draws it again")));
    }
    let DrawOptions { class, label, truncation_psi, truncation_cutoff, noise_mode, noise_seed, .. } =
        recipe.options.clone();
    let draw = Draw {
        latents,
        directions: match directions {
            Some(file) => Some(Directions::File(file)),
            None => (!blend.moves.is_empty()).then_some(Directions::Found(Sefa::Sefa)),
        },
        blend,
        class,
        label: label.map(|label| label.to_string()),
        truncation_psi,
        truncation_cutoff: Some(truncation_cutoff),
        noise_mode,
        noise_seed,
    };
    let command = "stylegan sample --checkpoint CHECKPOINT --like PICTURE.png --out again.png".to_owned();
    Ok(Restored { model: known, network, kind, draw, figure, command })
}

/// The number of a file that a recipe names by its hash.
fn file_of(shared: &Shared, hash: Option<&str>, what: &str) -> Result<Option<u64>> {
    let Some(hash) = hash else { return Ok(None) };
    match shared.latents.of_hash(hash) {
        Some(id) => Ok(Some(id)),
        None => Err(Error::Bad(format!("the picture needs the file of {what} {hash}; drop that file first"))),
    }
}
