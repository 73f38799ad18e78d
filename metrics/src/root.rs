//! The trace of the root of a product of covariances.

use candle_core::{Device, Result, Tensor};
use nalgebra::DMatrix;
use rayon::prelude::*;

/// `tr (a b)^½` of two covariances, without a root of a matrix.
///
/// With `a = L Lᵀ`, the product `a b` has the eigenvalues of `Lᵀ b L`, which is symmetric and has no negative ones: the trace is
/// the sum of their roots. `L` has as many columns as `a` has rank, one less than pictures where there are few, so that few
/// pictures make small matrices and nothing is near zero that is not zero. No number is added to a diagonal.
///
/// # Shapes
/// - `a`, `b`: `[dim, dim]`, symmetric, no negative eigenvalues
pub(crate) fn trace_of_root(a: &[f64], b: &[f64], dim: usize) -> Result<f64> {
    let (factor, rank) = factor(a, dim);
    if rank == 0 {
        return Ok(0.0);
    }
    let factor = Tensor::from_vec(factor, (dim, dim), &Device::Cpu)?.narrow(1, 0, rank)?.contiguous()?;
    let b = Tensor::from_slice(b, (dim, dim), &Device::Cpu)?;
    let product = factor.t()?.matmul(&b.matmul(&factor)?)?.flatten_all()?.to_vec1::<f64>()?;
    let eigenvalues = DMatrix::from_vec(rank, rank, product).symmetric_eigenvalues();
    Ok(eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum())
}

/// Cholesky's factor with pivots, `[dim, dim]` with zeros behind its rank, and the rank.
///
/// A column ends where what is left of the diagonal is no more than rounding.
fn factor(matrix: &[f64], dim: usize) -> (Vec<f64>, usize) {
    let mut left: Vec<f64> = (0..dim).map(|at| matrix[at * dim + at]).collect();
    let least = left.iter().copied().fold(0.0, f64::max) * dim as f64 * f64::EPSILON;
    let mut factor = vec![0.0; dim * dim];
    for column in 0..dim {
        let largest = left.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((pivot, value)) = largest.filter(|(_, value)| *value > least) else {
            return (factor, column);
        };
        let root = value.sqrt();
        let of_pivot = factor[pivot * dim..][..column].to_vec();
        factor.par_chunks_exact_mut(dim).zip(&mut left).enumerate().with_min_len(64).for_each(
            |(row, (factor, left))| {
                // A row that was a pivot has nothing left; all others share the column.
                if *left > f64::NEG_INFINITY {
                    let value = (matrix[row * dim + pivot] - dot(&factor[..column], &of_pivot)) / root;
                    factor[column] = value;
                    *left -= value * value;
                }
            },
        );
        left[pivot] = f64::NEG_INFINITY;
    }
    (factor, dim)
}

/// The sum of products, in eight sums that a vector unit makes side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_times_itself_is_the_matrix() {
        // Of rank 2: 5 numbers that are sums of two.
        let columns = [[1.0, -2.0, 0.5, 3.0, 0.0], [0.3, 1.0, -1.0, 0.7, 0.0]];
        let matrix: Vec<f64> =
            (0..25).map(|at| columns.iter().map(|column| column[at / 5] * column[at % 5]).sum()).collect();
        let (factor, rank) = factor(&matrix, 5);
        assert_eq!(rank, 2);
        for (at, expected) in matrix.iter().enumerate() {
            let got = dot(&factor[at / 5 * 5..][..5], &factor[at % 5 * 5..][..5]);
            assert!((got - expected).abs() < 1e-14, "{at}: {got} against {expected}");
        }
    }

    #[test]
    fn covariances_that_commute_have_the_roots_of_their_variances() -> Result<()> {
        let dim = 11;
        let diagonal = |power: i32| -> Vec<f64> {
            (0..dim * dim)
                .map(|at| if at % (dim + 1) == 0 { 1.5_f64.powi(power * at as i32 / 12) } else { 0.0 })
                .collect()
        };
        let (a, b) = (diagonal(2), diagonal(-1));
        let expected: f64 = (0..dim).map(|at| (a[at * 12] * b[at * 12]).sqrt()).sum();
        let got = trace_of_root(&a, &b, dim)?;
        assert!((got - expected).abs() < 1e-12 * expected, "{got} against {expected}");
        assert_eq!(trace_of_root(&vec![0.0; dim * dim], &b, dim)?, 0.0);
        Ok(())
    }
}
