//! Faces in a photo, and 68 points in each.
//!
//! The detector sees tiles of the photo; what it finds several times counts once. The landmark network then looks at each
//! face three times: in the box that was found, upright around the points that it saw there, and at three sizes around those
//! of that look; each time also in a mirror, with the mean of both. What looks unlike itself in the mirror is no face.

mod boxes;
mod detector;
mod landmarks;
mod layers;
#[cfg(test)]
mod reference;
mod tiles;
mod window;

use fast_image_resize::Resizer;
use image::RgbImage;

pub use boxes::Bounds;
pub use landmarks::LANDMARKS;

use crate::error::Result;
use detector::Detector;
use landmarks::{EYE_CORNERS, LandmarkNetwork, Points, Sight};
use tiles::tiles;
use window::Window;

/// A face in what is but a part of a photo is no larger than this part of it; larger ones are seen at a coarser scale.
const LARGEST_IN_TILE: f64 = 0.5;

/// Around the points of a face, in sides of the square that holds them: what the network saw when it was trained.
const SECOND_LOOK: [f64; 1] = [1.1];
const THIRD_LOOK: [f64; 3] = [1.0, 1.1, 1.2];

/// A face may look as unlike itself in the mirror, in distances of the eyes' outer corners. Faces of `docs/alignment.md` are
/// at 0.02 to 0.06, other things around 0.5.
const MAX_DISAGREEMENT: f64 = 0.2;

/// Two faces of which the middle of one lies so near to that of the other, in sides of the larger, are one.
const SAME_PLACE: f64 = 0.25;

/// Which faces count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FindOptions {
    /// How far something is thought to be a face at least, 0 to 1.
    pub min_confidence: f64,
    /// The longer side of a face's box at least, in pixels of the photo, from 12 on. The photo is looked at as finely as
    /// that needs: half of it takes four times the work.
    pub min_size: f64,
}

impl FindOptions {
    /// The smallest size of faces that can be asked for.
    pub const LEAST_SIZE: f64 = 12.0;
}

impl Default for FindOptions {
    fn default() -> Self {
        Self { min_confidence: 0.5, min_size: 64.0 }
    }
}

/// A face in a photo.
///
/// Places are in pixels of the photo; the center of the first pixel is at 0, as dlib and FFHQ have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// How far it is thought to be a face, 0 to 1.
    pub confidence: f64,
    /// Brow to chin and ear to ear, about.
    pub bounds: Bounds,
    /// x and y of dlib's 68 points: 36 to 41 the eye at the left in the photo, 42 to 47 the other, 48 and 54 the corners of
    /// the mouth.
    pub landmarks: [[f64; 2]; LANDMARKS],
}

/// Two networks that find faces.
///
/// They are `tiny_face_detector` and `face_landmark_68` of face-api.js, in the package `@vladmandic/face-api` (MIT).
#[derive(Debug)]
pub struct FaceFinder {
    detector: Detector,
    landmarks: LandmarkNetwork,
}

impl FaceFinder {
    /// The networks that come with the program.
    ///
    /// # Errors
    /// If the weights are damaged.
    pub fn embedded() -> Result<Self> {
        Ok(Self { detector: Detector::embedded()?, landmarks: LandmarkNetwork::embedded()? })
    }

    /// The faces of a photo, the largest first.
    ///
    /// # Errors
    /// If a network cannot be computed.
    pub fn find(&self, photo: &RgbImage, options: &FindOptions) -> Result<Vec<Face>> {
        if photo.width() == 0 || photo.height() == 0 {
            return Ok(Vec::new());
        }
        let mut faces: Vec<Face> = Vec::new();
        for (confidence, bounds) in self.candidates(photo, options)? {
            let sight = self.look_closely(photo, &bounds)?;
            let face = Face { confidence, bounds, landmarks: sight.points };
            if sight.disagreement <= MAX_DISAGREEMENT && !faces.iter().any(|other| other.is_at(&face)) {
                faces.push(face);
            }
        }
        faces.sort_by(|a, b| b.bounds.side().total_cmp(&a.bounds.side()));
        tracing::debug!(faces = faces.len(), "faces found");
        Ok(faces)
    }

