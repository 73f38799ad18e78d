//! Random numbers of this room, each a function of what it is for.

use candle_core::{Device, Result, Shape, Tensor};
use rand::Rng;
use rand::seq::index::sample;
use rand_distr::StandardNormal;
use stylegan_base::Key;

/// Normally distributed numbers, `f32` on the CPU.
pub(crate) fn normal(purpose: &str, numbers: &[u64], shape: impl Into<Shape>) -> Result<Tensor> {
    let shape = shape.into();
    let values: Vec<f32> =
        Key::new(purpose, numbers).rng().sample_iter(StandardNormal).take(shape.elem_count()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Different numbers below `count`.
pub(crate) fn subset(purpose: &str, numbers: &[u64], count: usize, size: usize) -> Vec<usize> {
    sample(&mut Key::new(purpose, numbers).rng(), count, size.min(count)).into_vec()
}
