//! How far generated pictures are from real ones, and from one another.
//!
//! A metric is shown pictures batch by batch and then asked for its numbers:
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use stylegan_metrics::{Metric, Set, Swd};
//!
//! // Batches of 4 pictures of 32x32 in 0..255; here all are noise.
//! let pictures = || Tensor::rand(0f32, 255.0, (4, 3, 32, 32), &Device::Cpu);
//! let mut swd = Swd::new(0);
//! for _ in 0..2 {
//!     swd.add(Set::Reals, &pictures()?)?;
//!     swd.add(Set::Fakes, &pictures()?)?;
//! }
//! for (name, value) in swd.numbers()? {
//!     println!("{name}: {value:.1}"); // swd, swd_32, swd_16
//! }
//! # Ok::<(), candle_core::Error>(())
//! ```

mod blocks;
mod disentanglement;
mod draws;
mod features;
mod frechet;
#[cfg(test)]
mod golden;
mod inception_score;
mod kernel_distance;
mod manifold;
mod moments;
mod nearest;
mod pairwise;
mod path_length;
mod pyramid;
mod root;
mod separability;
mod ssim;
mod svm;
mod swd;

use candle_core::{Result, Tensor};

pub use disentanglement::{Disentanglement, disentanglement};
pub use features::Features;
pub use frechet::{Frechet, UNBIASED_FROM, frechet_distance};
pub use inception_score::{InceptionScore, SPLITS};
pub use kernel_distance::{SUBSET_SIZE, SUBSETS, Spread, kernel_distance, kernel_distance_of_subsets};
pub use manifold::{
    DENSITY_COVERAGE_K, DensityCoverage, PRECISION_RECALL_K, PrecisionRecall, density_coverage,
    precision_recall,
};
pub use moments::Moments;
pub use nearest::{Neighbor, nearest};
pub use pairwise::{PairwiseDistance, mean_pairwise_distance};
pub use path_length::{Mapped, PathLength, PathPart, PathScore, PathSpace};
pub use separability::{Separability, conditional_entropy_bits, separability};
pub use ssim::{MeanSimilarity, Similarity, ms_ssim, similarities};
pub use swd::{SlicedWasserstein, Swd, sliced_wasserstein};

/// Every metric, before it has seen pictures.
pub const ALL: [fn() -> Box<dyn Metric>; 2] =
    [|| Box::new(Swd::default()), || Box::new(PairwiseDistance::default())];

/// The metric that users know by this name.
pub fn metric(name: &str) -> Option<Box<dyn Metric>> {
    ALL.iter().map(|new| new()).find(|metric| metric.name() == name)
}

/// A measure of pictures, which keeps no more of each batch than it needs in the end.
pub trait Metric {
    /// The name that users know it by, in lower case.
    fn name(&self) -> &'static str;

    /// The least it must be shown.
    fn needs(&self) -> Needs;

    /// Takes in a batch of pictures; of a set that it does not need, it takes none.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, channels, height, width]` in -1..1, of the same size in all batches of both sets
    ///
    /// # Errors
    /// If the metric is not made for pictures of this shape.
    fn add(&mut self, set: Set, pictures: &Tensor) -> Result<()>;

    /// A copy, pictures included: what it was shown of the reals serves for several sets of fakes.
    fn copied(&self) -> Box<dyn Metric>;

    /// Its numbers by name, of all that it was shown; the first is the one to look at.
    ///
    /// # Errors
    /// If that is less than [`Metric::needs`] says, or more of one set than of the other where the counts must be equal.
    fn numbers(&self) -> Result<Vec<(String, f64)>>;
}

/// Whose pictures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Of the training's data.
    Reals,
    /// Of a generator.
    Fakes,
}

/// The least that a metric must be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Reals; 0 if it looks at fakes alone.
    pub reals: usize,
    /// Fakes.
    pub fakes: usize,
    /// Shorter side of the pictures, in pixels.
    pub side: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(seed: u64, count: usize) -> Result<Tensor> {
        draws::normal("pictures", &[seed], (count, 3, 32, 32))
    }

    #[test]
    fn every_metric_has_a_name_of_its_own_and_does_with_what_it_needs() -> Result<()> {
        let mut names: Vec<_> = ALL.iter().map(|new| new().name()).collect();
        for name in &names {
            let mut metric = metric(name).unwrap();
            let Needs { reals, fakes, side } = metric.needs();
            assert!(side <= 32 && fakes > 0);
            assert!(metric.numbers().is_err(), "{name} of nothing");
            metric.add(Set::Fakes, &pictures(1, fakes)?)?;
            if reals > 0 {
                metric.add(Set::Reals, &pictures(2, reals)?)?;
            }
            let numbers = metric.numbers()?;
            assert!(
                numbers[0].0 == *name && numbers.iter().all(|(_, value)| value.is_finite()),
                "{numbers:?}"
            );
        }
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(metric("fid").is_none());
        Ok(())
    }

    #[test]
    fn batches_do_not_matter_and_reals_serve_again() -> Result<()> {
        for new in ALL {
            let (reals, fakes) = (pictures(1, 6)?, pictures(2, 6)?);
            let mut whole = new();
            whole.add(Set::Reals, &reals)?;
            let before = whole.copied();
            whole.add(Set::Fakes, &fakes)?;
            let mut batches = new();
            for first in [0, 2, 4] {
                batches.add(Set::Fakes, &fakes.narrow(0, first, 2)?)?;
                batches.add(Set::Reals, &reals.narrow(0, first, 2)?)?;
            }
            assert_eq!(whole.numbers()?, batches.numbers()?);
            let mut again = before;
            again.add(Set::Fakes, &fakes)?;
            assert_eq!(whole.numbers()?, again.numbers()?);
        }
        Ok(())
    }
}
