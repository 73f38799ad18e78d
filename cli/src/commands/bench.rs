//! `stylegan bench`

use std::iter;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use candle_core::{DType, Device, Var};
use serde::Serialize;
use stylegan_generator::{Generator, GeneratorConfig, Noise, Truncation};
use stylegan_ops::{GpuMemory, Key, Parameters, RandomTensors, Resolution, Widths, is_out_of_memory};
use stylegan_trainer::{Layout, Precision, Settings, TrainConfig, Trainer, peak_memory_bytes};
use tracing::{field, info_span};

use crate::device::DeviceName;
use crate::report::{Exit, Refusal, data};

/// Fewest measurements, unless told otherwise.
const LEAST: usize = 5;
/// Iterations that a GPU is given before it is waited for. A training hardly ever waits for one.
const IN_A_ROW: usize = 8;

/// Measure how fast this machine trains and draws
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Whole iterations: critic step with penalty, average, generator step, with both optimizers
    Train(Bench),
    /// Drawing from latents, a whole batch at a time
    Sample(Bench),
    /// From w to pictures, their distance to others, and back to its gradient: what looking for the w of a picture takes
    Project(Bench),
}

/// The network has first values, full size and the paper's latents; pictures are noise.
#[derive(Debug, clap::Args)]
struct Bench {
    /// Side of the pictures in pixels, a power of two from 8 to 1024, or their width and height, such as 512x384
    #[arg(long, value_name = "N|WxH", default_value = "64", allow_negative_numbers = true)]
    resolution: Resolution,

    /// Feature maps of the largest side, times half of the side
    #[arg(long, value_name = "N", default_value_t = Widths::default().fmap_base)]
    fmap_base: usize,

    /// Most feature maps of any layer
    #[arg(long, value_name = "N", default_value_t = Widths::default().fmap_max)]
    fmap_max: usize,

    /// Pictures in a batch
    #[arg(long, value_name = "N", default_value_t = 16)]
    batch: usize,

    /// Steps to measure, after two that are not [default: as many as fit into the seconds, at least 5, or 40 of a training on a
    /// GPU, which is waited for after eight in a row]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: Option<u32>,

    /// Seconds to measure
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3600))]
    #[arg(conflicts_with = "steps")]
    seconds: u32,

    /// Threads to compute on [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,

    /// How exactly a GPU computes, `tf32`, `f32`, `bf16`, or `auto` for what it is good at
    #[arg(long, value_name = "PRECISION", default_value_t)]
    precision: Precision,

    /// How features lie in a GPU's memory, `nchw`, `nhwc`, or `auto` for what is faster
    #[arg(long, value_name = "LAYOUT", default_value_t)]
    layout: Layout,

    /// Change one number of the configuration that no other flag says, such as `generator.blur=false`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,

    /// Write one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Keys of the configuration that have a flag of their own.
const FLAGS: [(&str, &str); 6] = [
    ("generator.resolution", "--resolution"),
    ("generator.fmap_base", "--fmap-base"),
    ("generator.fmap_max", "--fmap-max"),
    ("schedule.batch", "--batch"),
    ("device.precision", "--precision"),
    ("device.layout", "--layout"),
];

/// What was measured, under the names of the JSON.
#[derive(Serialize)]
struct Measured {
    what: &'static str,
    images_per_sec: f64,
    step_millis_median: f64,
    step_millis: Vec<f64>,
    /// Until a step was asked for, all of which a GPU may have done or not.
    host_millis_median: f64,
    /// Most memory that tensors took of a GPU in the steps, or that the process took.
    peak_memory_bytes: u64,
    threads: usize,
    device: String,
    precision: Precision,
    layout: String,
    resolution: Resolution,
    fmap_base: usize,
    fmap_max: usize,
    batch: usize,
    /// Feature maps by side, from 4 on.
    widths: Vec<usize>,
}

impl Args {
    fn bench(&self) -> &Bench {
        let (Command::Train(bench) | Command::Sample(bench) | Command::Project(bench)) = &self.command;
        bench
    }

