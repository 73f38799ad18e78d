//! Films of walks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Part};
use serde::{Deserialize, Serialize};
use stylegan_drawing::{Blend, LatentId, LatentIds, LatentSource, Layers, Walk, WalkPath, WalkSpace};
use stylegan_generator::Easing;
use stylegan_media::{FilmOptions, FilmWriter};

use super::draw::Draw;
use super::latents::w_plus;
use crate::http::Input;
use crate::jobs::{Job, State};
use crate::models::Model;
use crate::state::Shared;
use crate::{Error, Result};

/// Frames of a film that a page asks for, at most.
const MOST_FRAMES: u32 = 10_000;
const MOST_KEYFRAMES: usize = 200;

/// A film as the page asks for it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FilmRequest {
    #[serde(default)]
    keyframes: Option<Vec<Draw>>,
    #[serde(default)]
    seeds: Option<String>,
    frames: u32,
    fps: u32,
    format: Format,
    #[serde(default)]
    path: Way,
    #[serde(default)]
    space: Space,
    #[serde(default)]
    easing: Speed,
    #[serde(default)]
    looping: bool,
    #[serde(default)]
    layers: Option<String>,
    /// Of a smooth walk, the deviation of the smoothing in seconds.
    #[serde(default = "one")]
    seconds: f64,
    pub(crate) draw: Draw,
}

fn one() -> f64 {
    1.0
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Mp4,
    Gif,
    Apng,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    #[default]
    Straight,
    Spline,
    Smooth,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Space {
    #[default]
    W,
    Z,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Speed {
    #[default]
    None,
    InOut,
}

impl FilmRequest {
    pub(crate) fn has_keyframes(&self) -> bool {
        self.keyframes.is_some()
    }

    /// How its frames are drawn. Keyframes have all in them but noise.
    pub(crate) fn look(&self, model: &Model) -> Draw {
        if !self.has_keyframes() {
            return self.draw.clone();
        }
        Draw {
            blend: Blend::of(LatentId::Seed(0)),
            class: None,
            label: None,
            truncation_psi: model.painter.options().truncation_psi,
            truncation_cutoff: None,
            ..self.draw.clone()
        }
    }

    pub(crate) fn path_name(&self) -> &'static str {
        match self.path {
            Way::Straight => "straight",
            Way::Spline => "spline",
            Way::Smooth => "smooth",
        }
    }

    pub(crate) fn extension(&self) -> &'static str {
        match self.format {
            Format::Mp4 => "mp4",
            Format::Gif => "gif",
            Format::Apng => "apng",
        }
    }

    /// The flags of `interpolate`, their values here, and those without which they may be left out.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String, String)> {
        let is_smooth = self.path == Way::Smooth;
        let space = if self.space == Space::Z || is_smooth { "z" } else { "w" };
        let easing = if self.easing == Speed::InOut { "in-out" } else { "none" };
        vec![
            ("--frames", self.frames.to_string(), "120".to_owned()),
            ("--fps", self.fps.to_string(), "30".to_owned()),
            ("--walk", self.path_name().to_owned(), "straight".to_owned()),
            ("--space", space.to_owned(), if is_smooth { "z" } else { "w" }.to_owned()),
            ("--easing", easing.to_owned(), "none".to_owned()),
            ("--layers", self.layers.clone().unwrap_or_default(), String::new()),
            ("--smoothing", if is_smooth { self.seconds.to_string() } else { String::new() }, String::new()),
        ]
    }

    /// The walk; of keyframes, through the rows of a file that holds them.
    pub(crate) fn walk(&self) -> Result<Walk> {
        if !(1..=MOST_FRAMES).contains(&self.frames) {
            return Err(Error::Bad(format!("a film has 1 to {MOST_FRAMES} frames here")));
        }
        let seeds = match (&self.keyframes, &self.seeds) {
            (Some(keyframes), None) if (2..=MOST_KEYFRAMES).contains(&keyframes.len()) => {
                LatentIds::rows(keyframes.len())
            }
            (Some(_), None) => {
                return Err(Error::Bad(format!("a walk goes between 2 to {MOST_KEYFRAMES} keyframes")));
            }
            (None, Some(seeds)) => seeds.parse().map_err(Error::Bad)?,
            _ => return Err(Error::Bad("a film is of keyframes or of seeds".to_owned())),
        };
        let space = match (self.path, self.space) {
            (Way::Smooth, _) | (_, Space::Z) => WalkSpace::Z,
            (_, Space::W) => WalkSpace::W,
        };
        let path = match self.path {
            Way::Straight => WalkPath::Straight,
            Way::Spline => WalkPath::Spline,
            Way::Smooth => WalkPath::Smooth { deviation: self.seconds * f64::from(self.fps) },
        };
        let walk = Walk {
            path,
            easing: if self.easing == Speed::InOut { Easing::InOut } else { Easing::None },
            layers: self.layers.as_deref().map(str::parse::<Layers>).transpose().map_err(Error::Bad)?,
            ..Walk::new(seeds, space, self.frames, self.looping || self.path == Way::Smooth)
        };
        walk.check()?;
        Ok(walk)
    }
}

/// The number of a job that began.
#[derive(Debug, Serialize)]
pub(crate) struct Begun {
    pub(super) job: u64,
}

/// `POST /api/models/{model}/films`
pub(crate) async fn film(
    Part(shared): Part<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(request): Input<FilmRequest>,
) -> Result<Json<Begun>> {
    shared.ask(move |shared| begin(shared, model, &request).map(|job| Json(Begun { job }))).await
}

fn begin(shared: &Arc<Shared>, model: u64, request: &FilmRequest) -> Result<u64> {
    let (model, walk) = (shared.models.open(model)?, request.walk()?);
    let painter = request.look(&model).painter(&model)?;
    let source = match &request.keyframes {
        Some(keyframes) => {
            let kept = shared.latents.keep(&w_plus(keyframes, shared, &model)?, &shared.kept)?;
            shared.latents.source(Some(kept.latents))?
        }
        None => LatentSource::SEEDS,
    };
    walk.check_latents(&painter, &source)?;
    let resolution = painter.resolution();
    let options = FilmOptions {
        size: (resolution.width as u32, resolution.height as u32),
        fps: request.fps,
        frames: walk.frames,
        looping: walk.looping,
        ffmpeg: false,
    };
    let file_name = format!("walk.{}", request.extension());
    let path = shared.kept.fresh(&file_name);
    let mut writer = FilmWriter::create(&path, options, false)?;
    let job = Job::new(walk.frames.into(), Some(path), file_name, None);
    shared.start(job, move |job, _| {
        // A stop is no error, but `draw` knows no other way to end.
        let drawn = walk.draw(&painter, &source, &walk.all(), |frame, picture| {
            if job.is_stopped() {
                return Err(Error::Busy);
            }
            writer.add(&picture)?;
            job.tell(|progress| progress.done = frame + 1);
            Ok(())
        });
        if job.is_stopped() {
            return Ok(State::Stopped);
        }
        drawn?;
        writer.finish()?;
        Ok(State::Done)
    })
}