    /// Boxes that may be faces, the likeliest first.
    fn candidates(&self, photo: &RgbImage, options: &FindOptions) -> Result<Vec<(f64, Bounds)>> {
        let mut resizer = Resizer::new();
        let mut found = Vec::new();
        let min_size = options.min_size.max(FindOptions::LEAST_SIZE);
        for tile in tiles(photo.dimensions(), min_size) {
            let picture =
                tile.cut(photo, &mut resizer).map_err(|e| candle_core::Error::msg(e.to_string()))?;
            for detection in self.detector.detect(&picture, options.min_confidence)? {
                let [width, height] = detection.size.map(|side| side * tile.side);
                let [x, y] = detection.center.map(|place| place * tile.side);
                // From the edge of the first pixel to its center.
                let left = tile.left + x - width / 2.0 - 0.5;
                let top = tile.top + y - height / 2.0 - 0.5;
                let bounds = Bounds { left, top, width, height };
                let is_possible = bounds.side() >= options.min_size
                    && (tile.is_whole || bounds.side() <= LARGEST_IN_TILE * tile.side)
                    && [left, top, width, height].iter().all(|value| value.is_finite());
                if is_possible {
                    found.push((detection.confidence, bounds));
                }
            }
        }
        Ok(boxes::best(found))
    }

    /// The points of the face in a box.
    fn look_closely(&self, photo: &RgbImage, bounds: &Bounds) -> Result<Sight> {
        let window = Window { center: bounds.center(), side: bounds.side(), roll: 0.0 };
        let mut sight = self.look(photo, &[window])?;
        for sizes in [&SECOND_LOOK[..], &THIRD_LOOK] {
            let around = around(&sight.points);
            let windows: Vec<_> =
                sizes.iter().map(|size| Window { side: around.side * size, ..around }).collect();
            sight = self.look(photo, &windows)?;
        }
        Ok(sight)
    }

    /// The mean of what is seen in several windows, as points in the photo.
    fn look(&self, photo: &RgbImage, windows: &[Window]) -> Result<Sight> {
        let pictures: Vec<_> =
            windows.iter().map(|window| window.cut(photo, landmarks::SIDE as u32)).collect();
        let sights = self.landmarks.look(&pictures)?;
        let mut mean = Sight { points: [[0.0; 2]; LANDMARKS], disagreement: 0.0 };
        let part = 1.0 / windows.len() as f64;
        for (sight, window) in sights.iter().zip(windows) {
            mean.disagreement += part * sight.disagreement;
            for (mean, point) in mean.points.iter_mut().zip(sight.points) {
                let [x, y] = window.to_photo(point);
                *mean = [mean[0] + part * x, mean[1] + part * y];
            }
        }
        Ok(mean)
    }
}

/// The upright square that just holds all points of a face, with the roll of its eyes.
fn around(points: &Points) -> Window {
    let range = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        let least = values.clone().fold(f64::INFINITY, f64::min);
        (least, values.fold(f64::NEG_INFINITY, f64::max))
    };
    let ((left, right), (top, bottom)) = (range(0), range(1));
    let [left_eye, right_eye] = EYE_CORNERS.map(|number| points[number]);
    Window {
        center: [f64::midpoint(left, right), f64::midpoint(top, bottom)],
        side: (right - left).max(bottom - top),
        roll: (right_eye[1] - left_eye[1]).atan2(right_eye[0] - left_eye[0]),
    }
}

impl Face {
    /// Whether another face is this one, found twice.
    fn is_at(&self, other: &Self) -> bool {
        let (ours, theirs) = (around(&self.landmarks), around(&other.landmarks));
        let apart = (ours.center[0] - theirs.center[0]).hypot(ours.center[1] - theirs.center[1]);
        apart < SAME_PLACE * ours.side.max(theirs.side)
    }
}
