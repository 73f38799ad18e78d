//! What is missing of a photo around a crop.

use image::RgbImage;
use rayon::prelude::*;

use crate::blur::gaussian;

/// Of the side of the crop, the standard deviation of the blur.
const BLUR: f64 = 0.02;

/// Pixels on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Margins {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

/// Puts `margins` around a photo: what lies there is the photo mirrored, blurred the more the farther out, and it fades into
/// the median color; `side` is that of the crop.
///
/// This is FFHQ's way. Channels are computed one after the other, so that no more than some planes of `f32` are held.
pub(crate) fn pad(photo: &RgbImage, margins: Margins, side: f64) -> RgbImage {
    let (photo_width, photo_height) = (photo.width() as usize, photo.height() as usize);
    let width = margins.left + photo_width + margins.right;
    let height = margins.top + photo_height + margins.bottom;
    let columns: Vec<usize> = (0..width).map(|at| mirrored(at, margins.left, photo_width)).collect();
    // 1 at the edge, 0 where the photo begins, less than 0 inside.
    let depth = |at: usize, length: usize, before: usize, after: usize| {
        1.0 - (at as f32 / before as f32).min((length - 1 - at) as f32 / after as f32)
    };
    let depths: Vec<f32> = (0..width).map(|at| depth(at, width, margins.left, margins.right)).collect();
    let row_depth = |row| depth(row, height, margins.top, margins.bottom);

    let mut padded = RgbImage::new(width as u32, height as u32);
    for channel in 0..3 {
        let mut plane = vec![0.0_f32; width * height];
        plane.par_chunks_exact_mut(width).enumerate().for_each(|(row, values)| {
            let source = &photo.as_raw()[mirrored(row, margins.top, photo_height) * photo_width * 3..];
            for (value, &column) in values.iter_mut().zip(&columns) {
                *value = f32::from(source[3 * column + channel]);
            }
        });
        let blurred = gaussian(&plane, width, BLUR * side);
        let rows = plane.par_chunks_exact_mut(width).zip(blurred.par_chunks_exact(width)).enumerate();
        rows.for_each(|(row, (values, blurred))| {
            let row_depth = row_depth(row);
            for ((value, blurred), depth) in values.iter_mut().zip(blurred).zip(&depths) {
                *value += (blurred - *value) * (3.0 * depth.max(row_depth) + 1.0).clamp(0.0, 1.0);
            }
        });
        let median = median(blurred, &plane);
        let rows = padded.par_chunks_exact_mut(3 * width).zip(plane.par_chunks_exact(width)).enumerate();
        rows.for_each(|(row, (pixels, values))| {
            let row_depth = row_depth(row);
            for ((pixel, value), depth) in pixels.chunks_exact_mut(3).zip(values).zip(&depths) {
                let faded = value + (median - value) * depth.max(row_depth).clamp(0.0, 1.0);
                // The cast cuts off what is beyond 0 and 255.
                pixel[channel] = faded.round_ties_even() as u8;
            }
        });
    }
    padded
}

/// Where the pixel stands that is seen at `at`, where a photo of `length` begins at `start`; pixels at its edge are seen once.
fn mirrored(at: usize, start: usize, length: usize) -> usize {
    let period = 2 * (length - 1).max(1);
    let place = (at as isize - start as isize).rem_euclid(period as isize) as usize;
    place.min(period - place).min(length - 1)
}

/// The median of `values`, in memory that is used no more.
fn median(mut scratch: Vec<f32>, values: &[f32]) -> f32 {
    scratch.copy_from_slice(values);
    let middle = scratch.len() / 2;
    let is_even = scratch.len().is_multiple_of(2);
    let (below, &mut upper, _) = scratch.select_nth_unstable_by(middle, f32::total_cmp);
    match below.iter().copied().max_by(f32::total_cmp) {
        Some(lower) if is_even => f32::midpoint(lower, upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_mirrored_about_their_edge() {
        let seen = |length: usize| (0..9).map(|at| mirrored(at, 3, length)).collect::<Vec<_>>();
        assert_eq!(seen(3), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(seen(2), [1, 0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(seen(1), [0; 9]);
    }

    #[test]
    fn the_median_is_that_of_numpy() {
        let median_of = |values: &[f32]| median(vec![0.0; values.len()], values);
        assert_eq!(median_of(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median_of(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert_eq!(median_of(&[7.0]), 7.0);
    }

    #[test]
    fn the_middle_of_a_photo_stays_and_its_rim_is_the_median() {
        let photo = RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, 9]));
        let margins = Margins { left: 12, top: 10, right: 11, bottom: 13 };
        let padded = pad(&photo, margins, 30.0);
        assert_eq!(padded.dimensions(), (63, 53));
        assert_eq!(padded.get_pixel(12 + 20, 10 + 15), photo.get_pixel(20, 15));
        let rim = padded.get_pixel(0, 0);
        assert!([62, 0].iter().all(|&x| padded.get_pixel(x, 20) == rim) && rim.0[2] == 9, "{rim:?}");
    }
}
