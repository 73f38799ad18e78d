//! Single pictures, grids and figures.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::header::{self, HeaderName};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use stylegan_drawing::{
    Blend, Content, DrawOptions, LabelVector, LatentIds, LatentSource, Layout, MixFigure, NoiseMode, Painter,
    Recipe, RowLayers, pixels,
};
use stylegan_generator::Truncation;
use stylegan_media::png_bytes;

use crate::http::Input;
use crate::models::Model;
use crate::state::Shared;
use crate::{Error, Result};

/// Pictures of a grid or a figure, at most.
const MOST_PICTURES: usize = 400;
/// Strengths and psi are between this and its negative.
const FAR: f64 = 1000.0;

/// All that decides one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Draw {
    #[serde(flatten)]
    pub(crate) blend: Blend,
    /// Number of the file that rows are of.
    #[serde(default)]
    pub(crate) latents: Option<u64>,
    #[serde(default)]
    pub(crate) directions: Option<Directions>,
    #[serde(default)]
    pub(crate) class: Option<usize>,
    #[serde(default)]
    pub(crate) label: Option<String>,
    #[serde(default = "usual_psi")]
    pub(crate) truncation_psi: f64,
    #[serde(default)]
    pub(crate) truncation_cutoff: Option<usize>,
    #[serde(default)]
    pub(crate) noise_mode: NoiseMode,
    #[serde(default)]
    pub(crate) noise_seed: u64,
}

/// What a picture is moved along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Directions {
    /// Those that are found in the weights of the network.
    Found(Sefa),
    /// Those of a file.
    File(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sefa {
    #[serde(rename = "sefa")]
    Sefa,
}

fn usual_psi() -> f64 {
    Truncation::default().psi
}

impl Draw {
    /// How it is drawn by this network.
    pub(crate) fn options(&self, model: &Model) -> Result<DrawOptions> {
        if !(-FAR..=FAR).contains(&self.truncation_psi) {
            return Err(Error::Bad(format!("truncation psi is from -{FAR} to {FAR}")));
        }
        let label = self.label.as_deref().map(str::parse::<LabelVector>).transpose().map_err(Error::Bad)?;
        let usual = model.painter.options();
        Ok(DrawOptions {
            class: self.class,
            label,
            truncation_psi: self.truncation_psi,
            truncation_cutoff: self.truncation_cutoff.unwrap_or(usual.truncation_cutoff),
            noise_mode: self.noise_mode,
            noise_seed: self.noise_seed,
            ..usual.clone()
        })
    }

    /// The network with these options.
    pub(crate) fn painter(&self, model: &Model) -> Result<Painter> {
        Ok(model.painter.with(self.options(model)?)?)
    }

    /// Where its latents and directions are.
    pub(crate) fn source(&self, shared: &Shared, model: &Model) -> Result<LatentSource> {
        let source = shared.latents.source(self.latents)?;
        if self.blend.moves.is_empty() {
            return Ok(source);
        }
        Ok(match self.directions {
            Some(Directions::File(id)) => source.with_directions(shared.latents.file(id)?),
            Some(Directions::Found(Sefa::Sefa)) | None => source.with_factorized(model.directions()?),
        })
    }

    /// What the picture shows: of one latent alone, what `sample` draws.
    pub(crate) fn content(&self, source: &LatentSource) -> Content {
        match self.blend.only() {
            Some(id) => Content::grid(source, &LatentIds(vec![id]), Layout::ONE),
            None => Content::Blend(self.blend.clone()),
        }
    }
}

/// A PNG, and how long it took.
fn png(bytes: Vec<u8>, began: Instant) -> Response {
    let milliseconds = format!("{:.1}", began.elapsed().as_secs_f64() * 1000.0);
    let headers = [
        (header::CONTENT_TYPE, "image/png".to_owned()),
        (HeaderName::from_static("x-draw-ms"), milliseconds),
    ];
    (headers, bytes).into_response()
}

#[derive(Debug, Deserialize)]
pub(crate) struct PictureRequest {
    draw: Draw,
    #[serde(default)]
    coarser: u32,
}

/// `POST /api/models/{model}/picture`
pub(crate) async fn picture(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(PictureRequest { draw, coarser }): Input<PictureRequest>,
) -> Result<Response> {
    shared
        .ask(move |shared| {
            let began = Instant::now();
            let model = shared.models.open(model)?;
            let (painter, source) = (draw.painter(&model)?, draw.source(shared, &model)?);
            let bytes = if coarser > 0 {
                // A picture that no recipe would draw again, shown for the blink of an eye.
                let painter = painter.coarser(coarser)?;
                let sample = draw.blend.sample(&painter, &source)?;
                png_bytes(&pixels(&painter.draw(&sample)?)?, &[])?
            } else {
                let recipe = Recipe::new(&painter, &source, draw.content(&source));
                recipe.png(&recipe.draw(&painter, &source)?)?
            };
            Ok(png(bytes, began))
        })
        .await
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GridRequest {
    pub(crate) seeds: String,
    #[serde(default)]
    pub(crate) columns: Option<usize>,
    pub(crate) draw: Draw,
}

impl GridRequest {
    pub(crate) fn ids(&self) -> Result<LatentIds> {
        self.seeds.parse().map_err(Error::Bad)
    }

    pub(crate) fn layout(&self, count: usize) -> Layout {
        let columns =
            self.columns.unwrap_or_else(|| (count as f64).sqrt().ceil() as usize).clamp(1, count.max(1));
        Layout { columns, rows: count.div_ceil(columns) }
    }
}

/// `POST /api/models/{model}/grid`
pub(crate) async fn grid(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(request): Input<GridRequest>,
) -> Result<Response> {
    let ids = request.ids()?;
    check_count(ids.0.len())?;
    let layout = request.layout(ids.0.len());
    figure(shared, model, request.draw, move |source| Content::grid(source, &ids, layout)).await
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MixRequest {
    pub(crate) rows: String,
    pub(crate) cols: String,
    pub(crate) styles: String,
    pub(crate) draw: Draw,
}

impl MixRequest {
    fn figure(&self) -> Result<MixFigure> {
        let ids = |text: &str| text.parse::<LatentIds>().map_err(Error::Bad);
        let styles = self.styles.parse::<RowLayers>().map_err(Error::Bad)?;
        Ok(MixFigure { rows: ids(&self.rows)?, cols: ids(&self.cols)?, styles })
    }
}

/// `POST /api/models/{model}/mix`
pub(crate) async fn mix(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(request): Input<MixRequest>,
) -> Result<Response> {
    let mix = request.figure()?;
    check_count((mix.rows.0.len() + 1).saturating_mul(mix.cols.0.len() + 1))?;
    figure(shared, model, request.draw, move |_| Content::Mix(mix)).await
}

/// A picture of several, with its recipe.
async fn figure(
    shared: Arc<Shared>,
    model: u64,
    draw: Draw,
    content: impl FnOnce(&LatentSource) -> Content + Send + 'static,
) -> Result<Response> {
    shared
        .ask(move |shared| {
            let began = Instant::now();
            let model = shared.models.open(model)?;
            let (painter, source) = (draw.painter(&model)?, shared.latents.source(draw.latents)?);
            let recipe = Recipe::new(&painter, &source, content(&source));
            Ok(png(recipe.png(&recipe.draw(&painter, &source)?)?, began))
        })
        .await
}

fn check_count(count: usize) -> Result<()> {
    if count > MOST_PICTURES {
        return Err(Error::Bad(format!("{count} pictures are more than {MOST_PICTURES}")));
    }
    Ok(())
}
