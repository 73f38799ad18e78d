//! Signals, and a terminal that is closed.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;

use crate::scene::{Running, Scene, files, last};

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
fn whatever_ends_a_process_politely_saves_and_stops() {
    let scene = Scene::new();
    scene.finish("whole");
    for name in ["HUP", "QUIT", "USR2", "XCPU"] {
        let mut running = scene.start(&format!("--out {name}"));
        running.until_step(7);
        // As a closing terminal, `timeout` and a limit of CPU time do.
        (0..3).for_each(|_| running.signal(name));
        let ran = running.end();
        assert_eq!(ran.code, Some(3), "{name}: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("finishing the step and saving").count(), 1, "{name}: {}", ran.stderr);
        scene.finish(name);
        scene.assert_same_end(name, "whole");
    }
}

#[test]
fn a_hangup_is_not_heard_under_nohup() {
    let scene = Scene::new();
    let training = scene.training("--out runs --json");
    let mut nohup = Command::new("nohup");
    nohup.arg(training.get_program()).args(training.get_args()).current_dir(scene.path(""));
    let mut running = Running::of(&mut nohup);
    running.until_step(3);
    running.signal("HUP");
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// A terminal: the end of who looks at it, and that of the programs in it.
#[expect(unsafe_code, reason = "the standard library opens no terminals")]
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    let (name, modes, size) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: both numbers are written to, and are open files of nobody else if it succeeds.
    unsafe {
        assert_eq!(libc::openpty(&raw mut master, &raw mut slave, name, modes, size), 0);
        // Or the program would keep it open itself.
        assert_eq!(libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC), 0);
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}

#[test]
fn a_terminal_that_is_closed_stops_the_run_saved() {
    let scene = Scene::new();
    scene.finish("whole");
    let (master, slave) = terminal();
    let training = scene.training("--out runs --json");
    // Makes a session of its own whose terminal this is, so that the kernel sends the signal itself.
    let mut setsid = Command::new("setsid");
    setsid.args(["--ctty", "--wait"]).arg(cargo_bin!("stylegan")).args(training.get_args());
    setsid.current_dir(scene.path("")).stdin(slave.try_clone().unwrap()).stdout(Stdio::piped());
    let mut running = Running::of(setsid.stderr(slave));
    // The command holds the terminal as well.
    drop(setsid);
    let mut screen = File::from(master);
    running.until_step(7);
    let mut bar = [0; 4096];
    let shown = screen.read(&mut bar).unwrap();
    assert!(shown > 0);
    drop(screen);
    let ran = running.end();
    assert_eq!(ran.code, Some(3));
    scene.finish("runs");
    scene.assert_same_end("runs", "whole");
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
    let slow = "--out slow --set schedule.batch=2048 --set run.tick_kimg=4 --kimg 8000 \
                --set generator.fmap_max=16 --set generator.fmap_base=64";
    let mut running = scene.start(slow);
    assert!(running.next(|event| event["event"] == "snapshot").is_some());
    // One that ends no tick, so that the next one begins at once.
    assert!(
        running.next(|event| event["event"] == "step" && event["step"].as_u64().unwrap() % 2 == 1).is_some()
    );
    running.signal("TERM");
    // Long enough for it not to be taken for an echo of the first.
    std::thread::sleep(Duration::from_millis(150));
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
