//! Disentanglement, completeness, informativeness: which numbers of a code stand for which factors.

use candle_core::{Result, bail};

use crate::Features;

/// Weight of the lasso's penalty.
const ALPHA: f64 = 0.02;
/// Rounds of the lasso at most.
const MAX_ROUNDS: usize = 20_000;
/// Of all rows, this share is learned from; the rest is predicted.
const TRAINED: f64 = 0.8;

/// How codes and factors belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Disentanglement {
    /// `[codes, factors]`: how much each code counts for each factor.
    pub importance: Vec<Vec<f64>>,
    /// Of each code, 1 if it stands for one factor, 0 if for all alike.
    pub codes: Vec<f64>,
    /// Of each factor, 1 if one code stands for it, 0 if all do alike.
    pub factors: Vec<f64>,
    /// Of each factor, the error of its prediction, in deviations: 0 if codes tell it exactly, 1 if they tell nothing.
    pub errors: Vec<f64>,
}

impl Disentanglement {
    /// Mean over the codes, weighted by how much they count.
    pub fn disentanglement(&self) -> f64 {
        let weights: Vec<f64> = self.importance.iter().map(|row| row.iter().sum()).collect();
        let total: f64 = weights.iter().sum();
        let sum: f64 = self.codes.iter().zip(&weights).map(|(code, weight)| code * weight).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// Mean over the factors.
    pub fn completeness(&self) -> f64 {
        mean(&self.factors)
    }

    /// Mean error over the factors: smaller is better.
    pub fn informativeness(&self) -> f64 {
        mean(&self.errors)
    }
}

/// Disentanglement, completeness and informativeness of codes by true factors (Eastwood and Williams 2018).
///
/// A lasso predicts each factor from the codes, both normalized; its weights are the importance of a code for a factor. The
/// first four fifths of the rows are learned from, the rest is predicted.
///
/// # Shapes
/// - `codes`, `factors`: a row for each picture
///
/// # Errors
/// If there are not as many rows of the ones as of the others, or fewer than ten, or a number is always the same.
pub fn disentanglement(codes: &Features, factors: &Features) -> Result<Disentanglement> {
    let count = codes.len();
    if count != factors.len() || count < 10 {
        bail!("disentanglement: {count} codes, {} factors; 10 rows or more of each are needed", factors.len())
    }
    let trained = (TRAINED * count as f64) as usize;
    let (x, y) = (columns(codes, trained, "code")?, columns(factors, trained, "factor")?);
    let learned: Vec<&[f64]> = x.iter().map(|column| &column[..trained]).collect();
    let weights: Vec<Vec<f64>> = y.iter().map(|factor| lasso(&learned, &factor[..trained])).collect();
    let errors = y.iter().zip(&weights).map(|(factor, weights)| {
        let (mut error, expected) = (0.0, &factor[trained..]);
        for (row, expected) in (trained..).zip(expected) {
            let predicted: f64 = x.iter().zip(weights).map(|(column, weight)| column[row] * weight).sum();
            error += (predicted - expected).powi(2);
        }
        let mean = mean(expected);
        let variance: f64 = expected.iter().map(|value| (value - mean).powi(2)).sum();
        (error / variance).sqrt()
    });
    let errors = errors.collect();
    let importance: Vec<Vec<f64>> =
        (0..x.len()).map(|code| weights.iter().map(|weights| weights[code].abs()).collect()).collect();
    let of_factor = |factor: usize| importance.iter().map(|row| row[factor]).collect::<Vec<f64>>();
    Ok(Disentanglement {
        codes: importance.iter().map(|row| concentration(row)).collect(),
        factors: (0..y.len()).map(|factor| concentration(&of_factor(factor))).collect(),
        errors,
        importance,
    })
}

/// The columns, by mean and deviation of their first rows.
fn columns(of: &Features, trained: usize, what: &str) -> Result<Vec<Vec<f64>>> {
    let normalized = |at: usize| {
        let column: Vec<f64> = (0..of.len()).map(|row| f64::from(of.row(row)[at])).collect();
        let mean = mean(&column[..trained]);
        let variance =
            column[..trained].iter().map(|value| (value - mean).powi(2)).sum::<f64>() / trained as f64;
        if variance <= 0.0 {
            bail!("disentanglement: {what} {at} is always the same")
        }
        Ok(column.into_iter().map(|value| (value - mean) / variance.sqrt()).collect())
    };
    (0..of.dim()).map(normalized).collect()
}

/// Minimizes `|y − X w|² / 2n + α |w|₁` over `w`, one number after the other.
fn lasso(x: &[&[f64]], y: &[f64]) -> Vec<f64> {
    let count = y.len() as f64;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / count;
    let squares: Vec<f64> = x.iter().map(|column| dot(column, column)).collect();
    let mut weights = vec![0.0; x.len()];
    let mut rest = y.to_vec();
    for _ in 0..MAX_ROUNDS {
        let mut moved: f64 = 0.0;
        for ((weight, column), square) in weights.iter_mut().zip(x).zip(&squares) {
            let pull = dot(column, &rest) + square * *weight;
            let next = pull.signum() * (pull.abs() - ALPHA).max(0.0) / square;
            let step = next - *weight;
            if step != 0.0 {
                rest.iter_mut().zip(*column).for_each(|(rest, value)| *rest -= step * value);
                *weight = next;
                moved = moved.max(step.abs());
            }
        }
        if moved < 1e-14 {
            break;
        }
    }
    weights
}

/// One less the entropy of shares, by the entropy of equal ones; 0 where nothing is shared.
fn concentration(shares: &[f64]) -> f64 {
    let total: f64 = shares.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    if shares.len() < 2 {
        return 1.0;
    }
    let used = shares.iter().filter(|share| **share > 0.0).map(|share| share / total);
    1.0 + used.map(|share| share * share.ln()).sum::<f64>() / (shares.len() as f64).ln()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, expected};

