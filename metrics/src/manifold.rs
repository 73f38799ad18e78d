//! Precision and recall, density and coverage: how far one set lies among the balls around the points of another.

use candle_core::Result;
use rayon::prelude::*;

use crate::Features;
use crate::blocks::{Block, distances};
use crate::metric::Numbers;
use crate::nearest::radii;

/// Neighbors of precision and recall in the paper.
pub const PRECISION_RECALL_K: usize = 3;
/// Neighbors of density and coverage in the paper.
pub const DENSITY_COVERAGE_K: usize = 5;

/// Share of fakes that look real, and of reals that might be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Share of fakes in the ball of some real.
    pub precision: f64,
    /// Share of reals in the ball of some fake.
    pub recall: f64,
}

/// Improved precision and recall (Kynkäänniemi et al. 2019).
///
/// The ball of a picture reaches to its `k`-th nearest neighbor of the same set, its edge included. In blocks: of features
/// the memory is that of the sets and 50 MB, of time that of all distances between all pictures.
///
/// # Errors
/// If a side has no more than `k` pictures, or features of another length.
pub fn precision_recall(reals: &Features, fakes: &Features, k: usize) -> Result<PrecisionRecall> {
    let squared = |set: &Features| -> Result<Vec<f64>> {
        Ok(radii(set, k)?.iter().map(|radius| radius * radius).collect())
    };
    let (around_reals, around_fakes) = (squared(reals)?, squared(fakes)?);
    let (mut fakes_in, mut reals_in) = (vec![false; fakes.len()], vec![false; reals.len()]);
    distances(reals, fakes, |block| {
        let Block { rows, columns, .. } = &block;
        reals_in[rows.clone()].par_iter_mut().zip(rows.clone()).for_each(|(is_in, row)| {
            *is_in |=
                block.row(row).iter().zip(&around_fakes[columns.clone()]).any(|(d, radius)| d <= radius);
        });
        fakes_in[columns.clone()].par_iter_mut().zip(columns.clone()).for_each(|(is_in, column)| {
            *is_in |= block.column(column).zip(&around_reals[rows.clone()]).any(|(d, radius)| d <= *radius);
        });
    })?;
    Ok(PrecisionRecall { precision: share(&fakes_in), recall: share(&reals_in) })
}

/// How densely fakes lie among reals, and how many reals have a fake nearby.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityCoverage {
    /// Balls of reals that hold a fake, mean over the fakes, divided by `k`; around 1 where both sets are alike.
    pub density: f64,
    /// Share of reals whose ball holds a fake.
    pub coverage: f64,
}

/// Density and coverage (Naeem et al. 2020), less moved by single outliers than precision and recall.
///
/// The ball of a real reaches to its `k`-th nearest other real, its edge not included.
///
/// # Errors
/// If there are no more than `k` reals, or features are of another length.
pub fn density_coverage(reals: &Features, fakes: &Features, k: usize) -> Result<DensityCoverage> {
    let around_reals: Vec<f64> = radii(reals, k)?.iter().map(|radius| radius * radius).collect();
    let mut held = vec![0_u64; reals.len()];
    distances(reals, fakes, |block| {
        held[block.rows.clone()].par_iter_mut().zip(block.rows.clone()).for_each(|(held, row)| {
            *held += block.row(row).iter().filter(|squared| **squared < around_reals[row]).count() as u64;
        });
    })?;
    let covered: Vec<bool> = held.iter().map(|held| *held > 0).collect();
    let density = held.iter().sum::<u64>() as f64 / (k * fakes.len()) as f64;
    Ok(DensityCoverage { density, coverage: share(&covered) })
}

pub(crate) fn precision_recall_numbers(reals: &Features, fakes: &Features) -> Result<Numbers> {
    let PrecisionRecall { precision, recall } = precision_recall(reals, fakes, PRECISION_RECALL_K)?;
    Ok(vec![("_precision".to_owned(), precision), ("_recall".to_owned(), recall)])
}

pub(crate) fn density_coverage_numbers(reals: &Features, fakes: &Features) -> Result<Numbers> {
    let DensityCoverage { density, coverage } = density_coverage(reals, fakes, DENSITY_COVERAGE_K)?;
    Ok(vec![("_density".to_owned(), density), ("_coverage".to_owned(), coverage)])
}

fn share(of: &[bool]) -> f64 {
    of.iter().filter(|is_so| **is_so).count() as f64 / of.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, expected};

    #[test]
    fn of_two_clouds_and_of_inception_features() -> Result<()> {
        let sets = [
            ("manifold", "manifold", "real", "fake"),
            ("inception", "inception", "features.tf1.a", "features.tf1.b"),
        ];
        for (name, file, reals, fakes) in sets {
            let golden = Golden::open(file);
            let (reals, fakes) = (Features::of(golden.tensor(reals))?, Features::of(golden.tensor(fakes))?);
            let PrecisionRecall { precision, recall } = precision_recall(&reals, &fakes, PRECISION_RECALL_K)?;
            expected(&format!("{name}.precision")).assert_close(precision);
            expected(&format!("{name}.recall")).assert_close(recall);
            let DensityCoverage { density, coverage } = density_coverage(&reals, &fakes, DENSITY_COVERAGE_K)?;
            expected(&format!("{name}.density")).assert_close(density);
            expected(&format!("{name}.coverage")).assert_close(coverage);
        }
        Ok(())
    }

    #[test]
    fn a_set_lies_in_itself() -> Result<()> {
        let reals = Features::of(Golden::open("manifold").tensor("real"))?;
        let PrecisionRecall { precision, recall } = precision_recall(&reals, &reals, 3)?;
        assert_eq!((precision, recall), (1.0, 1.0));
        assert_eq!(density_coverage(&reals, &reals, 5)?.coverage, 1.0);
        assert!(precision_recall(&reals, &reals.selected(&[0, 1, 2]), 3).is_err());
        Ok(())
    }
}
