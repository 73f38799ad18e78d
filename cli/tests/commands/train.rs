//! `stylegan train`: what a run does and leaves behind.

use std::path::PathBuf;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use candle_core::DType;
use serde_json::Value;
use stylegan_checkpoint::{Checkpoint, Network};
use stylegan_trainer::{LossKind, TrainConfig};

use crate::scene::{Ran, Scene};

/// A training of twelve steps, from 4x4 through two fades to 16x16, in ticks of four steps.
pub(crate) const TINY: &str = "--set run.name=tiny --set run.grid=[3,2] --set run.tick_kimg=0.016 \
     --set generator.resolution=16 --set generator.z_dim=8 --set generator.w_dim=8 \
     --set generator.mapping_layers=2 --set generator.mapping_fmaps=8 \
     --set generator.fmap_base=64 --set generator.fmap_max=8 \
     --set schedule.initial_resolution=4 --set schedule.steady_kimg=0.008 --set schedule.fade_kimg=0.008 \
     --set schedule.total_kimg=0.048 --set schedule.batch=4 --set schedule.minibatch_repeats=1";

/// A folder with `photos`, 12 pictures of 20x18.
pub(crate) fn scene() -> Scene {
    let scene = Scene::empty();
    scene.photos("photos", 12, (20, 18));
    scene
}

/// Trains on `photos`, which must succeed; returns what was said.
pub(crate) fn train(scene: &Scene, options: &str) -> String {
    scene.draws(&format!("train --data photos {TINY} {options}"))
}

/// The one snapshot of the run in `out`.
pub(crate) fn snapshot(scene: &Scene, out: &str) -> PathBuf {
    let run = format!("{out}/00000-tiny");
    let mut snapshots = scene.names(&run);
    snapshots.retain(|name| name.starts_with("network-snapshot-"));
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    scene.path(&run).join(&snapshots[0])
}

