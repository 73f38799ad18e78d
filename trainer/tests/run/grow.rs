//! Networks that go on at a larger side.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use stylegan_base::Hint;
use stylegan_checkpoint::{Checkpoint, Network, State, pairs};
use stylegan_generator::{Noise, SeedStyle, Truncation};
use stylegan_trainer::{Event, Job, Resume, RunError, Signals, TrainConfig};

use crate::scene::{Scene, assert_same_run, listen, ticks, tiny};

/// The tiny network for pictures of twice the side; it is faded in from 0.15 to 0.2 kimg.
fn larger(assignments: &[&str]) -> TrainConfig {
    tiny(&[&["generator.resolution=16", "schedule.total_kimg=0.25"], assignments].concat())
}

fn job_from(scene: &Scene, runs: &str, config: &TrainConfig, from: &Path) -> Job {
    Job { resume: Resume::From(from.to_owned()), ..scene.job(runs, config) }
}

/// Every file of a folder but the lock, with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| !path.ends_with("run.lock"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Pictures of the averaged generator and the critic's scores of them, at a level of detail.
fn pictures_and_scores(snapshot: &Path, lod: f64) -> (Vec<f32>, Vec<f32>) {
    let checkpoint = Checkpoint::open(snapshot).unwrap();
    let generator = checkpoint.generator(&Device::Cpu).unwrap();
    let z = generator.latents(&[0, 5, 9], SeedStyle::Native).unwrap();
    let truncation = Truncation { psi: 0.7, cutoff: 3 };
    let pictures = generator.draw(&z, None, lod, truncation, &Noise::Const).unwrap();
    let critic = checkpoint.critic(&Device::Cpu).unwrap();
    (values(&pictures), values(&critic.forward(&pictures, lod, None).unwrap()))
}

/// Asserts that all of the smaller networks and their optimizers is in the larger ones, and that the rest has no past.
fn assert_kept(before: &Path, after: &Path) {
    for network in Network::ALL {
        let tensors = |path: &Path| Checkpoint::open(path).unwrap().tensors(network).unwrap();
        let [before, after] = [before, after].map(|run_dir| tensors(&pairs(run_dir).unwrap()[0].snapshot));
        assert!(after.len() > before.len());
        for (name, tensor) in before {
            assert_eq!(values(&after[&name]), values(&tensor), "{network}: {name}");
        }
    }
    let states = [before, after].map(|run_dir| State::open(&pairs(run_dir).unwrap()[0].state).unwrap());
    let [before, after] = states.map(|state| state.tensors);
    let is_moment = |name: &str| name.contains("_moment");
    assert!(before.values().any(|tensor| values(tensor).iter().any(|value| *value != 0.0)));
    for (name, tensor) in after.iter().filter(|(name, _)| is_moment(name)) {
        match before.get(name) {
            Some(before) => assert_eq!(values(tensor), values(before), "{name}"),
            None => assert!(values(tensor).iter().all(|value| *value == 0.0), "{name}"),
        }
    }
    assert!(before.keys().all(|name| !is_moment(name) || after.contains_key(name)));
}

#[test]
fn a_grown_network_draws_the_same_and_trains_on_to_the_bit() {
    let scene = Scene::of_side(16);
    // One that the schedule left long ago, and one that is still at 4x4.
    for (runs, steps, kimg) in [("late", 50, 0.15), ("early", 8, 0.032)] {
        let small = scene.train_until(runs, &tiny(&["schedule.total_kimg=0.3", "adam.beta1=0.1"]), steps);
        let untouched = contents(&small.run_dir);
        let config = larger(&["adam.beta1=0.1"]);
        // Up to the first iteration.
        let signals = Signals::default();
        signals.stop();
        let (mut started, mut said) = (None, Vec::new());
        let job = job_from(&scene, runs, &config, &small.run_dir);
        let (grown, warnings) = listen(job, &signals, |event| match event {
            Event::Started { kimg, .. } => started = Some(*kimg),
            Event::Note { message } => said.push(message.clone()),
            _ => {}
        });
        let grown = grown.unwrap();
        assert!(grown.run_dir.ends_with("00001-tiny"), "{grown:?}");
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(started, Some(kimg));
        assert!(said[0].contains("grows from 8x8 to 16x16, 20 tensors start afresh"), "{said:?}");
        assert_eq!(said[0].contains("from 0.2 kimg back to 0.15"), runs == "late", "{said:?}");
        assert_kept(&small.run_dir, &grown.run_dir);
        let lods: &[f64] = if runs == "late" { &[0.0, 0.6, 1.0] } else { &[1.0] };
        for lod in lods {
            let (before, after) =
                (pictures_and_scores(&small.snapshot, *lod), pictures_and_scores(&grown.snapshot, lod + 1.0));
            assert!(!before.0.is_empty() && before == after, "{runs} at {lod}");
        }

        // The same without a stop, and with a stop after every few iterations, in the folder that was made.
        let whole_runs = format!("{runs}-whole");
        let job = job_from(&scene, &whole_runs, &config, &small.run_dir);
        let whole = listen(job, &Signals::default(), |_| {}).0.unwrap();
        assert!(whole.finished);
        let mut stops = if runs == "late" { 50 } else { 8 };
        let mut stopped = grown;
        while !stopped.finished {
            stops += 7;
            let signals = Signals::default();
            // The same job goes on, as does one that says nothing of where it was begun.
            let mut job = job_from(&scene, runs, &config, &small.run_dir);
            if stops % 2 == 0 {
                job.resume = Resume::Auto;
            }
            let (outcome, _) = listen(job, &signals, |event| {
                if matches!(event, Event::Step(progress) if progress.step >= stops) {
                    signals.stop();
                }
            });
            stopped = outcome.unwrap();
        }
        assert_eq!(fs::read_dir(scene.folder.path().join(runs)).unwrap().count(), 2);
        assert_same_run(&stopped.run_dir, &whole.run_dir);

        let lods: Vec<f64> = ticks(&whole.run_dir).iter().map(|tick| tick["lod"].as_f64().unwrap()).collect();
        assert!(lods.iter().any(|lod| (0.0..1.0).contains(lod) && *lod > 0.0), "{lods:?}");
        assert_eq!(lods.last(), Some(&0.0));
        let weight = |run_dir: &Path| {
            let snapshots = pairs(run_dir).unwrap();
            let of = |path: &Path| {
                let tensors = Checkpoint::open(path).unwrap().tensors(Network::G).unwrap();
                values(&tensors["synthesis.to_rgb_16.weight"])
            };
            (of(&snapshots[0].snapshot), of(&snapshots[snapshots.len() - 1].snapshot))
        };
        let (last, first) = weight(&whole.run_dir);
        assert_ne!(last, first, "the new side is not trained");
        assert!(contents(&small.run_dir) == untouched);
    }
}

