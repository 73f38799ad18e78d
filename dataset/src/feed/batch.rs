//! The pictures of one training step.

use stylegan_base::Resolution;

use super::order::Order;
use crate::error::Error;
use crate::pack::Pyramid;

/// Which pictures a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// The position of the first picture in the order of training; the others follow it.
    pub first_position: u64,
    /// How many pictures.
    pub batch: usize,
    /// Their width and height.
    pub resolution: Resolution,
}

/// The pictures of one step, ready to become a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// What was asked for.
    pub request: BatchRequest,
    /// The channels of each picture.
    pub channels: usize,
    /// `[batch, channels, height, width]`, those already mirrored that are to be.
    pub pixels_u8: Vec<u8>,
    /// `[batch, label width]`, if the pictures have labels.
    pub labels: Option<Vec<f32>>,
}

/// Copies the pictures that `request` names out of the pyramid; with `mirror`, every second one by chance mirrored.
///
/// # Errors
/// If the pyramid has no such level, the order is one of another number of pictures, or a picture cannot be
/// read.
pub fn assemble(
    pyramid: &Pyramid,
    order: &Order,
    mirror: bool,
    request: &BatchRequest,
) -> Result<Batch, Error> {
    let BatchRequest { first_position, batch, resolution } = *request;
    let channels = pyramid.channels().count();
    let length = batch.saturating_mul(channels * resolution.pixels());
    let mut pixels_u8 = Vec::with_capacity(length.min(1 << 32));
    let mut labels = pyramid.labels().map(|_| Vec::new());
    for offset in 0..batch as u64 {
        let position = first_position + offset;
        let index = order.index(position);
        let start = pixels_u8.len();
        pyramid.append_picture(resolution, index, &mut pixels_u8)?;
        if mirror && order.mirrored(position, 0.5) {
            pixels_u8[start..].chunks_exact_mut(resolution.width).for_each(<[u8]>::reverse);
        }
        if let (Some(all), Some(labels)) = (pyramid.labels(), &mut labels) {
            all.append(index, labels);
        }
    }
    Ok(Batch { request: *request, channels, pixels_u8, labels })
}
