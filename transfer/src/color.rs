//! A style's strokes in the colors of the content.

use image::RgbImage;

/// Added to variances of colors, from 0 to 1, so that a picture of one color has a root as well.
const RIDGE: f64 = 1e-5;
/// Rotations of a symmetric 3x3 matrix until what is beside its diagonal is gone; it takes four or five.
const SWEEPS: usize = 16;

type Matrix = [[f64; 3]; 3];

/// `style` with the mean and the covariance of the colors of `content`: a linear change of each pixel's color (Gatys et al.
/// 2016, "Preserving color in neural artistic style transfer", section 3), by the symmetric roots of both covariances.
pub fn recolored(style: &RgbImage, content: &RgbImage) -> RgbImage {
    let ((style_mean, style_covariance), (mean, covariance)) = (colors(style), colors(content));
    let change = product(&root(&covariance, 0.5), &root(&style_covariance, -0.5));
    let mut recolored = style.clone();
    for pixel in recolored.pixels_mut() {
        let centered = [0, 1, 2].map(|channel| f64::from(pixel[channel]) / 255.0 - style_mean[channel]);
        for ((value, row), mean) in pixel.0.iter_mut().zip(&change).zip(mean) {
            let along: f64 = row.iter().zip(centered).map(|(factor, x)| factor * x).sum();
            *value = ((along + mean).clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    }
    recolored
}

/// Mean and covariance of a picture's colors, from 0 to 1.
fn colors(picture: &RgbImage) -> ([f64; 3], Matrix) {
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
    let mean = sums.map(|sum| sum as f64 / count / 255.0);
    let covariance = from_values(|a, b| {
        let ridge = if a == b { RIDGE } else { 0.0 };
        products[a][b] as f64 / count / (255.0 * 255.0) - mean[a] * mean[b] + ridge
    });
    (mean, covariance)
}

/// A symmetric positive matrix to a power.
fn root(matrix: &Matrix, power: f64) -> Matrix {
    let (values, vectors) = eigen(matrix);
    let powers = values.map(|value| value.max(RIDGE * RIDGE).powf(power));
    from_values(|a, b| (0..3).map(|k| vectors[a][k] * powers[k] * vectors[b][k]).sum())
}

/// The matrix of these values in rows and columns.
fn from_values(value: impl Fn(usize, usize) -> f64) -> Matrix {
    std::array::from_fn(|row| std::array::from_fn(|column| value(row, column)))
}

/// Eigenvalues of a symmetric matrix and, in columns, its eigenvectors, by Jacobi's rotations.
fn eigen(matrix: &Matrix) -> ([f64; 3], Matrix) {
    let (mut a, mut v) = (*matrix, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    for _ in 0..SWEEPS {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
            let sine = tangent * cosine;
            for row in &mut a {
                (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
            }
            let turned = |of: f64, and: f64| [0, 1, 2].map(|column| of * a[p][column] + and * a[q][column]);
            (a[p], a[q]) = (turned(cosine, -sine), turned(sine, cosine));
            for row in &mut v {
                (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
            }
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    from_values(|row, column| a[row].iter().zip(b).map(|(x, row)| x * row[column]).sum())
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn roots_are_roots() {
        let matrix = [[0.5, 0.2, -0.1], [0.2, 0.3, 0.05], [-0.1, 0.05, 0.2]];
        let root_of = root(&matrix, 0.5);
        let back = product(&root_of, &root_of);
        let one = product(&root(&matrix, -0.5), &root_of);
        for a in 0..3 {
            for b in 0..3 {
                assert!((back[a][b] - matrix[a][b]).abs() < 1e-12, "{back:?}");
                assert!((one[a][b] - f64::from(u8::from(a == b))).abs() < 1e-12, "{one:?}");
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
                assert!((covariance[a][b] - wanted[a][b]).abs() < 2e-3, "{covariance:?}, {wanted:?}");
            }
        }
        // A picture of one color gives it to all.
        let red = RgbImage::from_pixel(4, 5, Rgb([200, 10, 30]));
        let reddish = recolored(&style, &red);
        assert!(reddish.pixels().all(|pixel| pixel[0] > 190 && pixel[1] < 20 && pixel[2] < 40));
    }
}
