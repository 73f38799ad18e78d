//! A run that is stopped and gone on with is the run that was never stopped.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use stylegan_base::Hint;
use stylegan_base::files::Disk;
use stylegan_checkpoint::{State, pairs};
use stylegan_dataset::{Channels, PackOptions, Pyramid, pack};
use stylegan_trainer::{Event, Outcome, Resume, RunError, Signals, TrainConfig};

use crate::scene::{Scene, assert_same_run, files, listen, ticks, tiny};

#[test]
fn a_stop_after_every_iteration_changes_nothing_for_every_loss() {
    let scene = Scene::new();
    for loss in ["wgan_gp", "logistic_r1", "wgan_clip"] {
        let config = tiny(&[&format!("loss.kind={loss}"), "adam.beta1=0.1"]);
        let (whole, _) = scene.train(&format!("{loss}-whole"), &config);
        let runs = format!("{loss}-stopped");
        let mut stopped = scene.train_until(&runs, &config, 1);
        let mut stops = 1;
        while !stopped.finished {
            stops += 1;
            stopped = scene.train_until(&runs, &config, stops);
        }
        assert_eq!(stops, 36);
        assert_eq!(fs::read_dir(scene.folder.path().join(runs)).unwrap().count(), 1);
        assert_same_run(&stopped.run_dir, &whole.run_dir);
        let lod: Vec<f64> = ticks(&whole.run_dir).iter().map(|tick| tick["lod"].as_f64().unwrap()).collect();
        assert!(
            lod[0] == 1.0 && lod.iter().any(|lod| lod.fract() > 0.0) && lod.last() == Some(&0.0),
            "{lod:?}"
        );
    }
}

#[test]
fn a_stop_changes_nothing_for_pictures_of_any_shape() {
    for (resolution, channels) in [("8x6", Channels::Rgba), ("8x10", Channels::Grey)] {
        let scene = Scene::of(resolution.parse().unwrap(), channels);
        let shape = format!("generator.resolution={resolution}");
        let config = tiny(&[&shape, &format!("generator.num_channels={channels}")]);
        let (whole, _) = scene.train("whole", &config);
        for stops in [3, 14, 25] {
            assert!(!scene.train_until("stopped", &config, stops).finished);
        }
        let (stopped, _) = scene.train("stopped", &config);
        assert_same_run(&stopped.run_dir, &whole.run_dir);
        let resolutions: Vec<Value> =
            ticks(&whole.run_dir).iter().map(|tick| tick["resolution"].clone()).collect();
        assert!(resolutions.contains(&json!(resolution)), "{resolutions:?}");
        // Other pictures are noticed.
        let square = tiny(&[&format!("generator.num_channels={channels}")]);
        let error = listen(scene.job("square", &square), &Signals::default(), |_| {}).0.unwrap_err();
        assert!(matches!(error, RunError::TooSmall { .. }), "{error}");
        let error = listen(scene.job("color", &tiny(&[&shape])), &Signals::default(), |_| {}).0.unwrap_err();
        assert!(matches!(error, RunError::Channels { wanted: 3, .. }), "{error}");
    }
}

#[cfg(feature = "cuda")]
#[test]
#[ignore = "needs a CUDA device"]
fn a_stop_on_a_gpu_changes_nothing_in_any_precision() {
    let scene = Scene::on(stylegan_ops::cuda::open(0).unwrap());
    for precision in ["f32", "tf32", "bf16"] {
        let config = tiny(&[&format!("device.precision={precision}")]);
        let (whole, _) = scene.train(&format!("{precision}-whole"), &config);
        let runs = format!("{precision}-stopped");
        for stops in [3, 17, 30] {
            assert!(!scene.train_until(&runs, &config, stops).finished);
        }
        let (stopped, _) = scene.train(&runs, &config);
        assert_same_run(&stopped.run_dir, &whole.run_dir);
    }
}

