//! Photos, made as large as the network draws.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use candle_core::Tensor;
use clap::ValueEnum;
use stylegan_alignment::{CropSquare, FacePoints, LARGEST_SIDE, LEAST_SIDE, crop};
use stylegan_dataset::{Channels, Fit, fit_picture, read_picture};
use stylegan_drawing::Painter;
use stylegan_features::{Face, FaceFinder, FindOptions};
use stylegan_media::{DynamicImage, RgbImage};
use stylegan_ops::Resolution;
use stylegan_projector::Photo;
use tracing::{field, info_span};

use crate::report::note;

/// How far a face may be from where it is in an aligned picture for a photo to be one: its middle in sides of the picture, and
/// its side as a share.
const NEAR: f64 = 0.1;

/// Whether faces are cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Align {
    /// Where a photo has a face, unless it is aligned already or as large as the network's pictures
    Auto,
    /// Never: the middle is taken
    Off,
}

/// A photo that is as large as the network's pictures.
pub(super) struct Prepared {
    pub(super) photo: Photo,
    /// `[height, width, channels]`
    pixels: Vec<u8>,
}

/// Reads and fits all of them, before any work begins.
pub(super) fn prepare(paths: &[PathBuf], align: Align, painter: &Painter) -> Result<Vec<Prepared>> {
    let channels = Channels::try_from(painter.config().num_channels).map_err(|reason| anyhow!(reason))?;
    let finder = if align == Align::Auto { Some(FaceFinder::embedded()?) } else { None };
    let span = info_span!("reading", total = paths.len(), done = field::Empty);
    let _entered = span.enter();
    let mut prepared = Vec::with_capacity(paths.len());
    for (done, path) in paths.iter().enumerate() {
        let (picture, hash) = read_picture(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (picture, fitted) = faced(picture, path, painter.resolution(), finder.as_ref())?;
        let pixels = fit_picture(picture, painter.resolution(), channels, Fit::Crop)
            .map_err(|reason| anyhow!(reason))
            .with_context(|| format!("cannot resize `{}`", path.display()))?;
        prepared.push(Prepared { photo: Photo { name, hash, fitted: fitted.to_owned() }, pixels });
        span.record("done", done as u64 + 1);
    }
    Ok(prepared)
}

/// The face of a photo, or the photo as it is, and what was done.
fn faced(
    picture: DynamicImage,
    path: &Path,
    resolution: Resolution,
    finder: Option<&FaceFinder>,
) -> Result<(DynamicImage, &'static str)> {
    let Resolution { width, height } = resolution;
    let size = [picture.width() as usize, picture.height() as usize];
    let name = path.display();
    if size == [width, height] {
        return Ok((picture, "as it is"));
    }
    if size[0] < width || size[1] < height {
        note(&format!(
            "`{name}` has {}x{} pixels, fewer than the network draws, and is enlarged",
            size[0], size[1]
        ));
    }
    let side = resolution.side() as u32;
    let (Some(finder), true, true) = (finder, width == height, (LEAST_SIDE..=LARGEST_SIDE).contains(&side))
    else {
        return Ok((picture, "middle"));
    };
    let photo = picture.to_rgb8();
    let mut faces = finder.find(&photo, &FindOptions::default())?;
    let area = |face: &Face| face.bounds.width * face.bounds.height;
    faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
    let square = |face: &Face| CropSquare::of(&FacePoints::SixtyEight(Box::new(face.landmarks)));
    let Some(square) = faces.first().and_then(square) else {
        note(&format!("no face was found in `{name}`: its middle is taken"));
        return Ok((picture, "middle"));
    };
    if is_aligned(&photo, &square) {
        return Ok((picture, "aligned already"));
    }
    if faces.len() > 1 {
        note(&format!("`{name}` has {} faces: the largest is taken", faces.len()));
    }
    let face = crop(&photo, &square, side).with_context(|| format!("cannot cut the face out of `{name}`"))?;
    Ok((face.into(), "aligned"))
}

/// Whether the square of a face is about the whole photo.
fn is_aligned(photo: &RgbImage, square: &CropSquare) -> bool {
    let [width, height] = [photo.width(), photo.height()].map(f64::from);
    let is_near = |a: f64, b: f64| (a - b).abs() < NEAR * width;
    photo.width() == photo.height()
        && is_near(square.center[0], width / 2.0)
        && is_near(square.center[1], height / 2.0)
        && is_near(square.side() / 2.0, width / 2.0)
        && is_near(square.x[1], 0.0)
        && square.x[0] > 0.0
}

/// The pictures as the network draws them, `[batch, channels, height, width]` from -1 to 1.
pub(super) fn tensor(prepared: &[Prepared], painter: &Painter) -> candle_core::Result<Tensor> {
    let Resolution { width, height } = painter.resolution();
    let bytes: Vec<f32> =
        prepared.iter().flat_map(|photo| &photo.pixels).map(|&byte| f32::from(byte) / 127.5 - 1.0).collect();
    let shape = (prepared.len(), height, width, painter.config().num_channels);
    Tensor::from_vec(bytes, shape, painter.device())?.permute((0, 3, 1, 2))?.contiguous()
}
