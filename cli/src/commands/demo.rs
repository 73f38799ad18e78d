//! `stylegan demo`

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use stylegan_base::files;
use stylegan_checkpoint::Checkpoint;
use stylegan_dataset::{BatchRequest, Order, Pyramid, assemble};
use stylegan_drawing::{
    DrawOptions, LatentIds, LatentSource, Layers, MixFigure, Painter, RowLayers, Walk, WalkSpace,
};
use stylegan_generator::{Generator, GeneratorConfig, Noise, Truncation};
use stylegan_metrics::{SlicedWasserstein, sliced_wasserstein};
use stylegan_ops::{Key, Parameters, RandomTensors, Resolution};
use stylegan_trainer::{Pace, Resume, TrainConfig, pixels_of, process_reals};

use super::interpolate::write_film;
use super::mix::write_figure;
use super::train::{Start, open_pictures, train};
use crate::args::seed;
use crate::cache;
use crate::film::FilmArgs;
use crate::output::{Force, Output};
use crate::painter::{open_checkpoint, say_if_growing};
use crate::report::{Exit, Refusal, data, note};
use stylegan_base::shell::quoted;

/// The pictures that come with the program.
const FACES: &[u8] = include_bytes!("../../../demo/faces64.zip");
/// Length of the demo that the preset was made for, in minutes.
const PRESET_MINUTES: f64 = 5.0;
/// Pictures on each side of the measured distance, in a demo of the preset's length.
const MEASURED: usize = 1024;
/// Pictures drawn at a time to be measured.
const CHUNK: usize = 32;

/// Train a small network on the pictures that come with the program, and draw with it
///
/// Leaves a run folder with grids of reals and fakes, a checkpoint, a style-mixing figure and a looping walk in w.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// About how long to train, in minutes: a few steps are timed, and the schedule is stretched to what this machine
    /// does in that time
    #[arg(long, value_name = "M", default_value_t = PRESET_MINUTES, allow_negative_numbers = true)]
    minutes: f64,

    /// Train on so many thousand pictures, however long that takes: the same bytes every time. The preset has 48
    #[arg(long, value_name = "N", conflicts_with = "minutes", allow_negative_numbers = true)]
    kimg: Option<f64>,

    /// Folder of all runs; this one gets a folder of its own inside
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed, allow_negative_numbers = true)]
    seed: u64,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    Output::check_is_folder(&args.out)?;
    let Length { config, pace, factor } = Length::of(args)?;
    let zip = unpack(&args.out)?;
    let pyramid = Arc::new(open_pictures(&zip, &args.out, &config)?);
    let start = Start { resume: Resume::No, ..Start::default() };
    let outcome = train(config, pyramid.clone(), &args.out, Device::Cpu, pace, start)?;
    if !outcome.finished {
        return Ok(Exit::Stopped);
    }

    let run_dir = &outcome.run_dir;
    let checkpoint = open_checkpoint(&outcome.snapshot, None)?;
    draw(&checkpoint, run_dir)?;
    let count = measured_pictures(factor);
    let distances = Distances::measure(&checkpoint, &pyramid, count)?;
    let measured = format!(
        "sliced Wasserstein distance x1000 of {count} fakes to reals (32, 16 pixels): {}; untrained: {}",
        levels(&distances.trained),
        levels(&distances.untrained)
    );
    note(&measured);
    let report = run_dir.join("swd.txt");
    fs::write(&report, format!("{measured}\n"))
        .with_context(|| format!("cannot write `{}`", report.display()))?;
    data(&next_steps(run_dir))?;
    Ok(Exit::Done)
}

/// A style-mixing figure and a looping walk in w.
fn draw(checkpoint: &Checkpoint, run_dir: &Path) -> Result<()> {
    let painter = Painter::new(checkpoint, DrawOptions::of(checkpoint), &Device::Cpu)?;
    say_if_growing(checkpoint, &painter);
    let force = Force { force: false };
    let styles = RowLayers(vec![Layers((0..4).collect())]);
    let figure = MixFigure { rows: LatentIds::seeds(0..4), cols: LatentIds::seeds(4..10), styles };
    write_figure(&painter, &LatentSource::SEEDS, figure, &run_dir.join("mix.png"), force)?;
    let walk = Walk::new(LatentIds::seeds(0..6), WalkSpace::W, 120, true);
    let film = FilmArgs { fps: 30, ffmpeg: false };
    write_film(&painter, &LatentSource::SEEDS, &walk, film, &run_dir.join("walk.gif"), force)
}

/// How long the demo is.
struct Length {
    /// The preset, its times stretched.
    config: TrainConfig,
    pace: Pace,
    /// How far they are.
    factor: f64,
}

