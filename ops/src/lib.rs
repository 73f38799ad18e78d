//! The tensor operations that `StyleGAN` needs and candle lacks or does slowly, and what both networks share:
//! named parameters and keyed randomness.

mod activation;
mod conv;
mod norm;
mod random;
mod resample;
mod update;

pub use activation::{add_bias, bias_leaky_relu, leaky_relu, leaky_relu_grad, noise_bias_leaky_relu};
pub use conv::{conv2d, conv2d_transpose, conv2d_weight_grad};
pub use norm::{instance_norm, instance_norm_style, pixel_norm};
pub use random::Key;
pub use resample::{blend, blur, downscale2x, downscale2x_adjoint, upscale2x, upscale2x_adjoint};
pub use update::{AdamUpdate, adam_update, all_finite, clamp_update, ema_update};
