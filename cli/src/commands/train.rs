//! `stylegan train`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use candle_core::Device;
use clap::ValueEnum;
use stylegan_dataset::{
    Bits, Channels, Error as DatasetError, ErrorKind as DatasetErrorKind, Fit, FoundLabels, LabelMode,
    MirrorTest, PackOptions, Pyramid, Source,
};
use stylegan_ops::Resolution;
use stylegan_peers::{Alone, Peers};
use stylegan_trainer::{
    Event, Job, LabelDecision, Listener, Outcome, Pace, Resume, Schedule, Signals, TrainConfig, TrainPlan,
    run as run_job, trained_before,
};
use tokio::runtime::Handle;

use super::studio;
use crate::args::{ConfigArgs, seed};
use crate::console::Console;
use crate::device::DeviceName;
use crate::hints::hint_of;
use crate::output::Output;
use crate::report::{Exit, data, note};
use crate::{cache, events, labels, peers, pictures, signals};

/// Train a network on your pictures
///
/// The pictures are given one shape (`--resolution`, `--fit`), resized and stored once in the folder of runs; then the network
/// grows from small pictures to large ones. Ctrl-C finishes the step, saves and stops; the same command goes on where
/// it was, and ends as if it had never stopped.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct Args {
    /// Folder of PNG, JPEG, WebP, BMP and TIFF pictures of any depth, a zip of them, or another source of pictures (`stylegan
    /// dataset pack --help` names them); or a folder that `dataset pack` made
    #[arg(long, value_name = "SOURCE")]
    data: PathBuf,

    #[command(flatten)]
    config: ConfigArgs,

    /// Side of the pictures in pixels, a power of two from 8 to 1024, or their width and height, such as 512x384 [default:
    /// the configuration's]
    #[arg(long, value_name = "N|WxH", allow_negative_numbers = true)]
    resolution: Option<Resolution>,

    /// Channels of the pictures: 1 for grey, 3 for color, 4 for color and transparency [default: the configuration's, mostly 3]
    #[arg(long, value_name = "1|3|4", allow_negative_numbers = true)]
    channels: Option<Channels>,

    /// Bits of the numbers that pictures are packed with: 16 keeps all that pictures of microscopes and depth cameras tell
    /// apart [default: the configuration's, mostly 8]
    #[arg(long, value_name = "8|16", allow_negative_numbers = true)]
    bits: Option<Bits>,

    /// Folder of all runs; this one gets a folder of its own inside
    #[arg(long, alias = "outdir", value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Measures that the training takes of its own pictures, separated by commas, such as `kid-small,swd`; the networks that are
    /// best by the first are kept [default: the configuration's, mostly none]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    metrics: Option<Vec<String>>,

    /// Length of the training in thousands of pictures shown, instead of the configuration's
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    kimg: Option<f64>,

    /// Minibatches of the original's table for so many GPUs, of all of them together [default: the configuration's, mostly those
    /// for one]
    #[arg(long, value_name = "1|2|4|8", value_parser = batch_table, allow_negative_numbers = true)]
    batch_table: Option<usize>,

    /// Whether half of the pictures, at random, are shown mirrored: `off` where left and right matter, as in text, logos
    /// and medical pictures [default: the configuration's, mostly on]
    #[arg(long, value_name = "on|off", value_enum, hide_possible_values = true)]
    mirror: Option<Switch>,

    /// Labels to train by: `auto` for those of a `dataset.json` if there is one, `folders` for a class for each folder,
    /// `off` for none [default: the configuration's, mostly auto]
    #[arg(long, value_name = "auto|off|folders", value_enum, hide_possible_values = true)]
    labels: Option<LabelsName>,

    /// Seed of everything random, instead of the configuration's
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// What to go on from: `auto` for the newest run of this name unless it is at its end, `no` for a new run, or a run
    /// folder, training state or snapshot; with a larger `generator.resolution` these networks grow, in a new run folder
    #[arg(long, value_name = "auto|no|PATH", default_value = "auto", value_parser = parse_resume)]
    resume: Resume,

    /// Go on although configuration or pictures are not those that the run was trained with
    #[arg(long)]
    allow_changes: bool,

    /// Show the training in the browser while it goes on, with buttons to pause, save and stop it [default address:
    /// 127.0.0.1:7860]
    #[arg(long, value_name = "IP:PORT", num_args = 0..=1, default_missing_value = studio::ADDRESS)]
    serve: Option<SocketAddr>,

    /// Print every event as a line of JSON on stdout
    #[arg(long)]
    json: bool,

    /// Device to compute on, `cpu`, `cuda:N`, or `cuda:auto` for one of several processes, each with a GPU of its own
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,

    /// Seconds that a process that trains with others may be silent in a step before all are ended
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=86_400), allow_negative_numbers = true)]
    peer_timeout: u32,

    /// Enlarge pictures that are smaller than the network's, instead of leaving out a few and refusing more
    #[arg(long)]
    allow_upscale: bool,

    /// What becomes of pictures of another ratio than `--resolution`: `crop`, `stretch`, `pad`, `pad:RRGGBB` or `pad:edge`
    #[arg(long, value_name = "FIT")]
    fit: Option<Fit>,

    /// Print the plan and stop; a GPU is asked how much of its memory each side takes
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LabelsName {
    Auto,
    Off,
    Folders,
}

