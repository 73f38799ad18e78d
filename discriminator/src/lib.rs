//! The critic, and the gradient of its score with respect to the picture.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use stylegan_discriminator::{Critic, CriticConfig};
//! use stylegan_ops::{Key, Parameters, Widths, backward};
//!
//! let widths = Widths { fmap_base: 64, fmap_max: 8, ..Widths::default() };
//! let config = CriticConfig { resolution: 16.into(), widths, ..CriticConfig::default() };
//! let parameters = Parameters::new(Key::new("init", &[0]));
//! let critic = Critic::new(&config, &parameters.builder(DType::F32, &Device::Cpu))?;
//!
//! let pictures = Tensor::zeros((4, 3, 16, 16), DType::F32, &Device::Cpu)?;
//! let (scores, recording) = critic.forward_recorded(&pictures, 0.0, None)?; // [4]
//! let gradient = recording.input_gradient()?; // [4, 3, 16, 16], itself a part of the graph
//! let penalty = (gradient.flatten_from(1)?.sqr()?.sum(1)?.sqrt()? - 1.0)?.sqr()?;
//! let gradients = backward(&(penalty - scores)?.mean_all()?)?; // of every weight, second order included
//! assert!(gradients.get(&parameters.vars()[0].1).is_some());
//! # Ok::<(), candle_core::Error>(())
//! ```

mod block;
mod config;
mod critic;
mod minibatch_stddev;

pub use config::{CriticConfig, CriticSwitches};
pub use critic::{Critic, Recording};
