//! Mean and covariance of features that stream by.

use candle_core::{Device, Result, Tensor, bail};

use crate::features::checked;

/// Rows that are multiplied at a time.
const ROWS: usize = 512;

/// Mean and covariance of features, in `f64`, however many pictures there were.
///
/// Of 2048 features they take 34 MB, and a buffer of 8 MB.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    dim: usize,
    count: usize,
    /// Subtracted from every row, so that nothing is lost where values are large and differ little: the first row.
    shift: Vec<f64>,
    /// Sum of all rows that were multiplied.
    sum: Vec<f64>,
    /// Sum of their products, `[dim, dim]`.
    products: Vec<f64>,
    /// Rows that wait to be multiplied.
    pending: Vec<f64>,
}

impl Moments {
    /// Takes in the features of more pictures.
    ///
    /// # Shapes
    /// - `rows`: `[pictures, dim]`, the same `dim` as before
    ///
    /// # Errors
    /// If they are not as long as those before, or no numbers.
    pub fn add(&mut self, rows: &Tensor) -> Result<()> {
        let (dim, values) = checked(rows, (self.count > 0).then_some(self.dim))?;
        if self.count == 0 && !values.is_empty() {
            self.dim = dim;
            self.shift = values[..dim].iter().map(|value| f64::from(*value)).collect();
            self.sum = vec![0.0; dim];
            self.products = vec![0.0; dim * dim];
        }
        for row in values.chunks_exact(dim) {
            self.pending.extend(row.iter().zip(&self.shift).map(|(value, shift)| f64::from(*value) - shift));
            self.count += 1;
            if self.pending.len() >= ROWS * dim {
                self.multiply()?;
            }
        }
        Ok(())
    }

    /// Pictures so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Numbers in a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The mean, `[dim]`, and the covariance, `[dim, dim]`, its sums divided by the number of pictures less one.
    ///
    /// # Errors
    /// If there were fewer than two pictures.
    pub fn mean_and_covariance(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        if self.count < 2 {
            bail!("mean and covariance of {} pictures: at least 2 are needed", self.count)
        }
        let mut all = self.clone();
        all.multiply()?;
        let Self { dim, count, shift, sum, mut products, .. } = all;
        let count = count as f64;
        let centered: Vec<f64> = sum.iter().map(|sum| sum / count).collect();
        for (row, a) in products.chunks_exact_mut(dim).zip(&centered) {
            for (product, b) in row.iter_mut().zip(&centered) {
                *product = (*product - count * a * b) / (count - 1.0);
            }
        }
        let mean = centered.iter().zip(&shift).map(|(mean, shift)| mean + shift).collect();
        Ok((mean, products))
    }

    fn multiply(&mut self) -> Result<()> {
        let rows = self.pending.len() / self.dim.max(1);
        if rows == 0 {
            return Ok(());
        }
        for row in self.pending.chunks_exact(self.dim) {
            self.sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let rows = Tensor::from_vec(std::mem::take(&mut self.pending), (rows, self.dim), &Device::Cpu)?;
        let products = rows.t()?.matmul(&rows)?.flatten_all()?.to_vec1::<f64>()?;
        self.products.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_do_not_matter_and_large_means_lose_nothing() -> Result<()> {
        // More rows than are multiplied at a time, around a mean of ten thousand.
        let (count, dim) = (ROWS + 37, 3);
        let value = |row: usize, column: usize| 1e4 + ((row * (column + 2)) % 7) as f32;
        let rows = Tensor::from_iter((0..count * dim).map(|at| value(at / dim, at % dim)), &Device::Cpu)?
            .reshape((count, dim))?;
        let (mut whole, mut parts) = (Moments::default(), Moments::default());
        whole.add(&rows)?;
        for (first, length) in [(0, 1), (1, 200), (201, count - 201)] {
            parts.add(&rows.narrow(0, first, length)?)?;
        }
        let (mean, covariance) = whole.mean_and_covariance()?;
        for column in 0..dim {
            let expected = (0..count).map(|row| f64::from(value(row, column))).sum::<f64>() / count as f64;
            assert!((mean[column] - expected).abs() < 1e-9, "{mean:?}");
            let other = (column + 1) % dim;
            let products = (0..count).map(|row| {
                (f64::from(value(row, column)) - mean[column]) * (f64::from(value(row, other)) - mean[other])
            });
            let expected = products.sum::<f64>() / (count - 1) as f64;
            assert!((covariance[column * dim + other] - expected).abs() < 1e-9, "{covariance:?}");
        }
        let (mean_of_parts, covariance_of_parts) = parts.mean_and_covariance()?;
        let is_near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(is_near(&mean, &mean_of_parts) && is_near(&covariance, &covariance_of_parts));
        assert_eq!((parts.count(), parts.dim()), (count, dim));
        Ok(())
    }

    #[test]
    fn one_picture_has_no_covariance() -> Result<()> {
        let mut moments = Moments::default();
        assert!(moments.mean_and_covariance().is_err());
        moments.add(&Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?)?;
        assert!(moments.mean_and_covariance().is_err());
        assert!(moments.add(&Tensor::new(&[[1f32, 2.0, 3.0]], &Device::Cpu)?).is_err());
        Ok(())
    }
}