#[test]
fn saving_in_between_changes_nothing() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let signals = Signals::default();
    let mut snapshots = Vec::new();
    let (result, warnings) = listen(scene.job("saved", &config), &signals, |event| match event {
        Event::Step(progress) if progress.step == 7 => signals.save(),
        Event::Snapshot { kimg, .. } => snapshots.push(*kimg),
        _ => {}
    });
    let Outcome { run_dir, finished, snapshot } = result.unwrap();
    assert!(finished && warnings.is_empty());
    assert_eq!(snapshots, [0.02, 0.028, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.144]);
    assert!(snapshot.ends_with("network-snapshot-000000.144.safetensors"), "{snapshot:?}");
    assert!(run_dir.join("network-snapshot-000000.028.safetensors").exists());
    assert_same_run(&run_dir, &whole.run_dir);
}

#[test]
fn a_damaged_pair_falls_back_to_the_one_before() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    for (number, prefix) in ["training-state-", "network-snapshot-"].into_iter().enumerate() {
        for (place, cut) in [(100, false), (5000, false), (4096, true), (0, true)] {
            let runs = format!("{number}-{place}-{cut}");
            let stopped = scene.train_until(&runs, &config, 23);
            let newest = files(&stopped.run_dir, prefix).pop().unwrap();
            let mut bytes = fs::read(&newest).unwrap();
            if cut {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 4;
            }
            fs::write(&newest, bytes).unwrap();
            let (resumed, warnings) = scene.train(&runs, &config);
            assert_eq!(resumed.run_dir, stopped.run_dir);
            let name = newest.file_name().unwrap().to_str().unwrap();
            let expected = "; going on from `";
            assert!(
                warnings.len() == 1 && warnings[0].contains(name) && warnings[0].contains(expected),
                "{warnings:?}"
            );
            assert!(warnings[0].ends_with("training-state-000000.080.safetensors`"), "{warnings:?}");
            assert_same_run(&resumed.run_dir, &whole.run_dir);
        }
    }
    // A snapshot that is whole, but another's.
    let stopped = scene.train_until("mixed", &config, 23);
    let found = pairs(&stopped.run_dir).unwrap();
    fs::copy(&found[1].snapshot, &found[0].snapshot).unwrap();
    let (resumed, warnings) = scene.train("mixed", &config);
    assert!(warnings[0].contains("is not the state of the snapshot beside it"), "{warnings:?}");
    assert_same_run(&resumed.run_dir, &whole.run_dir);
    // None is left: nothing is started over in silence.
    let stopped = scene.train_until("hopeless", &config, 23);
    for state in files(&stopped.run_dir, "training-state-") {
        fs::write(state, "?").unwrap();
    }
    let (result, _) = listen(scene.job("hopeless", &config), &Signals::default(), |_| {});
    let error = result.unwrap_err();
    assert!(matches!(&error, RunError::AllDamaged { damages, .. } if damages.len() == 5), "{error:?}");
}

/// Changes what the newest state of a run says, and the sums of its tick so far.
fn change_state(run_dir: &Path, change: impl FnOnce(&mut Value, &mut Vec<f32>)) {
    let path = pairs(run_dir).unwrap().remove(0).state;
    let mut state = State::open(&path).unwrap();
    let mut training: Value = serde_json::from_str(&state.training).unwrap();
    let mut sums = state.tensors["tally"].to_vec1().unwrap();
    change(&mut training, &mut sums);
    state.training = training.to_string();
    state.tensors.insert("tally".to_owned(), Tensor::new(sums, &Device::Cpu).unwrap());
    state.save(&Disk, &path).unwrap();
}

/// Asserts that the ticks have the same numbers but for one in one of them, and that what was trained is the same.
fn assert_same_but(run_dir: &Path, whole: &Outcome, other: impl Fn(usize, &str) -> bool) {
    let (found, expected) = (ticks(run_dir), ticks(&whole.run_dir));
    assert_eq!(found.len(), expected.len());
    for (tick, (found, expected)) in found.iter().zip(&expected).enumerate() {
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(found[key] != *value, other(tick, key), "`{key}` of tick {tick}");
        }
    }
    let last = files(run_dir, "network-snapshot-").pop().unwrap();
    assert!(fs::read(last).unwrap() == fs::read(&whole.snapshot).unwrap());
}

/// What states held before they named their sums.
const UNNAMED: [&str; 5] = ["d_loss", "g_loss", "real_score", "fake_score", "gradient_norm"];