/// The lines of `stats.jsonl` of the run in `out`.
fn statistics(scene: &Scene, out: &str) -> Vec<Value> {
    let text = String::from_utf8(scene.bytes(&format!("{out}/00000-tiny/stats.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whether the name is `stem`, six digits that tell the kimg, perhaps something that tells more, and the extension.
fn is_numbered(name: &str, stem: &str, extension: &str) -> bool {
    let number = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
    number.is_some_and(|number| number.len() >= 6 && number[..6].bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn a_run_leaves_a_folder_with_everything_in_it() {
    let scene = scene();
    let said = train(&scene, "");
    assert!(said.starts_with("packed 12 pictures of 16x16 in `runs/.cache/photos-16-"), "{said}");
    assert!(said.contains("\nModel     StyleGAN, 16x16, G "), "{said}");
    assert!(said.contains("`runs/00000-tiny`\n"), "{said}");
    assert_eq!(scene.names("runs"), [".cache", "00000-tiny"]);

    let names = scene.names("runs/00000-tiny");
    for name in ["config.toml", "log.txt", "reals.png", "stats.jsonl"] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
    // One before the first step and one a tick.
    let fakes: Vec<_> = names.iter().filter(|name| is_numbered(name, "fakes", ".png")).collect();
    assert_eq!(fakes.len(), 4, "{names:?}");
    for name in fakes.into_iter().chain([&"reals.png".to_owned()]) {
        assert_eq!(scene.picture(&format!("runs/00000-tiny/{name}")).dimensions(), (48, 32), "{name}");
    }
    let is_snapshot = |name: &&String| is_numbered(name, "network-snapshot-", ".safetensors");
    assert_eq!(names.iter().filter(is_snapshot).count(), 1, "{names:?}");

    let ticks = statistics(&scene, "runs");
    assert_eq!(ticks.len(), 3);
    for tick in &ticks {
        for key in [
            "kimg",
            "lod",
            "resolution",
            "batch",
            "g_loss",
            "d_loss",
            "real_score",
            "fake_score",
            "gradient_norm",
            "w_avg_norm",
            "images_per_sec",
            "sec_per_kimg",
            "peak_memory_bytes",
        ] {
            assert!(tick[key].as_f64().is_some_and(f64::is_finite), "{key}: {tick}");
        }
        assert!(
            tick["gradient_norm"].as_f64() > Some(0.0) && tick["w_avg_norm"].as_f64() > Some(0.0),
            "{tick}"
        );
    }
    let of_ticks = |key: &str| ticks.iter().map(|tick| tick[key].as_f64().unwrap()).collect::<Vec<_>>();
    assert_eq!(of_ticks("kimg"), [0.016, 0.032, 0.048]);
    assert_eq!(of_ticks("lod"), [1.0, 0.0, 0.0]);
    assert_eq!(of_ticks("resolution"), [8.0, 16.0, 16.0]);
    let log = String::from_utf8(scene.bytes("runs/00000-tiny/log.txt")).unwrap();
    assert_eq!(log.lines().filter(|line| line.starts_with("tick ")).count(), 3, "{log}");

    // What it leaves can be used: the snapshot draws, the configuration trains again.
    let said = scene.draws("sample --checkpoint runs/00000-tiny --seeds 0-3 --out faces.png");
    assert_eq!(said, "wrote 4 pictures of 16x16 to `faces.png`\n");
    scene.draws("train --data photos --config runs/00000-tiny/config.toml --kimg 0.004");
    assert_eq!(scene.names("runs"), [".cache", "00000-tiny", "00001-tiny"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let scene = scene();
    for (out, options) in [("a", "--seed 5"), ("b", "--set run.seed=5"), ("c", "--seed 6")] {
        train(&scene, &format!("--out {out} {options}"));
    }
    let mut command: Command = cargo_bin_cmd!("stylegan");
    command.env("RAYON_NUM_THREADS", "1");
    command.args(shlex::split(&format!("train --data photos {TINY} --out d --seed 5")).unwrap());
    assert_eq!(scene.run_command(command).code, 0);
    let bytes = |out| std::fs::read(snapshot(&scene, out)).unwrap();
    assert!(bytes("a") == bytes("b"), "the same seed gave other bytes");
    assert!(bytes("a") == bytes("d"), "another number of threads gave other bytes");
    assert!(bytes("a") != bytes("c"), "another seed gave the same bytes");
    let pictures = |out: &str| {
        let run = format!("{out}/00000-tiny");
        let mut names = scene.names(&run);
        names.retain(|name| name.starts_with("fakes") || name.starts_with("reals"));
        names.iter().map(|name| scene.bytes(&format!("{run}/{name}"))).collect::<Vec<_>>()
    };
    assert!(pictures("a") == pictures("b"), "the same seed gave other grids");
}

#[test]
fn every_loss_trains() {
    let scene = scene();
    let mut seen = Vec::new();
    for kind in ["wgan_gp", "logistic_r1", "wgan_clip"] {
        train(&scene, &format!("--set loss.kind={kind} --out {kind}"));
        for tick in statistics(&scene, kind) {
            for key in ["g_loss", "d_loss", "real_score", "fake_score"] {
                assert!(tick[key].as_f64().is_some_and(f64::is_finite), "{kind}: {tick}");
            }
            assert!(tick["gradient_norm"].as_f64() > Some(0.0), "{kind}: {tick}");
        }
        let checkpoint = Checkpoint::open(snapshot(&scene, kind)).unwrap();
        let largest = checkpoint.tensors(Network::D).unwrap().values().fold(0f32, |largest, weight| {
            largest.max(weight.abs().unwrap().max_all().unwrap().to_scalar().unwrap())
        });
        assert_eq!(largest <= 0.01, kind == "wgan_clip", "{kind}: {largest}");
        let hash = checkpoint.hash();
        assert!(!seen.contains(&hash), "{kind}");
        seen.push(hash);
    }
}

#[test]
fn every_row_of_table_1_trains() {
    let scene = scene();
    for row in ["a", "b", "c", "d", "e", "f"] {
        train(&scene, &format!("--config ablation/{row} {TINY} --kimg 0.032 --out {row}"));
        let checkpoint = Checkpoint::open(snapshot(&scene, row)).unwrap();
        let generator = &checkpoint.meta().generator;
        assert_eq!(generator.styles, row >= "c", "{row}");
        assert_eq!(generator.const_input, row >= "d", "{row}");
        assert_eq!(generator.noise, row >= "e", "{row}");
        assert_eq!(generator.blur, row >= "b", "{row}");
        let ticks = statistics(&scene, row);
        assert!(ticks.iter().all(|tick| tick["d_loss"].as_f64().is_some_and(f64::is_finite)), "{row}");
        scene.draws(&format!("sample --checkpoint {row}/00000-tiny --seeds 1 --out {row}.png"));
    }
}

#[test]
fn every_documented_key_reaches_the_run() {
    let scene = scene();
    train(
        &scene,
        "--set generator.resolution=8 --set generator.fmap_base=48 --set generator.fmap_max=7 \
         --set generator.z_dim=5 --set generator.w_dim=6 --set generator.mapping_layers=3 \
         --set schedule.initial_resolution=8 --set schedule.steady_kimg=0.1 --set schedule.fade_kimg=0.2 \
         --set schedule.total_kimg=0.02 --set loss.kind=logistic_r1 --set run.tick_kimg=0.004 \
         --set run.snapshot_ticks=2",
    );
    let config = TrainConfig::load(scene.path("runs/00000-tiny/config.toml").to_str(), &[]).unwrap();
    let (generator, schedule) = (&config.generator, &config.schedule);
    assert_eq!(
        (generator.resolution, generator.widths.fmap_base, generator.widths.fmap_max),
        (8.into(), 48, 7)
    );
    assert_eq!((generator.z_dim, generator.w_dim, generator.mapping_layers), (5, 6, 3));
    assert_eq!((schedule.initial_resolution, schedule.steady_kimg, schedule.fade_kimg), (8, 0.1, 0.2));
    assert_eq!((schedule.total_kimg, config.loss.kind), (0.02, LossKind::LogisticR1));
    assert_eq!((config.run.tick_kimg.get(8), config.run.snapshot_ticks), (Some(0.004), 2));
    // And they are not only written down.
    assert_eq!(statistics(&scene, "runs").len(), 5);
    let mut names = scene.names("runs/00000-tiny");
    names.retain(|name| name.starts_with("network-snapshot-"));
    assert_eq!(names.len(), 3, "{names:?}");
    let checkpoint = Checkpoint::open(scene.path("runs/00000-tiny").join(&names[0])).unwrap();
    assert_eq!(&checkpoint.meta().generator, generator);
    assert_eq!(checkpoint.dtypes(Network::G), [DType::F32]);
}

#[test]
fn a_plan_beyond_the_memory_is_warned_of() {
    let scene = scene();
    let Ran { code, stdout, stderr } =
        scene.run("train --data photos --config ffhq-1024 --set 'schedule.batch={8=65536,1024=1}' --dry-run");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("\nModel     StyleGAN, 1024x1024, "), "{stdout}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(
        lines[0].starts_with("warning: this machine has ") && lines[0].contains(" free, by estimate"),
        "{stderr}"
    );
    assert!(lines.iter().any(|line| line.contains("minibatches of 65536 at 512x512; ")), "{stderr}");
    assert!(lines.last().unwrap().starts_with("hint: "), "{stderr}");
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let scene = scene();
    let ran = scene.run(&format!("train --data photos {TINY} --dry-run"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let plan: Vec<_> = ran.stdout.lines().collect();
    assert!(plan[0].starts_with("Pictures  mirrored at random; ") && plan[1] == "Labels    none", "{plan:?}");
    assert!(
        plan[2].starts_with("Model     StyleGAN, 16x16, G ") && plan[2].ends_with(" parameters"),
        "{plan:?}"
    );
    assert!(plan[3].starts_with("Memory    about "), "{plan:?}");
    assert!(plan[4].starts_with("Time      about "), "{plan:?}");
    // One at the end, and the one before it.
    assert!(plan[5].starts_with("Disk      about ") && plan[5].contains(": 2 snapshots of "), "{plan:?}");
    let levels = plan[8..11].iter().map(|line| {
        let (level, time) = line.rsplit_once(' ').unwrap();
        assert!(time.ends_with('s'), "{line}");
        level.split_whitespace().collect::<Vec<_>>()
    });
    let levels: Vec<_> = levels.collect();
    assert_eq!(levels[0], ["4", "-", "0", "kimg", "0.008", "kimg", "4", "0.0015", "0.0015"]);
    assert_eq!(levels[1], ["8", "0.008", "kimg", "0.016", "kimg", "0.024", "kimg", "4", "0.0015", "0.0015"]);
    assert_eq!(levels[2], ["16", "0.024", "kimg", "0.032", "kimg", "0.048", "kimg", "4", "0.0015", "0.0015"]);
    assert!(ran.stdout.contains("`runs/NNNNN-tiny`"), "{}", ran.stdout);
    assert_eq!(scene.names(""), ["photos"]);

    for preset in ["faces-64", "ffhq-128", "ablation/a"] {
        let Ran { code, stdout, stderr } =
            scene.run(&format!("train --data photos --config {preset} --dry-run"));
        assert_eq!(code, 0, "{preset}: {stderr}");
        // A small machine may have too little memory for it.
        assert!(stderr.is_empty() || stderr.starts_with("warning: this machine has "), "{preset}: {stderr}");
        assert!(stdout.contains("\nModel     StyleGAN, "), "{preset}: {stdout}");
    }
    assert_eq!(scene.names(""), ["photos"]);
}
