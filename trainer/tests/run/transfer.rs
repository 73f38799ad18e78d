//! A decoder is trained by the same run: folder, ticks, grids, stop and resume to the last bit.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{DType, Device, Tensor};
use stylegan_checkpoint::DecoderFile;
use stylegan_dataset::{PackOptions, Pyramid, pack};
use stylegan_features::Weights;
use stylegan_media::{DynamicImage, RgbImage, save_png};
use stylegan_ops::{Key, RandomTensors};
use stylegan_trainer::{
    Event, Outcome, Position, Resume, RunError, Signals, TransferConfig, TransferJob, TransferTrainer,
    run_transfer,
};
use stylegan_transfer::{DecoderInFile, ENCODER_WIDTHS, Encoder, EncoderConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// VGG19's layers with numbers of no meaning, that keep the size of what passes.
fn encoder() -> Arc<Encoder> {
    let mut tensors = HashMap::new();
    let mut from = 3;
    for (block, (width, count)) in ENCODER_WIDTHS.into_iter().zip([2, 2, 4, 1]).enumerate() {
        for number in 1..=count {
            let name = format!("conv{}_{number}", block + 1);
            let weight = Key::new(&name, &[1]).normal((width, from, 3, 3), DType::F32, &Device::Cpu).unwrap();
            let scale = (2.0 / (9 * from) as f64).sqrt();
            tensors.insert(format!("{name}.weight"), (weight * scale).unwrap());
            tensors.insert(format!("{name}.bias"), Tensor::zeros(width, DType::F32, &Device::Cpu).unwrap());
            from = width;
        }
    }
    for (name, value) in [("colors.mean", 127.5_f32), ("colors.deviation", 64.0)] {
        tensors.insert(name.to_owned(), Tensor::full(value, 3, &Device::Cpu).unwrap());
    }
    Arc::new(Encoder::new(&Weights::new(tensors, "made-up"), EncoderConfig::default()).unwrap())
}

struct Scene {
    folder: TempDir,
    runtime: Runtime,
    encoder: Arc<Encoder>,
}

impl Scene {
    /// Seven contents and five styles of 32x32.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let scene = Self { folder, runtime, encoder: encoder() };
        scene.pack("contents", 7, 3);
        scene.pack("styles", 5, 50);
        scene
    }

    fn pack(&self, name: &str, count: u32, by: u32) {
        let photos = self.folder.path().join(format!("photos of {name}"));
        fs::create_dir(&photos).unwrap();
        for number in 0..count {
            let shade = |value: u32| (value % 256) as u8;
            let picture = RgbImage::from_fn(32, 32, |x, y| {
                [shade(number * 23 + x * by), shade(number * 71 + y * 5), shade(x * y * number)].into()
            });
            save_png(&photos.join(format!("{number}.png")), &DynamicImage::from(picture), false).unwrap();
        }
        let options = PackOptions { resolution: Some(32.into()), ..PackOptions::default() };
        pack(&photos, &self.folder.path().join(name), &options, &mut |_| {}).unwrap();
    }

    fn job(&self, runs: &str, config: &TransferConfig) -> TransferJob {
        let open = |name: &str| Arc::new(Pyramid::open(self.folder.path().join(name)).unwrap());
        TransferJob {
            config: config.clone(),
            encoder: self.encoder.clone(),
            contents: open("contents"),
            styles: open("styles"),
            runs: self.folder.path().join(runs),
            runtime: self.runtime.handle().clone(),
            resume: Resume::Auto,
            allow_changes: false,
            before_step: None,
        }
    }

    /// Trains until so many iterations are done in all, or to the end.
    #[expect(clippy::result_large_err, reason = "a test has few of them")]
    fn train(&self, runs: &str, config: &TransferConfig, until: u64) -> Result<Outcome, RunError> {
        let signals = Signals::default();
        let listener = |event: &Event| {
            if matches!(event, Event::Step(progress) if progress.step >= until) {
                signals.stop();
            }
        };
        run_transfer(self.job(runs, config), &signals, vec![Box::new(listener)])
    }
}

/// Eight iterations of two crops of 16x16, a tick every three of them, a snapshot with each.
fn tiny(assignments: &[&str]) -> TransferConfig {
    let base = [
        "run.name=tiny",
        "run.tick_kimg=0.006",
        "run.snapshot_ticks=1",
        "run.snapshot_minutes=0",
        "run.keep_all_snapshots=true",
        "run.grid=[2, 3]",
        "decoder.widths=[4, 6, 8]",
        "schedule.total_kimg=0.016",
        "schedule.batch=2",
        "schedule.lrate=0.01",
        "data.side=32",
        "data.crop=16",
    ];
    let assignments: Vec<String> = base.iter().chain(assignments).map(|text| (*text).to_owned()).collect();
    TransferConfig::load(Some("transfer"), &assignments).unwrap()
}

/// Snapshots, states and grids by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "safetensors" || ending == "png"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_stop_changes_nothing() {
    let (scene, config) = (Scene::new(), tiny(&[]));
    let whole = scene.train("whole", &config, u64::MAX).unwrap();
    assert!(whole.finished);
    // In the middle of a tick, and right at its end.
    for stops in [[2, 6], [4, 5]] {
        let runs = format!("stopped at {stops:?}");
        for step in stops {
            assert!(!scene.train(&runs, &config, step).unwrap().finished);
        }
        let stopped = scene.train(&runs, &config, u64::MAX).unwrap();
        let (whole, mut stopped) = (files(&whole.run_dir), files(&stopped.run_dir));
        // Those of the stops are there besides.
        stopped.retain(|(name, _)| whole.iter().any(|(known, _)| known == name));
        let names =
            |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&whole), names(&stopped));
        for ((name, whole), (_, stopped)) in whole.iter().zip(&stopped) {
            assert!(whole == stopped, "{stops:?}: `{name}` differs");
        }
    }
}

