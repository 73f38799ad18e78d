//! `stylegan doctor`

use crate::scene::Scene;

#[test]
fn a_machine_is_described_for_people_and_for_programs() {
    let scene = Scene::empty();
    let ran = scene.run("doctor");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let named = |name: &str| {
        let lines = ran.stdout.lines().filter(|line| line.split(' ').next() == Some(name));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert!(named("Program").contains(env!("CARGO_PKG_VERSION")), "{}", ran.stdout);
    assert!(named("Disk").ends_with("GiB free in `.`") || named("Disk").contains("MiB"), "{}", ran.stdout);

    let json = scene.run("doctor --json").stdout;
    let facts: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(named("CPU").contains(&format!("{} cores", facts["processor"]["cores"])), "{}", ran.stdout);
    assert!(facts["memory"]["available_bytes"].as_u64() <= facts["memory"]["total_bytes"].as_u64());
    assert!(facts["disk"]["free_bytes"].as_u64().unwrap() > 0);
    // Either a GPU is used, or it is said why none is.
    let is_used = facts["gpus"].as_array().is_some_and(|gpus| !gpus.is_empty());
    assert_eq!(is_used, facts["unused"].is_null());
    assert_eq!(is_used, facts["device"] != "cpu");
    assert_eq!(is_used, !named("GPU").contains("none is used"), "{}", ran.stdout);
    let next = facts["next"].as_str().unwrap();
    assert!(ran.stdout.ends_with(&format!("\nNext\n  {next}\n")), "{}", ran.stdout);

    // What it says can be typed.
    if let Some(train) = next.strip_prefix("stylegan ") {
        scene.photos("PHOTOS", 4, (64, 64));
        let ran = scene.run(train);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let precision = if is_used { "tf32" } else { "f32" };
        assert!(ran.stdout.contains(&format!("\nPrecision {precision}\n")), "{}", ran.stdout);
    }
}

#[test]
fn the_disk_is_that_of_the_runs() {
    let scene = Scene::empty();
    let facts = scene.run("doctor --json --out elsewhere/runs").stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&facts).unwrap()["disk"]["folder"], ".");
}
