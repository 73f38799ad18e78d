//! The tensor operations that `StyleGAN` needs and candle lacks or does slowly, and what both networks share:
//! named parameters and keyed randomness.

mod conv;
mod random;

pub use conv::{conv2d, conv2d_transpose, conv2d_weight_grad};
pub use random::Key;
