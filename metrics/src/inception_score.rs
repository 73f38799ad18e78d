//! Inception Score.

use candle_core::{Result, Tensor, bail};

use crate::metric::Numbers;
use crate::{Features, Metric, Set, Spread};

/// Parts of the original measure.
pub const SPLITS: usize = 10;

/// How sure a classifier is of each picture, and how different it finds them.
///
/// `exp E KL(p(y|x) ‖ p(y))`, mean and deviation over ten parts of the pictures (Salimans et al. 2016). It looks at fakes
/// alone, and says something of pictures of the classes that the classifier knows.
#[derive(Clone, Debug, Default)]
pub struct InceptionScore {
    probabilities: Features,
}

impl Metric for InceptionScore {
    /// Takes in the probabilities of more fakes, `[pictures, classes]`, rows with a sum of 1.
    ///
    /// # Errors
    /// If they are no probabilities, or of other classes than those before.
    fn add(&mut self, set: Set, probabilities: &Tensor) -> Result<()> {
        if set == Set::Reals {
            return Ok(());
        }
        let rows = Features::of(probabilities)?;
        for row in (0..rows.len()).map(|row| rows.row(row)) {
            let sum: f32 = row.iter().sum();
            if row.iter().any(|p| *p < 0.0) || (sum - 1.0).abs() > 1e-3 {
                bail!("Inception Score: a row with a sum of {sum} holds no probabilities")
            }
        }
        self.probabilities.add(probabilities)
    }

    fn copied(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }

    fn numbers(&self) -> Result<Numbers> {
        let Spread { mean, deviation } = self.score(SPLITS)?;
        Ok(vec![("_mean".to_owned(), mean), ("_std".to_owned(), deviation)])
    }
}

impl InceptionScore {
    /// Pictures so far.
    pub fn count(&self) -> usize {
        self.probabilities.len()
    }

    /// The score over this many parts, [`SPLITS`] in the original measure.
    ///
    /// # Errors
    /// If there are fewer pictures than parts.
    pub fn score(&self, splits: usize) -> Result<Spread> {
        let count = self.count();
        if splits == 0 || count < splits {
            bail!("Inception Score: {splits} parts of {count} pictures")
        }
        let scores: Vec<f64> =
            (0..splits).map(|part| self.part(part * count / splits..(part + 1) * count / splits)).collect();
        Ok(Spread::of(&scores))
    }

    fn part(&self, range: std::ops::Range<usize>) -> f64 {
        let count = range.len() as f64;
        let mut mean = vec![0.0; self.probabilities.dim()];
        for row in range.clone() {
            for (sum, p) in mean.iter_mut().zip(self.probabilities.row(row)) {
                *sum += f64::from(*p) / count;
            }
        }
        let divergence = |row: usize| -> f64 {
            let row = self.probabilities.row(row).iter().zip(&mean);
            // What never happens adds nothing.
            row.filter(|(p, _)| **p > 0.0).map(|(p, mean)| f64::from(*p) * (f64::from(*p) / mean).ln()).sum()
        };
        (range.map(divergence).sum::<f64>() / count).exp()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn certain_and_different_pictures_score_the_number_of_classes() -> Result<()> {
        let mut score = InceptionScore::default();
        let certain = Tensor::new(&[[1f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], &Device::Cpu)?;
        score.add(Set::Fakes, &certain)?;
        score.add(Set::Fakes, &certain)?;
        assert!((score.score(2)?.mean - 3.0).abs() < 1e-12 && score.score(2)?.deviation < 1e-12);

        let mut unsure = InceptionScore::default();
        unsure.add(Set::Fakes, &Tensor::new(&[[0.25f32, 0.75], [0.25, 0.75]], &Device::Cpu)?)?;
        assert!((unsure.score(1)?.mean - 1.0).abs() < 1e-12);
        // Halves that differ: KL of (1, 0) and of (1/2, 1/2) against (3/4, 1/4).
        unsure = InceptionScore::default();
        unsure.add(Set::Fakes, &Tensor::new(&[[1f32, 0.0], [0.5, 0.5]], &Device::Cpu)?)?;
        let expected = (0.5 * ((4.0f64 / 3.0).ln() + 0.5 * (2.0f64 / 3.0).ln() + 0.5 * 2f64.ln())).exp();
        assert!((unsure.score(1)?.mean - expected).abs() < 1e-12);
        assert!(unsure.score(3).is_err());
        assert!(unsure.add(Set::Fakes, &Tensor::new(&[[0.5f32, 0.6]], &Device::Cpu)?).is_err());
        Ok(())
    }
}
