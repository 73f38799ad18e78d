//! Pictures that checkpoints draw, against those of their training.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use candle_core::Device;
use stylegan_checkpoint::{Checkpoint, snapshots};
use stylegan_dataset::Pyramid;
use stylegan_drawing::{DrawOptions, LatentSpace, NoiseMode, Painter};
use stylegan_evaluation::{Drawn, Error, Evaluation, FeatureNetwork, Outcome, Packed, Pictures};
use stylegan_metrics::{LooksAt, Measure};
use stylegan_ops::Resolution;
use stylegan_trainer::TrainConfig;

use super::{Args, MOST_FAKES, features_folder, networks, note_caveats, note_unreadable, table};
use crate::cache;
use crate::commands::train::open_pictures;
use crate::labels::class_of;
use crate::painter::{open_checkpoint, say_if_growing};
use crate::report::{Exit, Refusal, data};

pub(super) fn run(args: &Args, measures: &[&'static Measure], checkpoint: &Path) -> Result<Exit> {
    if let Some(measure) = measures.iter().find(|measure| matches!(measure.looks_at, LooksAt::Paths(_))) {
        return Err(Error::NoNetwork { measure: measure.name, network: "lpips" }.into());
    }
    let fakes = fakes(args, measures)?;
    let paths = if args.all_snapshots { all(checkpoint)? } else { vec![checkpoint.to_owned()] };
    let (networks, cache) = (networks(), features_folder());
    let device = args.device.open()?;
    let mut session = Session {
        args,
        measures,
        networks: &networks,
        cache: cache.as_deref(),
        device,
        fakes,
        reals: None,
        at: None,
    };
    let mut curve: Vec<(String, Vec<Outcome>)> = Vec::new();
    for path in &paths {
        let snapshot = open_checkpoint(path, args.resolution)?;
        let outcomes = session.measure(&snapshot)?;
        let name = snapshot.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(run) = run_of(snapshot.path()) {
            for outcome in &outcomes {
                outcome.append_to(run, Some(&name))?;
            }
        }
        if args.json {
            data(&table::json(&outcomes, args.all_snapshots.then_some(&name)))?;
        }
        curve.push((name, outcomes));
    }
    match curve.as_slice() {
        [] => {}
        [.., (_, outcomes)] => note_caveats(outcomes),
    }
    match curve.as_slice() {
        _ if args.json => {}
        [(_, outcomes)] if !args.all_snapshots => data(&table::of_one(outcomes))?,
        curve => data(&table::of_many(curve))?,
    }
    Ok(Exit::Done)
}

/// How many fakes are drawn.
fn fakes(args: &Args, measures: &[&'static Measure]) -> Result<usize> {
    let Some(count) = &args.fakes else {
        return Ok(measures.iter().map(|measure| measure.fakes).max().unwrap_or(0));
    };
    let number = count.to_str().and_then(|count| count.parse().ok());
    number.filter(|count| (2..=MOST_FAKES).contains(count)).ok_or_else(|| {
        Refusal::usage(format!("`--fakes {}` is no number from 2 to {MOST_FAKES}", count.display()))
            .hint("a checkpoint draws its fakes; pictures that are there are measured without `--checkpoint`")
            .into()
    })
}

/// Every snapshot of a run, the oldest first.
fn all(run: &Path) -> Result<Vec<PathBuf>> {
    if !run.is_dir() {
        return Err(Refusal::usage(format!(
            "`--all-snapshots` is for the folder of a run, which `{}` is not",
            run.display()
        ))
        .into());
    }
    let found = snapshots(run)?;
    if found.is_empty() {
        // What `--checkpoint` says of such a folder.
        open_checkpoint(run, None)?;
    }
    Ok(found)
}

/// The run's folder in which a snapshot lies, if it lies in one.
fn run_of(snapshot: &Path) -> Option<&Path> {
    snapshot.parent().filter(|folder| folder.join("config.toml").is_file())
}

/// What several snapshots share.
struct Session<'a> {
    args: &'a Args,
    measures: &'a [&'static Measure],
    networks: &'a [Box<dyn FeatureNetwork>],
    cache: Option<&'a Path>,
    device: Device,
    fakes: usize,
    /// The reals, once a snapshot has told how they are packed.
    reals: Option<Arc<Pyramid>>,
    /// What was shown of the reals at a resolution: while a network grows, its pictures do.
    at: Option<(Resolution, Evaluation<'a>)>,
}

impl Session<'_> {
    fn measure(&mut self, snapshot: &Checkpoint) -> Result<Vec<Outcome>> {
        let class = class_of(self.args.class.as_deref(), snapshot.meta(), LatentSpace::Z)?;
        let options = DrawOptions {
            class,
            truncation_psi: self.args.truncation_psi,
            truncation_cutoff: usize::MAX,
            noise_mode: NoiseMode::Random,
            ..DrawOptions::of(snapshot)
        };
        let painter = Painter::new(snapshot, options, &self.device)?;
        painter.check_class(LatentSpace::Z)?;
        say_if_growing(snapshot, &painter);
        let resolution = painter.resolution();
        if self.at.as_ref().is_none_or(|(at, _)| *at != resolution) {
            self.at = Some((resolution, self.look_at_reals(snapshot, resolution)?));
        }
        let Some((_, evaluation)) = &self.at else { return Ok(Vec::new()) };
        let (outcomes, unreadable) = evaluation.measure(&Drawn::new(&painter, self.fakes))?;
        note_unreadable(&unreadable);
        Ok(outcomes)
    }
}

impl<'a> Session<'a> {
    fn look_at_reals(&mut self, snapshot: &Checkpoint, resolution: Resolution) -> Result<Evaluation<'a>> {
        let needs_reals = self.measures.iter().any(|measure| measure.counts(1, 1).0 > 0);
        let reals = match (&self.args.reals, needs_reals) {
            (Some(source), true) => {
                let pyramid = match &self.reals {
                    Some(pyramid) => pyramid.clone(),
                    None => Arc::new(packed(source, snapshot)?),
                };
                self.reals = Some(pyramid.clone());
                Some(Packed::new(pyramid, resolution)?)
            }
            _ => None,
        };
        let count = reals.as_ref().map_or(0, Packed::count);
        let mut evaluation = Evaluation::new(self.measures, self.networks, self.cache, count, self.fakes)?;
        if let Some(reals) = &reals {
            note_unreadable(&evaluation.look_at_reals(reals)?);
        }
        Ok(evaluation)
    }
}

/// The pictures as the training of a snapshot saw them, packed beside those of its run.
fn packed(source: &Path, snapshot: &Checkpoint) -> Result<Pyramid> {
    let run = run_of(snapshot.path());
    let config = match run.map(|run| run.join("config.toml")) {
        Some(path) => TrainConfig::load(Some(&path.to_string_lossy()), &[])?,
        None => TrainConfig::default(),
    };
    let config = TrainConfig { generator: snapshot.meta().generator.clone(), ..config };
    let beside = run.and_then(Path::parent).map(Path::to_owned);
    let runs = beside.or_else(cache::of_user).unwrap_or_else(|| PathBuf::from("runs"));
    open_pictures(source, &runs, &config)
}
