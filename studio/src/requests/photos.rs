//! Photos that clients send, to be projected.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use stylegan_alignment::LEAST_SIDE;
use stylegan_dataset::read_picture;
use stylegan_media::DynamicImage;
use stylegan_ops::Resolution;

use crate::http::{Input, png, receive};
use crate::photos::{MOST_PIXELS, Points};
use crate::state::Shared;
use crate::{Error, Result};

/// The largest file.
const MOST_BYTES: u64 = 64 << 20;
/// The longer side of a photo as it is shown.
const SHOWN_SIDE: u32 = 1024;

/// A photo as the page knows it.
#[derive(Debug, Serialize)]
pub(crate) struct Known {
    photo: u64,
    width: u32,
    height: u32,
    faces: Vec<Points>,
}

/// `POST /api/photos`
pub(crate) async fn upload(State(shared): State<Arc<Shared>>, request: Request) -> Result<Json<Known>> {
    let upload = receive(request, &shared.kept, MOST_BYTES).await?;
    shared
        .ask(move |shared| {
            let (picture, _) = read_picture(&upload.path)?;
            let (width, height) = (picture.width(), picture.height());
            if u64::from(width) * u64::from(height) > MOST_PIXELS {
                return Err(Error::Bad(format!(
                    "a photo has up to {} megapixels here",
                    MOST_PIXELS / 1_000_000
                )));
            }
            let picture = picture.to_rgb8();
            let faces = shared.photos.faces(&picture)?;
            Ok(Json(Known { photo: shared.photos.add(picture), width, height, faces }))
        })
        .await
}

/// `GET /api/photos/{photo}`
pub(crate) async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<u64>) -> Result<Response> {
    let photo = shared.photos.get(id)?;
    let small = shared
        .ask(move |_| {
            let picture = DynamicImage::from(photo.picture.clone());
            let is_large = picture.width().max(picture.height()) > SHOWN_SIDE;
            Ok(if is_large { picture.thumbnail(SHOWN_SIDE, SHOWN_SIDE) } else { picture })
        })
        .await?;
    png(small).await
}

#[derive(Debug, Deserialize)]
pub(crate) struct CropRequest {
    #[serde(default)]
    points: Option<Points>,
    side: usize,
}

/// `POST /api/photos/{photo}/crop`
pub(crate) async fn cropped(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<u64>,
    Input(CropRequest { points, side }): Input<CropRequest>,
) -> Result<Response> {
    let photo = shared.photos.get(id)?;
    if !(LEAST_SIDE as usize..=1024).contains(&side) {
        return Err(Error::Bad("a crop has 16 to 1024 pixels a side here".to_owned()));
    }
    let cropped = shared.ask(move |_| photo.fitted(points.as_ref(), Resolution::square(side), 3)).await?;
    png(cropped).await
}
