//! `stylegan project`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use stylegan_drawing::LatentSpace;
use stylegan_projector::{
    LossWeights, MOST_PHOTOS, MOST_STEPS, MeanW, Perception, ProjectOptions, Projected, Results, Space,
};
use tracing::info;

use crate::args::{NetworkArgs, seed};
use crate::commands::weights::WeightsArgs;
use crate::device::DeviceName;
use crate::output::{Force, Output, make_folder};
use crate::painter::open_painter_with;
use crate::report::{Exit, Refusal, note};
use crate::signals;
use stylegan_base::shell::quoted;

mod looks;
mod photos;
mod work;

use looks::Perceptual;
use photos::Align;
use work::Work;

/// Photos side by side on a GPU unless somebody asks for another number.
const BATCH_ON_GPU: usize = 8;

/// Find the latents of photos: those whose pictures look like them
///
/// From the mean w on, steps of Adam go down the gradient of how far the network's picture is from the photo, as in StyleGAN2's
/// projector: by how both look to a perceptual network, and by their pixels. A photo with a face is aligned first. The folder
/// gets `latents.safetensors`, which `sample --latents` draws, `projected_w.npz` for programs that read NVIDIA's, photo and
/// projection side by side, a film of the way, and `project.json`. A command that was stopped goes on where it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Photos: PNG, JPEG, WebP, BMP or TIFF
    #[arg(value_name = "PHOTO", required = true, num_args = 1..)]
    photos: Vec<PathBuf>,

    #[command(flatten)]
    network: NetworkArgs,

    #[command(flatten)]
    weights: WeightsArgs,

    /// Folder to write the results into
    #[arg(long, alias = "outdir", value_name = "DIR")]
    out: PathBuf,

    /// Where the latents are looked for
    #[arg(long, value_name = "SPACE", value_enum, default_value_t = SpaceName::W)]
    space: SpaceName,

    /// Steps, up to 100000
    #[arg(long, alias = "num-steps", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_STEPS)), default_value_t = ProjectOptions::default().steps, allow_negative_numbers = true)]
    steps: u32,

    /// Highest learning rate; it rises over the first twentieth of the steps and falls over the last quarter
    #[arg(long, value_name = "N", value_parser = rate, default_value_t = ProjectOptions::default().learning_rate, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Deviation of the noise on w at the start, in deviations of the network's w; it is gone after three quarters of the steps
    #[arg(long, value_name = "N", value_parser = rate, default_value_t = ProjectOptions::default().w_noise, allow_negative_numbers = true)]
    w_noise: f64,

    /// What looks at pictures
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Perceptual::Auto)]
    perceptual: Perceptual,

    /// What the perceptual distance counts
    #[arg(long, value_name = "N", value_parser = weight, default_value_t = LossWeights::default().perceptual, allow_negative_numbers = true)]
    perceptual_weight: f64,

    /// What the mean squared difference of pixels counts, which are taken from -1 to 1 at full size and at each half of it
    #[arg(long, value_name = "N", value_parser = weight, default_value_t = LossWeights::default().pixels, allow_negative_numbers = true)]
    pixel_weight: f64,

    /// What the squared distance of w from its mean counts, in deviations of the network's w: more keeps the picture more usual
    #[arg(long, value_name = "N", value_parser = weight, default_value_t = LossWeights::default().mean, allow_negative_numbers = true)]
    mean_weight: f64,

    /// Find noise images too, one set for each photo, as NVIDIA's projector does; `latents.safetensors` has them beside the
    /// latents. Without, the network's own are taken
    #[arg(long)]
    optimize_noise: bool,

    /// What it counts that pixels of optimized noise tell of their neighbors
    #[arg(long, value_name = "N", value_parser = weight, default_value_t = LossWeights::default().noise, requires = "optimize_noise", allow_negative_numbers = true)]
    noise_weight: f64,

    /// Whether faces are cut out of photos as `dataset align` does it; without a face, the middle is taken
    #[arg(long, value_name = "auto|off", value_enum, default_value_t = Align::Auto)]
    align: Align,

    /// Seed of all draws
    #[arg(long, value_name = "N", value_parser = seed, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,

    /// Photos that go through the networks side by side, 1 to 256: several take less time each, and more memory; what is found differs
    /// by rounding [default: 1 on a CPU, 8 on a GPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_PHOTOS as i64), allow_negative_numbers = true)]
    batch: Option<u16>,

    /// Draw no films
    #[arg(long)]
    no_film: bool,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum SpaceName {
    /// One w for all layers: a picture that the network may draw by itself
    W,
    /// One w for each layer: nearer to the photo, further from what the network knows
    WPlus,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=100.0).contains(rate));
    rate.ok_or_else(|| "it is a number from 0 to 100".to_owned())
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok().filter(|weight| (0.0..=1e9).contains(weight));
    weight.ok_or_else(|| "a weight is a number from 0 to 1e9".to_owned())
}

