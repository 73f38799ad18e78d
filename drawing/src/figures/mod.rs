//! The figures of the paper (Karras et al. 2019) for any network, a file each.
//!
//! Each is plain data under the names of a recipe's JSON, and draws itself with a painter. What the paper says in layers of a
//! network of 1024x1024 is said in the [`Scales`] of the network at hand.

mod area;
mod direction;
mod mix;
mod noise;
mod noise_detail;
mod scales;
mod truncation;
mod uncurated;

pub use area::Area;
pub use direction::DirectionFigure;
pub use mix::MixFigure;
pub use noise::NoiseFigure;
pub use noise_detail::{MAX_DRAWS, MIN_DRAWS, NoiseDetailFigure};
pub use scales::Scales;
pub use truncation::TruncationFigure;
pub use uncurated::UncuratedFigure;
