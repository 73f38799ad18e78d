//! Speed of convolutions, alone and joined with what stands around them, at the layer shapes of three networks.
//!
//! An element is one floating-point operation of the direct convolution, so `Gelem/s` reads as GFLOP/s and may exceed
//! what the machine can do: Winograd's filtering needs fewer multiplications. A convolution that halves or doubles the
//! sides is counted at the smaller side, and a layer by its convolution alone. The matrix product beside them is near
//! the peak of the machine.

mod shapes;

use std::hint::black_box;

use candle_core::{Result, Tensor, Var};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stylegan_ops::{
    Chain, FeatureLayout, Link, Sampling, backward, conv2d, conv2d_down, conv2d_down_transpose,
    conv2d_transpose, conv2d_up, conv2d_weight_grad, synthesis_layer,
};

use shapes::{NETWORKS, Network, group, normal};

const UP: Sampling = Sampling::Up { blur: true };
const DOWN: Sampling = Sampling::Down { blur: true };

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A convolution between features at two sides.
struct Layer {
    name: String,
    x: Tensor,
    /// A gradient with respect to the result.
    y: Tensor,
    weight: Tensor,
    bias: Tensor,
    /// Of the result's side.
    noise: Tensor,
    /// Floating-point operations of the direct convolution.
    operations: u64,
}

impl Layer {
    fn new(batch: usize, from: (usize, usize), to: (usize, usize)) -> Result<Self> {
        let ((in_channels, in_side), (out_channels, out_side)) = (from, to);
        let smaller = in_side.min(out_side);
        Ok(Self {
            name: format!("{batch}x{in_channels}x{in_side}x{in_side}-{out_channels}"),
            x: normal(&[batch, in_channels, in_side, in_side])?,
            y: normal(&[batch, out_channels, out_side, out_side])?,
            weight: normal(&[out_channels, in_channels, 3, 3])?,
            bias: normal(&[out_channels])?,
            noise: normal(&[batch, 1, out_side, out_side])?,
            operations: (2 * 9 * batch * smaller * smaller * in_channels * out_channels) as u64,
        })
    }

    /// Measures a kernel that is as much work as so many convolutions.
    fn bench<T>(&self, group: &mut Group<'_>, kernel: &str, convolutions: u64, run: impl Fn() -> Result<T>) {
        group.throughput(Throughput::Elements(convolutions * self.operations));
        group.bench_function(BenchmarkId::new(kernel, &self.name), |bencher| {
            bencher.iter(|| black_box(run()).expect("shapes fit"));
        });
    }

    /// A layer of the critic and its gradients of both orders, as a step of training has them: candle's own passes over
    /// gradients are part of them.
    fn bench_chain(&self, group: &mut Group<'_>, sampling: Sampling) -> Result<()> {
        let [x, weight, bias, g] = [&self.x, &self.weight, &self.bias, &self.y].map(Var::from_tensor);
        let (x, weight, bias, g) = (x?, weight?.into_inner(), bias?.into_inner(), g?);
        let links = [Link { weight, scale: 1., bias, sampling }];
        let chain = Chain::new(&x, &links, FeatureLayout::Nchw)?;
        let input_gradient = chain.input_gradient(&g)?;
        self.bench(group, "chain", 1, || Chain::new(black_box(&x), &links, FeatureLayout::Nchw));
        self.bench(group, "chain backward", 2, || backward(black_box(chain.output())));
        self.bench(group, "chain input_gradient", 1, || chain.input_gradient(black_box(&g)));
        self.bench(group, "chain input_gradient backward", 2, || backward(black_box(&input_gradient)));
        Ok(())
    }

    /// A layer of the generator up to its norm, and its gradients.
    fn bench_with_noise(&self, group: &mut Group<'_>, sampling: Sampling) -> Result<()> {
        let [x, weight, bias] = [&self.x, &self.weight, &self.bias].map(Var::from_tensor);
        let (x, weight, bias) = (x?, weight?, bias?);
        let run = || {
            synthesis_layer(
                black_box(&x),
                (weight.as_tensor(), 1.),
                (&self.noise, &bias),
                &bias,
                None,
                sampling,
                FeatureLayout::Nchw,
            )
        };
        let y = run()?;
        self.bench(group, "synthesis_layer", 1, run);
        self.bench(group, "synthesis_layer backward", 2, || backward(black_box(&y)));
        Ok(())
    }
}

