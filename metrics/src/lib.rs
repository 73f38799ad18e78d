//! How far generated pictures are from real ones, and from one another.
//!
//! ```
//! use candle_core::{DType, Device};
//! use stylegan_metrics::sliced_wasserstein;
//! use stylegan_ops::{Key, RandomTensors};
//!
//! // Two sets of 8 pictures of 32x32 in -1..1; here both are noise.
//! let pictures = |seed| Key::new("pictures", &[seed]).normal((8, 3, 32, 32), DType::F32, &Device::Cpu);
//! let distance = sliced_wasserstein(&pictures(1)?, &pictures(2)?, 0)?;
//! for (side, distance) in &distance.levels {
//!     println!("{side}x{side}: {distance:.1}");
//! }
//! println!("mean: {:.1}", distance.mean());
//! # Ok::<(), candle_core::Error>(())
//! ```

mod pairwise;
mod sliced_wasserstein;

pub use pairwise::mean_pairwise_distance;
pub use sliced_wasserstein::{SlicedWasserstein, sliced_wasserstein};
