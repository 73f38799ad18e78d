//! Where the faces of a photo are, whoever knows it.

use image::RgbImage;

use crate::points::FacePoints;

/// Whoever knows where the faces of a photo are.
pub trait FindFaces: Sync {
    /// The faces of a photo that is called `name` in its source, the first for `NAME.png`, the others for `NAME_1.png` and
    /// so on.
    ///
    /// # Errors
    /// Why the photo cannot be looked at; it is left out then.
    fn find(&self, name: &str, photo: &RgbImage) -> Result<Vec<FoundFace>, String>;

    /// Whether it is known without looking at the photo that it has no face.
    fn knows_none(&self, _name: &str) -> bool {
        false
    }
}

/// A face in a photo, in its pixels; the center of the first is at 0.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFace {
    /// Its points.
    pub points: FacePoints,
    /// Left, top, width and height of the box around it, if somebody found one.
    pub bounds: Option<[f64; 4]>,
    /// How far it is thought to be a face, 0 to 1.
    pub confidence: Option<f64>,
}
