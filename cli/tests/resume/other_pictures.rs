//! Going on with the same pictures in other files, and with others.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::scene::{Ran, Scene};

/// Trains a few steps on `data` and stops.
fn stop(scene: &Scene, data: &str, runs: &str) {
    let mut running = Scene::start_command(scene.training_on(data, &format!("--out {runs}")));
    running.until_step(4);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(3));
}

fn go_on(scene: &Scene, data: &str, arguments: &str) -> Ran {
    Ran::from(scene.training_on(data, arguments).output().unwrap())
}

fn copy(scene: &Scene, from: &str, to: &str) {
    let copied = Command::new("cp").arg("-r").arg(scene.path(from)).arg(scene.path(to)).status().unwrap();
    assert!(copied.success());
}

fn touch(scene: &Scene, name: &str, ago: u64) {
    let file = fs::File::options().write(true).open(scene.path(name)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(ago)).unwrap();
}

/// Names in the cache of a folder of runs.
fn cached(scene: &Scene, runs: &str) -> Vec<String> {
    let entries = fs::read_dir(scene.path(runs).join(".cache")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_same_pictures_in_other_files_go_on() {
    let scene = Scene::new();
    scene.finish("whole");
    stop(&scene, "photos", "stopped");
    copy(&scene, "photos", "copied");
    touch(&scene, "photos/3.png", 77);
    for (number, data) in ["copied", "photos", "packed"].into_iter().enumerate() {
        let runs = format!("runs{number}");
        copy(&scene, "stopped", &runs);
        let ran = go_on(&scene, data, &format!("--out {runs}"));
        assert_eq!(ran.code, Some(0), "{data}: {}", ran.stderr);
        scene.assert_same_end(&runs, "whole");
        // A pack of the same is not kept twice in the cache.
        assert!(cached(&scene, &runs).len() == 1, "{data}: {:?}", cached(&scene, &runs));
    }
}

#[test]
fn the_same_zip_stored_and_deflated_goes_on() {
    let scene = Scene::new();
    fs::write(scene.path("stored.zip"), include_bytes!("pictures/stored.zip")).unwrap();
    fs::write(scene.path("deflated.zip"), include_bytes!("pictures/deflated.zip")).unwrap();
    stop(&scene, "stored.zip", "runs");
    let ran = go_on(&scene, "deflated.zip", "--out runs");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("runs/00000-tiny"), "{}", ran.stderr);
    assert!(!scene.path("runs/00001-tiny").exists());
}

#[test]
fn what_differs_is_said_in_words() {
    let scene = Scene::new();
    stop(&scene, "photos", "runs");
    for name in ["a", "b", "c"] {
        fs::copy(scene.path("photos/1.png"), scene.path(&format!("photos/{name}.png"))).unwrap();
    }
    fs::remove_file(scene.path("photos/5.png")).unwrap();
    fs::copy(scene.path("photos/1.png"), scene.path("photos/2.png")).unwrap();
    let ran = go_on(&scene, "photos", "--out runs");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(
            "error: `runs/00000-tiny` was not trained with what is asked for now:\n  \
             3 pictures were added: `a.png`, `b.png`, `c.png`; 1 was removed: `5.png`; 1 was changed: `2.png`\n\n\
             hint: `--allow-changes` goes on"
        ),
        "{}",
        ran.stderr
    );
    let ran = go_on(&scene, "photos", "--out runs --allow-changes");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // What it goes on with is what it tells from now on.
    let list = fs::read_to_string(scene.path("runs/00000-tiny/pictures.json")).unwrap();
    assert!(list.contains("\"c.png\"") && !list.contains("\"5.png\""), "{list}");
}

#[test]
fn pictures_fit_otherwise_are_others() {
    let scene = Scene::new();
    stop(&scene, "photos", "runs");
    let ran = go_on(&scene, "photos", "--out runs --fit pad");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  `data.fit` is \"pad\", but was \"crop\"\n\nhint: "), "{}", ran.stderr);
}

#[test]
fn packs_that_no_run_uses_go() {
    let scene = Scene::new();
    stop(&scene, "photos", "runs");
    let first = cached(&scene, "runs");
    fs::remove_file(scene.path("photos/0.png")).unwrap();
    // Refused, as a picture is gone; its pack stays for now, since another run may be about to start with it.
    assert_eq!(go_on(&scene, "photos", "--out runs").code, Some(1));
    let mut second = cached(&scene, "runs");
    second.retain(|name| !first.contains(name));
    assert_eq!(second.len(), 1, "{second:?}");
    touch(&scene, &format!("runs/.cache/{}/index.json", second[0]), 4000);
    fs::copy(scene.path("photos/1.png"), scene.path("photos/0.png")).unwrap();
    let ran = go_on(&scene, "photos", "--out runs --allow-changes");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let words = format!("removed `runs/.cache/{}`, ", second[0]);
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    let left = cached(&scene, "runs");
    assert!(left.contains(&first[0]) && !left.contains(&second[0]), "{left:?}");
}
