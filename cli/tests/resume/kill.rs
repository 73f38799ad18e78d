//! SIGKILL at any moment.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use stylegan_ops::Key;

use crate::scene::{Scene, files};

/// Whether a file is half-written in one of the run folders.
fn is_writing(scene: &Scene, runs: &str) -> bool {
    files(&scene.path(runs), "0").iter().any(|run_dir| {
        files(run_dir, ".network-snapshot-").len() + files(run_dir, ".training-state-").len() > 0
    })
}

/// Whether the newest run has its last state.
fn is_finished(scene: &Scene, runs: &str) -> bool {
    files(&scene.path(runs), "0")
        .last()
        .is_some_and(|run_dir| !files(run_dir, "training-state-000000.240").is_empty())
}

#[test]
fn thirty_kills_change_nothing() {
    let scene = Scene::new();
    let started = Instant::now();
    scene.finish("whole");
    let whole = started.elapsed();

    let (mut kills, mut chain) = (0, 0);
    while kills < 30 {
        let runs = format!("killed-{chain}");
        chain += 1;
        // A run that is killed before its first snapshot starts over in another folder; nothing is lost by that.
        for number in 0..6 {
            let mut child = scene.training(&format!("--out {runs}")).stderr(Stdio::null()).spawn().unwrap();
            let moment = Key::new("moment of a kill", &[chain, number]).uniform();
            sleep(whole.mul_f64(0.1 + 0.5 * moment));
            if number % 2 == 1 {
                // In the middle of a file.
                let patience = Instant::now();
                while !is_writing(&scene, &runs) && patience.elapsed() < Duration::from_secs(2) {
                    if child.try_wait().unwrap().is_some() {
                        break;
                    }
                }
            }
            let _ = child.kill();
            if child.wait().unwrap().code().is_some() {
                break;
            }
            kills += 1;
            if is_finished(&scene, &runs) {
                break;
            }
        }
        if !is_finished(&scene, &runs) {
            scene.finish(&runs);
        }
        scene.assert_same_end(&runs, "whole");
    }
}
