//! Disks that fill up or fail.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stylegan_base::Hint;
use stylegan_base::files::{Disk, Files, Fill};
use stylegan_checkpoint::pairs;
use stylegan_trainer::{RunError, Signals};

use crate::scene::{Scene, assert_same_end, assert_same_run, listen, tiny};

/// A disk on which a number of bytes can be written before it is full, and which is made room on after some failures.
#[derive(Debug)]
struct Filling {
    room: AtomicU64,
    failures_left: AtomicU64,
}

impl Filling {
    fn new(room: u64, failures: u64) -> Arc<Self> {
        Arc::new(Self { room: AtomicU64::new(room), failures_left: AtomicU64::new(failures) })
    }
}

impl Files for Filling {
    fn write(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        let result = Disk.write(path, &mut |out| fill(&mut Limited { out, room: &self.room }));
        if result.is_err() && self.failures_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.room.store(u64::MAX, Ordering::Relaxed);
        }
        result
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
}

struct Limited<'a> {
    out: &'a mut dyn Write,
    room: &'a AtomicU64,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.load(Ordering::Relaxed);
        let Some(left) = room.checked_sub(bytes.len() as u64) else {
            // As much as there is room for, as a file system does.
            self.out.write_all(&bytes[..room as usize])?;
            return Err(io::ErrorKind::StorageFull.into());
        };
        self.room.store(if room == u64::MAX { room } else { left }, Ordering::Relaxed);
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[test]
fn a_full_disk_costs_snapshots_and_not_the_run() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    // In the middle of the third pair's networks, and twice no room at all.
    let pair_bytes: u64 = pairs(&whole.run_dir).unwrap()[..1]
        .iter()
        .flat_map(|pair| [&pair.snapshot, &pair.state])
        .map(|path| path.metadata().unwrap().len())
        .sum();
    for (number, room) in [pair_bytes * 2 + 9000, pair_bytes * 3 - 3000].into_iter().enumerate() {
        let runs = format!("full-{number}");
        let mut job = scene.job(&runs, &config);
        job.files = Filling::new(room, 2);
        let (result, warnings) = listen(job, &Signals::default(), |_| {});
        let outcome = result.unwrap();
        assert!(outcome.finished);
        let full: Vec<&String> = warnings.iter().filter(|text| text.contains("training goes on")).collect();
        assert_eq!((full.len(), warnings.len()), (2, 2), "{warnings:?}");
        assert!(full[0].starts_with("cannot write `"), "{warnings:?}");
        assert_same_end(&outcome.run_dir, &whole.run_dir);
    }
}

#[test]
fn a_disk_that_stays_full_stops_the_run_and_keeps_the_last_good_pair() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let mut job = scene.job("full", &config);
    job.files = Filling::new(150_000, u64::MAX);
    let (result, warnings) = listen(job, &Signals::default(), |_| {});
    let error = result.unwrap_err();
    assert!(matches!(error, RunError::Snapshots { failures: 3, .. }), "{error:?}");
    assert!(error.hint().unwrap().starts_with("make room"), "{:?}", error.hint());
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let run_dir = scene.folder.path().join("full/00000-tiny");
    assert!(!pairs(&run_dir).unwrap().is_empty());
    // Nothing half-written lies about, and the run goes on when there is room.
    let (resumed, _) = scene.train("full", &config);
    assert_eq!(resumed.run_dir, run_dir);
    assert_same_run(&run_dir, &whole.run_dir);
}

/// A disk that takes nothing, as one that was mounted read-only after an error does.
#[derive(Debug)]
struct ReadOnly;

impl Files for ReadOnly {
    fn write(&self, path: &Path, _: Fill<'_>) -> io::Result<()> {
        if path.ends_with("config.toml") || path.ends_with("pictures.json") {
            return Disk.write(path, &mut |_| Ok(()));
        }
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

#[test]
fn a_disk_that_became_read_only_is_reported_at_the_end_as_well() {
    let scene = Scene::new();
    let config = tiny(&["run.snapshot_ticks=100"]);
    let mut job = scene.job("runs", &config);
    job.files = Arc::new(ReadOnly);
    let (result, _) = listen(job, &Signals::default(), |_| {});
    let error = result.unwrap_err();
    assert!(matches!(error, RunError::LastSnapshot(_)), "{error:?}");
}
