//! Photos that clients send, to be projected.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};
use stylegan_alignment::{CropSquare, FacePoints, LARGEST_SIDE, LEAST_SIDE, crop};
use stylegan_dataset::{Channels, Fit, fit_picture};
use stylegan_features::{FaceFinder, FindOptions};
use stylegan_media::{DynamicImage, GrayImage, RgbImage};
use stylegan_ops::Resolution;

use crate::numbered::Numbered;
use crate::{Error, Result};

/// Pixels of a photo.
pub(crate) const MOST_PIXELS: u64 = 64_000_000;
/// Photos that are kept; of more, the oldest go.
const MOST_PHOTOS: usize = 8;
/// Faces that are offered.
const MOST_FACES: usize = 16;
/// The least side of the square that is cut out, in pixels.
const LEAST_SQUARE: f64 = 4.0;

/// Left eye, right eye, nose, left and right corner of the mouth, in pixels of the photo.
pub(crate) type Points = [[f64; 2]; 5];

/// A photo.
#[derive(Debug)]
pub(crate) struct Photo {
    pub(crate) picture: RgbImage,
}

/// Photos by number.
#[derive(Debug)]
pub(crate) struct Photos {
    all: Numbered<Arc<Photo>>,
    finder: OnceLock<FaceFinder>,
}

impl Default for Photos {
    fn default() -> Self {
        Self { all: Numbered::new("photo", MOST_PHOTOS, |_| true), finder: OnceLock::new() }
    }
}

impl Photos {
    pub(crate) fn add(&self, picture: RgbImage) -> u64 {
        self.all.add(Arc::new(Photo { picture }))
    }

    pub(crate) fn get(&self, id: u64) -> Result<Arc<Photo>> {
        self.all.get(id)
    }

    /// The points of the faces of a photo, the largest face first.
    pub(crate) fn faces(&self, photo: &RgbImage) -> Result<Vec<Points>> {
        let finder = if let Some(finder) = self.finder.get() {
            finder
        } else {
            let made = FaceFinder::embedded()?;
            self.finder.get_or_init(|| made)
        };
        let faces = finder.find(photo, &FindOptions::default())?;
        Ok(faces.iter().take(MOST_FACES).map(|face| five(&face.landmarks)).collect())
    }
}

/// Five points of dlib's 68.
fn five(landmarks: &[[f64; 2]; 68]) -> Points {
    let middle = |points: &[[f64; 2]]| {
        [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / points.len() as f64)
    };
    [middle(&landmarks[36..42]), middle(&landmarks[42..48]), landmarks[30], landmarks[48], landmarks[54]]
}

impl Photo {
    /// The photo as large as a network draws: the face at these points, or the middle.
    pub(crate) fn fitted(
        &self,
        points: Option<&Points>,
        resolution: Resolution,
        num_channels: usize,
    ) -> Result<DynamicImage> {
        let channels = Channels::try_from(num_channels).map_err(Error::Bad)?;
        let picture = match points {
            Some(points) => {
                let points = FacePoints::new(points).map_err(Error::Bad)?;
                let square = CropSquare::of(&points).filter(|square| square.side() >= LEAST_SQUARE);
                let square = square.ok_or_else(|| Error::Bad("these points are no face".to_owned()))?;
                let side = (resolution.side() as u32).clamp(LEAST_SIDE, LARGEST_SIDE);
                crop(&self.picture, &square, side)?.into()
            }
            None => DynamicImage::from(self.picture.clone()),
        };
        let bytes = fit_picture(picture, resolution, channels, Fit::Crop).map_err(Error::Bad)?;
        let (width, height) = (resolution.width as u32, resolution.height as u32);
        let fitted = match channels.count() {
            1 => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
            3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
            _ => return Err(Error::Bad("photos have one or three channels".to_owned())),
        };
        fitted.ok_or(Error::Panic)
    }

    /// `[1, channels, height, width]` from -1 to 1
    pub(crate) fn tensor(fitted: &DynamicImage, device: &Device) -> candle_core::Result<Tensor> {
        let values: Vec<f32> = fitted.as_bytes().iter().map(|&byte| f32::from(byte) / 127.5 - 1.0).collect();
        let channels = usize::from(fitted.color().channel_count());
        let shape = (1, fitted.height() as usize, fitted.width() as usize, channels);
        Tensor::from_vec(values, shape, device)?.permute((0, 3, 1, 2))?.contiguous()
    }
}
