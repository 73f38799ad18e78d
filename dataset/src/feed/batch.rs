//! The pictures of one training step.

use stylegan_base::Resolution;

use super::order::Order;
use crate::bits::Bits;
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
    /// The bits of each number.
    pub bits: Bits,
    /// The bytes of `[batch, channels, height, width]`, of two the lower one first; those already mirrored that are to be.
    pub pixels: Vec<u8>,
    /// `[batch, label width]`, if the pictures have labels.
    pub labels: Option<Vec<f32>>,
}

impl Batch {
    /// The pixels in 8 bits; of 16, the upper ones.
    pub fn pixels_u8(self) -> Vec<u8> {
        self.bits.upper(self.pixels)
    }
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
    let (channels, bits) = (pyramid.channels().count(), pyramid.bits());
    let length = batch.saturating_mul(channels * resolution.pixels() * bits.bytes());
    let mut pixels = Vec::with_capacity(length.min(1 << 32));
    let mut labels = pyramid.labels().map(|_| Vec::new());
    for offset in 0..batch as u64 {
        let position = first_position + offset;
        let index = order.index(position);
        let start = pixels.len();
        pyramid.append_picture(resolution, index, &mut pixels)?;
        if mirror && order.mirrored(position, 0.5) {
            mirror_rows(&mut pixels[start..], resolution.width, bits);
        }
        if let (Some(all), Some(labels)) = (pyramid.labels(), &mut labels) {
            all.append(index, labels);
        }
    }
    Ok(Batch { request: *request, channels, bits, pixels, labels })
}

fn mirror_rows(pixels: &mut [u8], width: usize, bits: Bits) {
    match bits {
        Bits::Eight => pixels.chunks_exact_mut(width).for_each(<[u8]>::reverse),
        Bits::Sixteen => pixels.as_chunks_mut::<2>().0.chunks_exact_mut(width).for_each(<[[u8; 2]]>::reverse),
    }
}
