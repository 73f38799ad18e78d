//! Pictures that checkpoints draw, against those of their training.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use stylegan_base::units::grouped;
use stylegan_base::user_cache;
use stylegan_checkpoint::{Checkpoint, Meta, snapshots};
use stylegan_dataset::Pyramid;
use stylegan_drawing::{DrawOptions, LatentSpace, NoiseMode, Painter};
use stylegan_evaluation::{
    Attributes, Classifier, Drawn, Evaluation, Measured, Networks, OF_CLASSIFIERS, Outcome, Packed,
    PerceptualDistance, Pictures, distance_of_features, networks, path_length,
};
use stylegan_features::{Lpips, MobileNet, PixelRange, Places};
use stylegan_media::PROGRAM;
use stylegan_metrics::{LooksAt, Measure};
use stylegan_ops::{Level, Resolution};
use stylegan_peers::Peers;
use stylegan_trainer::TrainConfig;

use super::nearest::Neighbors;
use super::{Args, MOST_FAKES, features_folder, note_caveats, note_unreadable, table};
use crate::commands::train::open_pictures;
use crate::labels::class_of;
use crate::output::Output;
use crate::painter::{open_checkpoint, say_if_growing};
use crate::peers;
use crate::report::{Exit, Refusal, data, note};

/// Pictures that attributes are learned from at most; more teach a linear map next to nothing.
const MOST_LEARNED: usize = 10_000;

