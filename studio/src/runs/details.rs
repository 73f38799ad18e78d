//! A run as the page shows it.

use serde::Serialize;
use stylegan_trainer::{TrainConfig, preset_names};

use super::Runs;
use super::files::whole;
use super::folder::{CONFIG, Grid, Measured, RunFolder, State};
use crate::LiveRun;
use crate::models::Models;
use stylegan_base::shell::quoted_word;

/// The longest configuration.
const MOST_BYTES: u64 = 1 << 20;

/// A line of the list.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    run: u64,
    name: String,
    state: State,
    kimg: f64,
    total_kimg: Option<f64>,
    resolution: Option<String>,
    live: bool,
    modified: u64,
}

/// All of a run but its curves and its log.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    run: u64,
    name: String,
    /// As a command line names it.
    argument: String,
    state: State,
    live: bool,
    kimg: f64,
    total_kimg: Option<f64>,
    config: String,
    preset: Option<&'static str>,
    changes: Vec<Change>,
    levels: Vec<Level>,
    snapshots: Vec<Snapshot>,
    next_snapshot_kimg: Option<f64>,
    grids: Vec<Grid>,
    reals: Option<String>,
    measures: Vec<Measured>,
}

/// A key whose value is not the preset's.
#[derive(Debug, Serialize)]
struct Change {
    key: String,
    value: Option<String>,
    preset: Option<String>,
}

#[derive(Debug, Serialize)]
struct Level {
    resolution: String,
    from_kimg: f64,
    fade_until_kimg: f64,
    to_kimg: f64,
}

#[derive(Debug, Serialize)]
struct Snapshot {
    kimg: f64,
    model: u64,
}

impl Listed {
    pub(crate) fn of(run: &RunFolder, runs: &Runs) -> Self {
        let config = config_of(run);
        Self {
            run: run.number(),
            name: run.name().to_owned(),
            state: runs.state(run),
            kimg: kimg_of(run, runs),
            total_kimg: config.as_ref().map(|config| config.schedule.total_kimg),
            resolution: config.map(|config| config.generator.resolution.to_string()),
            live: runs.live(run).is_some(),
            modified: run.modified(),
        }
    }
}

impl Details {
    pub(crate) fn of(run: &RunFolder, runs: &Runs, models: &Models) -> Self {
        let config = config_of(run);
        let (preset, changes) = config.as_ref().map_or((None, Vec::new()), nearest_preset);
        let levels = config.iter().flat_map(|config| {
            config.schedule.levels(config.generator.resolution).into_iter().map(|level| Level {
                resolution: level.resolution.to_string(),
                from_kimg: level.starts_kimg,
                fade_until_kimg: level.steady_kimg,
                to_kimg: level.ends_kimg,
            })
        });
        let snapshots: Vec<Snapshot> = run
            .snapshots()
            .iter()
            .map(|(kimg, path)| Snapshot {
                kimg: *kimg,
                model: models.snapshot(run.number(), run.name(), path, *kimg),
            })
            .collect();
        let kimg = kimg_of(run, runs);
        let last_kimg = snapshots.last().map_or(0.0, |snapshot| snapshot.kimg);
        let state = runs.state(run);
        Self {
            run: run.number(),
            name: run.name().to_owned(),
            argument: quoted_word(&run.path().display().to_string()),
            state,
            live: runs.live(run).is_some(),
            kimg,
            total_kimg: config.as_ref().map(|config| config.schedule.total_kimg),
            config: whole(&run.path().join(CONFIG), MOST_BYTES).unwrap_or_default(),
            preset,
            changes,
            levels: levels.collect(),
            next_snapshot_kimg: next_snapshot_kimg(runs.live(run), config.as_ref(), kimg, last_kimg)
                .filter(|_| matches!(state, State::Training | State::Paused)),
            snapshots,
            grids: run.grids("fakes"),
            reals: run.grids("reals").pop().map(|grid| grid.file),
            measures: run.curves().measures.clone(),
        }
    }
}

/// Of a training in this process, to the step.
fn kimg_of(run: &RunFolder, runs: &Runs) -> f64 {
    let step = runs.live(run).and_then(LiveRun::step);
    step.map_or_else(|| run.kimg(), |step| step.nimg as f64 / 1000.0)
}

/// When the next snapshot is due: of a training in this process as it expects it, else by its schedule.
fn next_snapshot_kimg(
    live: Option<&LiveRun>,
    config: Option<&TrainConfig>,
    kimg: f64,
    last_kimg: f64,
) -> Option<f64> {
    let config = config?;
    let expected = live
        .and_then(LiveRun::step)
        .and_then(|step| Some(kimg + step.next_snapshot_sec? * step.images_per_sec / 1000.0));
    let by_schedule = || {
        let settings = config.schedule.at(config.generator.resolution, (kimg * 1000.0) as u64);
        let every = config.run.tick_kimg.get(settings.resolution.side())? * config.run.snapshot_ticks as f64;
        Some((last_kimg + every).max(kimg))
    };
    Some(expected.or_else(by_schedule)?.min(config.schedule.total_kimg))
}

/// The configuration, if this version understands it.
fn config_of(run: &RunFolder) -> Option<TrainConfig> {
    let path = run.path().join(CONFIG);
    whole(&path, MOST_BYTES)?;
    TrainConfig::load(Some(path.to_str()?), &[]).ok()
}

/// The preset that differs in the fewest keys, and these.
fn nearest_preset(config: &TrainConfig) -> (Option<&'static str>, Vec<Change>) {
    let of = |name: &'static str| {
        let preset = TrainConfig::load(Some(name), &[]).ok()?;
        Some((name, config.differences(&preset).ok()?))
    };
    let nearest = preset_names().filter_map(of).min_by_key(|(_, differences)| differences.len());
    let Some((name, differences)) = nearest else { return (None, Vec::new()) };
    let changes = differences.into_iter().map(|difference| Change {
        key: difference.key,
        value: difference.now,
        preset: difference.before,
    });
    (Some(name), changes.collect())
}
