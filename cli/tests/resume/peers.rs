//! Several processes that train together, by `mpirun` and by `launch`.
//!
//! `.ci/run` installs Open MPI and builds with the feature `mpi`; elsewhere these tests are not run, which is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use stylegan_ops::Key;

use crate::scene::{Ran, Running, Scene, files};

/// 200 iterations from 4x4 through a fade to 8x8, each a tick of its own.
///
/// With Adam's usual epsilon, the sign of a gradient that is zero up to rounding decides a whole step, and one process whose
/// λ is changed by a ten-millionth is as far from itself after 50 iterations as several are from it. With this one, steps are
/// about in proportion to gradients.
const TWO_HUNDRED: &str = "--set adam.epsilon=1 --set schedule.g_lrate=0.01 --set schedule.d_lrate=0.01 --set schedule.batch=16 --set schedule.steady_kimg=1 --set schedule.fade_kimg=1 --kimg 3.2 \
                           --set run.tick_kimg=0.016 --set run.snapshot_ticks=1000";
/// 60 iterations of as many pictures, with a snapshot every 5 of them.
const SIXTY: &str = "--set schedule.batch=16 --set schedule.steady_kimg=0.32 --set schedule.fade_kimg=0.32 --kimg 0.96 \
                     --set run.tick_kimg=0.08";

/// This program by so many processes, each with one thread.
fn mpirun(scene: &Scene, world: usize) -> Command {
    let mut mpirun = Command::new("mpirun");
    mpirun.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", &world.to_string()]);
    mpirun.arg(cargo_bin!("stylegan")).current_dir(scene.path("")).env("RAYON_NUM_THREADS", "1");
    mpirun
}

/// `stylegan train` by so many processes.
fn training(scene: &Scene, world: usize, arguments: &str) -> Command {
    let mut mpirun = mpirun(scene, world);
    mpirun.args(scene.training(arguments).get_args());
    mpirun
}

fn train(scene: &Scene, world: usize, arguments: &str) -> Ran {
    training(scene, world, arguments).output().unwrap().into()
}

