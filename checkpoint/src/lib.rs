//! Checkpoints as safetensors files: writing, reading, what they say about themselves.