#[test]
fn a_run_leaves_grids_statistics_and_decoders_that_draw() {
    let (scene, config) = (Scene::new(), tiny(&[]));
    let outcome = scene.train("runs", &config, u64::MAX).unwrap();
    let names: Vec<String> = files(&outcome.run_dir).into_iter().map(|(name, _)| name).collect();
    for name in ["styled000000.000.png", "styled000000.016.png", "network-snapshot-000000.016.safetensors"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let stats = fs::read_to_string(outcome.run_dir.join("stats.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    for key in ["loss", "content_loss", "style_loss"] {
        assert!(last[key].as_f64().unwrap() > 0.0, "{key}: {last}");
    }
    // What belongs to generators and critics alone is not there.
    assert_eq!(last.get("d_loss"), None);

    let file = DecoderInFile::open(&outcome.snapshot).unwrap();
    assert_eq!((file.nimg, file.config, file.encoder), (Some(16), config.decoder(), config.encoder));
    let features = Tensor::ones((1, 512, 2, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(file.decoder(&Device::Cpu).unwrap().forward(&features).unwrap().dims(), [1, 3, 16, 24]);
}

/// Reconstruction alone: contents are decoded of their own features, and styles are not looked at.
#[test]
fn a_decoder_learns_to_reconstruct_by_pixels_alone() {
    let keys = ["loss.content_weight=0.0", "loss.style_weight=0.0", "loss.pixel_weight=2.0"];
    let tiny_run = ["schedule.total_kimg=0.12", "run.tick_kimg=0.02"];
    let (scene, config) = (Scene::new(), tiny(&[&keys[..], &tiny_run].concat()));
    let mut losses = Vec::new();
    let listener = |event: &Event| {
        if let Event::Tick(tick) = event {
            assert_eq!(tick.reported.keys().collect::<Vec<_>>(), ["loss", "pixel_loss"]);
            let [loss, pixels] = ["loss", "pixel_loss"].map(|name| tick.reported[name]);
            assert!((loss - 2.0 * pixels).abs() < 1e-6 * loss, "{loss} of {pixels}");
            losses.push(loss);
        }
    };
    run_transfer(scene.job("runs", &config), &Signals::default(), vec![Box::new(listener)]).unwrap();
    assert!(losses.last() < losses.first().map(|first| first * 0.8).as_ref(), "{losses:?}");
}

#[test]
fn training_makes_the_loss_smaller() {
    let (scene, config) = (Scene::new(), tiny(&["schedule.total_kimg=0.12", "run.tick_kimg=0.02"]));
    let mut losses = Vec::new();
    let listener = |event: &Event| {
        if let Event::Tick(tick) = event {
            losses.push(tick.reported["loss"]);
        }
    };
    run_transfer(scene.job("runs", &config), &Signals::default(), vec![Box::new(listener)]).unwrap();
    assert!(losses.last() < losses.first().map(|first| first * 0.8).as_ref(), "{losses:?}");
}

#[test]
fn other_pictures_and_other_numbers_are_refused() {
    let (scene, config) = (Scene::new(), tiny(&[]));
    scene.train("runs", &config, 3).unwrap();
    let refused = |config: &TransferConfig| scene.train("runs", config, 9).unwrap_err().to_string();
    let other = refused(&tiny(&["loss.style_weight=3.0"]));
    assert!(other.contains("`loss.style_weight` is 3.0, but was 10.0"), "{other}");
    let wider = refused(&tiny(&["decoder.widths=[4, 6, 9]"]));
    assert!(wider.contains("have another shape") && wider.contains("decoder.widths"), "{wider}");

    fs::remove_dir_all(scene.folder.path().join("styles")).unwrap();
    fs::remove_dir_all(scene.folder.path().join("photos of styles")).unwrap();
    scene.pack("styles", 4, 11);
    let styles = refused(&config);
    assert!(styles.contains("style: ") && !styles.contains("content: "), "{styles}");
}

#[test]
fn a_snapshot_alone_goes_on_in_a_new_folder() {
    let (scene, config) = (Scene::new(), tiny(&[]));
    let first = scene.train("runs", &config, 4).unwrap();
    let snapshot = scene.folder.path().join("decoder.safetensors");
    fs::copy(&first.snapshot, &snapshot).unwrap();
    let begun = Arc::new(AtomicU64::new(u64::MAX));
    let seen = begun.clone();
    let look = move |_: &TransferTrainer, position: Position| {
        seen.fetch_min(position.nimg, Ordering::Relaxed);
    };
    let job = TransferJob {
        resume: Resume::From(snapshot.clone()),
        before_step: Some(Box::new(look)),
        ..scene.job("others", &config)
    };
    let second = run_transfer(job, &Signals::default(), Vec::new()).unwrap();
    assert!(second.finished && second.run_dir.starts_with(scene.folder.path().join("others")));
    let opened = |path: &Path| DecoderFile::open(path).unwrap().file;
    assert_eq!((opened(&snapshot).nimg, opened(&second.snapshot).nimg), (8, 16));
    assert_eq!(begun.load(Ordering::Relaxed), 8);
}