#[test]
fn a_state_that_names_no_sums_goes_on() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let stopped = scene.train_until("runs", &config, 13);
    let mut later = Vec::new();
    change_state(&stopped.run_dir, |training, sums| {
        let names = training.as_object_mut().unwrap().remove("tally_names").unwrap();
        let names: Vec<String> = serde_json::from_value(names).unwrap();
        assert_eq!(names[..5], UNNAMED);
        later = names[5..].to_vec();
        sums.truncate(5);
    });
    scene.train("runs", &config);
    assert_same_but(&stopped.run_dir, &whole, |tick, key| tick == 2 && later.iter().any(|name| name == key));
}

#[test]
fn a_number_that_a_state_lacks_counts_from_there() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let stopped = scene.train_until("runs", &config, 13);
    change_state(&stopped.run_dir, |training, sums| {
        let names = training["tally_names"].as_array_mut().unwrap();
        let lost = names.iter().position(|name| name == "gradient_norm").unwrap();
        names[lost] = json!("of another version");
        sums[lost] = f32::NAN;
    });
    // Stopped once more before the tick ends.
    scene.train_until("runs", &config, 14);
    scene.train("runs", &config);
    assert_same_but(&stopped.run_dir, &whole, |tick, key| tick == 2 && key == "gradient_norm");
    // Two of five iterations are in it.
    let norm = |run_dir| ticks(run_dir)[2]["gradient_norm"].as_f64().unwrap();
    let ratio = norm(&stopped.run_dir) / norm(&whole.run_dir);
    assert!((0.7..1.4).contains(&ratio), "{ratio}");
}

#[test]
fn what_differs_is_named_and_refused() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let stopped = scene.train_until("a", &config, 8);
    let changed = tiny(&[
        "adam.beta2=0.9",
        "schedule.total_kimg=0.1",
        "schedule.g_lrate=0.002",
        "data.prefetch=3",
        "run.keep_last=9",
    ]);
    let (result, _) = listen(scene.job("a", &changed), &Signals::default(), |_| {});
    let error = result.unwrap_err();
    let words = error.to_string();
    assert!(words.contains("\n  `adam.beta2` is 0.9, but was 0.99\n"), "{words}");
    assert!(words.contains("\n  `schedule.g_lrate` is 0.002, but was { 4 = 0.001,"), "{words}");
    assert!(!words.contains("total_kimg"), "{words}");
    assert!(!words.contains("prefetch") && !words.contains("keep_last"), "{words}");
    assert!(error.hint().unwrap().contains("allow the changes"));

    let mut job = scene.job("a", &changed);
    job.allow_changes = true;
    let (result, _) = listen(job, &Signals::default(), |_| {});
    let outcome = result.unwrap();
    assert!(outcome.finished && outcome.run_dir == stopped.run_dir);
    let text = |name: &str| fs::read_to_string(outcome.run_dir.join(name)).unwrap();
    assert_eq!(text("config.toml"), changed.to_toml().unwrap());
    assert_eq!(text("config.000000.032.toml"), config.to_toml().unwrap());

    // Other pictures.
    scene.train_until("b", &config, 8);
    let photos = scene.folder.path().join("photos");
    fs::remove_file(photos.join("3.png")).unwrap();
    fs::remove_dir_all(scene.packed()).unwrap();
    pack(&photos, &scene.packed(), &PackOptions::default(), &mut |_| {}).unwrap();
    let (result, _) = listen(scene.job("b", &config), &Signals::default(), |_| {});
    let words = result.unwrap_err().to_string();
    assert!(words.ends_with("\n  1 picture was removed: `3.png`"), "{words}");
}

/// Saves the newest state of a run as earlier versions did, which knew pictures by names, lengths and times.
fn make_early(run_dir: &Path, source_fingerprint: &str) {
    let path = files(run_dir, "training-state-").pop().unwrap();
    let mut state = State::open(&path).unwrap();
    let mut training: serde_json::Value = serde_json::from_str(&state.training).unwrap();
    training["data_fingerprint"] = source_fingerprint.into();
    state.training = training.to_string();
    state.save(&Disk, &path).unwrap();
    fs::remove_file(run_dir.join("pictures.json")).unwrap();
}

