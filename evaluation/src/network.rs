//! What a network is to a measure.

use std::fmt::Debug;

use candle_core::{Result, Tensor};

/// A frozen network that makes numbers of a picture in which alike pictures are near one another.
pub trait FeatureNetwork: Debug + Send + Sync {
    /// What users call it, such as `inception`.
    fn name(&self) -> &str;

    /// How many numbers it makes of a picture.
    fn width(&self) -> usize;

    /// What tells its numbers from those of the same network with other weights or another resize.
    fn fingerprint(&self) -> String;

    /// The features of pictures of any size.
    ///
    /// # Shapes
    /// - `pictures_u8`: `[batch, 3, height, width]` in 0..255
    /// - returns: `[batch, width]`, `f32`
    ///
    /// # Errors
    /// If the pictures have another shape, or the network cannot be computed.
    fn features(&self, pictures_u8: &Tensor) -> Result<Tensor>;
}
