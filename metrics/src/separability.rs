//! Linear separability of latents.

use candle_core::{Result, bail};

use crate::Features;
use crate::svm::Svm;

/// How well planes in latent space part pictures that a classifier parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Separability {
    /// Of each attribute, what is left to be told of a picture once its side of the plane is known, in bits: 0 to 1.
    pub entropy_bits: Vec<f64>,
}

impl Separability {
    /// `2^Σ H(Y_i | X_i)` (Karras et al. 2019, section 4.2): 1 where planes tell everything, twice as much for each bit that
    /// they do not.
    pub fn score(&self) -> f64 {
        self.entropy_bits.iter().sum::<f64>().exp2()
    }
}

/// Linear separability of latents by the attributes of a classifier.
///
/// For each attribute, the half of the pictures is kept of which the classifier is surest. A plane is laid between those that have the
/// attribute and those that have not, and the conditional entropy of the classifier's answer is measured, given the side of the plane.
///
/// # Shapes
/// - `latents`: a row of z or w for each picture
/// - `logits`: a row for each picture, one number an attribute, below 0 where the picture has it
///
/// # Errors
/// If there are not as many rows of the ones as of the others, or fewer than two.
pub fn separability(latents: &Features, logits: &Features) -> Result<Separability> {
    let count = latents.len();
    if count != logits.len() || count < 2 {
        bail!("linear separability: {count} latents, {} rows of logits; 2 or more are needed", logits.len())
    }
    let entropy_bits = (0..logits.dim()).map(|attribute| {
        let kept = surest(logits, attribute);
        let is_so: Vec<bool> = kept.iter().map(|&picture| logits.row(picture)[attribute] < 0.0).collect();
        let rows = latents.selected(&kept);
        let rows = rows.block(0..kept.len(), &vec![0.0; latents.dim()])?;
        let predicted = Svm::fit(&rows, &is_so)?.predict(&rows)?;
        Ok(conditional_entropy_bits(&is_so, &predicted))
    });
    Ok(Separability { entropy_bits: entropy_bits.collect::<Result<_>>()? })
}

/// The half of the pictures with the largest logits, whichever sign they have, largest first.
fn surest(logits: &Features, attribute: usize) -> Vec<usize> {
    let size = |picture: usize| logits.row(picture)[attribute].abs();
    let mut pictures: Vec<usize> = (0..logits.len()).collect();
    // A stable sort: of equally sure ones, the first. The probabilities themselves would all be 1 where logits are beyond 8.
    pictures.sort_by(|a, b| size(*b).total_cmp(&size(*a)));
    pictures.truncate(logits.len() / 2);
    pictures
}

/// `H(label | prediction)`, in bits.
///
/// # Panics
/// Never: of labels and predictions, those that have no counterpart do not count.
pub fn conditional_entropy_bits(labels: &[bool], predictions: &[bool]) -> f64 {
    let mut counts = [[0.0_f64; 2]; 2];
    for (label, prediction) in labels.iter().zip(predictions) {
        counts[usize::from(*prediction)][usize::from(*label)] += 1.0;
    }
    let total: f64 = counts.iter().flatten().sum();
    let bits = |[a, b]: [f64; 2]| -> f64 {
        // What does not occur adds nothing.
        [a, b].into_iter().filter(|count| *count > 0.0).map(|count| count * ((a + b) / count).log2()).sum()
    };
    counts.into_iter().map(bits).sum::<f64>() / total.max(1.0)
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::golden::{Golden, expected};

    #[test]
    fn entropies_of_golden_labels() {
        let golden = Golden::open("separability");
        let rows = |name: &str| -> Vec<Vec<bool>> {
            golden
                .values(name)
                .chunks(300)
                .map(|row| row.iter().map(|value| *value > 0.5).collect())
                .collect()
        };
        let entropies: Vec<f64> = rows("labels")
            .iter()
            .zip(rows("predictions"))
            .map(|(labels, predictions)| conditional_entropy_bits(labels, &predictions))
            .collect();
        golden.assert_close("entropy_bits", &entropies, 1e-12);
        expected("separability.given.score").assert_close(Separability { entropy_bits: entropies }.score());
        assert_eq!(conditional_entropy_bits(&[], &[]), 0.0);
    }

    #[test]
    fn planes_between_golden_latents() -> Result<()> {
        let golden = Golden::open("separability");
        let (latents, logits) =
            (Features::of(golden.tensor("latents"))?, Features::of(golden.tensor("logits"))?);
        for attribute in 0..3 {
            let name = |of: &str| format!("svm{attribute}.{of}");
            let kept = surest(&logits, attribute);
            let numbers: Vec<f64> = kept.iter().map(|picture| *picture as f64).collect();
            golden.assert_close(&name("kept"), &numbers, 0.0);
            let is_so: Vec<bool> =
                golden.values(&name("target")).iter().map(|target| *target > 0.5).collect();
            let rows = golden.tensor("latents").to_dtype(DType::F64)?;
            let indices = golden.tensor(&name("kept")).to_dtype(DType::U32)?;
            let rows = rows.index_select(&indices, 0)?;
            let svm = Svm::fit(&rows, &is_so)?;
            golden.assert_close(&name("weights"), &svm.weights, 1e-6);
            expected(&format!("separability.{}", name("objective"))).assert_close(svm.objective);
            let predicted: Vec<f64> =
                svm.predict(&rows)?.into_iter().map(|so| f64::from(u8::from(so))).collect();
            golden.assert_close(&name("predicted"), &predicted, 0.0);
        }
        let separability = separability(&latents, &logits)?;
        for (attribute, bits) in separability.entropy_bits.iter().enumerate() {
            expected(&format!("separability.svm{attribute}.entropy_bits")).assert_close(*bits);
        }
        expected("separability.latents.score").assert_close(separability.score());
        Ok(())
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() -> Result<()> {
        let golden = Golden::open("separability");
        let (latents, logits) =
            (Features::of(golden.tensor("latents"))?, Features::of(golden.tensor("logits"))?);
        assert!(separability(&latents, &logits.selected(&[0, 1])).is_err());
        assert!(separability(&latents.selected(&[0]), &logits.selected(&[0])).is_err());
        Ok(())
    }
}
