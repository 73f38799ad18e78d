//! What a reference in PyTorch computes, for tests: `scripts/reference/features.py`.
//!
//! Weights and pictures are made here by the same formulas.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use crate::network::Colors;
use crate::tensors::{Layer, LinearLayer, Weights};

const GOLDEN: &[u8] = include_bytes!("../tests/fixtures/networks.safetensors");

/// Bytes `[count, 3, height, width]`.
pub(crate) fn pictures(count: usize, height: usize, width: usize) -> Tensor {
    let value = |at: usize| {
        let (x, y) = (at % width, at / width % height);
        let (c, n) = (at / width / height % 3, at / width / height / 3);
        ((x * x * (3 + n) + 7 * x * y + 5 * y * (11 + c) + 40 * c * (n + 1)) / 16 % 256) as u8
    };
    let values: Vec<u8> = (0..count * 3 * height * width).map(value).collect();
    Tensor::from_vec(values, (count, 3, height, width), &Device::Cpu).unwrap()
}

/// Made-up numbers from -1/2 to 1/2 for a layer.
pub(crate) fn uniform(layer: usize, count: usize) -> Vec<f64> {
    let start = (layer as u64 + 1) * 40503;
    let number = |at: u64| ((at + 1) * 2_654_435_761 + start) % (1 << 32);
    (0..count as u64).map(|at| number(at) as f64 / f64::from(1_u32 << 31) / 2.0 - 0.5).collect()
}

/// Made-up weights of convolutions and of the layers behind them, whose colors are these.
pub(crate) fn made_up(layers: &[Layer], behind: &[LinearLayer], colors: Colors) -> Weights {
    let mut tensors = HashMap::new();
    let mut add = |name: String, shape: &[usize], values: Vec<f64>| {
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    };
    let layers = layers.iter().map(|layer| (&*layer.name, &layer.shape[..]));
    let layers = layers.chain(behind.iter().map(|layer| (layer.name, &layer.shape[..])));
    for (number, (name, shape)) in layers.enumerate() {
        let scale = (24.0 / shape[1..].iter().product::<usize>() as f64).sqrt();
        let weight = uniform(number, shape.iter().product());
        add(format!("{name}.weight"), shape, weight.into_iter().map(|value| value * scale).collect());
        let bias = uniform(number, shape[0]);
        add(format!("{name}.bias"), &shape[..1], bias.into_iter().map(|value| value * 0.2).collect());
    }
    add("colors.mean".to_owned(), &[3], colors.mean.to_vec());
    add("colors.deviation".to_owned(), &[3], colors.deviation.to_vec());
    Weights::new(tensors, "made-up")
}

/// The golden numbers of a name.
pub(crate) fn golden(name: &str) -> Tensor {
    let golden: HashMap<_, _> = candle_core::safetensors::load_buffer(GOLDEN, &Device::Cpu).unwrap();
    golden[name].clone()
}

/// Compares with the golden numbers of a name, relative to the largest.
#[track_caller]
pub(crate) fn assert_close(name: &str, found: &Tensor, tolerance: f32) {
    assert_near(name, found, &golden(name), tolerance);
}

/// Compares relative to the largest.
#[track_caller]
pub(crate) fn assert_near(name: &str, found: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(found.dims(), expected.dims(), "{name}");
    let largest = |x: &Tensor| x.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let (error, scale) = (largest(&(found - expected).unwrap()), largest(expected));
    assert!(scale > 0.0 && error <= tolerance * scale, "{name}: off by {error}, of {scale}");
}
