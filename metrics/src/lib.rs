//! How far generated pictures are from real ones.

mod sliced_wasserstein;

pub use sliced_wasserstein::{SlicedWasserstein, sliced_wasserstein};
