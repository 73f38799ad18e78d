//! `stylegan transfer train`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use stylegan_base::Resolution;
use stylegan_dataset::{Bits, Channels, Fit, PackOptions, Pyramid};
use stylegan_peers::Seat;
use stylegan_trainer::{Resume, TransferConfig, TransferJob, run_transfer};
use stylegan_transfer::Encoder;

use crate::args::seed;
use crate::commands::train::{parse_resume, run_beside};
use crate::commands::weights::WeightsArgs;
use crate::device::DeviceName;
use crate::output::Output;
use crate::report::{Exit, Refusal, note};
use crate::{cache, pictures};

/// Train the decoder of a style transfer
///
/// Contents and styles are packed once in the folder of runs; squares are cut out of them at random. Ctrl-C finishes the step,
/// saves and stops; the same command goes on where it was, and ends as if it had never stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pictures to be drawn in styles: a folder, a zip, or another source of pictures
    #[arg(long, value_name = "SOURCE")]
    content: PathBuf,

    /// Pictures whose style is taken, likewise
    #[arg(long, value_name = "SOURCE")]
    style: PathBuf,

    #[command(flatten)]
    weights: WeightsArgs,

    /// Preset by name, or a TOML file [default: transfer]
    #[arg(long, value_name = "PRESET|FILE", visible_alias = "preset")]
    config: Option<String>,

    /// Change one number of the configuration, such as `data.crop=128`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,

    /// Folder of all runs; this one gets a folder of its own inside
    #[arg(long, alias = "outdir", value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Length of the training in thousands of contents shown, instead of the configuration's
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    kimg: Option<f64>,

    /// Seed of everything random, instead of the configuration's
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// What to go on from: `auto` for the newest run of this name unless it is at its end, `no` for a new run, or a run
    /// folder, training state or snapshot
    #[arg(long, value_name = "auto|no|PATH", default_value = "auto", value_parser = parse_resume)]
    resume: Resume,

    /// Go on although configuration or pictures are not those that the run was trained with
    #[arg(long)]
    allow_changes: bool,

    /// Print every event as a line of JSON on stdout
    #[arg(long)]
    json: bool,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    device: DeviceName,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Seat { world, launcher, .. } = Seat::from_environment()?;
    if world > 1 {
        return Err(Refusal::new(format!(
            "{launcher} started {world} processes, but a decoder is trained by one"
        ))
        .hint("start one process")
        .into());
    }
    let mut config =
        TransferConfig::load(Some(args.config.as_deref().unwrap_or("transfer")), &args.assignments)?;
    config.schedule.total_kimg = args.kimg.unwrap_or(config.schedule.total_kimg);
    config.run.seed = args.seed.unwrap_or(config.run.seed);
    Output::check_is_folder(&args.out)?;
    let config = config.checked()?;
    // Before the pictures, which may take minutes.
    let device = args.device.open()?;
    let weights = args.weights.places().open(config.encoder.weights.name(), &device)?;
    let encoder = Arc::new(Encoder::new(&weights, config.encoder)?);
    let contents = Arc::new(open_pictures(&args.content, &args.out, &config)?);
    let styles = Arc::new(open_pictures(&args.style, &args.out, &config)?);
    cache::clean(&args.out, &[&contents, &styles])?;
    note(&plan(&config, &contents, &styles));
    let outcome = run_beside(args.json, |runtime, signals, listeners| {
        let job = TransferJob {
            config,
            encoder,
            contents,
            styles,
            runs: args.out.clone(),
            runtime,
            resume: args.resume.clone(),
            allow_changes: args.allow_changes,
            before_step: None,
        };
        Ok(run_transfer(job, &signals, listeners)?)
    })?;
    Ok(if outcome.finished { Exit::Done } else { Exit::Stopped })
}

/// What will be trained, in two lines.
fn plan(config: &TransferConfig, contents: &Pyramid, styles: &Pyramid) -> String {
    let [full, half, quarter] = config.decoder.widths;
    let crop = config.crop();
    format!(
        "Decoder   {full}, {half} and {quarter} channels, for the encoder `{}`\nTraining  {} kimg, minibatches of {} crops of \
         {crop}, of {} contents and {} styles",
        config.encoder.weights.name(),
        config.schedule.total_kimg,
        config.schedule.batch,
        contents.len(),
        styles.len()
    )
}

/// The pictures of a source, packed in color at the side from which is cut.
fn open_pictures(source: &Path, runs: &Path, config: &TransferConfig) -> Result<Pyramid> {
    let options = PackOptions {
        resolution: Some(Resolution::square(config.data.side)),
        channels: Channels::Rgb,
        bits: Bits::Eight,
        shard: None,
        fit: Fit::Crop,
        allow_upscale: config.data.allow_upscale,
        max_bad_fraction: config.data.max_bad_fraction,
    };
    let (pyramid, report) = pictures::open_beside(source, runs, &options)?;
    note(&pictures::summary(&report));
    Ok(pyramid)
}
