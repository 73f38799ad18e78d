//! The critic, and the gradient of its score with respect to the picture.

mod block;
mod config;
mod critic;
mod minibatch_stddev;

pub use config::DiscriminatorConfig;
pub use critic::{Critic, Recording};
