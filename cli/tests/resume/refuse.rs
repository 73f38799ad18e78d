//! What the binary says when it cannot go on.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::scene::{Scene, files};

#[test]
fn a_second_process_is_refused() {
    let scene = Scene::new();
    let mut running = scene.start("--out runs");
    running.until_step(1);
    let ran = scene.train("--out runs");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let words = format!("error: `runs/00000-tiny` is in use by process {} on ", running.child.id());
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: wait for it, or start a run beside it"), "{}", ran.stderr);
    // Beside it there is room.
    let beside = scene.train("--out runs --resume no");
    assert_eq!(beside.code, Some(0), "{}", beside.stderr);
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn another_configuration_is_refused_unless_allowed() {
    let scene = Scene::new();
    let mut running = scene.start("--out runs");
    running.until_step(8);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(3));
    let ran = scene.train("--out runs --kimg 0.28 --set loss.kind=logistic_r1 --set data.prefetch=2");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.ends_with(
            "error: `runs/00000-tiny` was not trained with what is asked for now:\n  \
             `loss.kind` is \"logistic_r1\", but was \"wgan_gp\"\n\n\
             hint: `--allow-changes` goes on with what is asked for now, `--resume no` starts a new run\n"
        ),
        "{}",
        ran.stderr
    );
    let ran = scene.train("--out runs --kimg 0.28 --set loss.kind=logistic_r1 --allow-changes");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(files(&scene.path("runs"), "0").len(), 1);
    let ran = scene.train("--out runs --kimg 0.28 --set loss.kind=logistic_r1");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`runs/00000-tiny` is finished at 0.28 kimg; a new run starts\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(files(&scene.path("runs"), "0").len(), 2);
}

#[test]
fn a_damaged_state_falls_back_and_says_so() {
    let scene = Scene::new();
    scene.finish("whole");
    let mut running = scene.start("--out runs");
    running.until_step(33);
    running.signal("TERM");
    running.end();
    // How far it came before it heard the signal is not known.
    let mut states = files(&scene.path("runs/00000-tiny"), "training-state-");
    let [newest, before] = [(); 2].map(|()| states.pop().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let ran = scene.finish("runs");
    let [name, good] = [&newest, &before].map(|path| path.file_name().unwrap().to_str().unwrap());
    let words = format!(
        "warning: `runs/00000-tiny/{name}` is damaged: its checksum is not that of its contents; going on from \
         `runs/00000-tiny/{good}`\n"
    );
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    scene.assert_same_end("runs", "whole");
}

#[test]
fn a_folder_that_cannot_be_written() {
    let scene = Scene::new();
    let runs = scene.path("read-only");
    fs::create_dir(&runs).unwrap();
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o555)).unwrap();
    // Permissions are nothing to root; the kernel's own file system lets nobody make folders.
    let out = if fs::create_dir(runs.join("probe")).is_ok() { "/sys/kernel" } else { "read-only" };
    let ran = scene.train(&format!("--out {out}"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("error: cannot use `{out}/00000-tiny`\ncaused by: ")),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn pictures_that_are_cut_short() {
    let scene = Scene::new();
    let mut running = scene.start("--out runs --set data.prefetch=1");
    running.until_step(12);
    fs::OpenOptions::new()
        .write(true)
        .open(scene.path("packed/level-0004.bin"))
        .unwrap()
        .set_len(48)
        .unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(scene.path("packed/level-0008.bin"))
        .unwrap()
        .set_len(192)
        .unwrap();
    let ran = running.end();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error: cannot read the pictures\ncaused by: cannot read `packed/level-000"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: the file was cut short"), "{}", ran.stderr);
    assert!(!files(&scene.newest_run("runs"), "training-state-").is_empty());
}

#[test]
fn numbers_that_cannot_get_better_end_with_code_four() {
    let scene = Scene::new();
    let ran = scene.train(
        "--out runs --set loss.gp_lambda=1e9 --set loss.drift_epsilon=1e9 --set schedule.g_lrate=10.0 \
         --set schedule.d_lrate=10.0 --set run.max_rollbacks=1 --set run.tick_kimg=0.012",
    );
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("with learning rates x 0.5\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nerror: training diverged after 1 rollbacks: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nhint: go on from it with smaller `schedule.g_lrate`"), "{}", ran.stderr);
}
