//! Network shares and the like, which lack what a disk of one's own has.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::scene::{Ran, Scene, files, last};

const EPERM: i32 = 1;
const EIO: i32 = 5;
const EINVAL: i32 = 22;
const ENOLCK: i32 = 37;
const EOPNOTSUPP: i32 = 95;

/// A library that stands before the C library's functions; none where there is no C compiler.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is told what was left out")]
fn refusing(scene: &Scene) -> Option<PathBuf> {
    let (source, library) = (scene.path("refusing.c"), scene.path("refusing.so"));
    fs::write(&source, include_str!("refusing.c")).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    if cfg!(target_os = "linux") && built.is_ok_and(|built| built.success()) {
        return Some(library);
    }
    eprintln!("left out: it needs Linux and a C compiler, `cc`");
    None
}

fn ran(command: &mut Command, library: &PathBuf, variable: &str, value: &str) -> Ran {
    command.env("LD_PRELOAD", library).env(variable, value).output().unwrap().into()
}

#[test]
fn a_folder_that_cannot_be_flushed_costs_one_sentence() {
    let scene = Scene::new();
    let Some(library) = refusing(&scene) else { return };
    for (number, error) in [EINVAL, EOPNOTSUPP, EPERM].into_iter().enumerate() {
        let runs = format!("runs-{number}");
        let trained =
            ran(&mut scene.training(&format!("--out {runs}")), &library, "REFUSE_SYNC", &error.to_string());
        assert_eq!(trained.code, Some(0), "{}", trained.stderr);
        assert_eq!(trained.stderr.matches("a power cut may take").count(), 1, "{}", trained.stderr);
    }
    let run = "runs-0/00000-tiny";
    for arguments in [
        format!("convert {run} half.safetensors --dtype f16"),
        format!("export --checkpoint {run} --out model.onnx"),
        format!("sample --checkpoint {run} --seeds 0-1 --out faces.png"),
    ] {
        let drawn = ran(&mut scene.stylegan(&arguments), &library, "REFUSE_SYNC", &EINVAL.to_string());
        assert_eq!(drawn.code, Some(0), "{arguments}: {}", drawn.stderr);
    }
    // A disk that fails is another thing.
    let arguments = format!("export --checkpoint {run} --out broken.onnx");
    let failed = ran(&mut scene.stylegan(&arguments), &library, "REFUSE_SYNC", &EIO.to_string());
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stderr.contains("Input/output error"), "{}", failed.stderr);
}

#[test]
fn a_share_without_locks_costs_one_sentence() {
    let scene = Scene::new();
    let Some(library) = refusing(&scene) else { return };
    let trained = ran(&mut scene.training("--out runs"), &library, "REFUSE_LOCK", &ENOLCK.to_string());
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    let said = "warning: the file system of `runs/00000-tiny` has no locks: a second training in this folder would not be \
                noticed\n";
    assert!(trained.stderr.contains(said), "{}", trained.stderr);
    // A lock that fails is another thing.
    let failed = ran(&mut scene.training("--out other"), &library, "REFUSE_LOCK", &EIO.to_string());
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
}

#[test]
fn a_folder_that_can_only_be_read_is_gone_on_from_in_another() {
    let scene = Scene::new();
    let Some(library) = refusing(&scene) else { return };
    scene.finish("whole");
    let mut running = scene.start("--out input");
    running.until_step(13);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(3));
    let before: Vec<_> = files(&scene.path("input/00000-tiny"), "")
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    let from_folder = "input/00000-tiny".to_owned();
    let from_state = last(&scene.path(&from_folder), "training-state-");
    for (number, from) in [from_folder, from_state.to_str().unwrap().to_owned()].into_iter().enumerate() {
        let runs = format!("runs-{number}");
        let arguments = format!("--resume {from} --out {runs}");
        let start =
            if number == 0 { "input".to_owned() } else { scene.path("input").to_str().unwrap().to_owned() };
        let trained = ran(&mut scene.training(&arguments), &library, "READ_ONLY", &start);
        assert_eq!(trained.code, Some(0), "{}", trained.stderr);
        assert!(
            trained
                .stderr
                .contains("00000-tiny` cannot be written: it is left as it is, and a new run goes on from `"),
            "{}",
            trained.stderr
        );
        scene.assert_same_networks(&runs, "whole");
    }
    for (bytes, path) in before {
        assert!(fs::read(&path).unwrap() == bytes, "{}", path.display());
    }
}

#[test]
fn what_a_killed_command_left_goes_with_the_next() {
    let scene = Scene::new();
    scene.finish("runs");
    let mut child = scene
        .stylegan("interpolate --checkpoint runs/00000-tiny --seeds 0-9 --frames 100000 --out walk.gif")
        .spawn()
        .unwrap();
    let left = || files(&scene.path(""), ".walk.gif.partial-");
    while left().is_empty() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let name = left()[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with(&format!(".walk.gif.partial-{}@", child.id())), "{name}");
    let sample = || {
        let mut command =
            scene.stylegan("sample --checkpoint runs/00000-tiny --seeds 0 --out face.png --force");
        assert!(command.output().unwrap().status.success());
    };
    sample();
    assert_eq!(left().len(), 1, "its process is alive");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left().len(), 1);
    sample();
    assert_eq!(left().len(), 0);
}