    /// Threads to compute on, if there is a wish.
    pub(super) fn threads(&self) -> Option<usize> {
        self.bench().threads.map(|threads| threads as usize)
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let bench = args.bench();
    let config = bench.config()?;
    let device = bench.device.open()?;
    let (what, measured) = match args.command {
        Command::Train(_) => ("train", train(bench, &config, &device)),
        Command::Sample(_) => ("sample", sample(bench, &config, &device)),
        Command::Project(_) => ("project", project(bench, &config, &device)),
    };
    let (step_millis, host_millis) = measured.map_err(|error| bench.explained(error))?;
    let step_millis_median = median(&step_millis);
    let measured = Measured {
        what,
        images_per_sec: 1e3 * bench.batch as f64 / step_millis_median,
        step_millis_median,
        step_millis,
        host_millis_median: median(&host_millis),
        peak_memory_bytes: peak_memory_bytes(&device).unwrap_or(0),
        threads: rayon::current_num_threads(),
        device: bench.device.to_string(),
        precision: bench.precision.on(&device)?,
        layout: bench.layout.on(&device, bench.precision)?.to_string(),
        resolution: bench.resolution,
        fmap_base: bench.fmap_base,
        fmap_max: bench.fmap_max,
        batch: bench.batch,
        widths: bench.resolution.levels().map(|level| config.generator.feature_maps(level.side())).collect(),
    };
    data(&if bench.json { serde_json::to_string(&measured)? + "\n" } else { measured.lines() })?;
    Ok(Exit::Done)
}

impl Bench {
    fn config(&self) -> Result<TrainConfig> {
        for (key, flag) in FLAGS {
            if self
                .assignments
                .iter()
                .any(|assignment| assignment.split('=').next().map(str::trim) == Some(key))
            {
                let refused = format!("`--set {key}=…` says what `{flag}` does");
                return Err(Refusal::usage(refused).hint(format!("give the value to `{flag}`")).into());
            }
        }
        let mut config = TrainConfig::load(None, &self.assignments)?;
        config.generator.resolution = self.resolution;
        config.generator.widths.fmap_base = self.fmap_base;
        config.generator.widths.fmap_max = self.fmap_max;
        // Of a side that is no power of two, the one below.
        let side = 1 << self.resolution.side().max(1).ilog2();
        config.schedule.initial_resolution = config.schedule.initial_resolution.min(side);
        config.schedule.batch = stylegan_trainer::PerSide::same(self.batch);
        config.device.precision = self.precision;
        config.device.layout = self.layout;
        Ok(config.checked()?)
    }

    /// What to do, where the memory of a GPU is too little.
    fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        if !error.downcast_ref().is_some_and(is_out_of_memory) {
            return error;
        }
        let Self { device, batch, resolution, .. } = self;
        Refusal::new(format!("`{device}` has too little memory for batches of {batch} at {resolution}"))
            .hint("a smaller `--batch` takes less; `nvidia-smi` shows what else is in the memory")
            .into()
    }
}

fn train(args: &Bench, config: &TrainConfig, device: &Device) -> Result<Millis> {
    let mut trainer = Trainer::new(config.clone(), DType::F32, device)?;
    let Resolution { width, height } = args.resolution;
    let shape = (args.batch, config.generator.num_channels, height, width);
    let pixels = Key::new("pictures of a benchmark", &[]).uniform_tensor(shape, DType::F32, device)?;
    let pixels_u8 = (pixels * 255.0)?.to_dtype(DType::U8)?;
    let rate = |rates: &stylegan_trainer::PerSide<f64>| rates.get(args.resolution.side()).unwrap_or(0.001);
    let settings = Settings {
        lod: 0.0,
        resolution: args.resolution,
        batch: args.batch,
        g_lrate: rate(&config.schedule.g_lrate),
        d_lrate: rate(&config.schedule.d_lrate),
    };
    let mut number = 0;
    measure(args, device, if device.is_cpu() { 1 } else { IN_A_ROW }, || {
        trainer.step(&pixels_u8, None, settings, number)?;
        number += 1;
        Ok(())
    })
}

