//! Trainings without labels on pictures that have some.

use std::fs;

use crate::scene::Scene;

/// A run of before labels were used by themselves has no word on them in its configuration.
#[test]
fn a_run_that_had_no_labels_goes_on_without() {
    let scene = Scene::new();
    scene.finish("whole");
    let mut running = scene.start("--out stopped");
    running.until_step(7);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(3));

    // As if the labels had been there all along.
    let index = scene.path("packed/index.json");
    let json = fs::read_to_string(&index).unwrap();
    let labeled =
        json.replace("\"labels\":null", "\"labels\":{\"classes\":{\"count\":2,\"indices\":[0,1,0,1,0,1,0]}}");
    assert_ne!(json, labeled);
    fs::write(&index, labeled).unwrap();
    let ran = scene.train("--out stopped");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = "Labels    not used, as before in this run; `dataset.json` has 2 classes of 3 to 4 pictures\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nresumed   "), "{}", ran.stderr);
    scene.assert_same_end("stopped", "whole");

    // Its networks alone go on without as well; a new run has labels.
    let snapshot = scene.newest_run("whole").join("network-snapshot-000000.120.safetensors");
    let alone = scene.path("alone.safetensors");
    fs::copy(snapshot, &alone).unwrap();
    let ran = scene.train(&format!("--out alone --resume {}", alone.display()));
    assert!(ran.code == Some(0) && ran.stderr.contains("\nLabels    not used, as before"), "{}", ran.stderr);
    let ran = scene.train("--out fresh");
    assert!(
        ran.code == Some(0) && ran.stderr.contains("\nLabels    2 classes of 3 to 4 pictures, "),
        "{}",
        ran.stderr
    );
}
