//! Numbers read off features by a linear map: a small classifier of pictures.

use candle_core::{DType, Device, Result, Tensor, bail};
use nalgebra::DMatrix;

use crate::{Features, Moments};

/// How much is added to the diagonal of the covariance, as a share of its mean; the one that predicts best counts.
const RIDGES: [f64; 6] = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// Every so many rows, one is predicted and not learned from.
const HELD_OUT: usize = 5;

/// A linear map from features of pictures to numbers that are known of some of them.
///
/// Ridge regression: `W = (C + λ I)⁻¹ Cov(features, numbers)`. A fifth of the pictures is kept apart; λ is what predicts
/// these best, and what is said of them in [`Readout::determination`]. Then it is learned from all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Mean of the features.
    center: Vec<f64>,
    /// `[dim, numbers]`
    weights: Vec<f64>,
    /// Mean of the numbers.
    mean: Vec<f64>,
    determination: Vec<f64>,
}

impl Readout {
    /// Learns `numbers` from `features`.
    ///
    /// # Shapes
    /// - `features`, `numbers`: a row for each picture
    ///
    /// # Errors
    /// If there are not as many rows of the ones as of the others, or fewer than ten, or a number is always the same.
    pub fn fit(features: &Features, numbers: &Features) -> Result<Self> {
        let count = features.len();
        if count != numbers.len() || count < 2 * HELD_OUT {
            bail!(
                "readout: {count} rows of features, {} of numbers; {} are needed",
                numbers.len(),
                2 * HELD_OUT
            )
        }
        let (held_out, learned): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|row| row % HELD_OUT == HELD_OUT - 1);
        let part = |rows: &[usize]| (features.selected(rows), numbers.selected(rows));
        let (learned, held_out) = (part(&learned), part(&held_out));
        let problem = Problem::new(&learned.0, &learned.1)?;
        let mut best: Option<(f64, f64, Vec<f64>)> = None;
        for ridge in RIDGES {
            let map = problem.solve(ridge)?;
            let determination = determination(&map.predict(&held_out.0)?, &held_out.1)?;
            let sum: f64 = determination.iter().sum();
            if best.as_ref().is_none_or(|(most, ..)| sum > *most) {
                best = Some((sum, ridge, determination));
            }
        }
        let Some((_, ridge, determination)) = best else {
            bail!("readout: nothing can be told from the features")
        };
        Ok(Self { determination, ..Problem::new(features, numbers)?.solve(ridge)? })
    }

    /// The numbers of pictures by their features, a row each.
    ///
    /// # Errors
    /// If the features are those of another network.
    pub fn predict(&self, features: &Features) -> Result<Features> {
        let (dim, numbers) = (self.center.len(), self.mean.len());
        if features.dim() != dim {
            bail!("readout: features of {} numbers, not of {dim}", features.dim())
        }
        let weights = Tensor::from_slice(&self.weights, (dim, numbers), &Device::Cpu)?;
        let rows = features.block(0..features.len(), &self.center)?.matmul(&weights)?;
        let mean = Tensor::from_slice(&self.mean, numbers, &Device::Cpu)?;
        Features::of(&rows.broadcast_add(&mean)?.to_dtype(DType::F32)?)
    }

    /// What each number of the features counts, `[dim, numbers]`.
    pub(crate) fn slopes(&self) -> &[f64] {
        &self.weights
    }

    /// Of each number, which share of its variance was predicted of pictures that were not learned from: 1 for all of it, 0 for
    /// no better than the mean.
    pub fn determination(&self) -> &[f64] {
        &self.determination
    }
}

/// What is to be solved, for any ridge.
struct Problem {
    center: Vec<f64>,
    mean: Vec<f64>,
    /// `[dim, dim]`
    covariance: DMatrix<f64>,
    /// `[dim, numbers]`
    shared: DMatrix<f64>,
}