impl Length {
    /// That which was asked for.
    fn of(args: &Args) -> Result<Self> {
        let refuse = |words: String| Err(Refusal::usage(words).into());
        if !(0.01..=10_000.0).contains(&args.minutes) {
            return refuse(format!("`--minutes {}` is not between 0.01 and 10000", args.minutes));
        }
        if let Some(kimg) = args.kimg.filter(|kimg| !(0.01..=100_000.0).contains(kimg)) {
            return refuse(format!("`--kimg {kimg}` is not between 0.01 and 100000"));
        }
        let mut config = TrainConfig::load(Some("demo"), &[])?;
        let pace = Pace::rehearsed(&config, &Device::Cpu)?;
        let factor = match (args.kimg, pace.left_secs(0.0)) {
            (Some(kimg), _) => kimg / config.schedule.total_kimg,
            (None, Some(secs)) => 60.0 * args.minutes / secs,
            // Nothing could be timed.
            (None, None) => args.minutes / PRESET_MINUTES,
        };
        let schedule = &mut config.schedule;
        for kimg in [&mut schedule.steady_kimg, &mut schedule.fade_kimg, &mut schedule.total_kimg] {
            *kimg *= factor;
        }
        config.run.tick_kimg = config.run.tick_kimg.map(|kimg| kimg * factor);
        config.run.seed = args.seed;
        let config = config.checked()?;
        Ok(Self { pace: pace.with_schedule_of(&config), config, factor })
    }
}

/// How many pictures are measured: in a shorter demo fewer, so that measuring takes no longer than training.
fn measured_pictures(factor: f64) -> usize {
    let chunks = MEASURED as f64 / CHUNK as f64 * factor.min(1.0);
    CHUNK * (chunks.ceil() as usize).max(2)
}

/// Writes the program's pictures into the cache of the runs, unless they are there.
pub(super) fn unpack(runs: &Path) -> Result<PathBuf> {
    let cache = cache::folder(runs);
    let path = cache.join("demo-faces64.zip");
    if fs::metadata(&path).is_ok_and(|found| found.len() == FACES.len() as u64) {
        return Ok(path);
    }
    fs::create_dir_all(&cache)
        .and_then(|()| files::write(&path, true, &mut |file| file.write_all(FACES)))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

/// How far fakes are from reals, of the trained network and of one at its first values.
struct Distances {
    trained: SlicedWasserstein,
    untrained: SlicedWasserstein,
}

impl Distances {
    fn measure(checkpoint: &Checkpoint, pyramid: &Pyramid, count: usize) -> Result<Self> {
        let generator = &checkpoint.meta().generator;
        let reals = reals(pyramid, generator.resolution, count)?;
        let first_values = Parameters::new(Key::new("untrained", &[0]));
        let untrained = Generator::new(generator, &first_values.builder(DType::F32, &Device::Cpu))?;
        drop(untrained);
        let untrained = Generator::new(generator, &first_values.frozen(DType::F32, &Device::Cpu))?;
        let trained = checkpoint.generator(&Device::Cpu)?;
        Ok(Self {
            trained: sliced_wasserstein(&reals, &fakes(&trained, generator, count)?, 0)?,
            untrained: sliced_wasserstein(&reals, &fakes(&untrained, generator, count)?, 0)?,
        })
    }
}

fn reals(pyramid: &Pyramid, resolution: Resolution, count: usize) -> Result<Tensor> {
    let request = BatchRequest { first_position: 0, batch: count, resolution };
    let batch = assemble(pyramid, &Order::new(0, pyramid.len()), false, &request)?;
    Ok(process_reals(&pixels_of(&batch, &Device::Cpu)?, 0.0, DType::F32)?)
}

/// Fakes without truncation, clamped to what a picture can show.
fn fakes(generator: &Generator, config: &GeneratorConfig, count: usize) -> Result<Tensor> {
    let pictures = (0..count as u64)
        .step_by(CHUNK)
        .map(|first| {
            let z = Key::new("measured latents", &[first]).normal(
                (CHUNK, config.z_dim),
                DType::F32,
                &Device::Cpu,
            )?;
            let noise = Noise::Random(Key::new("measured noise", &[first]));
            generator.draw(&z, None, 0.0, Truncation::OFF, &noise)?.clamp(-1.0, 1.0)
        })
        .collect::<candle_core::Result<Vec<_>>>()?;
    Ok(Tensor::cat(&pictures, 0)?)
}

fn levels(distance: &SlicedWasserstein) -> String {
    let levels: Vec<_> = distance.levels.iter().map(|(_, distance)| format!("{distance:.1}")).collect();
    format!("{}, mean {:.1}", levels.join(", "), distance.mean())
}

fn next_steps(run_dir: &Path) -> String {
    let (name, run) = (run_dir.display(), quoted(run_dir));
    format!(
        "Look at `{name}`: fakes*.png, mix.png, walk.gif. Then:\n\n  \
         stylegan train --data YOUR_PHOTOS\n  \
         stylegan sample --checkpoint {run} --seeds 0-15 --out faces.png\n  \
         stylegan interpolate --checkpoint {run} --seeds 0,1,2 --space w --loop --out walk.gif\n"
    )
}
