//! How far generated pictures are from real ones, and from one another; how smooth and how well ordered latents are.
//!
//! [`MEASURES`] lists what users ask for, with what each looks at and how many pictures it takes. A [`Metric`] is shown batches,
//! of pictures or of the features of a network, and then asked for its numbers:
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use stylegan_metrics::{Measure, Set};
//!
//! // Batches of 4 pictures of 32x32 in 0..255; here all are noise.
//! let pictures = || Tensor::rand(0f32, 255.0, (4, 3, 32, 32), &Device::Cpu);
//! let mut swd = Measure::of("swd").and_then(Measure::metric).expect("a measure of pictures");
//! for _ in 0..2 {
//!     swd.add(Set::Reals, &pictures()?)?;
//!     swd.add(Set::Fakes, &pictures()?)?;
//! }
//! for (suffix, value) in swd.numbers()? {
//!     println!("swd{suffix}: {value:.1}"); // swd, swd_32, swd_16
//! }
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! Behind them stand plain functions, over [`Features`], pictures, or latents.

mod blocks;
mod catalog;
mod direction;
mod disentanglement;
mod draws;
mod features;
mod frechet;
#[cfg(test)]
mod golden;
mod inception_score;
mod kernel_distance;
mod manifold;
mod metric;
mod moments;
mod nearest;
mod pairwise;
mod path_length;
mod pyramid;
mod readout;
mod root;
mod separability;
mod ssim;
mod svm;
mod swd;

pub use catalog::{Better, LooksAt, MEASURES, Measure, Reals};
pub use direction::direction;
pub use disentanglement::{Disentanglement, disentanglement};
pub use features::Features;
pub use frechet::{Frechet, UNBIASED_FROM, frechet_distance};
pub use inception_score::{InceptionScore, SPLITS};
pub use kernel_distance::{SUBSET_SIZE, SUBSETS, Spread, kernel_distance, kernel_distance_of_subsets};
pub use manifold::{
    DENSITY_COVERAGE_K, DensityCoverage, PRECISION_RECALL_K, PrecisionRecall, density_coverage,
    precision_recall,
};
pub use metric::{Metric, Numbers, Set};
pub use moments::Moments;
pub use nearest::{Neighbor, nearest};
pub use pairwise::mean_pairwise_distance;
pub use path_length::{Mapped, PathLength, PathPart, PathScore, PathSpace};
pub use readout::Readout;
pub use separability::{Separability, conditional_entropy_bits, separability};
pub use ssim::{MeanSimilarity, Similarity, ms_ssim, similarities};
pub use swd::{SlicedWasserstein, Swd, sliced_wasserstein};
