//! A turned square of a photo as a small picture.

use image::{Rgb, RgbImage};

/// A pixel is the mean of at most this many a side, of the photo's.
const MAX_SAMPLES: f64 = 8.0;

/// A square in a photo, in pixels; the center of the first pixel is at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) center: [f64; 2],
    pub(super) side: f64,
    /// Clockwise, in radians.
    pub(super) roll: f64,
}

impl Window {
    /// Where a point of the window lies in the photo; its corners are 0 and 1.
    pub(super) fn to_photo(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (x, y) = ((x - 0.5) * self.side, (y - 0.5) * self.side);
        let (sin, cos) = self.roll.sin_cos();
        [self.center[0] + x * cos - y * sin, self.center[1] + x * sin + y * cos]
    }

    /// The square as a picture of `side` pixels a side, black beside the photo.
    pub(super) fn cut(self, photo: &RgbImage, side: u32) -> RgbImage {
        let samples = (self.side / f64::from(side)).ceil().clamp(1.0, MAX_SAMPLES) as u32;
        let all = f64::from(side * samples);
        RgbImage::from_fn(side, side, |x, y| {
            let mut sum = [0.0; 3];
            for (x, y) in (0..samples * samples)
                .map(|number| (x * samples + number % samples, y * samples + number / samples))
            {
                let at = [x, y].map(|place| (f64::from(place) + 0.5) / all);
                let color = sample(photo, self.to_photo(at));
                sum = [0, 1, 2].map(|channel| sum[channel] + color[channel]);
            }
            Rgb(sum.map(|value| (value / f64::from(samples * samples)).round() as u8))
        })
    }
}

/// The color at a point between pixels.
fn sample(photo: &RgbImage, [x, y]: [f64; 2]) -> [f64; 3] {
    let (left, top) = (x.floor(), y.floor());
    let (right, bottom) = (x - left, y - top);
    let mut color = [0.0; 3];
    for (dx, dy, part) in [
        (0.0, 0.0, (1.0 - right) * (1.0 - bottom)),
        (1.0, 0.0, right * (1.0 - bottom)),
        (0.0, 1.0, (1.0 - right) * bottom),
        (1.0, 1.0, right * bottom),
    ] {
        let (x, y) = (left + dx, top + dy);
        // Whatever is no place in the photo, if it is a number at all, is black.
        if x >= 0.0 && y >= 0.0 && x < f64::from(photo.width()) && y < f64::from(photo.height()) {
            let pixel = photo.get_pixel(x as u32, y as u32).0;
            color = [0, 1, 2].map(|channel| color[channel] + part * f64::from(pixel[channel]));
        }
    }
    color
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_square_is_upright_in_its_picture() {
        // Red grows to the right, green downwards.
        let photo = RgbImage::from_fn(200, 160, |x, y| Rgb([x as u8, y as u8, 7]));
        let window = Window { center: [90.0, 70.0], side: 40.0, roll: std::f64::consts::FRAC_PI_2 };
        let cut = window.cut(&photo, 20);
        // Turned clockwise by a quarter, its right is the photo's bottom.
        let [left, right, top, bottom] =
            [(0, 10), (19, 10), (10, 0), (10, 19)].map(|(x, y)| cut.get_pixel(x, y).0);
        assert!(right[1] > left[1] + 30 && right[0].abs_diff(left[0]) < 2, "{left:?} {right:?}");
        assert!(bottom[0] + 30 < top[0] && bottom[1].abs_diff(top[1]) < 2, "{top:?} {bottom:?}");
        let [x, y] = window.to_photo([1.0, 0.5]);
        assert!((x - 90.0).abs() < 1e-9 && (y - 90.0).abs() < 1e-9, "{x} {y}");
    }

    #[test]
    fn shrinking_averages_and_what_is_outside_is_black() {
        let board = RgbImage::from_fn(64, 64, |x, y| Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let cut = Window { center: [31.5, 31.5], side: 64.0, roll: 0.0 }.cut(&board, 16);
        assert!(cut.pixels().all(|pixel| (120..136).contains(&pixel.0[0])), "{:?}", cut.get_pixel(3, 3));
        for center in [[-500.0, 0.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
            let cut = Window { center, side: 64.0, roll: 0.3 }.cut(&board, 16);
            assert!(cut.pixels().all(|pixel| pixel.0 == [0; 3]));
        }
    }
}
