//! `stylegan metrics`

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use clap::ValueEnum;
use stylegan_base::user_cache;
use stylegan_dataset::{Skipped, Source};
use stylegan_evaluation::{Evaluation, Measured, Outcome, Pictures, Stored, networks};
use stylegan_features::Resize;
use stylegan_metrics::{MEASURES, Measure};
use stylegan_peers::Peers;
use stylegan_trainer::nearest as most_like;

use crate::args::{psi, side};
use crate::commands::weights::WeightsArgs;
use crate::device::DeviceName;
use crate::output::Force;
use crate::peers;
use crate::pictures::note_skipped;
use crate::report::{Exit, Refusal, data, note};

mod nearest;
mod snapshots;
mod table;

use nearest::Neighbors;

/// More fakes than anybody draws.
const MOST_FAKES: usize = 10_000_000;
/// As many as the largest network has layers.
const MOST_MIXED: usize = 18;
/// Unreadable pictures that are named one by one.
const NAMED: usize = 5;

/// Measure how far fakes are from real pictures
///
/// Fakes are the pictures of a folder, each at its own size, or those that a checkpoint draws, which are compared with real ones as
/// its training saw them. What is measured in a run's folder is appended to its `metric-NAME.jsonl`. Several processes, started by
/// `mpirun` or Slurm, draw and look at a part of the pictures each.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure, separated by commas; `--list` says what there is
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "swd,ms_ssim")]
    metrics: Vec<String>,

    /// Pictures to be measured, a folder or what else training takes; with `--checkpoint`, how many it draws [default: as
    /// many as the measures take]
    #[arg(long, value_name = "SOURCE|N", allow_negative_numbers = true)]
    fakes: Option<PathBuf>,

    /// Real pictures, a folder or what else training takes
    #[arg(long, visible_alias = "data", value_name = "SOURCE")]
    reals: Option<PathBuf>,

    /// Checkpoint whose pictures are measured, a run's folder for its newest snapshot, or `demo` for the faces that come
    /// with the program
    #[arg(long, alias = "network", value_name = "FILE|RUN_DIR|demo")]
    checkpoint: Option<PathBuf>,

    /// Measure every snapshot of the run's folder, and mark the best
    #[arg(long, requires = "checkpoint")]
    all_snapshots: bool,

    /// How far w keeps from its mean; measures are of pictures without truncation, 1
    #[arg(long, alias = "trunc", value_name = "PSI", value_parser = psi, default_value_t = 1.0, allow_negative_numbers = true, requires = "checkpoint")]
    truncation_psi: f64,

    /// Latents whose styles each picture mixes, at random cutoffs, as in the paper's table of mixing regularization
    #[arg(long, value_name = "N", value_parser = mixed_latents, default_value_t = 1, allow_negative_numbers = true, requires = "checkpoint")]
    mixed_latents: usize,

    /// Class of the pictures, by its name or its number from 0; for networks with labels alone
    #[arg(long, value_name = "NAME|N", allow_negative_numbers = true, requires = "checkpoint")]
    class: Option<String>,

    /// Side for which the network was trained, for files that do not say it: those of rosinality
    #[arg(long, value_name = "N", value_parser = side, allow_negative_numbers = true, requires = "checkpoint")]
    resolution: Option<usize>,

    /// How pictures are made the size that Inception looks at
    #[arg(long, value_enum, default_value_t = ResizeName::Tf1)]
    resize: ResizeName,

    #[command(flatten)]
    weights: WeightsArgs,

    /// What the real pictures show, for `ls` and `dci`: a line of JSON a picture, its `name` inside the source and numbers by
    /// whatever names
    #[arg(long, value_name = "FILE.jsonl", requires = "checkpoint", requires = "reals")]
    attributes: Option<PathBuf>,

    /// File for the directions of w along which the attributes of `--attributes` grow, a row each, for `sample --direction`;
    /// with `ls` or `dci`
    #[arg(long, value_name = "FILE.safetensors", requires = "attributes", conflicts_with = "all_snapshots")]
    directions: Option<PathBuf>,

    /// Picture of the fakes that are nearest to real ones, each with the five reals that are nearest to it; for `nn` and
    /// `nn-small`
    #[arg(long, value_name = "FILE.png", conflicts_with = "all_snapshots")]
    nearest: Option<PathBuf>,

    #[command(flatten)]
    force: Force,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    device: DeviceName,

    /// Write one JSON object, numbers by name, instead of a table; with `--all-snapshots`, one for each
    #[arg(long)]
    json: bool,

    /// Say which measures there are, and end
    #[arg(long)]
    list: bool,
}

