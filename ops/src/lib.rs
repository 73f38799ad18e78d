//! The tensor operations that `StyleGAN` needs and candle lacks or does slowly, and what both networks share:
//! named parameters and keyed randomness.

mod random;

pub use random::Key;