fn finish(scene: &Scene, world: usize, arguments: &str) {
    let ran = train(scene, world, arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Both losses of each iteration.
fn losses(scene: &Scene, runs: &str) -> BTreeMap<u64, [f64; 2]> {
    let stats = fs::read_to_string(scene.newest_run(runs).join("stats.jsonl")).unwrap();
    stats
        .lines()
        .map(|line| {
            let tick: Value = serde_json::from_str(line).unwrap();
            let number = |name: &str| tick[name].as_f64().unwrap();
            (tick["step"].as_u64().unwrap(), [number("d_loss"), number("g_loss")])
        })
        .collect()
}

/// Bytes that the first process has sent in the first iteration.
fn sent_bytes(scene: &Scene, runs: &str) -> f64 {
    let stats = fs::read_to_string(scene.newest_run(runs).join("stats.jsonl")).unwrap();
    let tick: Value = serde_json::from_str(stats.lines().next().unwrap()).unwrap();
    tick["peers_sent_bytes"].as_f64().unwrap()
}

/// The processes that `mpirun` has started.
fn ranks(mpirun: &Child) -> Vec<u32> {
    let parent = |stat: String| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let mut found: Vec<u32> = all
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let stat = fs::read_to_string(Path::new("/proc").join(u32::to_string(pid)).join("stat"));
            stat.ok().and_then(parent) == Some(mpirun.id())
        })
        .collect();
    found.sort_unstable();
    found
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn several_compute_what_one_computes() {
    let scene = Scene::new();
    for loss in ["wgan_gp", "logistic_r1", "wgan_clip"] {
        let arguments = |runs: &str| format!("--out {runs} --set loss.kind={loss} {TWO_HUNDRED}");
        let [one, two, four] = [1, 2, 4].map(|world| {
            let runs = format!("{loss}-{world}");
            finish(&scene, world, &arguments(&runs));
            losses(&scene, &runs)
        });
        assert_eq!(one.len(), 200);
        for several in [&two, &four] {
            assert!(several.keys().eq(one.keys()));
            for (step, tolerance) in [(1, 1e-5), (50, 1e-3)] {
                for (own, expected) in several[&step].iter().zip(one[&step]) {
                    let difference = (own - expected).abs() / expected.abs();
                    assert!(difference <= tolerance, "{loss}, step {step}: {own} instead of {expected}");
                }
            }
        }
        // `2 (n - 1)/n` of what is averaged, up to what does not divide.
        let [of_two, of_four] = [2, 4].map(|world| sent_bytes(&scene, &format!("{loss}-{world}")));
        assert!((of_four / of_two - 1.5).abs() < 0.01 && of_two > 4.0 * 500.0, "{of_two} {of_four}");
        // The same number of them gives the same bytes.
        finish(&scene, 4, &arguments(&format!("{loss}-again")));
        scene.assert_same_end(&format!("{loss}-again"), &format!("{loss}-4"));
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn two_on_one_gpu_compute_what_one_computes() {
    let scene = Scene::new();
    let [one, two] = [1, 2].map(|world| {
        let runs = format!("gpu-{world}");
        finish(&scene, world, &format!("--out {runs} --device cuda:0 {TWO_HUNDRED}"));
        losses(&scene, &runs)
    });
    for (own, expected) in two[&1].iter().zip(one[&1]) {
        assert!((own - expected).abs() / expected.abs() <= 1e-4, "{own} instead of {expected}");
    }
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn twenty_ranks_that_are_killed_change_nothing() {
    let scene = Scene::new();
    let started = Instant::now();
    finish(&scene, 2, &format!("--out whole {SIXTY}"));
    let whole = started.elapsed();
    let (mut kills, mut chain) = (0, 0);
    while kills < 20 {
        let runs = format!("killed-{chain}");
        chain += 1;
        let arguments = format!("--out {runs} {SIXTY}");
        for number in 0..4 {
            let mut mpirun = training(&scene, 2, &arguments).stderr(Stdio::null()).spawn().unwrap();
            sleep(whole.mul_f64(0.2 + 0.6 * Key::new("moment of a kill", &[chain, number]).uniform()));
            let Some(&rank) = ranks(&mpirun).get((chain + number) as usize % 2) else {
                assert!(mpirun.wait().unwrap().success());
                break;
            };
            signal("KILL", rank);
            let killed = Instant::now();
            let status = mpirun.wait().unwrap();
            assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
            assert!(!status.success());
            kills += 1;
        }
        // It may have come to its end by then, just before it was killed.
        let ran = train(&scene, 2, &format!("{arguments} --resume {runs}/00000-tiny"));
        if ran.code != Some(0) {
            finish(&scene, 2, &arguments);
        }
        scene.assert_same_end(&runs, "whole");
    }
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn another_number_of_ranks_goes_on() {
    let scene = Scene::new();
    let arguments = format!("--out runs {TWO_HUNDRED}");
    for (world, until) in [(2, 40), (1, 80), (4, 120)] {
        let mut running =
            Running::of(training(&scene, world, &arguments).arg("--json").stderr(Stdio::piped()));
        running.until_step(until);
        // mpirun passes it on to each of them.
        running.signal("USR2");
        let ran = running.end();
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    }
    finish(&scene, 2, &arguments);
    finish(&scene, 1, &format!("--out whole {TWO_HUNDRED}"));
    let (stopped, whole) = (losses(&scene, "runs"), losses(&scene, "whole"));
    assert_eq!(stopped.len(), 200);
    for step in [1, 50] {
        for (own, expected) in stopped[&step].iter().zip(whole[&step]) {
            assert!(
                (own - expected).abs() / expected.abs() <= 1e-3,
                "step {step}: {own} instead of {expected}"
            );
        }
    }
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn a_rank_that_hangs_is_named() {
    let scene = Scene::new();
    let arguments = format!("--out runs --peer-timeout 2 {TWO_HUNDRED}");
    let mut running = Running::of(training(&scene, 2, &arguments).arg("--json").stderr(Stdio::piped()));
    running.until_step(5);
    signal("STOP", ranks(&running.child)[1]);
    let stopped = Instant::now();
    let ran = running.end();
    assert!(stopped.elapsed() < Duration::from_secs(20), "{:?}", stopped.elapsed());
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("error: rank 1 did not answer for 2 seconds"), "{}", ran.stderr);
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn what_cannot_be_shared_is_refused_once() {
    let scene = Scene::new();
    let ran = train(&scene, 2, "--out runs");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let message = "error: a minibatch of 4 pictures has 1 group of 4 for the minibatch stddev, which 2 processes cannot share";
    assert_eq!(ran.stderr.matches(message).count(), 1, "{}", ran.stderr);
    assert!(!scene.path("runs/00000-tiny").exists());
    let ran = train(&scene, 2, "--out runs --set generator.norm=batch --set schedule.batch=16");
    assert!(ran.stderr.contains("error: `generator.norm` is `batch`"), "{}", ran.stderr);
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn a_launcher_that_is_stopped_saves_once() {
    let scene = Scene::new();
    finish(&scene, 2, &format!("--out whole {SIXTY}"));
    let launch = |arguments: &str| {
        let alone = scene.training(&format!("--out runs {SIXTY}"));
        let mut launch = Command::new(cargo_bin!("stylegan"));
        launch.arg("launch").args(arguments.split_whitespace()).arg("--").args(alone.get_args());
        launch.current_dir(scene.path("")).env("RAYON_NUM_THREADS", "1");
        launch
    };
    let mut running = Running::of(launch("--ranks 2").arg("--json").stderr(Stdio::piped()));
    running.until_step(13);
    running.signal("TERM");
    let ran = running.end();
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("finishing the step and saving").count(), 1, "{}", ran.stderr);

    // A rank is killed, and the launcher starts both again.
    let mut running = Running::of(launch("--ranks 2 --restarts 1").arg("--json").stderr(Stdio::piped()));
    running.until_step(20);
    let mpirun = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.child.id())).unwrap();
    let mpirun: u32 = mpirun.split_whitespace().next().unwrap().parse().unwrap();
    let rank = fs::read_to_string(format!("/proc/{mpirun}/task/{mpirun}/children")).unwrap();
    signal("KILL", rank.split_whitespace().last().unwrap().parse().unwrap());
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("starting again with 2 processes"), "{}", ran.stderr);
    scene.assert_same_end("runs", "whole");
}

#[test]
#[cfg_attr(feature = "mpi", ignore = "is for programs without the feature `mpi`")]
fn a_program_without_mpi_says_so() {
    let scene = Scene::new();
    let mut training = scene.training("--out runs");
    let output = training.env("OMPI_COMM_WORLD_RANK", "0").env("OMPI_COMM_WORLD_SIZE", "2").output().unwrap();
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("mpirun started this as process 0 of 2, but"), "{}", ran.stderr);
    assert!(!scene.path("runs").exists());
    let ran = Ran::from(scene.stylegan("launch --ranks 2 -- train --data packed").output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("error: this program was built without MPI and NCCL"), "{}", ran.stderr);
}

#[test]
fn pictures_are_shared() {
    let scene = Scene::new();
    let sample = |out: &str, variables: &[(&str, &str)]| {
        let mut sample = scene.stylegan(&format!("sample --checkpoint demo --seeds 0-4 --out {out}"));
        let ran = Ran::from(sample.envs(variables.iter().copied()).output().unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stderr
    };
    sample("whole", &[]);
    let said = sample("shared", &[("RANK", "1"), ("WORLD_SIZE", "2")]);
    assert!(said.contains("these are the pictures of process 2 of 2, of 5 in all"), "{said}");
    let names = |folder: &str| {
        let paths = files(&scene.path(folder), "");
        paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("shared"), ["seed0001.png", "seed0003.png"]);
    sample("shared", &[("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "2")]);
    assert_eq!(names("shared"), names("whole"));
    for name in names("whole") {
        let [shared, whole] =
            ["shared", "whole"].map(|folder| fs::read(scene.path(folder).join(&name)).unwrap());
        assert!(shared == whole, "{name}");
    }
    let mut transfer = scene.stylegan("transfer train --content photos --style photos --out never");
    let ran = Ran::from(transfer.envs([("RANK", "0"), ("WORLD_SIZE", "2")]).output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("started 2 processes, but a decoder is trained by one"), "{}", ran.stderr);
    let mut sample = scene.stylegan("sample --checkpoint demo --seeds 0-4 --out never");
    let ran = Ran::from(sample.envs([("RANK", "2"), ("WORLD_SIZE", "2")]).output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("error: the variable `RANK` is `2`, but must be a whole number from 0 to 1"));
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn a_pack_is_made_by_all() {
    let scene = Scene::new();
    let pack = || {
        let mut mpirun = mpirun(&scene, 3);
        let ran: Ran = mpirun.args(["dataset", "pack", "photos", "--out", "by-all"]).output().unwrap().into();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    };
    pack();
    // It is there, and stays.
    pack();
    let names = |folder: &str| {
        let paths = files(&scene.path(folder), "");
        paths.iter().map(|path| path.file_name().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("by-all"), names("packed"));
    for name in names("packed") {
        let [by_all, packed] =
            ["by-all", "packed"].map(|folder| fs::read(scene.path(folder).join(&name)).unwrap());
        assert!(by_all == packed, "{}", name.display());
    }
    assert!(files(&scene.path(""), "by-all.").is_empty());
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs the feature `mpi` and Open MPI")]
fn measures_are_shared() {
    let scene = Scene::new();
    let drawn = scene.stylegan("sample --checkpoint demo --seeds 100-139 --out reals").output().unwrap();
    assert!(drawn.status.success(), "{drawn:?}");
    // Of the last batch, the first process has nothing to draw.
    let arguments = "metrics --checkpoint demo --metrics kid-small,ms_ssim --fakes 33 --reals reals --json";
    let numbers = |output: Output| {
        assert!(output.status.success(), "{output:?}");
        let numbers: Value = serde_json::from_slice(&output.stdout).unwrap();
        ["kid-small", "ms_ssim"].map(|name| numbers[name].as_f64().unwrap())
    };
    let alone = numbers(scene.stylegan(arguments).output().unwrap());
    let several = numbers(mpirun(&scene, 2).args(arguments.split_whitespace()).output().unwrap());
    for (several, alone) in several.into_iter().zip(alone) {
        assert!((several - alone).abs() <= 1e-5 * alone.abs(), "{several} instead of {alone}");
    }
}
