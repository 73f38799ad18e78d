//! The picture of a face, cut out of a photo.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{RgbImage, imageops};

use crate::pad::{Margins, pad};
use crate::quad::quad;
use crate::square::CropSquare;

/// The smallest side of a crop.
pub const LEAST_SIDE: u32 = 16;

/// The largest.
pub const LARGEST_SIDE: u32 = 2048;

/// Pixels a side of a crop are computed of so many times as many.
const SUPERSAMPLING: u32 = 4;

/// Of the side of a crop, what is kept around it.
const BORDER: f64 = 0.1;

/// Of the side of a crop, what is put around a photo at least, where anything is missing.
const LEAST_MARGIN: f64 = 0.3;

/// Why a face cannot be cut out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// Its middle is not in the photo.
    #[error("the face at {x:.0}, {y:.0} lies outside of the photo, which has {width}x{height} pixels")]
    Outside {
        /// Where its middle is.
        x: f64,
        /// Where its middle is.
        y: f64,
        /// The photo's width.
        width: u32,
        /// The photo's height.
        height: u32,
    },
    /// Its square is so small that it lies in a pixel.
    #[error("the face at {x:.0}, {y:.0} is smaller than a pixel")]
    Tiny {
        /// Where its middle is.
        x: f64,
        /// Where its middle is.
        y: f64,
    },
    /// The picture asked for is too small or too large.
    #[error("a crop has from {LEAST_SIDE} to {LARGEST_SIDE} pixels a side, not {side}")]
    Side {
        /// The side asked for.
        side: u32,
    },
    /// The photo cannot be resized.
    #[error("the photo cannot be resized: {0}")]
    Resize(String),
}

/// Cuts a square out of a photo, as a picture of `side` pixels a side.
///
/// This is FFHQ's way, step by step: a photo that is much larger than the crop needs is shrunk by a whole number, what lies
/// far from the square is cut off, what is missing of the photo is filled in, reflected and blurred, and the square is turned
/// upright at four times the side and shrunk. Shrinking is by Lanczos' filter. Results are those of PIL and SciPy within a level or two.
///
/// # Errors
/// If the middle of the square is outside of the photo, or `side` is not from [`LEAST_SIDE`] to [`LARGEST_SIDE`].
pub fn crop(photo: &RgbImage, square: &CropSquare, side: u32) -> Result<RgbImage, CropError> {
    let mut resizer = Resizer::new();
    let (width, height) = photo.dimensions();
    let [x, y] = square.center;
    if !(LEAST_SIDE..=LARGEST_SIDE).contains(&side) {
        return Err(CropError::Side { side });
    }
    // The crop is at most as large as that of a face in the middle; so this also limits what is filled in.
    if !(x >= 0.0 && y >= 0.0 && x < f64::from(width) && y < f64::from(height)) {
        return Err(CropError::Outside { x, y, width, height });
    }
    if square.side() < 1.0 {
        return Err(CropError::Tiny { x, y });
    }

    let factor = (square.side() / f64::from(side) / 2.0).floor().max(1.0);
    let corners = square.corners().map(|corner| corner.map(|place| place / factor));
    let length = square.side() / factor;
    let shrunk = (factor > 1.0).then(|| {
        let shrunk = |length: u32| (f64::from(length) / factor).round_ties_even().max(1.0) as u32;
        resize(photo, [shrunk(width), shrunk(height)], &mut resizer)
    });
    let shrunk = shrunk.transpose()?;
    let photo = shrunk.as_ref().unwrap_or(photo);

    let border = (length * BORDER).round_ties_even().max(3.0);
    let range = |axis: usize| {
        let places = corners.map(|corner| corner[axis]);
        let least = places.into_iter().fold(f64::INFINITY, f64::min);
        (least.floor() - border, places.into_iter().fold(f64::NEG_INFINITY, f64::max).ceil() + border)
    };
    let ((left, right), (top, bottom)) = (range(0), range(1));
    let [photo_width, photo_height] = [photo.width(), photo.height()].map(f64::from);
    // What there is of it, which is something, as its middle is; a photo that was shrunk may have lost the last pixel.
    let first = [left.max(0.0).min(photo_width - 1.0), top.max(0.0).min(photo_height - 1.0)];
    let last = [right.min(photo_width).max(first[0] + 1.0), bottom.min(photo_height).max(first[1] + 1.0)];
    let [cut_left, cut_top] = first.map(|place| place as u32);
    let [cut_width, cut_height] = [0, 1].map(|axis| (last[axis] - first[axis]) as u32);
    let mut part = imageops::crop_imm(photo, cut_left, cut_top, cut_width, cut_height).to_image();
    drop(shrunk);

    let missing = [first[0] - left, first[1] - top, right - last[0], bottom - last[1]];
    let mut offset = first.map(|place| -place);
    // The border itself may be missing nearly as a whole.
    if missing.iter().any(|&missing| missing > border - 4.0) {
        let least = (length * LEAST_MARGIN).round_ties_even();
        let [left, top, right, bottom] = missing.map(|missing| missing.max(least).max(1.0) as usize);
        part = pad(&part, Margins { left, top, right, bottom }, length);
        offset = [offset[0] + left as f64, offset[1] + top as f64];
    }
    // From the center of the first pixel to its edge.
    let corners = corners.map(|corner| [0, 1].map(|axis| corner[axis] + offset[axis] + 0.5));
    let large = quad(&part, corners, SUPERSAMPLING * side);
    resize(&large, [side; 2], &mut resizer)
}

fn resize(picture: &RgbImage, sides: [u32; 2], resizer: &mut Resizer) -> Result<RgbImage, CropError> {
    let failed = |error: &dyn std::error::Error| CropError::Resize(error.to_string());
    let source = TypedImageRef::<U8x3>::from_buffer(picture.width(), picture.height(), picture.as_raw())
        .map_err(|e| failed(&e))?;
    let mut resized = RgbImage::new(sides[0], sides[1]);
    let mut target =
        TypedImage::<U8x3>::from_buffer(sides[0], sides[1], &mut resized).map_err(|e| failed(&e))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    // `Resizer::resize` would compile this for every type of pixel there is, which takes minutes.
    resizer.resize_typed(&source, &mut target, &options).map_err(|e| failed(&e))?;
    drop(target);
    Ok(resized)
}