impl Args {
    fn options(&self) -> ProjectOptions {
        ProjectOptions {
            space: match self.space {
                SpaceName::W => Space::W,
                SpaceName::WPlus => Space::WPlus,
            },
            steps: self.steps,
            learning_rate: self.learning_rate,
            w_noise: self.w_noise,
            optimize_noise: self.optimize_noise,
            weights: LossWeights {
                perceptual: self.perceptual_weight,
                pixels: self.pixel_weight,
                mean: self.mean_weight,
                noise: self.noise_weight,
            },
            seed: self.seed,
        }
    }

    fn batch(&self) -> usize {
        let usual = if self.network.device == DeviceName::Cpu { 1 } else { BATCH_ON_GPU };
        self.batch.map_or(usual, usize::from)
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Args { photos, out, network, force, .. } = args;
    Output::check_is_folder(out)?;
    if photos.len() > MOST_PHOTOS {
        return Err(Refusal::usage(format!("{} photos are more than {MOST_PHOTOS}", photos.len()))
            .hint("several commands take them in parts")
            .into());
    }
    let names = Results::names(photos.len(), !args.no_film);
    Output::check_folder(out, &names, *force)?;
    let painter = open_painter_with(network, LatentSpace::Z, |_| {})?;
    let perception = looks::open(args, &painter)?;
    let prepared = photos::prepare(photos, args.align, &painter)?;
    let mean = MeanW::of(&painter)?;
    info!(deviation = mean.deviation, "mean of w");
    let work = Work {
        painter: &painter,
        perception: &perception,
        mean: &mean,
        options: args.options(),
        prepared,
        batch: args.batch(),
        out,
        force: force.force,
    };
    work.check()?;
    make_folder(out)?;
    // Kept until the end, as signals are heard while it lasts.
    let (_runtime, signals) = signals::heard()?;
    if !work.find(&|| signals.wants_stop())? {
        note(&format!("stopped; the same command goes on from what is in `{}`", out.display()));
        return Ok(Exit::Stopped);
    }
    let projected = work.write(!args.no_film)?;
    note(&summary(&projected, &perception, args));
    Ok(Exit::Done)
}

/// How near each came, and how to go on.
fn summary(projected: &[Projected], perception: &Perception, args: &Args) -> String {
    let mut lines: Vec<String> = projected
        .iter()
        .map(|Projected { photo, perceptual, psnr, .. }| {
            let seen =
                perceptual.map(|seen| format!("{} {seen:.4}, ", perception.name())).unwrap_or_default();
            format!("`{}`: {seen}PSNR {psnr:.2} dB", photo.name)
        })
        .collect();
    let count = projected.len();
    lines.push(format!(
        "wrote {count} {} to `{}`",
        if count == 1 { "projection" } else { "projections" },
        args.out.display()
    ));
    let psi = if args.space == SpaceName::W { " --truncation-psi 1" } else { "" };
    lines.push(format!(
        "`stylegan sample --checkpoint {} --latents {}{psi} --out again.png` draws {} again",
        quoted(&args.network.checkpoint),
        quoted(&args.out.join("latents.safetensors")),
        if count == 1 { "it" } else { "them" },
    ));
    lines.join("\n")
}

/// Where the state of some photos is, by the number of the first of them.
fn state_path(out: &Path, first: usize) -> PathBuf {
    out.join(format!("state{first:04}.safetensors"))
}
