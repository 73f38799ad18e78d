//! One run folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use stylegan_base::{Timeline, printable};
use stylegan_checkpoint::snapshots_by_kimg;
use stylegan_evaluation::read_results;
use stylegan_trainer::{is_being_trained, read_stats};

use super::files::{ends, length, stamp};

pub(crate) const CONFIG: &str = "config.toml";
const STATS: &str = "stats.jsonl";
pub(crate) const LOG: &str = "log.txt";
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;
/// Files of measures.
const MOST_MEASURES: usize = 50;
/// The end of a log in which the last line is looked for.
const LAST_BYTES: u64 = 4096;

/// Where a training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Training,
    Paused,
    Stopped,
    Finished,
    Unknown,
}

/// A run folder, and what was last read of it.
#[derive(Debug)]
pub(crate) struct RunFolder {
    number: u64,
    name: String,
    path: PathBuf,
    curves: Mutex<Option<Read>>,
    /// When it was last looked at, and what there was: all who watch share a look.
    looked: Mutex<Option<(Instant, Sizes)>>,
}

/// The files of curves as they were read.
#[derive(Debug)]
struct Read {
    stamps: Vec<(PathBuf, u64, Option<SystemTime>)>,
    curves: Arc<Curves>,
}

/// The numbers of a run over its time.
#[derive(Debug, Default)]
pub(crate) struct Curves {
    pub(crate) stats: Timeline,
    pub(crate) measures: Vec<Measured>,
}

/// The values of a measure, at the times at which it was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Measured {
    name: String,
    kimg: Vec<f64>,
    value: Vec<Option<f64>>,
}

/// A picture of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Grid {
    pub(crate) name: &'static str,
    pub(crate) kimg: f64,
    pub(crate) file: String,
}

/// How much there is of everything that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sizes {
    stats: usize,
    log: u64,
    grids: usize,
    snapshots: usize,
    measures: usize,
    state: State,
}

impl RunFolder {
    pub(crate) fn new(number: u64, path: PathBuf) -> Self {
        let name = printable(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        Self { number, name, path, curves: Mutex::default(), looked: Mutex::default() }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its snapshots in the order of their time.
    pub(crate) fn snapshots(&self) -> Vec<(f64, PathBuf)> {
        snapshots_by_kimg(&self.path).unwrap_or_default()
    }

    /// The pictures of fakes, or of reals, in the order of their time.
    pub(crate) fn grids(&self, name: &'static str) -> Vec<Grid> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut all: Vec<Grid> = entries
            .take(MOST_ENTRIES)
            .filter_map(|entry| {
                let file = entry.ok()?.file_name().into_string().ok()?;
                let time = file.strip_prefix(name)?.strip_suffix(".png")?;
                let is_time = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                // `reals.png` tells no time.
                let kimg = if time.is_empty() { 0.0 } else { time.parse().ok().filter(|_| is_time)? };
                Some(Grid { name, kimg, file })
            })
            .collect();
        all.sort_by(|a, b| a.kimg.total_cmp(&b.kimg));
        all
    }

    /// Its numbers, read anew where a file has changed.
    pub(crate) fn curves(&self) -> Arc<Curves> {
        let paths = self.files_of_curves();
        let stamps: Vec<_> = paths
            .iter()
            .map(|path| {
                let (length, modified) = stamp(path);
                (path.clone(), length, modified)
            })
            .collect();
        let mut last = self.curves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = last.as_ref().filter(|read| read.stamps == stamps) {
            return read.curves.clone();
        }
        let mut curves =
            Curves { stats: read_stats(&self.path.join(STATS)).unwrap_or_default(), measures: Vec::new() };
        for path in &paths[1..] {
            let Ok(Timeline { kimg, numbers, .. }) = read_results(path) else { continue };
            curves.measures.extend(numbers.into_iter().map(|(name, value)| Measured {
                name,
                kimg: kimg.clone(),
                value: finite(&value),
            }));
        }
        let curves = Arc::new(curves);
        *last = Some(Read { stamps, curves: curves.clone() });
        curves
    }

    /// Statistics first, and then the measures.
    fn files_of_curves(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().take(MOST_ENTRIES);
        let mut measures: Vec<PathBuf> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?;
                name.strip_prefix("metric-")?.strip_suffix(".jsonl").map(|_| path.clone())
            })
            .collect();
        measures.sort();
        measures.truncate(MOST_MEASURES);
        measures.insert(0, self.path.join(STATS));
        measures
    }

    /// How much there is now, or was at most so long ago.
    pub(crate) fn sizes(&self, state: State, age: Duration) -> Sizes {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, sizes)) = *looked
            && when.elapsed() < age
        {
            return Sizes { state, ..sizes };
        }
        let curves = self.curves();
        let sizes = Sizes {
            stats: curves.stats.kimg.len(),
            log: length(&self.path.join(LOG)),
            grids: self.grids("fakes").len(),
            snapshots: self.snapshots().len(),
            measures: curves.measures.iter().map(|measured| measured.kimg.len()).sum(),
            state,
        };
        *looked = Some((Instant::now(), sizes));
        sizes
    }

    /// Time at which it is, in kimg.
    pub(crate) fn kimg(&self) -> f64 {
        self.curves().stats.kimg.last().copied().unwrap_or(0.0)
    }

    /// When it was last written to, in seconds since 1970.
    pub(crate) fn modified(&self) -> u64 {
        let times = [STATS, LOG, CONFIG].map(|name| stamp(&self.path.join(name)).1);
        let last = times.into_iter().flatten().max();
        last.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs())
    }

    /// Where it is, as its log and its lock tell.
    pub(crate) fn state(&self) -> State {
        let log = ends(&self.path.join(LOG), LAST_BYTES);
        match log.lines().last() {
            Some(line) if line.starts_with("finished at ") => State::Finished,
            Some(line) if line.starts_with("stopped at ") => State::Stopped,
            _ if is_being_trained(&self.path) => State::Training,
            // One that was killed says nothing.
            Some(_) => State::Stopped,
            None => State::Unknown,
        }
    }
}

/// JSON has no NaN.
pub(crate) fn finite(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().map(|value| value.is_finite().then_some(*value)).collect()
}