impl From<LabelsName> for LabelMode {
    fn from(name: LabelsName) -> Self {
        match name {
            LabelsName::Auto => Self::Auto,
            LabelsName::Off => Self::Off,
            LabelsName::Folders => Self::Folders,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let mut config = args.config.load()?;
    if let Some(kimg) = args.kimg {
        config.schedule.total_kimg = kimg;
    }
    if let Some(resolution) = args.resolution {
        config.generator.resolution = resolution;
    }
    if let Some(channels) = args.channels {
        config.generator.num_channels = channels.count();
    }
    config.data.bits = args.bits.unwrap_or(config.data.bits);
    if let Some(metrics) = &args.metrics {
        config.run.metrics.clone_from(metrics);
    }
    if let Some(seed) = args.seed {
        config.run.seed = seed;
    }
    if let Some(batch) = args.batch_table.and_then(Schedule::original_batch) {
        config.schedule.batch = batch;
    }
    if let Some(mirror) = args.mirror {
        config.data.mirror = mirror == Switch::On;
    }
    if let Some(labels) = args.labels {
        config.data.labels = labels.into();
    }
    config.data.allow_upscale |= args.allow_upscale;
    Output::check_is_folder(&args.out)?;
    config.data.fit = args.fit.unwrap_or(config.data.fit);
    let mut config = config.checked()?;
    if args.dry_run {
        return dry_run(args, config);
    }
    let peers = peers::join(args.device, Duration::from_secs(args.peer_timeout.into()))?;
    // Before the pictures, which may take minutes.
    let device = args.device.open()?;
    let pyramid = peers::in_turn(&*peers, || open_pictures(&args.data, &args.out, &config))?;
    // Where the run of the first goes on, all do.
    let before = if peers.is_first() { trained_before(&config, &args.out, &args.resume)? } else { None };
    let before = peers::of_first(&*peers, before.map(|before| before.to_toml()).transpose()?)?;
    let before = before.map(|before| toml::from_str(&before)).transpose()?;
    let decision = config.decide_labels(&pyramid.found_labels(), before.as_ref())?;
    let shown = showing(&config, &decision, &pyramid.found_labels());
    let pyramid = pyramid.with_labels(decision.labels().cloned())?;
    let mut plan = TrainPlan::new(&config)?;
    // How long one process takes says little of several.
    let pace = if peers.world() == 1 { Pace::rehearsed(&config, &device)? } else { Pace::new(&config) };
    plan.set_pace(&pace);
    note(&format!("{shown}\n{plan}\n{}", precision_line(&config, &device)?));
    if config.data.mirror {
        warn_of_mirroring(&pyramid)?;
    }
    warn_of_shortage(args.device, &plan, &config);
    let start = Start {
        resume: args.resume.clone(),
        allow_changes: args.allow_changes,
        json: args.json,
        serve: args.serve.filter(|_| peers.is_first()),
        peers: peers.clone(),
    };
    let outcome = train(config, Arc::new(pyramid), &args.out, device, pace, start)?;
    peers.leave();
    Ok(if outcome.finished { Exit::Done } else { Exit::Stopped })
}

/// Prints what would be done and how long it takes. A GPU is asked how much memory it takes.
fn dry_run(args: &Args, mut config: TrainConfig) -> Result<Exit> {
    let mut shown = |found: &FoundLabels<'_>| {
        // What is trained by is what the run that goes on was trained by, if one does.
        let before = trained_before(&config, &args.out, &args.resume)?;
        let decision = config.decide_labels(found, before.as_ref())?;
        anyhow::Ok(showing(&config, &decision, found))
    };
    // Pictures are listed for it, and none is decoded.
    let shown = match Pyramid::open(&args.data) {
        Err(DatasetError { kind: DatasetErrorKind::NotAPack, .. }) => {
            shown(&Source::open(&args.data)?.found_labels())?
        }
        pyramid => shown(&pyramid?.found_labels())?,
    };
    let config = &config;
    let device = args.device.open()?;
    let mut plan = TrainPlan::new(config)?;
    let shortage = plan.measure(config, &device)?;
    plan.set_pace(&Pace::rehearsed(config, &device)?);
    data(&format!(
        "{shown}\n{plan}\n{}\nFiles     `{}`, pictures in `{}`\n",
        precision_line(config, &device)?,
        args.out.join(format!("NNNNN-{}", config.run.name)).display(),
        cache::folder(&args.out).display()
    ))?;
    warn_of_shortage(args.device, &plan, config);
    match shortage {
        Some(shortage) => Err(shortage.into()),
        None => Ok(Exit::Done),
    }
}

/// How the pictures are shown to the networks, in two lines.
fn showing(config: &TrainConfig, decision: &LabelDecision, found: &FoundLabels<'_>) -> String {
    let mirror = if config.data.mirror {
        "mirrored at random; `--mirror off` for text, logos, medical pictures"
    } else {
        "as they are, never mirrored"
    };
    format!("Pictures  {mirror}\n{}", labels::decided(decision, found))
}

/// Warns where mirrored pictures look unlike all others.
fn warn_of_mirroring(pyramid: &Pyramid) -> Result<()> {
    let test = MirrorTest::of(pyramid)?;
    if test.is_one_way() {
        let MirrorTest { told, looked_at } = test;
        note(&format!(
            "warning: the pictures look one way: {told} of {looked_at} can be told from their mirror images by light and \
             shade\nhint: if left and right matter, as in letters, `--mirror off`"
        ));
    }
    Ok(())
}

/// What `device.precision` comes to on this device.
fn precision_line(config: &TrainConfig, device: &Device) -> Result<String> {
    Ok(format!("Precision {}", config.device.precision.on(device)?))
}

/// Warns of what the estimate says about the memory of this machine; a GPU is not estimated but asked.
fn warn_of_shortage(device: DeviceName, plan: &TrainPlan, config: &TrainConfig) {
    if device == DeviceName::Cpu
        && let Some(shortage) = plan.shortage(config)
    {
        let hint = hint_of(&shortage).unwrap_or_default();
        note(&format!("warning: {shortage}\nhint: {hint}"));
    }
}

/// A number of GPUs for which the original has a table.
fn batch_table(text: &str) -> Result<usize, String> {
    let known = text.parse().ok().filter(|gpus| Schedule::ORIGINAL_GPUS.contains(gpus));
    known.ok_or_else(|| "the original has tables for 1, 2, 4 and 8 GPUs".to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result")]
pub(super) fn parse_resume(text: &str) -> Result<Resume, String> {
    Ok(match text {
        "auto" => Resume::Auto,
        "no" => Resume::No,
        path => Resume::From(path.into()),
    })
}

/// The pictures of `source`, packed as the networks take them.
pub(super) fn open_pictures(source: &Path, runs: &Path, config: &TrainConfig) -> Result<Pyramid> {
    let options = PackOptions {
        resolution: Some(config.generator.resolution),
        channels: Channels::try_from(config.generator.num_channels).map_err(anyhow::Error::msg)?,
        bits: config.data.bits,
        shard: None,
        fit: config.data.fit,
        allow_upscale: config.data.allow_upscale,
        max_bad_fraction: config.data.max_bad_fraction,
    };
    let (pyramid, report) = pictures::open(source, runs, &options)?;
    note(&pictures::summary(&report));
    Ok(pyramid)
}

/// How a training is started, beside what it trains.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) resume: Resume,
    pub(super) allow_changes: bool,
    /// Whether events go to stdout as JSON instead of to the console.
    pub(super) json: bool,
    /// Where the studio shows it.
    pub(super) serve: Option<SocketAddr>,
    /// The processes that train together.
    pub(super) peers: Rc<dyn Peers>,
}

impl Default for Start {
    fn default() -> Self {
        Self { resume: Resume::Auto, allow_changes: false, json: false, serve: None, peers: Rc::new(Alone) }
    }
}

/// Trains until it is done or a signal stops it.
pub(super) fn train(
    config: TrainConfig,
    pyramid: Arc<Pyramid>,
    runs: &Path,
    device: Device,
    pace: Pace,
    start: Start,
) -> Result<Outcome> {
    let Start { resume, allow_changes, json, serve, peers } = start;
    run_beside(json, |runtime, signals, mut listeners| {
        if let Some(address) = serve {
            let live = studio::serve_training(address, runs, device.clone(), &runtime, signals.clone())?;
            listeners.push(Box::new(live));
        }
        let job = Job {
            resume,
            allow_changes,
            pace,
            peers,
            ..Job::new(config, pyramid, runs.to_owned(), device, runtime)
        };
        Ok(run_job(job, &signals, listeners)?)
    })
}

/// A run with what it has beside it: a thread on which batches are prepared and snapshots written, the signals that stop it,
/// and who hears of it.
pub(super) fn run_beside(
    json: bool,
    run: impl FnOnce(Handle, Arc<Signals>, Vec<Box<dyn Listener>>) -> Result<Outcome>,
) -> Result<Outcome> {
    let (runtime, signals) = signals::heard()?;
    let outcome = run(runtime.handle().clone(), signals, vec![listener(json)]);
    // A batch still being prepared is of no use to anyone.
    runtime.shutdown_background();
    outcome
}

/// Who hears of a training: programs on stdout, or a person at the console. Of several processes the first tells.
fn listener(json: bool) -> Box<dyn Listener> {
    if json {
        return Box::new(events::print);
    }
    let mut console = Console::new();
    Box::new(move |event: &Event| console.show(event))
}
