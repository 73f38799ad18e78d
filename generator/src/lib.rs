//! The style-based generator: mapping, synthesis, truncation, style mixing, paths through latent space.

mod config;
mod layer;
mod mapping;
mod network;
mod noise;
mod path;
mod synthesis;
mod truncation;

pub use config::{GeneratorConfig, Norm};
pub use layer::SynthesisLayer;
pub use mapping::Mapping;
pub use network::{Generator, mix_styles};
pub use noise::Noise;
pub use path::{Space, interpolate};
pub use synthesis::Synthesis;
pub use truncation::Truncation;

/// Name of the running mean of w, a buffer.
pub const W_AVG: &str = "w_avg";
/// Name of a layer's stored noise image, a buffer.
pub const NOISE_CONST: &str = "noise_const";

/// Whether the tensor of this name is state that no optimizer touches: the running mean of w, the stored noise.
pub fn is_buffer(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last == W_AVG || last == NOISE_CONST
}
