//! A linear support vector machine.

use candle_core::{Device, Result, Tensor, bail};
use nalgebra::{DMatrix, DVector};

/// More steps than any problem takes: mostly it is about ten.
const MAX_STEPS: usize = 200;

/// A plane that separates two classes as well as it can.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Svm {
    /// One for each number in a row, the bias last.
    pub(crate) weights: Vec<f64>,
    /// What was minimized.
    pub(crate) objective: f64,
}

impl Svm {
    /// Minimizes `½ (|w|² + b²) + Σ max(0, 1 − y (w·x + b))²` with `y = ±1`: squared hinge loss, the bias regularized as well,
    /// as `LinearSVC` of scikit-learn by default, but to the end.
    ///
    /// By Newton's method: between changes of the rows with a loss, the function is a parabola, and one step leads to its
    /// bottom.
    ///
    /// # Shapes
    /// - `rows`: `[samples, dim]` in `f64`
    pub(crate) fn fit(rows: &Tensor, is_positive: &[bool]) -> Result<Self> {
        let (samples, dim) = rows.dims2()?;
        if samples != is_positive.len() || samples == 0 {
            bail!("support vector machine: {samples} rows, {} labels", is_positive.len())
        }
        let ones = Tensor::ones((samples, 1), rows.dtype(), &Device::Cpu)?;
        let problem = Problem {
            rows: Tensor::cat(&[rows, &ones], 1)?,
            targets: is_positive.iter().map(|is_positive| if *is_positive { 1.0 } else { -1.0 }).collect(),
        };
        let mut weights = DVector::zeros(dim + 1);
        let (mut losses, mut objective) = problem.losses(&weights)?;
        for _ in 0..MAX_STEPS {
            let step = problem.step(&weights, &losses)?;
            let mut length = 1.0;
            // A whole step may lead too far where rows gain a loss by it.
            let (next, next_losses, next_objective) = loop {
                let next = &weights + &step * length;
                let (next_losses, next_objective) = problem.losses(&next)?;
                if next_objective <= objective || length < 1e-9 {
                    break (next, next_losses, next_objective);
                }
                length *= 0.5;
            };
            let is_done = next_objective >= objective * (1.0 - 1e-15);
            if next_objective <= objective {
                (weights, losses, objective) = (next, next_losses, next_objective);
            }
            if is_done {
                break;
            }
        }
        Ok(Self { weights: weights.iter().copied().collect(), objective })
    }

    /// On which side of the plane each row lies.
    pub(crate) fn predict(&self, rows: &Tensor) -> Result<Vec<bool>> {
        let Some((bias, weights)) = self.weights.split_last() else { return Ok(Vec::new()) };
        let weights = Tensor::from_slice(weights, (weights.len(), 1), &Device::Cpu)?;
        let values = (rows.matmul(&weights)? + *bias)?.flatten_all()?.to_vec1::<f64>()?;
        Ok(values.into_iter().map(|value| value > 0.0).collect())
    }
}

struct Problem {
    /// `[samples, dim + 1]`
    rows: Tensor,
    targets: Vec<f64>,
}

impl Problem {
    /// Of each row, how far it is from where it has no loss, 0 there; and the value of the function.
    fn losses(&self, weights: &DVector<f64>) -> Result<(Vec<f64>, f64)> {
        let column = Tensor::from_slice(weights.as_slice(), (weights.len(), 1), &Device::Cpu)?;
        let values = self.rows.matmul(&column)?.flatten_all()?.to_vec1::<f64>()?;
        let losses: Vec<f64> =
            values.iter().zip(&self.targets).map(|(value, target)| (1.0 - target * value).max(0.0)).collect();
        let sum: f64 = losses.iter().map(|loss| loss * loss).sum();
        Ok((losses, 0.5 * weights.norm_squared() + sum))
    }

    /// `−H⁻¹ g`, of the rows with a loss.
    fn step(&self, weights: &DVector<f64>, losses: &[f64]) -> Result<DVector<f64>> {
        let active: Vec<u32> =
            (0..).zip(losses).filter(|(_, loss)| **loss > 0.0).map(|(row, _)| row).collect();
        let length = weights.len();
        let mut hessian = DMatrix::identity(length, length);
        let mut gradient = weights.clone();
        if !active.is_empty() {
            // d/dw (1 − y w·x)² = −2 y x (1 − y w·x)
            let pulls: Vec<f64> =
                active.iter().map(|&row| -2.0 * self.targets[row as usize] * losses[row as usize]).collect();
            let count = active.len();
            let rows = self.rows.index_select(&Tensor::from_vec(active, count, &Device::Cpu)?, 0)?;
            let pulls = Tensor::from_vec(pulls, (1, count), &Device::Cpu)?.matmul(&rows)?;
            gradient += DVector::from_vec(pulls.flatten_all()?.to_vec1::<f64>()?);
            let products = (rows.t()?.matmul(&rows)? * 2.0)?.flatten_all()?.to_vec1::<f64>()?;
            hessian += DMatrix::from_vec(length, length, products);
        }
        match hessian.cholesky() {
            Some(cholesky) => Ok(-cholesky.solve(&gradient)),
            None => bail!("support vector machine: rows that are no numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::draws::normal;

    #[test]
    fn nothing_nearby_is_lower() -> Result<()> {
        let rows = normal("rows", &[0], (60, 3))?.to_dtype(DType::F64)?;
        let flags: Vec<bool> = rows
            .to_vec2::<f64>()?
            .iter()
            .map(|row| row[0] - 0.5 * row[2] + 0.8 * row[1].sin() > 0.3)
            .collect();
        let svm = Svm::fit(&rows, &flags)?;
        let ones = Tensor::ones((60, 1), DType::F64, &Device::Cpu)?;
        let problem = Problem {
            rows: Tensor::cat(&[&rows, &ones], 1)?,
            targets: flags.iter().map(|flag| if *flag { 1.0 } else { -1.0 }).collect(),
        };
        let best = DVector::from_vec(svm.weights.clone());
        assert_eq!(problem.losses(&best)?.1, svm.objective);
        for axis in 0..4 {
            for step in [1e-3, -1e-3] {
                let mut moved = best.clone();
                moved[axis] += step;
                assert!(problem.losses(&moved)?.1 > svm.objective);
            }
        }
        let right = svm.predict(&rows)?.iter().zip(&flags).filter(|(got, flag)| got == flag).count();
        assert!(right >= 54, "{right} of 60");
        Ok(())
    }

    #[test]
    fn one_class_is_all_on_its_side() -> Result<()> {
        let rows = normal("rows", &[1], (9, 2))?.to_dtype(DType::F64)?;
        assert_eq!(Svm::fit(&rows, &[false; 9])?.predict(&rows)?, [false; 9]);
        assert!(Svm::fit(&rows, &[false; 8]).is_err());
        Ok(())
    }
}
