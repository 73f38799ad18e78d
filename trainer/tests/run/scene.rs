//! A folder with packed pictures, in which tiny networks are trained.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use stylegan_dataset::{Channels, PackOptions, Pyramid, pack};
use stylegan_media::{DynamicImage, RgbImage, save_png};
use stylegan_ops::Resolution;
use stylegan_trainer::{Event, Job, Outcome, RunError, Signals, TrainConfig, run};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) runtime: Runtime,
    device: Device,
}

impl Scene {
    /// Eleven pictures of 8x8, and the CPU.
    pub(crate) fn new() -> Self {
        Self::of_side(8)
    }

    /// The same on any device.
    #[cfg(feature = "cuda")]
    pub(crate) fn on(device: Device) -> Self {
        Self::with(device, 8.into(), Channels::Rgb)
    }

    /// Eleven pictures of this side.
    pub(crate) fn of_side(side: usize) -> Self {
        Self::of(side.into(), Channels::Rgb)
    }

    /// Eleven pictures of this size, packed with these channels; some of each is transparent.
    pub(crate) fn of(resolution: Resolution, channels: Channels) -> Self {
        Self::with(Device::Cpu, resolution, channels)
    }

    fn with(device: Device, resolution: Resolution, channels: Channels) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir(&photos).unwrap();
        for number in 0..11u32 {
            let shade = |value: u32| (value % 256) as u8;
            let (width, height) = (resolution.width as u32, resolution.height as u32);
            let picture = RgbImage::from_fn(width, height, |x, y| {
                [shade(number * 23 + x * 9), shade(number * 71 + y * 20), shade(x * y * number)].into()
            });
            let mut picture = DynamicImage::from(picture);
            if channels == Channels::Rgba {
                let mut rgba = picture.into_rgba8();
                rgba.enumerate_pixels_mut().for_each(|(x, y, pixel)| pixel.0[3] = shade(x * 40 + y * 25));
                picture = rgba.into();
            }
            save_png(&photos.join(format!("{number}.png")), &picture, false).unwrap();
        }
        let options = PackOptions { resolution: Some(resolution), channels, ..PackOptions::default() };
        pack(&photos, &folder.path().join("packed"), &options, &mut |_| {}).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        Self { folder, runtime, device }
    }

    pub(crate) fn packed(&self) -> PathBuf {
        self.folder.path().join("packed")
    }

    /// A job in the folder of runs `runs`.
    pub(crate) fn job(&self, runs: &str, config: &TrainConfig) -> Job {
        let pyramid = Arc::new(Pyramid::open(self.packed()).unwrap());
        let runs = self.folder.path().join(runs);
        Job::new(config.clone(), pyramid, runs, self.device.clone(), self.runtime.handle().clone())
    }

    /// Runs to the end; returns the outcome and every warning.
    pub(crate) fn train(&self, runs: &str, config: &TrainConfig) -> (Outcome, Vec<String>) {
        let (result, warnings) = listen(self.job(runs, config), &Signals::default(), |_| {});
        let outcome = result.unwrap();
        assert!(outcome.finished);
        (outcome, warnings)
    }

    /// Runs until this many iterations are done in all, then stops as a signal would.
    pub(crate) fn train_until(&self, runs: &str, config: &TrainConfig, step: u64) -> Outcome {
        let signals = Signals::default();
        let (result, _) = listen(self.job(runs, config), &signals, |event| {
            if matches!(event, Event::Step(progress) if progress.step >= step) {
                signals.stop();
            }
        });
        result.unwrap()
    }
}

/// Runs a job; returns how it ended and every warning.
pub(crate) fn listen(
    job: Job,
    signals: &Signals,
    mut on_event: impl FnMut(&Event),
) -> (Result<Outcome, RunError>, Vec<String>) {
    let mut warnings = Vec::new();
    let listener = |event: &Event| {
        if let Event::Warning { .. } | Event::RolledBack { .. } = event {
            warnings.push(event.sentence().unwrap());
        }
        on_event(event);
    };
    let result = run(job, signals, vec![Box::new(listener)]);
    (result, warnings)
}

/// Networks that train from 4x4 through a fade to 8x8 in 36 iterations of 4 pictures, with a tick and a snapshot every
/// 5 of them.
pub(crate) fn tiny(assignments: &[&str]) -> TrainConfig {
    let base = [
        "run.name=tiny",
        "run.tick_kimg=0.02",
        "run.snapshot_ticks=1",
        "run.keep_last=100",
        "run.keep_all_snapshots=true",
        "run.grid=[2,1]",
        "generator.resolution=8",
        "generator.z_dim=6",
        "generator.w_dim=5",
        "generator.mapping_layers=2",
        "generator.mapping_fmaps=7",
        "generator.fmap_base=16",
        "generator.fmap_max=6",
        "schedule.initial_resolution=4",
        "schedule.steady_kimg=0.05",
        "schedule.fade_kimg=0.05",
        "schedule.total_kimg=0.142",
        "schedule.batch=4",
        "schedule.minibatch_repeats=3",
        "training.ema_half_life_kimg=0.05",
    ];
    let all: Vec<String> = base.iter().chain(assignments).map(|&text| text.to_owned()).collect();
    TrainConfig::load(None, &all).unwrap()
}

/// Names of the files of a run with this prefix, sorted.
pub(crate) fn files(run_dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(run_dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
        .collect();
    found.sort();
    found
}

/// Asserts that every snapshot, every state of `expected` and every grid of fakes is there with the same bytes, and
/// that the ticks have the same numbers.
pub(crate) fn assert_same_run(run_dir: &Path, expected: &Path) {
    for prefix in ["network-snapshot-", "training-state-", "fakes", "reals"] {
        let wanted = files(expected, prefix);
        assert!(!wanted.is_empty());
        for path in wanted {
            let name = path.file_name().unwrap();
            let found = fs::read(run_dir.join(name)).unwrap_or_else(|e| panic!("{}: {e}", name.display()));
            assert!(found == fs::read(&path).unwrap(), "{} in {}", name.display(), run_dir.display());
        }
    }
    assert_eq!(ticks(run_dir), ticks(expected));
}

/// Asserts the same of the last pair alone.
pub(crate) fn assert_same_end(run_dir: &Path, expected: &Path) {
    for prefix in ["network-snapshot-", "training-state-"] {
        let (found, wanted) = (files(run_dir, prefix).pop().unwrap(), files(expected, prefix).pop().unwrap());
        assert_eq!(found.file_name(), wanted.file_name());
        assert!(fs::read(&found).unwrap() == fs::read(wanted).unwrap(), "{}", found.display());
    }
    assert_eq!(ticks(run_dir), ticks(expected));
}

/// The numbers of all ticks that do not depend on the clock or the memory.
pub(crate) fn ticks(run_dir: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run_dir.join("stats.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let mut tick: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = tick.as_object_mut().unwrap();
            fields.retain(|key, _| !key.contains("sec") && !key.contains("memory") && !key.contains("bytes"));
            tick
        })
        .collect()
}
