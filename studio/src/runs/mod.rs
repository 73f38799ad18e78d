//! Trainings, as their run folders tell of them.

mod details;
mod files;
mod folder;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::models::Models;
use crate::{Error, LiveRun, Result};

pub(crate) use details::{Details, Listed};
pub(crate) use files::{from, length};
use folder::CONFIG;
pub(crate) use folder::{LOG, RunFolder, Sizes, State, finite};

/// Runs that are known at a time.
const MOST_RUNS: usize = 1000;
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// All runs that are known.
#[derive(Debug)]
pub(crate) struct Runs {
    folders: Vec<PathBuf>,
    live: Option<LiveRun>,
    /// The number of a run is its place.
    known: Mutex<Vec<Arc<RunFolder>>>,
}

impl Runs {
    pub(crate) fn new(folders: Vec<PathBuf>, live: Option<LiveRun>) -> Self {
        Self { folders, live, known: Mutex::default() }
    }

    /// Looks for runs that are new.
    pub(crate) fn refresh(&self) {
        for path in self.found() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() < MOST_RUNS && !known.iter().any(|run| run.path() == path) {
                let number = known.len() as u64;
                known.push(Arc::new(RunFolder::new(number, path)));
            }
        }
    }

    /// The same, and makes networks of the snapshots of all runs.
    pub(crate) fn refresh_snapshots(&self, models: &Models) {
        self.refresh();
        for run in self.all() {
            for (kimg, path) in run.snapshots() {
                models.snapshot(run.number(), run.name(), &path, kimg);
            }
        }
    }

    /// The folders of runs that were named, those inside of others, and that of the training of this process.
    fn found(&self) -> Vec<PathBuf> {
        let live = self.live.as_ref().and_then(LiveRun::folder);
        let mut all = Vec::new();
        for folder in self.folders.iter().chain(&live) {
            if is_run(folder) {
                all.push(folder.clone());
                continue;
            }
            let Ok(entries) = fs::read_dir(folder) else { continue };
            let paths = entries.take(MOST_ENTRIES).filter_map(|entry| Some(entry.ok()?.path()));
            let mut inside: Vec<PathBuf> = paths.filter(|path| is_run(path)).collect();
            inside.sort();
            all.extend(inside);
        }
        all.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect()
    }

    pub(crate) fn all(&self) -> Vec<Arc<RunFolder>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn get(&self, id: u64) -> Result<Arc<RunFolder>> {
        let found = usize::try_from(id).ok().and_then(|at| self.all().get(at).cloned());
        found.ok_or(Error::NoSuch { what: "run", id })
    }

    /// The training of this process, if this is its run and it goes on.
    pub(crate) fn live(&self, run: &RunFolder) -> Option<&LiveRun> {
        let live = self.live.as_ref().filter(|live| !live.is_over())?;
        let folder = live.folder()?;
        (folder.canonicalize().unwrap_or(folder) == run.path()).then_some(live)
    }

    /// The run of this process.
    pub(crate) fn served(&self) -> Option<u64> {
        self.all().iter().find(|run| self.live(run).is_some()).map(|run| run.number())
    }

    pub(crate) fn state(&self, run: &RunFolder) -> State {
        match self.live(run) {
            Some(live) if live.is_paused() => State::Paused,
            Some(_) => State::Training,
            None => run.state(),
        }
    }

    /// What folders are called, without the way to them.
    pub(crate) fn roots(&self) -> Vec<String> {
        let name =
            |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        self.folders.iter().map(name).collect()
    }
}

fn is_run(path: &Path) -> bool {
    path.join(CONFIG).is_file()
}