impl Problem {
    fn new(features: &Features, numbers: &Features) -> Result<Self> {
        let (count, dim) = (features.len(), features.dim());
        let (center, mean) = (features.mean(), numbers.mean());
        let mut moments = Moments::default();
        let mut shared = Tensor::zeros((dim, numbers.dim()), DType::F64, &Device::Cpu)?;
        for first in (0..count).step_by(512) {
            let rows = first..count.min(first + 512);
            let (x, y) = (features.block(rows.clone(), &center)?, numbers.block(rows, &mean)?);
            moments.add(&x)?;
            shared = (shared + x.t()?.matmul(&y)?)?;
        }
        let (_, covariance) = moments.mean_and_covariance()?;
        let shared = (shared / (count - 1) as f64)?.flatten_all()?.to_vec1::<f64>()?;
        Ok(Self {
            covariance: DMatrix::from_row_slice(dim, dim, &covariance),
            shared: DMatrix::from_row_slice(dim, numbers.dim(), &shared),
            center,
            mean,
        })
    }

    fn solve(&self, ridge: f64) -> Result<Readout> {
        let dim = self.center.len();
        let mut matrix = self.covariance.clone();
        let added = ridge * matrix.trace() / dim as f64;
        for at in 0..dim {
            matrix[(at, at)] += added;
        }
        let Some(factor) = matrix.cholesky() else { bail!("readout: the features are all the same") };
        let weights = factor.solve(&self.shared);
        Ok(Readout {
            center: self.center.clone(),
            weights: weights.transpose().iter().copied().collect(),
            mean: self.mean.clone(),
            determination: Vec::new(),
        })
    }
}

/// `1 - Σ (predicted - true)² / Σ (true - mean)²` of each number.
fn determination(predicted: &Features, numbers: &Features) -> Result<Vec<f64>> {
    let mean = numbers.mean();
    let squares = |number: usize, other: &dyn Fn(usize) -> f64| -> f64 {
        (0..numbers.len()).map(|row| (f64::from(numbers.row(row)[number]) - other(row)).powi(2)).sum()
    };
    let of = |number: usize| {
        let variance = squares(number, &|_| mean[number]);
        if variance <= 0.0 {
            bail!("readout: number {number} is the same of all pictures")
        }
        Ok(1.0 - squares(number, &|row| f64::from(predicted.row(row)[number])) / variance)
    };
    (0..numbers.dim()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::normal;

    #[test]
    fn what_is_linear_is_learned_and_noise_is_not() -> Result<()> {
        let x = normal("features", &[1], (400, 7))?;
        let map = normal("map", &[2], (7, 2))?;
        let noise = normal("noise", &[3], (400, 1))?;
        let y = (x.matmul(&map)? + 3.0)?;
        let numbers = Features::of(&Tensor::cat(&[&y, &noise], 1)?)?;
        let features = Features::of(&x)?;
        let readout = Readout::fit(&features, &numbers)?;
        let told = readout.determination();
        assert!(told[0] > 0.999 && told[1] > 0.999 && told[2] < 0.1, "{told:?}");
        let predicted = readout.predict(&features)?;
        for row in [0, 17, 399] {
            for number in 0..2 {
                let error = predicted.row(row)[number] - numbers.row(row)[number];
                assert!(error.abs() < 0.02, "{error}");
            }
        }
        Ok(())
    }

    #[test]
    fn it_is_the_solution_of_least_squares() -> Result<()> {
        // Nothing nearby has a smaller error.
        let (x, y) = (normal("features", &[4], (60, 3))?, normal("numbers", &[5], (60, 1))?);
        let problem = Problem::new(&Features::of(&x)?, &Features::of(&y)?)?;
        let solution = problem.solve(0.0)?;
        let error = |readout: &Readout| {
            let found = readout.predict(&Features::of(&x)?)?;
            determination(&found, &Features::of(&y)?).map(|told| told[0])
        };
        let best = error(&solution)?;
        for at in 0..3 {
            for step in [-0.01, 0.01] {
                let mut other = solution.clone();
                other.weights[at] += step;
                assert!(error(&other)? < best);
            }
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_learned_is_refused() -> Result<()> {
        let rows = |count| Features::of(&normal("rows", &[6], (count, 3))?);
        assert!(Readout::fit(&rows(20)?, &rows(19)?).is_err());
        assert!(Readout::fit(&rows(9)?, &rows(9)?).is_err());
        let same = Features::of(&Tensor::ones((20, 1), DType::F32, &Device::Cpu)?)?;
        assert!(Readout::fit(&rows(20)?, &same).unwrap_err().to_string().contains("the same"));
        let readout = Readout::fit(&rows(20)?, &rows(20)?)?;
        assert!(readout.predict(&same).is_err());
        Ok(())
    }
}
