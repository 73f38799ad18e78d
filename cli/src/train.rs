//! `stylegan train`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use stylegan_dataset::{PackOptions, Pyramid};
use stylegan_trainer::{Event, Job, Outcome, Plan, StepProgress, TrainConfig, run};

use crate::device::DeviceName;
use crate::report::{Exit, data, note};
use crate::{output, pictures};

/// Train a network on your pictures
///
/// The pictures are cropped to their middle square, resized and stored once in the folder of runs; then the network
/// grows from small pictures to large ones. Ctrl-C finishes the step, writes a snapshot and stops.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of PNG, JPEG and WebP pictures of any depth, a zip of them, or a folder that `dataset pack` made
    #[arg(long, value_name = "SOURCE")]
    data: PathBuf,

    /// Preset by name, or a TOML file [default: faces-64]
    #[arg(long, value_name = "PRESET|FILE")]
    config: Option<String>,

    /// Change one number of the configuration, such as `schedule.total_kimg=5000`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,

    /// Folder of all runs; this one gets a folder of its own inside
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Length of the training in thousands of pictures shown, instead of the configuration's
    #[arg(long, value_name = "N")]
    kimg: Option<f64>,

    /// Seed of everything random, instead of the configuration's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,

    /// Enlarge pictures that are smaller than the network's, instead of refusing them
    #[arg(long)]
    allow_upscale: bool,

    /// Print the plan and stop
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run_train(args: &Args) -> Result<Exit> {
    let mut config =
        TrainConfig::load(Some(args.config.as_deref().unwrap_or("faces-64")), &args.assignments)?;
    if let Some(kimg) = args.kimg {
        config.schedule.total_kimg = kimg;
    }
    if let Some(seed) = args.seed {
        config.run.seed = seed;
    }
    config.data.allow_upscale |= args.allow_upscale;
    let config = config.checked()?;
    if args.dry_run {
        if !args.data.exists() {
            return Err(
                crate::report::Refusal::new(format!("`{}` does not exist", args.data.display())).into()
            );
        }
        data(&format!(
            "{}\nFiles     `{}`, pictures in `{}`\n",
            Plan::new(&config)?,
            args.out.join(format!("NNNNN-{}", config.run.name)).display(),
            args.out.join(".cache").display()
        ))?;
        return Ok(Exit::Done);
    }
    let pyramid = open_pictures(&args.data, &args.out, &config)?;
    note(&Plan::new(&config)?.to_string());
    let outcome = train(config, pyramid, &args.out, args.device)?;
    Ok(if outcome.finished { Exit::Done } else { Exit::Stopped })
}

/// The pictures of `source`, packed at the network's side.
pub(crate) fn open_pictures(source: &Path, runs: &Path, config: &TrainConfig) -> Result<Arc<Pyramid>> {
    let options = PackOptions {
        resolution: Some(config.generator.resolution),
        allow_upscale: config.data.allow_upscale,
        max_bad_fraction: config.data.max_bad_fraction,
    };
    let (pyramid, report) = pictures::open(source, runs, &options)?;
    note(&pictures::summary(&report));
    Ok(Arc::new(pyramid))
}

/// Trains with a bar on the terminal, until it is done or a person presses Ctrl-C.
pub(crate) fn train(
    config: TrainConfig,
    pyramid: Arc<Pyramid>,
    runs: &Path,
    device: DeviceName,
) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the reader of pictures")?;
    let stop = Arc::new(AtomicBool::new(false));
    runtime.spawn(stop_on_signal(stop.clone()));
    let bar = output::progress_bar("", 0);
    let job = Job {
        config,
        pyramid,
        runs: runs.to_owned(),
        device: device.open()?,
        runtime: runtime.handle().clone(),
    };
    let outcome = run(job, &stop, &mut |event| show(&bar, event));
    bar.finish_and_clear();
    // A batch still being prepared is of no use to anyone.
    runtime.shutdown_background();
    Ok(outcome?)
}

/// The first signal asks the training to save and stop; the second ends the program.
async fn stop_on_signal(stop: Arc<AtomicBool>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
        note("finishing the step and saving; Ctrl-C again stops at once");
    }
}

fn show(bar: &ProgressBar, event: &Event) {
    match event {
        Event::Started { run_dir, .. } => bar.suspend(|| note(&format!("run       `{}`", run_dir.display()))),
        Event::Step(StepProgress { nimg, total_nimg, resolution, fade, images_per_sec, .. }) => {
            bar.set_length(*total_nimg);
            bar.set_position(*nimg);
            let fading =
                if *fade > 0.0 { format!(" fade-in {:.0}%", 100.0 * (1.0 - fade)) } else { String::new() };
            bar.set_message(format!("{resolution}x{resolution}{fading} {images_per_sec:.0} img/s"));
        }
        Event::Tick(tick) => bar.suspend(|| note(&tick.line())),
        Event::Snapshot { path, .. } => bar.suspend(|| note(&format!("saved     `{}`", path.display()))),
        Event::Warning { message } => bar.suspend(|| note(&format!("warning: {message}"))),
        Event::Stopped { .. } => {}
    }
}
