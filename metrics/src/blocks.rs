//! All pairs of two sets of features, a block at a time.

use std::ops::Range;

use candle_core::{Result, bail};

use crate::Features;

/// Rows and columns of a block: of 2048 features, its memory is 40 MB.
const SIDE: usize = 1024;

/// What was computed of the pairs of some rows and some columns.
pub(crate) struct Block {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    /// `[rows, columns]`
    pub(crate) values: Vec<f64>,
}

impl Block {
    /// The values of a row.
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[(row - self.rows.start) * self.columns.len()..][..self.columns.len()]
    }

    /// The values of a column.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().skip(column - self.columns.start).step_by(self.columns.len()).copied()
    }
}

/// Scalar products of all rows of `a` with all of `b`, on all cores.
pub(crate) fn products(a: &Features, b: &Features, visit: impl FnMut(Block)) -> Result<()> {
    let origin = vec![0.0; a.dim()];
    walk(a, b, &origin, |_| true, visit)
}

/// Squared distances of all rows of `a` to all of `b`.
pub(crate) fn distances(a: &Features, b: &Features, visit: impl FnMut(Block)) -> Result<()> {
    squared(a, b, |_| true, visit)
}

/// Squared distances within a set: blocks on the diagonal, and of those that mirror one another the one to the right.
pub(crate) fn distances_within(a: &Features, visit: impl FnMut(Block)) -> Result<()> {
    squared(a, a, |(row, column)| row <= column, visit)
}

/// `|x|² + |y|² − 2 x·y`, around the mean of `a`, near which features are small and little is lost.
fn squared(
    a: &Features,
    b: &Features,
    wanted: impl Fn((usize, usize)) -> bool,
    mut visit: impl FnMut(Block),
) -> Result<()> {
    let center = a.mean();
    let (lengths_a, lengths_b) = (lengths(a, &center), lengths(b, &center));
    walk(a, b, &center, wanted, |mut block| {
        let columns = block.columns.len();
        for (row, values) in block.rows.clone().zip(block.values.chunks_exact_mut(columns)) {
            for (column, value) in block.columns.clone().zip(values) {
                let lengths = lengths_a[row] + lengths_b[column];
                let squared = lengths - 2.0 * *value;
                // Equal pictures are at no distance, whatever was rounded.
                *value = if squared <= 1e-13 * lengths { 0.0 } else { squared };
            }
        }
        visit(block);
    })
}

fn lengths(features: &Features, center: &[f64]) -> Vec<f64> {
    let length =
        |row: &[f32]| row.iter().zip(center).map(|(x, center)| (f64::from(*x) - center).powi(2)).sum();
    (0..features.len()).map(|row| length(features.row(row))).collect()
}

/// Products around a center of the blocks that are wanted, told by where they begin.
fn walk(
    a: &Features,
    b: &Features,
    center: &[f64],
    wanted: impl Fn((usize, usize)) -> bool,
    mut visit: impl FnMut(Block),
) -> Result<()> {
    if a.dim() != b.dim() {
        bail!("{} features on one side, {} on the other", a.dim(), b.dim())
    }
    for rows in ranges(a.len()) {
        let of_rows = a.block(rows.clone(), center)?;
        for columns in ranges(b.len()).filter(|columns| wanted((rows.start, columns.start))) {
            let of_columns = b.block(columns.clone(), center)?;
            let values = of_rows.matmul(&of_columns.t()?)?.flatten_all()?.to_vec1::<f64>()?;
            visit(Block { rows: rows.clone(), columns, values });
        }
    }
    Ok(())
}

fn ranges(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(SIDE).map(move |start| start..(start + SIDE).min(count))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::draws::normal;

    #[test]
    fn every_pair_is_seen_once() -> Result<()> {
        // More than two blocks of rows.
        let a = Features::of(&normal("a", &[0], (2 * SIDE + 5, 3))?)?;
        let b = Features::of(&(normal("b", &[0], (SIDE + 7, 3))? + 2.0)?)?;
        let squared = |x: &[f32], y: &[f32]| -> f64 {
            x.iter().zip(y).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
        };
        let mut seen = 0;
        distances(&a, &b, |block| {
            for row in block.rows.clone().step_by(97) {
                for (column, got) in block.columns.clone().zip(block.row(row)) {
                    assert!((got - squared(a.row(row), b.row(column))).abs() < 1e-9);
                }
            }
            let column = block.columns.start;
            assert!(block.column(column).zip(block.rows.clone()).all(|(got, row)| got == block.row(row)[0]));
            seen += block.values.len();
        })?;
        assert_eq!(seen, a.len() * b.len());

        let mut within = 0;
        distances_within(&a, |block| {
            within += block.values.len() * if block.rows == block.columns { 1 } else { 2 };
            if block.rows == block.columns {
                assert!(block.rows.clone().all(|row| block.row(row)[row - block.rows.start] == 0.0));
            }
        })?;
        assert_eq!(within, a.len() * a.len());
        Ok(())
    }

    #[test]
    fn features_of_other_networks_are_refused() -> Result<()> {
        let of = |dim: usize| Features::of(&candle_core::Tensor::zeros((3, dim), DType::F32, &Device::Cpu)?);
        assert!(distances(&of(4)?, &of(5)?, |_| ()).is_err());
        Ok(())
    }
}