/// A generator that is drawn from, so that no gradient of its weights is computed.
fn frozen_generator(args: &Bench, config: &TrainConfig, device: &Device) -> Result<Generator> {
    let parameters = Parameters::new(Key::new("first values of a benchmark", &[]));
    Generator::new(&config.generator, &parameters.builder(DType::F32, device))?;
    args.precision.prepare(device)?;
    Ok(Generator::new(&config.generator, &parameters.frozen(DType::F32, device))?
        .with_kept_filters()?
        .with_features_in(args.precision.features(DType::F32))
        .with_layout(args.layout.on(device, args.precision)?))
}

fn sample(args: &Bench, config: &TrainConfig, device: &Device) -> Result<Millis> {
    let generator = frozen_generator(args, config, device)?;
    let shape = (args.batch, config.generator.z_dim);
    let mut number = 0;
    measure(args, device, 1, || {
        let key = Key::new("latents of a benchmark", &[number]);
        number += 1;
        let z = key.normal(shape, DType::F32, device)?;
        generator.draw(&z, None, 0.0, Truncation::default(), &Noise::Random(key))?;
        Ok(())
    })
}

fn project(args: &Bench, config: &TrainConfig, device: &Device) -> Result<Millis> {
    let generator = frozen_generator(args, config, device)?;
    let key = Key::new("projection of a benchmark", &[]);
    let normal = |purpose, shape: &[usize]| key.child(purpose, 0).normal(shape, DType::F32, device);
    let GeneratorConfig { w_dim, num_channels, resolution: Resolution { width, height }, .. } =
        config.generator;
    let w_plus = Var::from_tensor(&normal("w", &[args.batch, config.generator.num_layers(), w_dim])?)?;
    let pictures = normal("pictures", &[args.batch, num_channels, height, width])?;
    measure(args, device, 1, || {
        let drawn = generator.synthesis().forward(&w_plus, 0.0, &Noise::Const)?;
        let gradients = (drawn - &pictures)?.sqr()?.mean_all()?.backward()?;
        gradients.get(&w_plus).context("the pictures do not depend on w")?;
        Ok(())
    })
}

/// Milliseconds of each step, and until it was asked for.
type Millis = (Vec<f64>, Vec<f64>);

/// Milliseconds of each step, after two that fill caches: the mean of `in_a_row` steps, after which the device is waited
/// for.
fn measure(
    args: &Bench,
    device: &Device,
    in_a_row: usize,
    mut step: impl FnMut() -> Result<()>,
) -> Result<Millis> {
    let &Bench { steps, seconds, .. } = args;
    for _ in 0..2 {
        step()?;
    }
    device.synchronize()?;
    GpuMemory::reset_peak(device)?;
    let span = info_span!("measuring", total = steps.unwrap_or(seconds), done = field::Empty);
    let _entered = span.enter();
    let started = Instant::now();
    let (mut millis, mut asked) = (Vec::new(), Vec::new());
    let enough = |done: usize, elapsed: Duration| match steps {
        Some(steps) => done >= steps as usize,
        None => done >= LEAST * in_a_row && elapsed.as_secs_f64() >= f64::from(seconds),
    };
    while !enough(millis.len(), started.elapsed()) {
        let left = steps.map_or(in_a_row, |steps| in_a_row.min(steps as usize - millis.len()));
        let row_started = Instant::now();
        for _ in 0..left {
            step()?;
        }
        let mean = || 1e3 * row_started.elapsed().as_secs_f64() / left as f64;
        asked.push(mean());
        device.synchronize()?;
        millis.extend(iter::repeat_n(mean(), left));
        span.record("done", steps.map_or(started.elapsed().as_secs(), |_| millis.len() as u64));
    }
    Ok((millis, asked))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

impl Measured {
    fn lines(&self) -> String {
        let &Self { resolution, batch, threads, ref device, images_per_sec, step_millis_median, .. } = self;
        format!(
            "{} {resolution}, batch {batch}, {threads} threads on {device}: {images_per_sec:.2} images/s, \
             {step_millis_median:.1} ms a step (median of {}), {:.2} GiB at most\n",
            self.what,
            self.step_millis.len(),
            self.peak_memory_bytes as f64 / f64::from(1 << 30)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