#[test]
fn a_run_of_an_earlier_version_goes_on() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let photos = scene.folder.path().join("photos");
    let fingerprint = scene.job("a", &config).pyramid.source_fingerprint().to_owned();
    let stopped = |runs: &str| {
        let outcome = scene.train_until(runs, &config, 9);
        make_early(&outcome.run_dir, &fingerprint);
        outcome.run_dir
    };
    // The files were not touched.
    stopped("a");
    let (resumed, warnings) = scene.train("a", &config);
    assert_same_run(&resumed.run_dir, &whole.run_dir);
    assert!(warnings.is_empty(), "{warnings:?}");

    let run_with = |runs: &str, data: &str| {
        let mut job = scene.job(runs, &config);
        job.pyramid = Arc::new(Pyramid::open(scene.folder.path().join(data)).unwrap());
        let (result, warnings) = listen(job, &Signals::default(), |_| {});
        (result, warnings.join("\n"))
    };
    let pack_as = |name: &str| {
        let out = scene.folder.path().join(name);
        pack(&photos, &out, &PackOptions::default(), &mut |_| {}).unwrap();
    };
    fs::File::options().append(true).open(photos.join("4.png")).unwrap().set_modified(UNIX_EPOCH).unwrap();
    pack_as("touched");
    pack_as("elsewhere/touched");
    fs::remove_file(photos.join("4.png")).unwrap();
    pack_as("fewer");

    // The pack of the time is still there and tells.
    stopped("b");
    let (result, warnings) = run_with("b", "fewer");
    assert!(result.unwrap_err().to_string().ends_with("\n  1 picture was removed: `4.png`"), "{warnings}");
    let (result, warnings) = run_with("b", "touched");
    assert!(result.is_ok() && warnings.is_empty(), "{warnings}");

    // It is nowhere to be found: nobody can tell.
    stopped("c");
    let (result, warnings) = run_with("c", "elsewhere/touched");
    assert!(
        result.is_ok() && warnings.contains("was saved by an earlier version, which knew pictures"),
        "{warnings}"
    );
}

#[test]
fn a_later_end_is_no_change() {
    let scene = Scene::new();
    let (short, long) = (tiny(&[]), tiny(&["schedule.total_kimg=0.2"]));
    let (whole, _) = scene.train("whole", &long);
    let go_on = |runs: &str, config: &TrainConfig| {
        let mut said = Vec::new();
        let (result, warnings) = listen(scene.job(runs, config), &Signals::default(), |event| {
            if let Event::Note { message } = event {
                said.push(message.clone());
            }
        });
        assert!(warnings.is_empty(), "{warnings:?}");
        (result, said)
    };
    // Of a run that is finished, and of one that is not.
    let (finished, _) = scene.train("finished", &short);
    let stopped = scene.train_until("stopped", &short, 23);
    for (runs, before, words) in [
        ("finished", finished, "was finished at 0.142 kimg and goes on to 0.2 kimg"),
        ("stopped", stopped, "goes on to 0.2 kimg instead of 0.142 kimg"),
    ] {
        let (result, said) = go_on(runs, &long);
        let outcome = result.unwrap();
        assert!(outcome.finished && outcome.run_dir == before.run_dir);
        assert_eq!(said, [format!("`{}` {words}", before.run_dir.display())]);
        let text = |name: &str| fs::read_to_string(outcome.run_dir.join(name)).unwrap();
        assert_eq!(text("config.toml"), long.to_toml().unwrap());
        assert!(fs::read(&outcome.snapshot).unwrap() == fs::read(&whole.snapshot).unwrap());
    }
    // An end that is past.
    let stopped = scene.train_until("past", &long, 40);
    let config_before = fs::read(stopped.run_dir.join("config.toml")).unwrap();
    let (result, _) = go_on("past", &short);
    let words = result.unwrap_err().to_string();
    assert!(words.ends_with("is trained for 0.16 kimg, and the training is to end at 0.142 kimg"), "{words}");
    assert_eq!(fs::read(stopped.run_dir.join("config.toml")).unwrap(), config_before);
}

