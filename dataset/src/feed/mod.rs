//! From a pack to the steps of a training: which pictures, and all of a step at once, ahead of time.

mod batch;
mod order;
mod prefetch;

pub use batch::{Batch, BatchRequest, assemble};
pub use order::Order;
pub use prefetch::Prefetcher;
