//! How far generated pictures are from real ones, and from one another.

mod pairwise;
mod sliced_wasserstein;

pub use pairwise::mean_pairwise_distance;
pub use sliced_wasserstein::{SlicedWasserstein, sliced_wasserstein};
