//! A style's strokes in the colors of the content.

use image::RgbImage;
use nalgebra::{Matrix3, Vector3};

/// Added to variances of colors, from 0 to 1, so that a picture of one color has a root as well.
const RIDGE: f64 = 1e-5;

/// `style` with the mean and the covariance of the colors of `content`: a linear change of each pixel's color (Gatys et al.
/// 2016, "Preserving color in neural artistic style transfer", section 3), by the symmetric roots of both covariances.
pub fn recolored(style: &RgbImage, content: &RgbImage) -> RgbImage {
    let ((style_mean, style_covariance), (mean, covariance)) = (colors(style), colors(content));
    let change = root(&covariance, 0.5) * root(&style_covariance, -0.5);
    let mut recolored = style.clone();
    for pixel in recolored.pixels_mut() {
        let color =
            change * (Vector3::from(pixel.0).map(|value| f64::from(value) / 255.0) - style_mean) + mean;
        pixel.0 = color.map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).into();
    }
    recolored
}

/// Mean and covariance of a picture's colors, from 0 to 1.
fn colors(picture: &RgbImage) -> (Vector3<f64>, Matrix3<f64>) {
    let count = (picture.len() / 3).max(1) as f64;
    let mut sums = [0_u64; 3];
    let mut products = [[0_u64; 3]; 3];
    for pixel in picture.pixels() {
        let pixel = pixel.0.map(u64::from);
        for ((a, sum), row) in pixel.iter().zip(&mut sums).zip(&mut products) {
            *sum += a;
            row.iter_mut().zip(pixel).for_each(|(product, b)| *product += a * b);
        }
    }
    let mean = Vector3::from(sums).map(|sum| sum as f64 / count / 255.0);
    let products = Matrix3::from(products).map(|product| product as f64 / count / (255.0 * 255.0));
    (mean, products - mean * mean.transpose() + Matrix3::from_diagonal_element(RIDGE))
}

/// A symmetric positive matrix to a power.
fn root(matrix: &Matrix3<f64>, power: f64) -> Matrix3<f64> {
    let eigen = matrix.symmetric_eigen();
    let powers = eigen.eigenvalues.map(|value| value.max(RIDGE * RIDGE).powf(power));
    eigen.eigenvectors * Matrix3::from_diagonal(&powers) * eigen.eigenvectors.transpose()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn roots_are_roots() {
        let matrix = Matrix3::new(0.5, 0.2, -0.1, 0.2, 0.3, 0.05, -0.1, 0.05, 0.2);
        let root_of = root(&matrix, 0.5);
        let back = root_of * root_of;
        let one = root(&matrix, -0.5) * root_of;
        for a in 0..3 {
            for b in 0..3 {
                assert!((back[(a, b)] - matrix[(a, b)]).abs() < 1e-12, "{back:?}");
                assert!((one[(a, b)] - f64::from(u8::from(a == b))).abs() < 1e-12, "{one:?}");
            }
        }
    }

    #[test]
    fn colors_become_those_of_the_content() {
        let wave = |x: u32, by: u32| (127.5 + 60.0 * f64::from(x * by).sin()) as u8;
        let style = RgbImage::from_fn(40, 30, |x, y| Rgb([wave(x, 3), wave(y, 2), wave(x + y, 1)]));
        let content = RgbImage::from_fn(31, 23, |x, y| {
            let grey = wave(x + 2 * y, 1) / 2 + 40;
            Rgb([grey, grey / 2 + 20, wave(y, 5) / 3 + 60])
        });
        let (mean, covariance) = colors(&recolored(&style, &content));
        let (wanted_mean, wanted) = colors(&content);
        for a in 0..3 {
            assert!((mean[a] - wanted_mean[a]).abs() < 0.01, "{mean:?}, {wanted_mean:?}");
            for b in 0..3 {
                assert!((covariance[(a, b)] - wanted[(a, b)]).abs() < 2e-3, "{covariance:?}, {wanted:?}");
            }
        }
        // A picture of one color gives it to all.
        let red = RgbImage::from_pixel(4, 5, Rgb([200, 10, 30]));
        let reddish = recolored(&style, &red);
        assert!(reddish.pixels().all(|pixel| pixel[0] > 190 && pixel[1] < 20 && pixel[2] < 40));
    }
}
