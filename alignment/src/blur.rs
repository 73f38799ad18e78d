//! A Gaussian blur of one channel.

use pulp::{Arch, WithSimd};
use rayon::prelude::*;

/// The kernel ends after this many standard deviations, as SciPy's does.
const TRUNCATE: f64 = 4.0;

/// Blurs a plane of so many columns, mirrored at its edges, pixels at the edge included.
pub(crate) fn gaussian(plane: &[f32], width: usize, sigma: f64) -> Vec<f32> {
    let Some(height) = plane.len().checked_div(width) else { return Vec::new() };
    let kernel = half_kernel(sigma);
    // Columns are blurred as rows, which lie in the cache.
    let columns = transposed(&blurred_rows(plane, width, &kernel), width);
    transposed(&blurred_rows(&columns, height, &kernel), height)
}

/// The kernel's middle and one side of it; both sides together sum up to 1.
fn half_kernel(sigma: f64) -> Vec<f32> {
    let radius = (TRUNCATE * sigma + 0.5) as usize;
    let weights: Vec<f64> =
        (0..=radius).map(|distance| (-0.5 * (distance as f64 / sigma).powi(2)).exp()).collect();
    let sum = 2.0 * weights.iter().sum::<f64>() - weights[0];
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

fn blurred_rows(plane: &[f32], width: usize, kernel: &[f32]) -> Vec<f32> {
    let radius = kernel.len() - 1;
    let mut blurred = vec![0.0; plane.len()];
    blurred.par_chunks_exact_mut(width).zip(plane.par_chunks_exact(width)).for_each_init(
        Vec::new,
        |extended, (blurred, row)| {
            extended.clear();
            extended.extend((0..width + 2 * radius).map(|at| row[mirrored(at, radius, width)]));
            Arch::new().dispatch(Row { extended, kernel, blurred });
        },
    );
    blurred
}

/// Where the value stands that counts at `at`, where a row of `length` begins at `start`.
fn mirrored(at: usize, start: usize, length: usize) -> usize {
    let place = (at as isize - start as isize).rem_euclid(2 * length as isize) as usize;
    place.min(2 * length - 1 - place)
}

/// One row and what it becomes.
struct Row<'a> {
    /// The row with as many values at both sides as the kernel reaches.
    extended: &'a [f32],
    kernel: &'a [f32],
    blurred: &'a mut [f32],
}

impl WithSimd for Row<'_> {
    type Output = ();

    /// Plain loops, compiled for each vector unit there is.
    #[expect(clippy::inline_always, reason = "compiled for a vector unit only where it is inlined")]
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { extended, kernel, blurred } = self;
        let radius = kernel.len() - 1;
        for (distance, &weight) in kernel.iter().enumerate() {
            let before = &extended[radius - distance..];
            let after = &extended[radius + distance..];
            let weight = if distance == 0 { 0.5 * weight } else { weight };
            for ((blurred, before), after) in blurred.iter_mut().zip(before).zip(after) {
                *blurred += weight * (before + after);
            }
        }
    }
}

/// A plane of so many columns with rows for columns.
fn transposed(plane: &[f32], width: usize) -> Vec<f32> {
    /// Side of the blocks in which it is turned, so that lines of the cache are used as a whole.
    const BLOCK: usize = 16;
    let height = plane.len() / width;
    let mut turned = vec![0.0; plane.len()];
    turned.par_chunks_mut(BLOCK * height).enumerate().for_each(|(block, turned)| {
        for top in (0..height).step_by(BLOCK) {
            for (column, turned) in turned.chunks_exact_mut(height).enumerate() {
                let column = block * BLOCK + column;
                for row in top..(top + BLOCK).min(height) {
                    turned[row] = plane[row * width + column];
                }
            }
        }
    });
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_bell() {
        let (width, height) = (21, 17);
        let mut plane = vec![0.0; width * height];
        plane[8 * width + 10] = 100.0;
        let blurred = gaussian(&plane, width, 1.5);
        let sum: f32 = blurred.iter().sum();
        assert!((sum - 100.0).abs() < 1e-3, "{sum}");
        let bell = |x: f64, y: f64| (-(x * x + y * y) / 4.5).exp();
        let middle = f64::from(blurred[8 * width + 10]);
        for (x, y) in [(1, 0), (0, 2), (3, 1), (2, 3)] {
            let value = f64::from(blurred[(8 + y) * width + 10 - x]);
            assert!((value / middle - bell(x as f64, y as f64)).abs() < 1e-5);
        }
    }

    #[test]
    fn edges_are_mirrored() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(|at| mirrored(at, 3, 2)), [1, 1, 0, 0, 1, 1]);
        assert_eq!([0, 7, 99].map(|at| mirrored(at, 5, 1)), [0, 0, 0]);
        // A kernel that is wider than the plane.
        let even = gaussian(&[7.0; 12], 3, 20.0);
        assert!(even.iter().all(|value| (value - 7.0).abs() < 1e-4), "{even:?}");
        assert_eq!(gaussian(&[1.0, 5.0], 2, 1e-9), [1.0, 5.0]);
        assert!(gaussian(&[], 0, 1.0).is_empty());
    }
}
