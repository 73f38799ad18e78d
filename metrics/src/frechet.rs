//! Fréchet distance between features.

use candle_core::{Result, bail};

use crate::Moments;
use crate::metric::Numbers;
use crate::root::trace_of_root;

/// Fewer pictures than these make a distance that is noticeably too large.
pub const UNBIASED_FROM: usize = 10_000;

/// The distance between two normal distributions, and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frechet {
    /// `|μ_a − μ_b|²`
    pub mean_term: f64,
    /// `tr C_a`
    pub trace_a: f64,
    /// `tr C_b`
    pub trace_b: f64,
    /// `tr (C_a C_b)^½`
    pub trace_root: f64,
}

impl Frechet {
    /// The distance itself.
    pub fn distance(&self) -> f64 {
        self.mean_term + self.trace_a + self.trace_b - 2.0 * self.trace_root
    }
}

/// The Fréchet distance of features, taken as normally distributed: FID, where the features are Inception's.
///
/// `|μ_a − μ_b|² + tr C_a + tr C_b − 2 tr (C_a C_b)^½` (Heusel et al. 2017, eq. 6), covariances with `n − 1`.
/// It is biased: from fewer pictures it comes out larger, by about as much as their number is smaller. So distances compare
/// for equal numbers of pictures alone, best from [`UNBIASED_FROM`] on.
///
/// # Errors
/// If a side has fewer than two pictures, or features of another length.
pub fn frechet_distance(a: &Moments, b: &Moments) -> Result<Frechet> {
    let dim = a.dim();
    if b.dim() != dim {
        bail!("Fréchet distance: {dim} features on one side, {} on the other", b.dim())
    }
    let ((mean_a, a_covariance), (mean_b, b_covariance)) =
        (a.mean_and_covariance()?, b.mean_and_covariance()?);
    let trace = |covariance: &[f64]| covariance.iter().step_by(dim + 1).sum::<f64>();
    // The side with fewer pictures may have the lower rank, which makes smaller matrices.
    let trace_root = if a.count() <= b.count() {
        trace_of_root(&a_covariance, &b_covariance, dim)?
    } else {
        trace_of_root(&b_covariance, &a_covariance, dim)?
    };
    Ok(Frechet {
        mean_term: mean_a.iter().zip(&mean_b).map(|(a, b)| (a - b).powi(2)).sum(),
        trace_a: trace(&a_covariance),
        trace_b: trace(&b_covariance),
        trace_root,
    })
}

/// [`frechet_distance`] as a measure has it.
pub(crate) fn numbers(reals: &Moments, fakes: &Moments) -> Result<Numbers> {
    Ok(vec![(String::new(), frechet_distance(reals, fakes)?.distance())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, expected};

    fn moments(golden: &Golden, name: &str, range: std::ops::Range<usize>) -> Result<Moments> {
        let mut moments = Moments::default();
        moments.add(&golden.tensor(name).narrow(0, range.start, range.len())?)?;
        Ok(moments)
    }

    #[test]
    fn of_inception_features() -> Result<()> {
        let golden = Golden::open("inception");
        let whole = |name: &str| moments(&golden, name, 0..96);
        let (a, b) = (whole("features.tf1.a")?, whole("features.tf1.b")?);
        for frechet in [frechet_distance(&a, &b)?, frechet_distance(&b, &a)?] {
            expected("inception.fid").assert_close(frechet.distance());
            expected("inception.fid.mean_term").assert_close(frechet.mean_term);
            expected("inception.fid.trace_root").assert_close(frechet.trace_root);
        }
        let frechet = frechet_distance(&a, &b)?;
        expected("inception.fid.trace_a").assert_close(frechet.trace_a);
        expected("inception.fid.trace_b").assert_close(frechet.trace_b);
        let half = |range| moments(&golden, "features.tf1.a", range);
        expected("inception.fid.halves_of_a")
            .assert_close(frechet_distance(&half(0..48)?, &half(48..96)?)?.distance());
        Ok(())
    }

    #[test]
    fn of_normal_distributions() -> Result<()> {
        let golden = Golden::open("gaussians");
        let whole = |name: &str| moments(&golden, name, 0..400);
        for name in ["diagonal", "general"] {
            let (a, b) = (whole(&format!("{name}.a"))?, whole(&format!("{name}.b"))?);
            expected(&format!("gaussians.{name}.fid")).assert_close(frechet_distance(&a, &b)?.distance());
        }
        let a = whole("diagonal.a")?;
        expected("gaussians.identical.fid").assert_close(frechet_distance(&a, &a)?.distance());
        Ok(())
    }

    #[test]
    fn sides_that_do_not_fit_are_refused() -> Result<()> {
        let golden = Golden::open("gaussians");
        let a = moments(&golden, "diagonal.a", 0..9)?;
        let other = moments(&Golden::open("manifold"), "real", 0..9)?;
        assert!(frechet_distance(&a, &other).is_err());
        assert!(frechet_distance(&a, &moments(&golden, "diagonal.b", 0..1)?).is_err());
        Ok(())
    }
}
