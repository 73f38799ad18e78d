//! SIGTERM, SIGINT and SIGUSR1.

use std::time::Instant;

use crate::scene::{Scene, files, last};

#[test]
fn signals_save_stop_and_change_nothing() {
    let scene = Scene::new();
    scene.finish("whole");
    let mut stops = 0;
    for (number, step) in [1, 7, 13, 20, 26, 33].into_iter().enumerate() {
        let mut running = scene.start("--out stopped");
        running.until_step(step);
        running.signal(if number % 2 == 0 { "TERM" } else { "INT" });
        let ran = running.end();
        if ran.code == Some(0) {
            // It was at its end before the signal reached it.
            break;
        }
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(ran.stderr.contains("finishing the step and saving"), "{}", ran.stderr);
        stops += 1;
    }
    assert!(stops >= 3, "{stops}");
    let last_start = scene.train("--out stopped");
    assert_eq!(last_start.code, Some(0), "{}", last_start.stderr);
    assert!(last_start.stderr.ends_with("\nfinished  at 0.24 kimg\n"), "{}", last_start.stderr);
    scene.assert_same_end("stopped", "whole");

    // What the runs tell programs and TensorBoard is complete as well.
    let lines = |runs: &str| {
        std::fs::read_to_string(scene.newest_run(runs).join("stats.jsonl")).unwrap().lines().count()
    };
    assert_eq!((lines("stopped"), lines("whole")), (12, 12));
    assert_eq!(files(&scene.newest_run("stopped"), "events.out.tfevents.").len(), stops + 1);
}

#[test]
fn usr1_saves_and_goes_on() {
    let scene = Scene::new();
    scene.finish("whole");
    let mut running = scene.start("--out saved");
    let mut in_between = Vec::new();
    while let Some(event) = running.next(|event| event["event"] == "step" || event["event"] == "snapshot") {
        if event["event"] == "snapshot" {
            let nimg = (event["kimg"].as_f64().unwrap() * 1000.0).round() as u64;
            in_between.extend((!nimg.is_multiple_of(20)).then(|| event["path"].as_str().unwrap().to_owned()));
        } else if [3, 9, 17, 23].contains(&event["step"].as_u64().unwrap()) {
            running.signal("USR1");
        }
    }
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // Each signal is heard a little later, where a snapshot may be due anyway; not each of them.
    assert!(!in_between.is_empty());
    assert!(in_between.iter().all(|path| scene.path(path).exists()), "{in_between:?}");
    scene.assert_same_end("saved", "whole");
}

#[test]
fn a_second_signal_ends_at_once_and_leaves_the_last_good_pair() {
    let scene = Scene::new();
    // Iterations so long that none ends between the two signals.
    let slow = "--out slow --set schedule.batch=256 --set run.tick_kimg=0.5 --kimg 1000 \
                --set generator.fmap_max=16 --set generator.fmap_base=64";
    let mut running = scene.start(slow);
    assert!(running.next(|event| event["event"] == "snapshot").is_some());
    // One that ends no tick, so that the next one begins at once.
    assert!(
        running.next(|event| event["event"] == "step" && event["step"].as_u64().unwrap() % 2 == 1).is_some()
    );
    running.signal("TERM");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let asked = Instant::now();
    running.signal("TERM");
    let ran = running.end();
    let took = asked.elapsed();
    assert_eq!(ran.code, Some(1), "after {took:?}: {}", ran.stderr);
    let run_dir = scene.newest_run("slow");
    let newest = last(&run_dir, "training-state-").file_name().unwrap().to_str().unwrap().to_owned();
    let mut running = scene.start(slow);
    let started = running.next(|event| event["event"] == "started").unwrap();
    assert_eq!(started["resumed_from"], format!("slow/00000-tiny/{newest}"));
    running.child.kill().unwrap();
}
