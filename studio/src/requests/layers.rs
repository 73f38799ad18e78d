//! What the layers of a network make of a picture.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderName};
use axum::response::{IntoResponse, Response};
use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, GrayImage, grid, png_bytes};

use super::draw::Draw;
use crate::http::Input;
use crate::state::Shared;
use crate::{Error, Result};

/// Pixels of a picture of features, at most.
const MOST_PIXELS: usize = 16 << 20;
/// Channels that are shown at a time, at most.
const MOST_CHANNELS: usize = 256;
/// Features this far from their mean, in deviations, are black or white.
const SHOWN_DEVIATIONS: f32 = 3.0;

#[derive(Debug, Deserialize)]
pub(crate) struct LayersRequest {
    draw: Draw,
}

/// The features behind one layer in numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    layer: usize,
    width: usize,
    height: usize,
    channels: usize,
    mean: f32,
    deviation: f32,
    maximum: f32,
}

/// `POST /api/models/{model}/layers`
pub(crate) async fn layers(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<u64>,
    Input(LayersRequest { draw }): Input<LayersRequest>,
) -> Result<Json<Vec<Summary>>> {
    shared
        .ask(move |shared| {
            let mut all = Vec::new();
            look(shared, model, &draw, &mut |layer, features| {
                all.push(Summary::of(layer, features)?);
                Ok(())
            })?;
            Ok(Json(all))
        })
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct LayerRequest {
    draw: Draw,
    #[serde(default)]
    first: usize,
    #[serde(default = "usual_count")]
    count: usize,
}

fn usual_count() -> usize {
    64
}

/// `POST /api/models/{model}/layers/{layer}`
pub(crate) async fn layer(
    State(shared): State<Arc<Shared>>,
    Path((model, layer)): Path<(u64, usize)>,
    Input(LayerRequest { draw, first, count }): Input<LayerRequest>,
) -> Result<Response> {
    shared
        .ask(move |shared| {
            let mut shown = None;
            look(shared, model, &draw, &mut |at, features| {
                if at == layer {
                    shown = Some(Maps::of(features, first, count)?);
                }
                Ok(())
            })?;
            let Maps { picture, columns, rows } =
                shown.ok_or(Error::NoSuch { what: "layer", id: layer as u64 })?;
            let headers = [
                (header::CONTENT_TYPE, "image/png".to_owned()),
                (HeaderName::from_static("x-columns"), columns.to_string()),
                (HeaderName::from_static("x-rows"), rows.to_string()),
            ];
            Ok((headers, png_bytes(&picture, &[])?).into_response())
        })
        .await
}

/// Draws a picture and shows the features behind each layer, `[channels, height, width]`.
fn look(
    shared: &Shared,
    model: u64,
    draw: &Draw,
    see: &mut dyn FnMut(usize, &Tensor) -> candle_core::Result<()>,
) -> Result<()> {
    let model = shared.models.open(model)?;
    let (painter, source) = (draw.painter(&model)?, draw.source(shared, &model)?);
    let sample = draw.blend.sample(&painter, &source)?;
    painter
        .draw_seen(&sample, &mut |layer, features| see(layer, &features.squeeze(0)?.to_dtype(DType::F32)?))?;
    Ok(())
}

impl Summary {
    fn of(layer: usize, features: &Tensor) -> candle_core::Result<Self> {
        let (channels, height, width) = features.dims3()?;
        let values = features.flatten_all()?.to_vec1::<f32>()?;
        let (mean, deviation) = moments(&values);
        let maximum = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Ok(Self { layer, width, height, channels, mean, deviation, maximum })
    }
}

/// Channels as grey pictures side by side.
struct Maps {
    picture: DynamicImage,
    columns: usize,
    rows: usize,
}

impl Maps {
    fn of(features: &Tensor, first: usize, count: usize) -> candle_core::Result<Self> {
        let (channels, height, width) = features.dims3()?;
        let first = first.min(channels.saturating_sub(1));
        let most = (MOST_PIXELS / (height * width)).clamp(1, MOST_CHANNELS);
        let count = count.clamp(1, most).min(channels - first);
        let columns = (count as f64).sqrt().ceil() as usize;
        let pictures = (first..first + count)
            .map(|channel| {
                let values = features.get(channel)?.flatten_all()?.to_vec1::<f32>()?;
                let (mean, deviation) = moments(&values);
                let scale = 127.5 / (SHOWN_DEVIATIONS * deviation).max(f32::MIN_POSITIVE);
                // Rounds, and takes what is beyond to the ends.
                let pixels =
                    values.iter().map(|value| ((value - mean) * scale + 127.5).round() as u8).collect();
                GrayImage::from_raw(width as u32, height as u32, pixels)
                    .map(DynamicImage::from)
                    .ok_or_else(|| candle_core::Error::msg("features of an impossible size"))
            })
            .collect::<candle_core::Result<Vec<_>>>()?;
        let rows = count.div_ceil(columns);
        Ok(Self { picture: grid(&pictures, columns, rows), columns, rows })
    }
}

fn moments(values: &[f32]) -> (f32, f32) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
    (mean as f32, (squares / count).sqrt() as f32)
}