#[test]
fn a_snapshot_without_a_state_grows_as_well() {
    let scene = Scene::of_side(16);
    let (small, _) = scene.train("small", &tiny(&[]));
    let alone = scene.folder.path().join("alone.safetensors");
    fs::copy(&small.snapshot, &alone).unwrap();
    let job = job_from(&scene, "grown", &larger(&[]), &alone);
    let (outcome, warnings) = listen(job, &Signals::default(), |_| {});
    assert!(outcome.unwrap().finished);
    assert!(warnings.len() == 1 && warnings[0].contains("has no training state"), "{warnings:?}");
}

#[test]
fn another_shape_is_refused_before_anything_is_written() {
    let scene = Scene::of_side(16);
    let small = scene.train_until("runs", &tiny(&[]), 8);
    let before = contents(&small.run_dir);
    let refused = |config: &TrainConfig, resume: Resume| {
        let job = Job { resume, allow_changes: true, ..scene.job("runs", config) };
        let error = listen(job, &Signals::default(), |_| {}).0.unwrap_err();
        assert!(contents(&small.run_dir) == before);
        assert_eq!(fs::read_dir(scene.folder.path().join("runs")).unwrap().count(), 1);
        error
    };
    for (assignment, named) in [
        ("generator.z_dim=7", "`g.mapping.dense0.weight` is [7, 7], but was [7, 6]"),
        ("generator.w_dim=4", "`g.mapping.dense1.weight` is [4, 7], but was [5, 7]"),
        ("generator.fmap_max=5", "`d.block_4.conv.weight` is [5, 6, 3, 3], but was [6, 7, 3, 3]"),
        ("generator.noise=false", "`g.synthesis.layer0.noise_strength` is not there, but was"),
        ("discriminator.mbstd_group_size=1", "`d.block_4.conv.weight` is [6, 6, 3, 3], but was [6, 7, 3, 3]"),
        ("generator.mapping_layers=3", "`g.mapping.dense2.weight` is [5, 7], but was not there"),
    ] {
        for resume in
            [Resume::Auto, Resume::From(small.run_dir.clone()), Resume::From(small.snapshot.clone())]
        {
            let error = refused(&tiny(&[assignment]), resume);
            let words = error.to_string();
            assert!(matches!(error, RunError::Shape { grows_to: None, .. }), "{words}");
            assert!(words.contains(named), "{words}");
            let (key, _) = assignment.split_once('=').unwrap();
            assert!(words.contains(&format!("\n  `{key}` is ")), "{words}");
        }
    }
    // Larger ones grow only where that is asked for.
    let error = refused(&larger(&[]), Resume::Auto);
    assert!(matches!(error, RunError::Shape { grows_to: Some(to), .. } if to == 16.into()), "{error:?}");
    assert!(error.hint().unwrap().contains("can grow to 16x16"));
    // Nor do they where the schedule leaves no time for it.
    for (assignment, hint) in [
        ("schedule.total_kimg=0.15", "more than 0.2 "),
        ("schedule.initial_resolution=16", "leave `schedule.initial_resolution`"),
    ] {
        let error = refused(&larger(&[assignment]), Resume::From(small.run_dir.clone()));
        assert!(matches!(error, RunError::NeverGrows { level, .. } if level == 16.into()), "{error:?}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
    // Other differences are still none that go without a word.
    let job = job_from(&scene, "runs", &larger(&["loss.kind=wgan_clip"]), &small.run_dir);
    let error = listen(job, &Signals::default(), |_| {}).0.unwrap_err();
    assert!(matches!(&error, RunError::Changed { changes, .. } if changes.len() == 1), "{error:?}");
}
