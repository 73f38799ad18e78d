//! Speed of what is bound by memory, at the largest layers of three networks.
//!
//! `GiB/s` counts the bytes that must move: each argument and each result once. The copy beside them shows what the
//! machine can do. Where gradients are measured, candle's own passes over them take part, as in a step of training,
//! but do not count.

mod shapes;

use std::hint::black_box;

use candle_core::{Device, Result, Tensor, Var};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use stylegan_ops::{
    AdamSlot, AdamSteps, AdamUpdate, adam_update, all_finite, bias_leaky_relu, blend, blur, downscale2x,
    downscale2x_adjoint, ema_update, instance_norm_style, leaky_relu_grad, noise_bias_leaky_relu,
    smooth_down, smooth_down_adjoint, smooth_up, upscale2x, upscale2x_adjoint,
};

use shapes::{NETWORKS, Network, group, normal};

/// Sides of each network that are measured, from the largest on.
const LARGEST: usize = 2;

/// Kernels of one shape.
struct Bench<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    name: String,
}

impl<'a> Bench<'a> {
    fn new(criterion: &'a mut Criterion, group_name: &str, shape: &[usize]) -> Self {
        let name = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        Self { group: group(criterion, group_name), name }
    }

    /// `values` are the numbers that `run` reads and writes.
    fn run<T>(&mut self, kernel: &str, values: usize, mut run: impl FnMut() -> Result<T>) {
        self.group.throughput(Throughput::Bytes(4 * values as u64));
        self.group.bench_function(BenchmarkId::new(kernel, &self.name), |bencher| {
            bencher.iter(|| black_box(run()).expect("shapes fit"));
        });
    }
}

/// Between buffers that are there already, by all threads.
fn copy(criterion: &mut Criterion) {
    const VALUES: usize = 16 << 20;
    const TASK: usize = 1 << 16;
    let (from, mut to) = (vec![1_f32; VALUES], vec![0_f32; VALUES]);
    Bench::new(criterion, "copy", &[VALUES]).run("threads", 2 * VALUES, || {
        let tasks = to.par_chunks_mut(TASK).zip(from.par_chunks(TASK));
        tasks.for_each(|(to, from)| to.copy_from_slice(black_box(from)));
        Ok(())
    });
}

fn features(criterion: &mut Criterion, network: &Network, side: usize) -> Result<()> {
    let (batch, channels) = (network.batch(side), network.channels(side));
    let shape = [batch, channels, side, side];
    let x = normal(&shape)?;
    let len = x.elem_count();
    let per_channel = normal(&[channels])?;
    let noise = normal(&[batch, 1, side, side])?;
    let style = normal(&[batch, 2 * channels])?;
    let mut bench = Bench::new(criterion, &format!("network_{} features", network.resolution), &shape);
    bench.run("bias_leaky_relu", 2 * len, || bias_leaky_relu(&x, &per_channel));
    bench.run("noise_bias_leaky_relu", 2 * len, || {
        noise_bias_leaky_relu(&x, &noise, &per_channel, &per_channel)
    });
    bench.run("leaky_relu_grad", 3 * len, || leaky_relu_grad(&x, &x));
    bench.run("instance_norm_style", 2 * len, || instance_norm_style(&x, &style, 1e-8));
    let (x_var, style_var) = (Var::from_tensor(&x)?, Var::from_tensor(&style)?);
    let y = instance_norm_style(&x_var, &style_var, 1e-8)?;
    bench.run("instance_norm_style backward", 3 * len, || y.backward());
    bench.run("blend", 3 * len, || blend(&x, &x, 0.25));
    bench.group.finish();
    Ok(())
}

/// Between features at `side` and those at half of it.
fn resampling(criterion: &mut Criterion, network: &Network, side: usize) -> Result<()> {
    let (batch, channels) = (network.batch(side), network.channels(side));
    let of_side = |side: usize| normal(&[batch, channels, side, side]);
    let (x, small, grown) = (of_side(side)?, of_side(side / 2)?, of_side(side + 1)?);
    let (len, small_len, grown_len) = (x.elem_count(), small.elem_count(), grown.elem_count());
    let mut bench = Bench::new(criterion, &format!("network_{} resampling", network.resolution), x.dims());
    bench.run("blur", 2 * len, || blur(&x));
    bench.run("smooth_up", len + grown_len, || smooth_up(&grown, true));
    bench.run("smooth_down", len + grown_len, || smooth_down(&x, true));
    bench.run("smooth_down_adjoint", len + grown_len, || smooth_down_adjoint(&grown, true));
    bench.run("upscale2x", len + small_len, || upscale2x(&small));
    bench.run("upscale2x_adjoint", len + small_len, || upscale2x_adjoint(&x));
    bench.run("downscale2x", len + small_len, || downscale2x(&x));
    bench.run("downscale2x_adjoint", len + small_len, || downscale2x_adjoint(&small));
    bench.group.finish();
    Ok(())
}

/// What happens to the weight of the widest convolution.
fn updates(criterion: &mut Criterion, network: &Network) -> Result<()> {
    let channels = network.channels(network.sides[0]);
    let shape = [channels, channels, 3, 3];
    let (weight, average) = (Var::from_tensor(&normal(&shape)?)?, Var::from_tensor(&normal(&shape)?)?);
    let gradient = normal(&shape)?;
    let moment = gradient.sqr()?;
    let update = AdamUpdate { beta1: 0.0, beta2: 0.99, epsilon: 1e-8, learning_rate: 1e-3 };
    let (steps, loss) = (AdamSteps::new(0, &Device::Cpu)?, Tensor::new(0f32, &Device::Cpu)?);
    let slot =
        AdamSlot { parameter: &weight, first_moment: None, second_moment: &moment, gradient: &gradient };
    let len = gradient.elem_count();
    let mut bench = Bench::new(criterion, &format!("network_{} updates", network.resolution), &shape);
    // The gradient is read once more to see that it is finite.
    bench.run("adam_update", 6 * len, || adam_update(&[slot], &loss, &steps, &update));
    bench.run("ema_update", 3 * len, || ema_update(&[(&average, &weight)], 0.999));
    bench.run("all_finite", len, || all_finite(&gradient));
    bench.group.finish();
    Ok(())
}

fn all(criterion: &mut Criterion) {
    copy(criterion);
    for network in &NETWORKS {
        for &side in network.sides.iter().rev().take(LARGEST) {
            features(criterion, network, side).expect("features can be made");
            resampling(criterion, network, side).expect("features can be made");
        }
        updates(criterion, network).expect("weights can be made");
    }
}

criterion_group! {
    name = benches;
    config = shapes::criterion();
    targets = all
}
criterion_main!(benches);
