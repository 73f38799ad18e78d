//! Which snapshots are written, by the clock too, and which stay.

use std::fs;

use stylegan_trainer::{Event, Signals};

use crate::scene::{Scene, assert_same_run, files, listen, tiny};

/// The times in the names of files with this prefix.
fn times(run_dir: &std::path::Path, prefix: &str) -> Vec<String> {
    let name = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name.strip_prefix(prefix).unwrap().strip_suffix(".safetensors").unwrap().to_owned()
    };
    files(run_dir, prefix).into_iter().map(name).collect()
}

#[test]
fn snapshots_by_the_clock_change_nothing_and_go_again() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    // After each iteration.
    let often = tiny(&["run.snapshot_minutes=1e-9"]);
    let mut written = 0;
    let (result, warnings) = listen(scene.job("often", &often), &Signals::default(), |event| match event {
        Event::Snapshot { .. } => written += 1,
        Event::Step(progress) => assert!(progress.next_snapshot_sec.unwrap() < 1e-3),
        _ => {}
    });
    let often = result.unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(written, 36);
    assert_same_run(&often.run_dir, &whole.run_dir);
    // What is there beside the schedule's is called recent.
    let (all, scheduled) =
        (times(&often.run_dir, "training-state-"), times(&whole.run_dir, "training-state-"));
    assert!(all.iter().all(|time| scheduled.contains(time) || time.ends_with(".recent")), "{all:?}");

    let (few, _) = scene.train("few", &tiny(&["run.snapshot_minutes=1e-9", "run.keep_last=2"]));
    assert_eq!(times(&few.run_dir, "training-state-"), ["000000.140", "000000.144"]);
    assert_eq!(times(&few.run_dir, "network-snapshot-"), times(&whole.run_dir, "network-snapshot-"));
}

#[test]
fn spaced_snapshots_stay_and_what_others_put_there() {
    let scene = Scene::new();
    // One every 20 pictures, of which those stay that come first after 48, 96, and the end.
    let config = tiny(&["run.keep_all_snapshots=false", "run.keep_snapshots=3", "run.keep_last=2"]);
    let stopped = scene.train_until("runs", &config, 7);
    let own = stopped.run_dir.join("network-snapshot-000000.001.safetensors");
    fs::copy(&stopped.snapshot, &own).unwrap();
    let state = files(&stopped.run_dir, "training-state-").pop().unwrap();
    fs::copy(state, stopped.run_dir.join("training-state-000000.001.safetensors")).unwrap();
    let (outcome, warnings) = scene.train("runs", &config);
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(
        times(&outcome.run_dir, "network-snapshot-"),
        ["000000.001", "000000.060", "000000.100", "000000.140.recent", "000000.144"]
    );
    assert_eq!(times(&outcome.run_dir, "training-state-"), ["000000.140.recent", "000000.144"]);
}

#[test]
fn reals_that_are_the_same_are_written_once() {
    let scene = Scene::new();
    let (outcome, _) = scene.train("runs", &tiny(&[]));
    let mut pictures: Vec<Vec<u8>> =
        files(&outcome.run_dir, "reals").iter().map(|path| fs::read(path).unwrap()).collect();
    let count = pictures.len();
    pictures.sort();
    pictures.dedup();
    // At full size, at 4x4, and in the fade between them.
    assert!(count >= 4 && pictures.len() == count, "{count}");
}

#[test]
fn a_folder_that_vanishes_is_made_anew() {
    let scene = Scene::new();
    let config = tiny(&[]);
    let (whole, _) = scene.train("whole", &config);
    let run_dir = scene.folder.path().join("runs/00000-tiny");
    let (result, warnings) = listen(scene.job("runs", &config), &Signals::default(), |event| {
        if matches!(event, Event::Step(progress) if progress.step == 12) {
            // What is being written beside the training may get in between.
            while run_dir.exists() {
                let _ = fs::remove_dir_all(&run_dir);
            }
        }
    });
    let outcome = result.unwrap();
    assert!(outcome.finished);
    assert!(
        warnings.iter().any(|text| text.ends_with("runs/00000-tiny` was gone and is made anew")),
        "{warnings:?}"
    );
    let last = |run_dir, prefix| files(run_dir, prefix).pop().unwrap();
    for prefix in ["network-snapshot-", "training-state-"] {
        let (found, expected) = (last(&outcome.run_dir, prefix), last(&whole.run_dir, prefix));
        assert!(fs::read(found).unwrap() == fs::read(expected).unwrap());
    }
}

#[test]
fn the_time_left_is_told_and_comes_to_nothing() {
    let scene = Scene::new();
    let mut left = Vec::new();
    let (result, _) = listen(scene.job("runs", &tiny(&[])), &Signals::default(), |event| {
        if let Event::Step(progress) = event {
            left.push(progress.left_sec.unwrap());
        }
    });
    result.unwrap();
    assert!(left[0] > 0.0 && left.iter().all(|secs| secs.is_finite() && *secs >= 0.0), "{left:?}");
    assert_eq!(left.last(), Some(&0.0));
}
