//! From a picture of any size to the square that is packed.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use crate::skipped::printable;

/// A picture at the side it is packed at.
pub(super) struct Square {
    /// `[side, side, 3]`
    pub(super) rgb: Vec<u8>,
    pub(super) is_upscaled: bool,
}

/// Cuts out the square in the middle of a picture and resizes it to `side`.
pub(super) fn square(rgb: &RgbImage, side: usize, resizer: &mut Resizer) -> Result<Square, String> {
    let is_upscaled = (rgb.width().min(rgb.height()) as usize) < side;
    let rgb = resize(rgb, side, resizer).map_err(|e| printable(&e.to_string()))?;
    Ok(Square { rgb, is_upscaled })
}

fn resize(rgb: &RgbImage, side: usize, resizer: &mut Resizer) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (width, height) = rgb.dimensions();
    let square = width.min(height);
    let (left, top) = ((width - square) / 2, (height - square) / 2);
    if square as usize == side {
        return Ok(image::imageops::crop_imm(rgb, left, top, square, square).to_image().into_raw());
    }
    let source = TypedImageRef::<U8x3>::from_buffer(width, height, rgb.as_raw())?;
    let mut resized = vec![0; 3 * side * side];
    let mut target = TypedImage::<U8x3>::from_buffer(side as u32, side as u32, &mut resized)?;
    let options = ResizeOptions::new()
        .crop(f64::from(left), f64::from(top), f64::from(square), f64::from(square))
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    // `Resizer::resize` would compile this for every type of pixel there is, which takes minutes.
    resizer.resize_typed(&source, &mut target, &options)?;
    Ok(resized)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn the_square_in_the_middle_is_taken() {
        // 5 columns of blue, 8 of red, 5 of blue.
        let picture = RgbImage::from_fn(18, 8, |x, _| {
            if (5..13).contains(&x) { Rgb([200, 10, 20]) } else { Rgb([0, 0, 255]) }
        });
        let resized = |side| square(&picture, side, &mut Resizer::new()).unwrap();
        let square = resized(8);
        assert!(square.rgb.chunks(3).all(|pixel| pixel == [200, 10, 20]));
        assert!(!square.is_upscaled && resized(16).is_upscaled);
    }

    #[test]
    fn shrinking_averages_what_it_leaves_out() {
        let board = RgbImage::from_fn(64, 64, |x, y| Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let square = square(&board, 16, &mut Resizer::new()).unwrap();
        // The edges are not the mean, as the filter is cut off there.
        for row in 2..14 {
            for value in &square.rgb[(row * 16 + 2) * 3..(row * 16 + 14) * 3] {
                assert!((126..=129).contains(value), "{value}");
            }
        }
    }
}
