//! Statistics of a whole picture, from its tiles.

use candle_core::{DType, Device, Result, Tensor};

use crate::statistics::{EPSILON, Statistics, of_sample};

/// Mean and variance of each channel over what was shown so far, each pixel with its share.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    /// The sum of all shares.
    weight: f64,
    means: Vec<f64>,
    /// Sums of squared distances from the means.
    squares: Vec<f64>,
}

impl Moments {
    pub(super) fn new(channels: usize) -> Self {
        Self { weight: 0.0, means: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    /// Takes in features, each pixel with the share that it has in `shares`, if they are not all 1.
    ///
    /// # Shapes
    /// - `features`: `[1, channels, height, width]`
    /// - `shares`: `[1, 1, height, width]`
    pub(super) fn add(&mut self, features: &Tensor, shares: Option<&Tensor>) -> Result<()> {
        let (_, _, height, width) = features.dims4()?;
        let (weight, means, variances) = match shares {
            None => {
                let (means, variances) = stylegan_ops::plane_moments(features)?;
                ((height * width) as f64, means, variances)
            }
            Some(shares) => {
                let weight = f64::from(shares.sum_all()?.to_scalar::<f32>()?);
                if weight == 0.0 {
                    return Ok(());
                }
                let mean =
                    |x: &Tensor| x.broadcast_mul(shares)?.sum_keepdim((2, 3))?.affine(1.0 / weight, 0.0);
                let means = mean(features)?;
                (weight, means.clone(), mean(&features.broadcast_sub(&means)?.sqr()?)?)
            }
        };
        let numbers = |x: Tensor| -> Result<Vec<f64>> {
            x.flatten_all()?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1()
        };
        let total = self.weight + weight;
        // Chan, Golub and LeVeque 1979: no sum of squares that would lose its digits.
        let found = numbers(means)?.into_iter().zip(numbers(variances)?);
        for ((mean, squares), (new, variance)) in self.means.iter_mut().zip(&mut self.squares).zip(found) {
            let step = new - *mean;
            *mean += step * weight / total;
            *squares += variance * weight + step * step * self.weight * weight / total;
        }
        self.weight = total;
        Ok(())
    }

    /// The statistics of all of it.
    pub(super) fn statistics(&self, device: &Device) -> Result<Statistics> {
        let (to_sample, _) = of_sample(self.weight.round() as usize);
        let deviation = |squares: &f64| (squares / self.weight.max(1e-9) * to_sample + EPSILON).sqrt() as f32;
        let tensor = |values: Vec<f32>| {
            let shape = (1, values.len());
            Tensor::from_vec(values, shape, device)
        };
        Ok(Statistics {
            mean: tensor(self.means.iter().map(|mean| *mean as f32).collect())?,
            deviation: tensor(self.squares.iter().map(deviation).collect())?,
        })
    }
}