    #[test]
    fn of_golden_codes() -> Result<()> {
        let golden = Golden::open("separability");
        let of = |name: &str| Features::of(golden.tensor(name));
        let found = disentanglement(&of("dci.codes")?, &of("dci.factors")?)?;
        let importance = found.importance.concat();
        let expected_weights = golden.values("dci.weights");
        assert!(
            importance.iter().zip(&expected_weights).all(|(got, weight)| (got - weight.abs()).abs() < 1e-9)
        );
        golden.assert_close("dci.disentanglement", &found.codes, 1e-9);
        golden.assert_close("dci.completeness", &found.factors, 1e-9);
        golden.assert_close("dci.nrmse", &found.errors, 1e-9);
        expected("dci.disentanglement").assert_close(found.disentanglement());
        expected("dci.completeness").assert_close(found.completeness());
        expected("dci.informativeness").assert_close(found.informativeness());
        Ok(())
    }

    #[test]
    fn factors_themselves_are_disentangled() -> Result<()> {
        let factors = Features::of(Golden::open("separability").tensor("dci.factors"))?;
        let found = disentanglement(&factors, &factors)?;
        assert!(found.disentanglement() > 0.99 && found.completeness() > 0.99);
        // The lasso takes its share.
        assert!(found.informativeness() < 0.03, "{found:?}");
        assert!(disentanglement(&factors, &factors.selected(&[0, 1])).is_err());
        let same = factors.selected(&[3; 20]);
        assert!(disentanglement(&same, &same).unwrap_err().to_string().contains("always the same"));
        Ok(())
    }

    #[test]
    fn equal_shares_are_not_concentrated() {
        assert_eq!(
            (concentration(&[0.0, 0.0]), concentration(&[2.0]), concentration(&[0.0, 3.0])),
            (0.0, 1.0, 1.0)
        );
        assert!(concentration(&[0.5, 0.5, 0.5]).abs() < 1e-12);
    }
}