#[test]
fn free_keys_leave_no_trace() {
    let scene = Scene::new();
    let (whole, _) = scene.train("whole", &tiny(&[]));
    scene.train_until("changed", &tiny(&[]), 13);
    let (resumed, _) =
        scene.train("changed", &tiny(&["run.keep_last=200", "data.prefetch=1", "run.max_rollbacks=0"]));
    assert_same_run(&resumed.run_dir, &whole.run_dir);
}

#[test]
fn what_a_run_goes_on_from() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let go_on = |resume: Resume| {
        let mut job = scene.job("runs", &config);
        job.resume = resume;
        let mut said = Vec::new();
        let (result, warnings) = listen(job, &Signals::default(), |event| {
            if let Event::Note { message } = event {
                said.push(message.clone());
            }
        });
        (result, warnings, said)
    };
    let name = |outcome: &Outcome| outcome.run_dir.file_name().unwrap().to_str().unwrap().to_owned();

    // A folder, in which it goes on.
    let stopped = scene.train_until("runs", &config, 18);
    let (first, _, _) = go_on(Resume::From(stopped.run_dir.clone()));
    assert_eq!(name(&first.unwrap()), "00000-tiny");
    assert_same_run(&stopped.run_dir, &whole.run_dir);

    // The same again: it is finished.
    let (result, _, _) = go_on(Resume::From(stopped.run_dir.clone()));
    assert!(matches!(result, Err(RunError::Finished { .. })), "{result:?}");
    let (second, _, said) = go_on(Resume::Auto);
    assert_eq!(name(&second.unwrap()), "00001-tiny");
    assert!(said[0].ends_with("is finished at 0.144 kimg; a new run starts"), "{said:?}");

    // An older state: a new folder, with the same end.
    let older = pairs(&stopped.run_dir).unwrap().pop().unwrap();
    let (third, warnings, _) = go_on(Resume::From(older.state));
    let third = third.unwrap();
    assert_eq!((name(&third).as_str(), warnings.len()), ("00002-tiny", 0));
    let last = "network-snapshot-000000.144.safetensors";
    assert!(fs::read(third.run_dir.join(last)).unwrap() == fs::read(whole.run_dir.join(last)).unwrap());

    // Networks alone: another run, and that is said.
    let alone = scene.folder.path().join("alone.safetensors");
    fs::copy(&files(&stopped.run_dir, "network-snapshot-")[1], &alone).unwrap();
    let (fourth, warnings, _) = go_on(Resume::From(alone));
    let fourth = fourth.unwrap();
    assert_eq!(name(&fourth), "00003-tiny");
    assert!(warnings[0].contains("has no training state: its networks go on"), "{warnings:?}");
    let bytes = |run_dir: &Path| fs::read(run_dir.join(last)).unwrap();
    assert!(bytes(&fourth.run_dir) != bytes(&whole.run_dir));

    // Nothing, and nothing of the kind.
    let (fifth, _, _) = go_on(Resume::No);
    assert_eq!(name(&fifth.unwrap()), "00004-tiny");
    for missing in ["missing", "photos", "photos/1.png"] {
        let (result, _, _) = go_on(Resume::From(scene.folder.path().join(missing)));
        assert!(result.is_err(), "{missing}");
    }

    // A folder without a state yet.
    fs::create_dir(scene.folder.path().join("runs").join("00005-tiny")).unwrap();
    let (sixth, _, said) = go_on(Resume::Auto);
    assert_eq!(name(&sixth.unwrap()), "00006-tiny");
    assert!(said[0].ends_with("has no training state yet; a new run starts"), "{said:?}");
}

#[test]
fn a_second_run_in_the_same_folder_is_refused() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let mut refused = None;
    let (result, _) = listen(scene.job("runs", &config), &Signals::default(), |event| {
        if matches!(event, Event::Step(progress) if progress.step == 9) {
            let (result, _) = listen(scene.job("runs", &config), &Signals::default(), |_| {});
            refused = Some(result.unwrap_err());
        }
    });
    assert!(result.unwrap().finished);
    let words = refused.unwrap().to_string();
    assert!(words.contains(&format!("is in use by process {} on ", std::process::id())), "{words}");
}
