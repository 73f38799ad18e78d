//! From a picture of any size to the square that is packed.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::fit::{Filling, Fit};
use crate::skipped::printable;

/// A picture at the side it is packed at.
pub(super) struct Square {
    /// `[side, side, 3]`
    pub(super) rgb: Vec<u8>,
    pub(super) is_upscaled: bool,
}

/// Makes a square of `side` of a picture of any shape.
pub(super) fn square(rgb: &RgbImage, side: usize, fit: Fit, resizer: &mut Resizer) -> Result<Square, String> {
    let (width, height) = rgb.dimensions();
    let is_upscaled = fit.side_of(width, height) < side;
    let squared = match fit {
        Fit::Crop => resize(rgb, middle_square(width, height), [side; 2], resizer),
        Fit::Stretch => resize(rgb, [0, 0, width, height], [side; 2], resizer),
        Fit::Pad(filling) => {
            let longer = f64::from(width.max(height));
            let sides = [width, height]
                .map(|length| ((f64::from(length) * side as f64 / longer).round() as usize).clamp(1, side));
            resize(rgb, [0, 0, width, height], sides, resizer).map(|rgb| pad(&rgb, sides, side, filling))
        }
    };
    let rgb = squared.map_err(|e| printable(&e.to_string()))?;
    Ok(Square { rgb, is_upscaled })
}

/// Left, top, width and height of the square in the middle.
fn middle_square(width: u32, height: u32) -> [u32; 4] {
    let square = width.min(height);
    [(width - square) / 2, (height - square) / 2, square, square]
}

/// Resizes the rectangle of left, top, width and height to a width and a height.
fn resize(
    rgb: &RgbImage,
    [left, top, width, height]: [u32; 4],
    sides: [usize; 2],
    resizer: &mut Resizer,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    if [width as usize, height as usize] == sides {
        return Ok(image::imageops::crop_imm(rgb, left, top, width, height).to_image().into_raw());
    }
    let source = TypedImageRef::<U8x3>::from_buffer(rgb.width(), rgb.height(), rgb.as_raw())?;
    let mut resized = vec![0; 3 * sides[0] * sides[1]];
    let mut target = TypedImage::<U8x3>::from_buffer(sides[0] as u32, sides[1] as u32, &mut resized)?;
    let options = ResizeOptions::new()
        .crop(f64::from(left), f64::from(top), f64::from(width), f64::from(height))
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    // `Resizer::resize` would compile this for every type of pixel there is, which takes minutes.
    resizer.resize_typed(&source, &mut target, &options)?;
    Ok(resized)
}

/// Sets a picture of that width and height into the middle of a square that is as wide or as high.
fn pad(rgb: &[u8], [width, height]: [usize; 2], side: usize, filling: Filling) -> Vec<u8> {
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    let mut square = Vec::with_capacity(3 * side * side);
    for row in 0..side {
        for column in 0..side {
            let is_inside = (left..left + width).contains(&column) && (top..top + height).contains(&row);
            match filling {
                Filling::Color(color) if !is_inside => square.extend(color),
                _ => {
                    let nearest =
                        |at: usize, start: usize, length: usize| at.saturating_sub(start).min(length - 1);
                    let at = 3 * (nearest(row, top, height) * width + nearest(column, left, width));
                    square.extend(&rgb[at..at + 3]);
                }
            }
        }
    }
    square
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
        let resized = |side| square(&picture, side, Fit::Crop, &mut Resizer::new()).unwrap();
        let square = resized(8);
        assert!(square.rgb.chunks(3).all(|pixel| pixel == [200, 10, 20]));
        assert!(!square.is_upscaled && resized(16).is_upscaled);
    }

    #[test]
    fn shrinking_averages_what_it_leaves_out() {
        let board = RgbImage::from_fn(64, 64, |x, y| Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let square = square(&board, 16, Fit::Crop, &mut Resizer::new()).unwrap();
        // The edges are not the mean, as the filter is cut off there.
        for row in 2..14 {
            for value in &square.rgb[(row * 16 + 2) * 3..(row * 16 + 14) * 3] {
                assert!((126..=129).contains(value), "{value}");
            }
        }
    }

    #[test]
    fn all_of_a_picture_is_kept_if_asked_for() {
        // Two thirds of red, one of blue, side by side.
        let picture =
            RgbImage::from_fn(24, 8, |x, _| if x < 16 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
        let pixels = |fit: &str, side| {
            let square = square(&picture, side, fit.parse().unwrap(), &mut Resizer::new()).unwrap();
            assert_eq!(square.rgb.len(), 3 * side * side);
            square.rgb.chunks(3).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let padded = pixels("pad:010203", 24);
        assert_eq!((&padded[7 * 24 + 3][..], &padded[16 * 24 + 20][..]), (&[1, 2, 3][..], &[1, 2, 3][..]));
        assert_eq!(
            (&padded[8 * 24 + 15][..], &padded[15 * 24 + 16][..]),
            (&[255, 0, 0][..], &[0, 0, 255][..])
        );
        assert_eq!(pixels("pad", 24)[0], [0, 0, 0]);
        let edge = pixels("pad:edge", 24);
        assert_eq!((&edge[0][..], &edge[575][..]), (&[255, 0, 0][..], &[0, 0, 255][..]));
        let stretched = pixels("stretch", 8);
        // The filter reaches over the edge between the colors.
        assert!(stretched[24][0] > 245 && stretched[31][2] > 245, "{stretched:?}");
        // The longer side is what has to be enlarged, or not.
        let is_upscaled =
            |fit: Fit, side| square(&picture, side, fit, &mut Resizer::new()).unwrap().is_upscaled;
        assert!(is_upscaled(Fit::Crop, 16) && !is_upscaled(Fit::Pad(Filling::Edge), 16));
        // A line stays one pixel wide.
        let line = RgbImage::from_pixel(100, 1, Rgb([9; 3]));
        let line = square(&line, 8, Fit::Pad(Filling::Color([0; 3])), &mut Resizer::new()).unwrap().rgb;
        assert_eq!(line.iter().map(|&value| usize::from(value == 9)).sum::<usize>(), 3 * 8);
    }
}
