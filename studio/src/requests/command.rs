//! The commands that do the same without a browser.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use stylegan_drawing::{DrawOptions, LatentId, NoiseMode, Recipe};

use super::draw::{Directions, Draw, GridRequest, MixRequest};
use super::film::FilmRequest;
use crate::Result;
use crate::http::Input;
use crate::models::Model;
use crate::state::Shared;
use stylegan_base::shell::quoted_word;

/// What a command is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CommandRequest {
    Draw(Box<Draw>),
    Grid(Box<GridRequest>),
    Mix(Box<MixRequest>),
    Film(Box<FilmRequest>),
}

#[derive(Debug, Serialize)]
pub(crate) struct Command {
    command: String,
}

/// `POST /api/models/{model}/command`
pub(crate) async fn command(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(request): Input<CommandRequest>,
) -> Result<Json<Command>> {
    shared
        .ask(move |shared| {
            let model = shared.models.open(model)?;
            let command = match request {
                CommandRequest::Draw(draw) => of_draw(&draw, shared, &model)?,
                CommandRequest::Grid(grid) => of_grid(&grid, &model)?,
                CommandRequest::Mix(mix) => {
                    let MixRequest { rows, cols, styles, draw } = *mix;
                    let lists = format!(
                        "--rows {} --cols {} --styles {}",
                        quoted_word(&rows),
                        quoted_word(&cols),
                        quoted_word(&styles)
                    );
                    format!(
                        "stylegan mix --checkpoint {} {lists}{} --out mix.png",
                        model.argument,
                        style(&draw, &model)?
                    )
                }
                CommandRequest::Film(film) => of_film(&film, &model)?,
            };
            Ok(Json(Command { command }))
        })
        .await
}

fn of_draw(draw: &Draw, shared: &Shared, model: &Model) -> Result<String> {
    let Some(id) = draw.blend.only() else {
        // Only a recipe says all of it.
        let (painter, source) = (draw.painter(model)?, draw.source(shared, model)?);
        let recipe = Recipe::new(&painter, &source, draw.content(&source)).json()?;
        let mut files = String::new();
        if draw.latents.is_some() && draw.blend.latents.has_rows() {
            files += " --latents latents.safetensors";
        }
        if matches!(draw.directions, Some(Directions::File(_))) {
            files += " --direction directions.safetensors";
        }
        return Ok(format!(
            "stylegan sample --checkpoint {} --recipe {}{files} --out picture.png",
            model.argument,
            quoted_word(&recipe)
        ));
    };
    let (latents, out) = match id {
        LatentId::Seed(seed) => (format!("--seeds {seed}"), format!("seed{seed:04}.png")),
        LatentId::Row(_) => (format!("--latents latents.safetensors --seeds {id}"), "picture.png".to_owned()),
    };
    Ok(format!(
        "stylegan sample --checkpoint {} {latents}{} --out {out}",
        model.argument,
        style(draw, model)?
    ))
}

fn of_grid(request: &GridRequest, model: &Model) -> Result<String> {
    let ids = request.ids()?;
    let layout = request.layout(ids.0.len());
    let latents = if ids.has_rows() { " --latents latents.safetensors" } else { "" };
    Ok(format!(
        "stylegan sample --checkpoint {}{latents} --seeds {ids} --grid {layout}{} --out grid.png",
        model.argument,
        style(&request.draw, model)?
    ))
}

fn of_film(film: &FilmRequest, model: &Model) -> Result<String> {
    let walk = film.walk()?;
    let mut command = format!("stylegan interpolate --checkpoint {}", model.argument);
    if film.has_keyframes() {
        command += " --latents latents.safetensors";
    }
    let _ = write!(command, " --seeds {}", walk.seeds);
    for (flag, value, usual) in film.flags() {
        if value != usual {
            let _ = write!(command, " {flag} {}", quoted_word(&value));
        }
    }
    if walk.looping && film.path_name() != "smooth" {
        command += " --loop";
    }
    let _ = write!(command, "{} --out walk.{}", style(&film.look(model), model)?, film.extension());
    Ok(command)
}

/// The flags of what is not as usual.
fn style(draw: &Draw, model: &Model) -> Result<String> {
    let (options, usual) = (draw.options(model)?, model.painter.options());
    let DrawOptions { class, label, truncation_psi, truncation_cutoff, noise_mode, noise_seed, .. } =
        &options;
    let mut flags = String::new();
    if let Some(class) = class {
        let name = model.meta.class_names.get(*class).cloned().unwrap_or_else(|| class.to_string());
        let _ = write!(flags, " --class {}", quoted_word(&name));
    }
    if let Some(label) = label {
        let _ = write!(flags, " --label {}", quoted_word(&label.to_string()));
    }
    let is_of_file = draw.blend.latents.has_rows();
    if *truncation_psi != usual.truncation_psi || is_of_file {
        let _ = write!(flags, " --truncation-psi {truncation_psi}");
    }
    if *truncation_cutoff != usual.truncation_cutoff {
        let _ = write!(flags, " --truncation-cutoff {truncation_cutoff}");
    }
    match noise_mode {
        NoiseMode::Const => {}
        NoiseMode::None => flags += " --noise-mode none",
        NoiseMode::Random => {
            let _ = write!(flags, " --noise-mode random --noise-seed {noise_seed}");
        }
    }
    Ok(flags)
}