fn keeping(criterion: &mut Criterion, network: &Network) -> Result<()> {
    let mut group = group(criterion, format!("network_{} keep", network.resolution));
    for &side in network.sides {
        let features = (network.channels(side), side);
        let layer = Layer::new(network.batch(side), features, features)?;
        let Layer { x, y, weight, .. } = &layer;
        layer.bench(&mut group, "conv2d", 1, || conv2d(black_box(x), weight));
        layer.bench(&mut group, "conv2d_transpose", 1, || conv2d_transpose(black_box(y), weight));
        layer.bench(&mut group, "conv2d_weight_grad", 1, || conv2d_weight_grad(black_box(x), y, 3));
        layer.bench_chain(&mut group, Sampling::Keep)?;
        layer.bench_with_noise(&mut group, Sampling::Keep)?;
    }
    group.finish();
    Ok(())
}

/// Larger sides of the layers that double or halve them.
fn above_4(network: &Network) -> impl Iterator<Item = usize> {
    network.sides.iter().copied().filter(|&side| side > 4)
}

/// The generator's layers.
fn doubling(criterion: &mut Criterion, network: &Network) -> Result<()> {
    let mut group = group(criterion, format!("network_{} up", network.resolution));
    for side in above_4(network) {
        let below = (network.channels(side / 2), side / 2);
        let layer = Layer::new(network.batch(side), below, (network.channels(side), side))?;
        layer.bench(&mut group, "conv2d_up", 1, || conv2d_up(black_box(&layer.x), &layer.weight));
        layer.bench_with_noise(&mut group, UP)?;
    }
    group.finish();
    Ok(())
}

/// The critic's layers.
fn halving(criterion: &mut Criterion, network: &Network) -> Result<()> {
    let mut group = group(criterion, format!("network_{} down", network.resolution));
    for side in above_4(network) {
        let (batch, channels, below) = (network.batch(side), network.channels(side), side / 2);
        let layer = Layer::new(batch, (channels, side), (network.channels(below), below))?;
        let smoothed = normal(&[batch, channels, side + 1, side + 1])?;
        let Layer { y, weight, .. } = &layer;
        layer.bench(&mut group, "conv2d_down", 1, || conv2d_down(black_box(&smoothed), weight));
        layer.bench(&mut group, "conv2d_down_transpose", 1, || conv2d_down_transpose(black_box(y), weight));
        layer.bench_chain(&mut group, DOWN)?;
    }
    group.finish();
    Ok(())
}

/// The 1x1 convolutions to and from pictures, bound by memory.
fn rgb(criterion: &mut Criterion) -> Result<()> {
    let mut group = group(criterion, "rgb");
    let (batch, channels, side) = (16, 64, 64);
    let features = normal(&[batch, channels, side, side])?;
    let picture = normal(&[batch, 3, side, side])?;
    let to_rgb = normal(&[3, channels, 1, 1])?;
    let from_rgb = normal(&[channels, 3, 1, 1])?;
    let bias = normal(&[channels])?;
    let links = [Link { weight: from_rgb, scale: 1., bias, sampling: Sampling::Keep }];
    let chain = Chain::new(&picture, &links, FeatureLayout::Nchw)?;
    group.throughput(Throughput::Elements(2 * (features.elem_count() * 3) as u64));
    let mut run = |name: &str, kernel: &dyn Fn() -> Result<()>| {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(kernel()).expect("shapes fit")));
    };
    run("to_rgb", &|| conv2d(black_box(&features), &to_rgb).map(drop));
    run("to_rgb_weight_grad", &|| conv2d_weight_grad(black_box(&features), &picture, 1).map(drop));
    run("from_rgb", &|| Chain::new(black_box(&picture), &links, FeatureLayout::Nchw).map(drop));
    run("from_rgb input_gradient", &|| chain.input_gradient(black_box(&features)).map(drop));
    group.finish();
    Ok(())
}

/// A large matrix product by the same crate, threads included.
fn matrix_product(criterion: &mut Criterion) -> Result<()> {
    const SIDE: usize = 1024;
    let (a, b) = (normal(&[SIDE, SIDE])?, normal(&[SIDE, SIDE])?);
    let mut group = group(criterion, "gemm");
    group.throughput(Throughput::Elements(2 * (SIDE * SIDE * SIDE) as u64));
    group.bench_function("1024", |bencher| bencher.iter(|| black_box(&a).matmul(&b).expect("shapes fit")));
    group.finish();
    Ok(())
}

fn all(criterion: &mut Criterion) {
    matrix_product(criterion).expect("matrices can be made");
    rgb(criterion).expect("layers can be made");
    for network in &NETWORKS {
        keeping(criterion, network).expect("layers can be made");
        doubling(criterion, network).expect("layers can be made");
        halving(criterion, network).expect("layers can be made");
    }
}

criterion_group! {
    name = benches;
    config = shapes::criterion();
    targets = all
}
criterion_main!(benches);
