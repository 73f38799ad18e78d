//! Speed of the three convolutions at the layer shapes of networks for three resolutions.
//!
//! An element is one floating-point operation of the direct convolution, so `Gelem/s` reads as GFLOP/s and may
//! exceed what the machine can do: Winograd's filtering needs fewer multiplications. The matrix product
//! beside them is near the peak that the direct way can reach.

use std::hint::black_box;
use std::time::Duration;

use candle_core::{DType, Device, Result, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stylegan_ops::{Key, conv2d, conv2d_transpose, conv2d_weight_grad};

/// Batch, channels on both sides, height (which is also the width).
type Layer = (usize, usize, usize);

/// The layers of a network for 64x64 pictures with `fmap_base` 2048 and `fmap_max` 128.
const LAYERS_64: [Layer; 5] = [(32, 128, 4), (32, 128, 8), (32, 128, 16), (16, 128, 32), (16, 64, 64)];

/// The layers of a network for 256x256 pictures with the paper's `fmap_base` 8192 and `fmap_max` 512.
const LAYERS_256: [Layer; 6] =
    [(16, 512, 4), (16, 512, 8), (4, 512, 16), (4, 512, 32), (4, 256, 64), (4, 64, 256)];

/// What a network for 1024x1024 pictures adds to these.
const LAYERS_1024: [Layer; 2] = [(2, 32, 512), (1, 16, 1024)];

fn normal(name: &str, shape: &[usize]) -> Result<Tensor> {
    Key::new(name, &[]).normal(shape, DType::F32, &Device::Cpu)
}

fn network(criterion: &mut Criterion, resolution: usize, layers: &[Layer]) -> Result<()> {
    let mut group = criterion.benchmark_group(format!("network_{resolution}"));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for &(batch, channels, side) in layers {
        let x = normal("x", &[batch, channels, side, side])?;
        let g = normal("g", &[batch, channels, side, side])?;
        let weight = normal("weight", &[channels, channels, 3, 3])?;
        let name = format!("{batch}x{channels}x{side}x{side}");
        group.throughput(Throughput::Elements(2 * (x.elem_count() * channels * 9) as u64));
        group.bench_function(BenchmarkId::new("conv2d", &name), |bencher| {
            bencher.iter(|| conv2d(black_box(&x), &weight).expect("shapes fit"));
        });
        group.bench_function(BenchmarkId::new("conv2d_transpose", &name), |bencher| {
            bencher.iter(|| conv2d_transpose(black_box(&g), &weight).expect("shapes fit"));
        });
        group.bench_function(BenchmarkId::new("conv2d_weight_grad", &name), |bencher| {
            bencher.iter(|| conv2d_weight_grad(black_box(&x), &g, 3).expect("shapes fit"));
        });
    }
    group.finish();
    Ok(())
}

/// The 1x1 convolutions to and from pictures, bound by memory.
fn rgb(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("rgb");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let (batch, channels, side) = (16, 64, 64);
    let features = normal("features", &[batch, channels, side, side])?;
    let picture = normal("picture", &[batch, 3, side, side])?;
    let to_rgb = normal("to_rgb", &[3, channels, 1, 1])?;
    let from_rgb = normal("from_rgb", &[channels, 3, 1, 1])?;
    group.throughput(Throughput::Elements(2 * (features.elem_count() * 3) as u64));
    group.bench_function("to_rgb", |bencher| {
        bencher.iter(|| conv2d(black_box(&features), &to_rgb).expect("shapes fit"));
    });
    group.bench_function("to_rgb_weight_grad", |bencher| {
        bencher.iter(|| conv2d_weight_grad(black_box(&features), &picture, 1).expect("shapes fit"));
    });
    group.bench_function("from_rgb", |bencher| {
        bencher.iter(|| conv2d(black_box(&picture), &from_rgb).expect("shapes fit"));
    });
    group.bench_function("from_rgb_transpose", |bencher| {
        bencher.iter(|| conv2d_transpose(black_box(&features), &from_rgb).expect("shapes fit"));
    });
    group.finish();
    Ok(())
}

/// A large matrix product by the same crate, threads included.
fn matrix_product(criterion: &mut Criterion) -> Result<()> {
    const SIDE: usize = 1024;
    let (a, b) = (normal("a", &[SIDE, SIDE])?, normal("b", &[SIDE, SIDE])?);
    let mut group = criterion.benchmark_group("gemm");
    group.sample_size(10).throughput(Throughput::Elements(2 * (SIDE * SIDE * SIDE) as u64));
    group.bench_function("1024", |bencher| bencher.iter(|| black_box(&a).matmul(&b).expect("shapes fit")));
    group.finish();
    Ok(())
}

fn all(criterion: &mut Criterion) {
    matrix_product(criterion).expect("matrices can be made");
    rgb(criterion).expect("layers can be made");
    for (resolution, layers) in [(64, &LAYERS_64[..]), (256, &LAYERS_256), (1024, &LAYERS_1024)] {
        network(criterion, resolution, layers).expect("layers can be made");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