fn mixed_latents(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_MIXED).contains(number));
    number.ok_or_else(|| format!("a picture is drawn of 1 to {MOST_MIXED} latents"))
}

/// How pictures are made the size that Inception looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResizeName {
    /// As the original FID does it
    Tf1,
    /// As clean-fid does it
    Clean,
}

impl From<ResizeName> for Resize {
    fn from(name: ResizeName) -> Self {
        match name {
            ResizeName::Tf1 => Self::Tf1,
            ResizeName::Clean => Self::Clean,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    if args.list {
        data(&table::list(MEASURES))?;
        return Ok(Exit::Done);
    }
    let measures = measures(&args.metrics)?;
    let neighbors = args.nearest.as_deref().map(|path| Neighbors::new(path, args.force, &measures));
    let neighbors = neighbors.transpose()?;
    let peers = peers::join(args.device, peers::PATIENCE)?;
    let exit = match (&args.checkpoint, &args.fakes) {
        (Some(checkpoint), _) => snapshots::run(args, &measures, neighbors.as_ref(), checkpoint, &peers)?,
        (None, Some(fakes)) => of_sources(args, &measures, neighbors.as_ref(), fakes, &peers)?,
        (None, None) => {
            return Err(Refusal::usage("there are no fakes to measure")
                .hint("`--fakes FOLDER` measures pictures, `--checkpoint RUN` those that a network draws")
                .into());
        }
    };
    peers.leave();
    Ok(exit)
}

/// Measures pictures that are there.
fn of_sources(
    args: &Args,
    measures: &[&'static Measure],
    neighbors: Option<&Neighbors<'_>>,
    fakes: &Path,
    peers: &Rc<dyn Peers>,
) -> Result<Exit> {
    let open = |path: &Path| Source::open(path).map(Stored::new);
    let fakes = open(fakes)?;
    let reals = args.reals.as_deref().map(open).transpose()?;
    let device = args.device.open()?;
    let networks = networks(measures, &args.weights.places(), args.resize.into(), &device)?;
    let cache = features_folder();
    let count = reals.as_ref().map_or(0, Stored::count);
    let evaluation = Evaluation::new(measures, &networks, cache.as_deref(), count, fakes.count())?;
    let mut evaluation = evaluation.among(peers.clone());
    if let Some(neighbors) = neighbors {
        evaluation = neighbors.kept_by(evaluation, count, fakes.count())?;
    }
    if let Some(reals) = reals.as_ref().filter(|_| evaluation.needs_reals()) {
        note_unreadable(&evaluation.look_at_reals(reals)?);
    }
    let Measured { outcomes, unreadable, seen } = evaluation.measure(&fakes)?;
    note_unreadable(&unreadable);
    if let (Some(neighbors), Some(reals), true) = (neighbors, &reals, peers.is_first()) {
        neighbors.draw(&seen, reals, &fakes)?;
    }
    tell(args, &outcomes)?;
    Ok(Exit::Done)
}

/// What came of it, on stdout, with what to know of it on stderr.
fn tell(args: &Args, outcomes: &[Outcome]) -> Result<()> {
    note_caveats(outcomes);
    data(&if args.json { table::json(outcomes, None) } else { table::of_one(outcomes) })?;
    Ok(())
}

fn note_caveats(outcomes: &[Outcome]) {
    outcomes.iter().filter_map(Outcome::caveat).for_each(|caveat| note(&format!("note: {caveat}")));
}

fn note_unreadable(skipped: &[Skipped]) {
    skipped.iter().take(NAMED).for_each(note_skipped);
    if skipped.len() > NAMED {
        note(&format!("skipped {} more that cannot be read", skipped.len() - NAMED));
    }
}

/// The measures of these names, each once.
fn measures(names: &[String]) -> Result<Vec<&'static Measure>> {
    let mut measures: Vec<&'static Measure> = Vec::new();
    for name in names {
        let measure = Measure::of(name.trim()).ok_or_else(|| unknown(name))?;
        if measures.iter().all(|known| known.name != measure.name) {
            measures.push(measure);
        }
    }
    Ok(measures)
}

fn unknown(name: &str) -> anyhow::Error {
    let hint = match most_like(name, MEASURES.iter().map(|measure| measure.name)) {
        Some(name) => format!("there is `{name}`; `stylegan metrics --list` says all"),
        None => "`stylegan metrics --list` says which there are".to_owned(),
    };
    Refusal::usage(format!("there is no measure `{name}`")).hint(hint).into()
}

/// Where features of reals are kept, if this user has a place for such.
fn features_folder() -> Option<PathBuf> {
    Some(user_cache()?.join("features"))
}
