//! A quadrilateral of a picture as a square picture.

use image::RgbImage;
use rayon::prelude::*;

/// Draws what lies between four corners as a picture of `side` pixels a side; what is beside the picture is black.
///
/// Corners are top left, bottom left, bottom right, top right, in pixels, the edge of the first at 0. A pixel is between four
/// of the picture's, weighted and cut off to a whole number: as `Image.transform` of PIL does, with which FFHQ was aligned.
pub(crate) fn quad(picture: &RgbImage, corners: [[f64; 2]; 4], side: u32) -> RgbImage {
    let [top_left, bottom_left, bottom_right, top_right] = corners;
    let step = 1.0 / f64::from(side);
    // x and y of the picture as `start + right * column + down * row + both * column * row`.
    let [in_x, in_y] = [0, 1].map(|axis| {
        let start = top_left[axis];
        let (right, down) = (top_right[axis] - start, bottom_left[axis] - start);
        let both = bottom_right[axis] - bottom_left[axis] - top_right[axis] + start;
        move |column: f64, row: f64| {
            start + right * step * column + down * step * row + both * step * step * column * row
        }
    });
    let (width, height) = picture.dimensions();
    let mut square = RgbImage::new(side, side);
    square.par_chunks_exact_mut(3 * side as usize).enumerate().for_each(|(row, pixels)| {
        let row = row as f64 + 0.5;
        for (column, pixel) in pixels.as_chunks_mut().0.iter_mut().enumerate() {
            let column = column as f64 + 0.5;
            let (x, y) = (in_x(column, row), in_y(column, row));
            let is_inside = x >= 0.0 && y >= 0.0 && x < f64::from(width) && y < f64::from(height);
            if is_inside {
                *pixel = between(picture, x - 0.5, y - 0.5);
            }
        }
    });
    square
}

/// The color between four pixels, of which those at an edge count twice.
fn between(picture: &RgbImage, x: f64, y: f64) -> [u8; 3] {
    let (left, above) = (x.floor(), y.floor());
    let (to_right, down) = (x - left, y - above);
    let column = |offset: f64| (left + offset).max(0.0).min(f64::from(picture.width() - 1)) as u32;
    let row = |offset: f64| (above + offset).max(0.0).min(f64::from(picture.height() - 1)) as u32;
    let (left, right, above, below) = (column(0.0), column(1.0), row(0.0), row(1.0));
    let [a, b, c, d] = [(left, above), (right, above), (left, below), (right, below)]
        .map(|(column, row)| picture.get_pixel(column, row).0.map(f64::from));
    [0, 1, 2].map(|channel| {
        let upper = a[channel] + (b[channel] - a[channel]) * to_right;
        let lower = c[channel] + (d[channel] - c[channel]) * to_right;
        (upper + (lower - upper) * down) as u8
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn values_between_pixels_are_those_of_pil() {
        let picture = RgbImage::from_fn(4, 4, |x, _| Rgb([if x == 0 { 0 } else { 10 }; 3]));
        let corners = [[0.0, 0.0], [0.0, 4.0], [4.0, 4.0], [4.0, 0.0]];
        let square = quad(&picture, corners, 100);
        // Of `Image.transform((100, 4), Image.QUAD, …, Image.BILINEAR)`.
        let golden = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8, 9, 9, 10, 10];
        for (column, value) in (12..).zip(golden) {
            assert_eq!(square.get_pixel(column, 50).0, [value; 3], "{column}");
        }
    }

    #[test]
    fn what_is_beside_the_picture_is_black() {
        let picture = RgbImage::from_pixel(4, 4, Rgb([9; 3]));
        let square = quad(&picture, [[-4.0, -4.0], [-4.0, 4.0], [4.0, 4.0], [4.0, -4.0]], 8);
        assert_eq!((square.get_pixel(3, 7).0, square.get_pixel(4, 4).0), ([0; 3], [9; 3]));
        let square = quad(&picture, [[f64::NAN; 2]; 4], 8);
        assert!(square.pixels().all(|pixel| pixel.0 == [0; 3]));
    }
}
