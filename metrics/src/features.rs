//! Features of pictures, as measures keep them.

use candle_core::{DType, Device, Result, Tensor, bail};

/// Features of a set of pictures, a row each.
///
/// 50,000 pictures of 2048 features take 410 MB; a measure that needs no more than their mean and covariance keeps
/// [`Moments`](crate::Moments) instead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    dim: usize,
    values: Vec<f32>,
}

impl Features {
    /// Those of a tensor.
    ///
    /// # Shapes
    /// - `rows`: `[pictures, dim]`
    ///
    /// # Errors
    /// As [`Features::add`].
    pub fn of(rows: &Tensor) -> Result<Self> {
        let mut features = Self::default();
        features.add(rows)?;
        Ok(features)
    }

    /// Takes in the features of more pictures.
    ///
    /// # Shapes
    /// - `rows`: `[pictures, dim]`, the same `dim` as before
    ///
    /// # Errors
    /// If they are not as long as those before, or no numbers.
    pub fn add(&mut self, rows: &Tensor) -> Result<()> {
        let (dim, values) = checked(rows, (!self.values.is_empty()).then_some(self.dim))?;
        self.dim = dim;
        self.values.extend(values);
        Ok(())
    }

    /// Numbers in a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Pictures.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The features of one picture.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim..][..self.dim]
    }

    /// Those of some pictures, in this order.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn selected(&self, indices: &[usize]) -> Self {
        let values = indices.iter().flat_map(|&index| self.row(index).iter().copied()).collect();
        Self { dim: self.dim, values }
    }

    /// Rows of `range`, less `center`, `[rows, dim]` in `f64`.
    pub(crate) fn block(&self, range: std::ops::Range<usize>, center: &[f64]) -> Result<Tensor> {
        let rows = &self.values[range.start * self.dim..range.end * self.dim];
        let values = rows
            .chunks_exact(self.dim)
            .flat_map(|row| row.iter().zip(center).map(|(value, center)| f64::from(*value) - center));
        Tensor::from_iter(values, &Device::Cpu)?.reshape((range.len(), self.dim))
    }

    /// The mean of all rows.
    pub(crate) fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim];
        for row in self.values.chunks_exact(self.dim.max(1)) {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        let count = self.len() as f64;
        for sum in &mut mean {
            *sum /= count;
        }
        mean
    }
}

/// Length and values of the rows of a tensor `[pictures, dim]`, all of them numbers.
pub(crate) fn checked(rows: &Tensor, expected: Option<usize>) -> Result<(usize, Vec<f32>)> {
    let (_, dim) = rows.dims2()?;
    if dim == 0 || expected.is_some_and(|expected| expected != dim) {
        bail!("features: rows of {dim} numbers, not of {}", expected.unwrap_or(1))
    }
    let values = rows.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => bail!("features: {} in row {}", values[at], at / dim),
        None => Ok((dim, values)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_as_they_come() -> Result<()> {
        let rows = Tensor::new(&[[1f32, 2.0, 3.0], [4.0, 5.0, 9.0]], &Device::Cpu)?;
        let mut features = Features::of(&rows)?;
        features.add(&rows.narrow(0, 1, 1)?)?;
        assert_eq!((features.len(), features.dim(), features.row(2)), (3, 3, &[4.0f32, 5.0, 9.0][..]));
        assert_eq!(features.selected(&[2, 0]).row(1), [1.0, 2.0, 3.0]);
        assert_eq!(features.mean(), [3.0, 4.0, 7.0]);
        let block = features.block(1..3, &[4.0, 0.0, 1.0])?;
        assert_eq!(block.to_vec2::<f64>()?, [[0.0, 5.0, 8.0], [0.0, 5.0, 8.0]]);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let mut features = Features::of(&Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?)?;
        let refusal = |result: Result<()>| result.unwrap_err().to_string();
        let longer = Tensor::zeros((2, 4), DType::F32, &Device::Cpu)?;
        assert!(refusal(features.add(&longer)).contains("rows of 4 numbers, not of 3"));
        let wrong = Tensor::new(&[[0f32; 3], [0.0, f32::NAN, 0.0]], &Device::Cpu)?;
        assert!(refusal(features.add(&wrong)).contains("NaN in row 1"));
        assert!(Features::of(&Tensor::zeros((2, 0), DType::F32, &Device::Cpu)?).is_err());
        assert_eq!(features.len(), 2);
        Ok(())
    }
}
