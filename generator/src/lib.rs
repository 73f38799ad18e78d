//! The style-based generator: mapping, synthesis, truncation, style mixing, paths through latent space.
//!
//! From a checkpoint and a seed to a picture:
//!
//! ```
//! use candle_core::Device;
//! use stylegan_checkpoint::Checkpoint;
//! use stylegan_generator::{Noise, SeedStyle, Truncation};
//! use stylegan_media::{save_png, to_u8};
//!
//! let generator = Checkpoint::open("../demo/faces-64.safetensors")?.generator(&Device::Cpu)?;
//! let z = generator.latents(&[7], SeedStyle::Native)?; // [1, z_dim]
//! let w = generator.mapping().forward(&z, None)?; // [1, w_dim]
//! let w_plus = generator.broadcast(&w)?; // [1, num_layers, w_dim]
//! let w_plus = generator.truncate(&w_plus, Truncation { psi: 0.7, cutoff: 8 })?;
//! let pictures = generator.synthesis().forward(&w_plus, 0.0, &Noise::Const)?; // [1, 3, height, width]
//! # let folder = tempfile::tempdir()?;
//! # let png = folder.path().join("seed0007.png");
//! save_png(&png, &to_u8(&pictures)?[0], false)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch_norm;
mod config;
mod interpolate;
mod layer;
mod mapping;
mod network;
mod noise;
mod numpy;
mod seed_style;
mod synthesis;
mod truncation;

pub use batch_norm::{RUNNING_MEAN, RUNNING_VARIANCE};
pub use config::{GeneratorConfig, Norm};
pub use interpolate::{Curve, Easing, interpolate};
pub use layer::SynthesisLayer;
pub use mapping::Mapping;
pub use network::{Generator, mix_styles};
pub use noise::Noise;
pub use seed_style::SeedStyle;
pub use synthesis::Synthesis;
pub use truncation::Truncation;

/// Name of the running mean of w, a buffer.
pub const W_AVG: &str = "w_avg";
/// Name of a layer's stored noise image, a buffer.
pub const NOISE_CONST: &str = "noise_const";

/// Whether the tensor of this name is state that no optimizer touches: the running mean of w, the stored noise, the running
/// statistics of batch norm.
pub fn is_buffer(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last == W_AVG || last == NOISE_CONST || is_running_statistic(name)
}

/// Whether the tensor of this name is one of batch norm's running statistics.
///
/// They belong to the weights that they were taken with: who averages these averages them as well.
pub fn is_running_statistic(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last == RUNNING_MEAN || last == RUNNING_VARIANCE
}
