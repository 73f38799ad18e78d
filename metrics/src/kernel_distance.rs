//! Kernel distance between features.

use candle_core::{Result, bail};
use rayon::prelude::*;

use crate::Features;
use crate::blocks::products;
use crate::draws::subset;
use crate::metric::Numbers;

/// Subsets of the original measure.
pub const SUBSETS: usize = 100;
/// Pictures in a subset of the original measure, or all, if there are fewer.
pub const SUBSET_SIZE: usize = 1000;

/// A distance from several subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Mean of the subsets' distances.
    pub mean: f64,
    /// Their deviation, of the population.
    pub deviation: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self { mean, deviation: variance.sqrt() }
    }
}

/// The squared maximum mean discrepancy of features with a polynomial kernel: KID, where they are Inception's.
///
/// `Σ_{i≠j} k(x_i, x_j) / n(n−1) + Σ_{i≠j} k(y_i, y_j) / m(m−1) − 2 Σ k(x_i, y_j) / nm` with `k(x, y) = (x·y / dim + 1)³`
/// (Binkowski et al. 2018). It is unbiased, so that it may be below 0, and compares for different numbers of pictures.
///
/// # Errors
/// If a side has fewer than two pictures, or features of another length.
pub fn kernel_distance(a: &Features, b: &Features) -> Result<f64> {
    let (n, m) = (a.len() as f64, b.len() as f64);
    if a.len() < 2 || b.len() < 2 {
        bail!(
            "kernel distance: two sets of at least 2 pictures are needed, not of {} and {}",
            a.len(),
            b.len()
        )
    }
    let across = kernels(a, b)?.0;
    let within = |set: &Features, count: f64| -> Result<f64> {
        let (all, same) = kernels(set, set)?;
        Ok((all - same) / (count * (count - 1.0)))
    };
    Ok(within(a, n)? + within(b, m)? - 2.0 * across / (n * m))
}

/// [`kernel_distance`] of random subsets of both sides, [`SUBSETS`] of [`SUBSET_SIZE`] pictures in the original measure.
///
/// # Errors
/// As [`kernel_distance`].
pub fn kernel_distance_of_subsets(
    a: &Features,
    b: &Features,
    subsets: usize,
    size: usize,
    seed: u64,
) -> Result<Spread> {
    let size = size.min(a.len()).min(b.len());
    let values = (0..subsets.max(1) as u64).into_par_iter().map(|number| {
        let of = |side, set: &Features| set.selected(&subset("kid", &[seed, number, side], set.len(), size));
        kernel_distance(&of(0, a), &of(1, b))
    });
    Ok(Spread::of(&values.collect::<Result<Vec<_>>>()?))
}

/// The original measure: the mean over subsets, and how they scatter.
pub(crate) fn numbers(reals: &Features, fakes: &Features) -> Result<Numbers> {
    let Spread { mean, deviation } = kernel_distance_of_subsets(reals, fakes, SUBSETS, SUBSET_SIZE, 0)?;
    Ok(vec![(String::new(), mean), ("_std".to_owned(), deviation)])
}

/// Sums of the kernel over all pairs, and over those of equal number.
fn kernels(a: &Features, b: &Features) -> Result<(f64, f64)> {
    let dim = a.dim() as f64;
    let (mut all, mut same) = (0.0, 0.0);
    products(a, b, |block| {
        for row in block.rows.clone() {
            let mut sum = 0.0;
            for (column, product) in block.columns.clone().zip(block.row(row)) {
                let kernel = (product / dim + 1.0).powi(3);
                sum += kernel;
                if column == row {
                    same += kernel;
                }
            }
            all += sum;
        }
    })?;
    Ok((all, same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, expected};

    #[test]
    fn of_inception_features() -> Result<()> {
        let golden = Golden::open("inception");
        let of = |name: &str| Features::of(golden.tensor(name));
        let (a, b) = (of("features.tf1.a")?, of("features.tf1.b")?);
        expected("inception.kid").assert_close(kernel_distance(&a, &b)?);
        let half = |indices: std::ops::Range<usize>| a.selected(&indices.collect::<Vec<_>>());
        expected("inception.kid.halves_of_a").assert_close(kernel_distance(&half(0..48), &half(48..96))?);

        let indices = |side: &str| golden.tensor(&format!("kid.subsets.{side}")).to_vec2::<i64>();
        let (of_a, of_b) = (indices("a")?, indices("b")?);
        let selected = |set: &Features, indices: &[i64]| {
            set.selected(&indices.iter().map(|&index| index as usize).collect::<Vec<_>>())
        };
        let values: Vec<f64> = of_a
            .iter()
            .zip(&of_b)
            .map(|(of_a, of_b)| kernel_distance(&selected(&a, of_a), &selected(&b, of_b)))
            .collect::<Result<_>>()?;
        golden.assert_close("kid.subsets.values", &values, 1e-8);
        let Spread { mean, deviation } = Spread::of(&values);
        expected("inception.kid.subsets.mean").assert_close(mean);
        expected("inception.kid.subsets.std").assert_close(deviation);
        Ok(())
    }

    #[test]
    fn subsets_scatter_around_the_whole() -> Result<()> {
        let golden = Golden::open("gaussians");
        let of = |name: &str| Features::of(golden.tensor(name));
        for name in ["diagonal", "general"] {
            let (a, b) = (of(&format!("{name}.a"))?, of(&format!("{name}.b"))?);
            let whole = kernel_distance(&a, &b)?;
            expected(&format!("gaussians.{name}.kid")).assert_close(whole);
            let Spread { mean, deviation } = kernel_distance_of_subsets(&a, &b, 40, 100, 0)?;
            assert!(deviation > 0.0 && (mean - whole).abs() < deviation, "{mean} +- {deviation}, {whole}");
            assert_eq!(
                kernel_distance_of_subsets(&a, &b, 3, 1000, 0)?.mean,
                kernel_distance_of_subsets(&a, &b, 3, 400, 0)?.mean
            );
        }
        let a = of("diagonal.a")?;
        expected("gaussians.identical.kid").assert_close(kernel_distance(&a, &a)?);
        assert!(kernel_distance(&a, &a.selected(&[0])).is_err());
        Ok(())
    }
}
