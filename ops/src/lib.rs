//! The tensor operations that `StyleGAN` needs and candle lacks or does slowly, and what both networks share:
//! named parameters, keyed randomness, equalized weights, levels of detail and widths.

#![expect(
    clippy::unused_self,
    reason = "operations without numbers of their own run as those that have some"
)]

mod bias;
mod chain;
mod conv;
#[cfg(feature = "cuda")]
pub mod cuda;
mod custom_op;
mod dense;
mod engine;
mod equalized;
mod feature_layout;
mod finish;
mod float;
mod gathered;
mod gpu_memory;
mod gradients;
mod graph;
mod layer;
mod leaky_relu;
mod level;
mod loops;
mod moments;
mod noise;
mod norm;
mod parameters;
mod planes;
mod random;
mod reflect;
mod resample;
mod resampled_conv;
mod smooth;
#[cfg(test)]
mod testing;
mod update;
mod upload;
mod vector_unit;
mod widths;

pub use stylegan_base::{Key, Resolution};

pub use bias::{add_bias, bias_leaky_relu, bias_relu};
pub use chain::{Chain, Link};
pub use conv::{
    Around, FrozenConv, conv2d, conv2d_bias_relu, conv2d_down, conv2d_down_transpose, conv2d_padded,
    conv2d_transpose, conv2d_up, conv2d_weight_grad, vector_unit,
};
pub use dense::{dense, dense_transpose};
pub use equalized::{EqualizedConv, EqualizedDense, EqualizedWeight, GAIN_LEAKY_RELU};
pub use feature_layout::FeatureLayout;
pub use gpu_memory::{GpuMemory, gpu_capability, gpu_name, is_out_of_memory};
pub use gradients::backward;
pub use graph::Graph;
pub use layer::{LayerWeight, synthesis_layer};
pub use leaky_relu::{SLOPE as LEAKY_RELU_SLOPE, leaky_relu, leaky_relu_grad};
pub use level::{Level, channels_violation, resolution_violation};
pub use moments::plane_moments;
pub use noise::noise_bias_leaky_relu;
pub use norm::{EPSILON as NORM_EPSILON, instance_norm, instance_norm_style, pixel_norm};
pub use parameters::Parameters;
pub use random::{RandomTensors, normals};
pub use reflect::reflect_pad;
pub use resample::{blend, blur, downscale2x, downscale2x_adjoint, upscale2x, upscale2x_adjoint};
pub use resampled_conv::Sampling;
pub use smooth::{smooth_down, smooth_down_adjoint, smooth_up};
pub use update::{
    AdamSlot, AdamSteps, AdamUpdate, adam_update, all_are_finite, all_finite, clamp_update, ema_update,
    tally_update,
};
pub use upload::{repeatedly, upload};
pub use widths::{PartialWidths, Widths};
