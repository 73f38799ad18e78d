//! The style-based generator: mapping, synthesis, truncation, style mixing, paths through latent space.