pub(super) fn run(
    args: &Args,
    measures: &[&'static Measure],
    neighbors: Option<&Neighbors<'_>>,
    checkpoint: &Path,
    peers: &Rc<dyn Peers>,
) -> Result<Exit> {
    let fakes = fakes(args, measures)?;
    let paths = if args.all_snapshots { all(checkpoint)? } else { vec![checkpoint.to_owned()] };
    let (device, places) = (args.device.open()?, args.weights.places());
    let networks = networks(measures, &places, args.resize.into(), &device)?;
    let distances = Distances::open(measures, &places, &device)?;
    let attributes = attributes(args, measures)?;
    if let Some(path) = &args.directions {
        Output::check_file(path, args.force)?;
        if attributes.is_none() {
            return Err(Refusal::usage(
                "`--directions` is learned with `ls` or `dci`, and neither is measured",
            )
            .into());
        }
    }
    let cache = features_folder();
    let (of_pictures, of_generators): (Vec<_>, Vec<_>) =
        measures.iter().copied().partition(|measure| measure.metric().is_some());
    let mut session = Session {
        args,
        of_pictures: &of_pictures,
        of_generators: &of_generators,
        neighbors,
        networks: &networks,
        distances: &distances,
        attributes: attributes.as_ref(),
        cache: cache.as_deref(),
        device,
        peers: peers.clone(),
        fakes,
        reals: None,
        at: None,
    };
    let mut curve: Vec<(String, Vec<Outcome>)> = Vec::new();
    for path in &paths {
        let snapshot = open_checkpoint(path, args.resolution)?;
        let name = snapshot.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let size = drawn_at(&snapshot)?;
        let too_small = |measure: &&&Measure| measure.least_side > size.shorter_side();
        if let (true, Some(Measure { name: measure, .. })) =
            (args.all_snapshots, measures.iter().find(too_small))
        {
            note(&format!("`{name}` is left out: pictures of {size} are too small for `{measure}`"));
            continue;
        }
        let outcomes = session.measure(&snapshot)?;
        if let Some(run) = run_of(snapshot.path()).filter(|_| peers.is_first()) {
            for outcome in &outcomes {
                outcome.append_to(run, Some(&name), None)?;
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

/// What the network of a snapshot draws, which may be in the middle of growing.
fn drawn_at(snapshot: &Checkpoint) -> Result<Resolution> {
    let Meta { generator, progress, .. } = snapshot.meta();
    Ok(Level::new(generator.resolution, progress.lod)?.resolution)
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

/// Perceptual distances, of those measures that are of paths.
#[derive(Default)]
struct Distances {
    lpips: Option<Lpips>,
    small: Option<MobileNet>,
}

impl Distances {
    fn open(measures: &[&'static Measure], places: &Places, device: &Device) -> Result<Self> {
        let mut found = Self::default();
        for measure in measures {
            match measure.looks_at {
                LooksAt::Paths { network: "lpips", .. } if found.lpips.is_none() => {
                    found.lpips = Some(Lpips::new(&places.open("vgg16", device)?, device)?);
                }
                LooksAt::Paths { network: "mobilenet", .. } if found.small.is_none() => {
                    found.small = Some(MobileNet::embedded(device)?);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// That of a measure, if it is of paths.
    fn of(&self, measure: &Measure) -> Option<Box<PerceptualDistance<'_>>> {
        match (measure.looks_at, &self.lpips, &self.small) {
            (LooksAt::Paths { network: "lpips", .. }, Some(lpips), _) => {
                Some(Box::new(|a: &Tensor, b: &Tensor| lpips.distance(a, b, PixelRange::Signed)))
            }
            (LooksAt::Paths { network: "mobilenet", .. }, _, Some(small)) => {
                Some(Box::new(|a: &Tensor, b: &Tensor| distance_of_features(small, a, b)))
            }
            _ => None,
        }
    }
}

/// What the reals show, for measures that learn it.
fn attributes(args: &Args, measures: &[&'static Measure]) -> Result<Option<Attributes>> {
    let learns = |measure: &&&Measure| matches!(measure.looks_at, LooksAt::Classes | LooksAt::Factors);
    match (measures.iter().find(learns), &args.attributes) {
        (Some(_), Some(path)) => Ok(Some(Attributes::open(path)?)),
        (None, _) => Ok(None),
        (Some(measure), None) => {
            Err(Refusal::usage(format!("`{}` needs to know what the real pictures show", measure.name))
                .hint("`--attributes FILE.jsonl` has a line of JSON for each of them, its `name` and numbers")
                .into())
        }
    }
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
    of_pictures: &'a [&'static Measure],
    of_generators: &'a [&'static Measure],
    neighbors: Option<&'a Neighbors<'a>>,
    networks: &'a Networks,
    distances: &'a Distances,
    attributes: Option<&'a Attributes>,
    cache: Option<&'a Path>,
    device: Device,
    peers: Rc<dyn Peers>,
    fakes: usize,
    /// The reals, once a snapshot has told how they are packed.
    reals: Option<Arc<Pyramid>>,
    /// What is known of the reals at a resolution: while a network grows, its pictures do.
    at: Option<(Resolution, OfReals)>,
}

/// What is known of the reals.
struct OfReals {
    /// None if no measure looks at them.
    reals: Option<Packed>,
    evaluation: Evaluation,
    classifier: Option<Classifier>,
}

impl Session<'_> {
    fn measure(&mut self, snapshot: &Checkpoint) -> Result<Vec<Outcome>> {
        let class = class_of(self.args.class.as_deref(), snapshot.meta(), LatentSpace::Z)?;
        let options = DrawOptions {
            class,
            truncation_psi: self.args.truncation_psi,
            truncation_cutoff: usize::MAX,
            truncation_layers: None,
            noise_mode: NoiseMode::Random,
            ..DrawOptions::of(snapshot)
        };
        let painter = Painter::new(snapshot, options, &self.device)?;
        let drawn = Drawn::new(&painter, self.fakes).mixing(self.args.mixed_latents)?;
        let drawn = drawn.among(self.peers.clone());
        // What looks at latents draws them by itself.
        if !self.of_generators.is_empty() {
            painter.check_class(LatentSpace::Z)?;
        }
        if drawn.is_of_all_classes() {
            let classes = painter.config().label_dim;
            note(&format!(
                "measuring pictures of all {classes} classes, each as often; `--class` measures one"
            ));
        }
        say_if_growing(snapshot, &painter);
        let resolution = painter.resolution();
        if self.at.as_ref().is_none_or(|(at, _)| *at != resolution) {
            self.at = Some((resolution, self.look_at_reals(snapshot, resolution)?));
        }
        let Some((_, OfReals { reals, evaluation, classifier })) = &self.at else { return Ok(Vec::new()) };
        let Measured { mut outcomes, unreadable, seen } = evaluation.measure(&drawn)?;
        note_unreadable(&unreadable);
        if let (Some(neighbors), Some(reals), true) = (self.neighbors, reals, self.peers.is_first()) {
            neighbors.draw(&seen, reals, &drawn)?;
        }
        for measure in self.of_generators {
            let Some(distance) = self.distances.of(measure) else { continue };
            let (generator, label) = (painter.generator(), painter.label());
            let (lod, pairs) = (painter.lod(), self.fakes);
            outcomes.push(path_length(measure, generator, lod, label, pairs, &*distance)?);
        }
        // What was kept for the classifier stands first.
        if let (Some(classifier), Some(seen)) = (classifier, seen.first()) {
            outcomes.extend(classifier.measure(self.of_generators, &painter, seen)?);
            if let (Some(path), Some(attributes), true) =
                (&self.args.directions, self.attributes, self.peers.is_first())
            {
                let names = attributes.names().join(", ");
                let texts = [("program", PROGRAM), ("attributes", names.as_str())];
                classifier.directions(&painter, seen)?.save(path, &texts, self.args.force.force)?;
                note(&format!("wrote the directions of {names}, a row each, to `{}`", path.display()));
            }
        }
        Ok(outcomes)
    }

    fn look_at_reals(&mut self, snapshot: &Checkpoint, resolution: Resolution) -> Result<OfReals> {
        let needs_reals =
            self.attributes.is_some() || self.of_pictures.iter().any(|measure| measure.counts(1, 1).0 > 0);
        let reals = match (&self.args.reals, needs_reals) {
            (Some(source), true) => {
                let pyramid = match &self.reals {
                    Some(pyramid) => pyramid.clone(),
                    None => Arc::new(peers::in_turn(&*self.peers, || packed(source, snapshot))?),
                };
                self.reals = Some(pyramid.clone());
                Some(Packed::new(pyramid, resolution)?)
            }
            _ => None,
        };
        let count = reals.as_ref().map_or(0, Packed::count);
        let evaluation = Evaluation::new(self.of_pictures, self.networks, self.cache, count, self.fakes)?;
        let mut evaluation = evaluation.among(self.peers.clone());
        if self.attributes.is_some() {
            let fakes = Classifier::wanted(self.of_generators, self.fakes);
            evaluation = evaluation.keeping(OF_CLASSIFIERS, 0, fakes)?;
        }
        if let Some(neighbors) = self.neighbors {
            evaluation = neighbors.kept_by(evaluation, count, self.fakes)?;
        }
        if let Some(reals) = &reals {
            note_unreadable(&evaluation.look_at_reals(reals)?);
        }
        let classifier = match (&reals, self.attributes) {
            (Some(reals), Some(attributes)) => Some(self.classifier(reals, attributes)?),
            _ => None,
        };
        Ok(OfReals { reals, evaluation, classifier })
    }

    fn classifier(&self, reals: &Packed, attributes: &Attributes) -> Result<Classifier> {
        let network = self.networks.iter().find(|network| network.name() == OF_CLASSIFIERS);
        let network = network.context("the network of classifiers comes with the program")?;
        let names = reals.names(MOST_LEARNED);
        let classifier = Classifier::learn(network.as_ref(), (reals, &names), attributes, self.cache)?;
        let shares = attributes.names().iter().zip(classifier.determination());
        let shares: Vec<String> = shares.map(|(name, share)| format!("{name} {share:.2}")).collect();
        note(&format!(
            "attributes of {} pictures learned; of their variance, so much is told of others: {}",
            grouped(names.len()),
            shares.join(", ")
        ));
        Ok(classifier)
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
    let runs = beside.or_else(user_cache).unwrap_or_else(|| PathBuf::from("runs"));
    open_pictures(source, &runs, &config)
}
