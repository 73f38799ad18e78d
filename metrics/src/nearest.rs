//! The nearest of a set, for each picture.

use candle_core::{Result, bail};
use rayon::prelude::*;

use crate::Features;
use crate::blocks::{Block, distances, distances_within};
use crate::metric::Numbers;

/// A picture of a set, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Its number in the set.
    pub index: usize,
    /// Euclidean distance of the features.
    pub distance: f64,
}

/// The `k` pictures of `among` that are nearest to each of `points`, nearest first; of equally near ones, the first.
///
/// Measured among the reals of each fake, it shows whether a generator repeats what it was trained on.
///
/// # Errors
/// If `among` has fewer pictures than `k`, or features of another length.
pub fn nearest(points: &Features, among: &Features, k: usize) -> Result<Vec<Vec<Neighbor>>> {
    if among.len() < k {
        bail!("nearest neighbors: {k} of {} pictures", among.len())
    }
    let mut found = vec![Nearest::default(); points.len()];
    distances(points, among, |block| {
        let rows = &mut found[block.rows.clone()];
        rows.par_iter_mut().enumerate().for_each(|(row, found)| {
            for (column, squared) in block.columns.clone().zip(block.row(block.rows.start + row)) {
                found.offer(k, column, *squared);
            }
        });
    })?;
    Ok(found.into_iter().map(Nearest::neighbors).collect())
}

/// The distance of each point to its `k`-th nearest other point of the set.
///
/// # Errors
/// If there are no more than `k` points.
pub(crate) fn radii(points: &Features, k: usize) -> Result<Vec<f64>> {
    if points.len() <= k {
        bail!("the {k}. nearest of {} pictures: at least {} are needed", points.len(), k + 1)
    }
    let mut found = vec![Nearest::default(); points.len()];
    distances_within(points, |block| {
        let Block { rows, columns, .. } = &block;
        found[rows.clone()].par_iter_mut().zip(rows.clone()).for_each(|(found, row)| {
            for (column, squared) in columns.clone().zip(block.row(row)).filter(|(column, _)| *column != row)
            {
                found.offer(k, column, *squared);
            }
        });
        if rows != columns {
            found[columns.clone()].par_iter_mut().zip(columns.clone()).for_each(|(found, column)| {
                for (row, squared) in rows.clone().zip(block.column(column)) {
                    found.offer(k, row, squared);
                }
            });
        }
    })?;
    let last = |nearest: Nearest| nearest.0.last().map_or(0.0, |(squared, _)| squared.sqrt());
    Ok(found.into_iter().map(last).collect())
}

/// The median distance of fakes to their nearest real, that of reals to their nearest other real, and first the quotient.
///
/// It is about 1 for a set of the same kind, and 0 for reals that were copied.
pub(crate) fn numbers(reals: &Features, fakes: &Features) -> Result<Numbers> {
    if fakes.is_empty() {
        bail!("nearest neighbors: no fakes")
    }
    let of_reals = median(radii(reals, 1)?);
    let found = nearest(fakes, reals, 1)?;
    let of_fakes = median(found.iter().flatten().map(|neighbor| neighbor.distance).collect());
    let quotient = if of_fakes > 0.0 { of_fakes / of_reals } else { 0.0 };
    Ok(vec![(String::new(), quotient), ("_fakes".to_owned(), of_fakes), ("_reals".to_owned(), of_reals)])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        values[middle.saturating_sub(1)..=middle].iter().sum::<f64>() / 2.0
    } else {
        values[middle]
    }
}

/// Squared distances and numbers of the nearest so far, nearest first.
#[derive(Clone, Debug, Default)]
struct Nearest(Vec<(f64, usize)>);

impl Nearest {
    fn offer(&mut self, k: usize, index: usize, squared: f64) {
        let Self(found) = self;
        if found.len() == k && found.last().is_none_or(|(last, _)| squared >= *last) {
            return;
        }
        let place = found.partition_point(|(other, _)| *other <= squared);
        found.insert(place, (squared, index));
        found.truncate(k);
    }

    fn neighbors(self) -> Vec<Neighbor> {
        self.0.into_iter().map(|(squared, index)| Neighbor { index, distance: squared.sqrt() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::golden::Golden;

    #[test]
    fn neighbors_of_points_on_a_line() -> Result<()> {
        let line = |places: &[f32]| Features::of(&Tensor::new(places, &Device::Cpu)?.unsqueeze(1)?);
        let among = line(&[0.0, 10.0, 3.0, 4.0])?;
        let found = nearest(&line(&[2.0, 10.0, 20.0])?, &among, 2)?;
        let told: Vec<Vec<(usize, f64)>> = found
            .iter()
            .map(|found| found.iter().map(|found| (found.index, found.distance.round())).collect())
            .collect();
        assert_eq!(told, [[(2, 1.0), (0, 2.0)], [(1, 0.0), (3, 6.0)], [(1, 10.0), (3, 16.0)]]);
        assert!(nearest(&among, &among, 5).is_err() && radii(&among, 4).is_err());
        Ok(())
    }

    #[test]
    fn radii_of_both_sets() -> Result<()> {
        let golden = Golden::open("manifold");
        for (set, k) in [("real", 3), ("fake", 3), ("real", 5)] {
            let points = Features::of(golden.tensor(set))?;
            golden.assert_close(&format!("radii_{set}_{k}"), &radii(&points, k)?, 2e-5);
        }
        Ok(())
    }

    #[test]
    fn copies_are_told_from_pictures_of_the_same_kind() -> Result<()> {
        let points = Features::of(Golden::open("manifold").tensor("real"))?;
        let half = |odd: usize| points.selected(&(0..100).map(|at| 2 * at + odd).collect::<Vec<_>>());
        let quotient = |fakes: &Features| Ok::<f64, candle_core::Error>(numbers(&half(0), fakes)?[0].1);
        assert!((quotient(&half(1))? - 1.0).abs() < 0.1);
        assert_eq!(quotient(&half(0))?, 0.0);
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 2.0, 9.0])), (2.0, 3.0));
        Ok(())
    }

    #[test]
    fn duplicates_leave_no_radius() -> Result<()> {
        let points = Features::of(Golden::open("manifold").tensor("real"))?;
        let doubled: Vec<usize> = (0..400).map(|at| at / 2).collect();
        assert!(radii(&points.selected(&doubled), 1)?.iter().all(|radius| *radius == 0.0));
        Ok(())
    }
}
