//! A folder with packed pictures, in which the binary trains tiny networks.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use image::RgbImage;
use serde_json::Value;
use tempfile::TempDir;

/// Networks that train from 4x4 through a fade to 8x8 in 60 iterations of 4 pictures, with a snapshot every 5 of them.
const TINY: &str = r#"
[run]
name = "tiny"
tick_kimg = 0.02
snapshot_ticks = 1
keep_all_snapshots = true
grid = [2, 1]

[generator]
resolution = 8
z_dim = 6
w_dim = 5
mapping_layers = 2
mapping_fmaps = 7
fmap_base = 16
fmap_max = 6

[schedule]
initial_resolution = 4
steady_kimg = 0.08
fade_kimg = 0.08
total_kimg = 0.24
batch = 4
minibatch_repeats = 3
"#;

pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        let photos = scene.path("photos");
        fs::create_dir(&photos).unwrap();
        for number in 0..7u32 {
            let shade = |value: u32| (value % 256) as u8;
            let picture = RgbImage::from_fn(8, 8, |x, y| {
                [shade(number * 31 + x * 9), shade(number * 77 + y * 20), shade(x * y * number)].into()
            });
            picture.save(photos.join(format!("{number}.png"))).unwrap();
        }
        fs::write(scene.path("tiny.toml"), TINY).unwrap();
        let packed = scene.command().args(["dataset", "pack", "photos", "--out", "packed"]).output().unwrap();
        assert!(packed.status.success(), "{packed:?}");
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(cargo_bin!("stylegan"));
        command.current_dir(self.folder.path()).env_remove("RUST_LOG");
        command
    }

    /// The binary with these arguments, separated by spaces.
    pub(crate) fn stylegan(&self, arguments: &str) -> Command {
        let mut command = self.command();
        command.args(arguments.split_whitespace());
        command
    }

    /// `stylegan train` with these arguments, separated by spaces.
    pub(crate) fn training(&self, arguments: &str) -> Command {
        self.training_on("packed", arguments)
    }

    /// The same of other pictures.
    pub(crate) fn training_on(&self, data: &str, arguments: &str) -> Command {
        let mut command = self.command();
        command.args(["train", "--data", data, "--config", "tiny.toml"]).args(arguments.split_whitespace());
        command
    }

    /// Trains; returns what the binary left behind.
    pub(crate) fn train(&self, arguments: &str) -> Ran {
        Ran::from(self.training(arguments).output().unwrap())
    }

    /// Trains in the folder of runs to the end, which must be reached.
    pub(crate) fn finish(&self, runs: &str) -> Ran {
        let ran = self.train(&format!("--out {runs}"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran
    }

    /// Starts a training that tells its events.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        Self::start_command(self.training(arguments))
    }

    /// Starts any training, which tells its events.
    pub(crate) fn start_command(mut command: Command) -> Running {
        Running::of(command.arg("--json").stderr(Stdio::piped()))
    }

    /// Asserts that the last snapshot and the last state of the newest run in `runs` are those in `expected`.
    pub(crate) fn assert_same_end(&self, runs: &str, expected: &str) {
        self.assert_same(&["network-snapshot-", "training-state-"], runs, expected);
    }

    /// Asserts that the last snapshots are the same; states say which run theirs was begun from.
    pub(crate) fn assert_same_networks(&self, runs: &str, expected: &str) {
        self.assert_same(&["network-snapshot-"], runs, expected);
    }

    fn assert_same(&self, prefixes: &[&str], runs: &str, expected: &str) {
        let run_dir = self.newest_run(runs);
        for prefix in prefixes {
            let expected = last(&self.newest_run(expected), prefix);
            let found = last(&run_dir, prefix);
            assert_eq!(found.file_name(), expected.file_name());
            assert!(fs::read(&found).unwrap() == fs::read(expected).unwrap(), "{}", found.display());
        }
        let leftovers = files(&run_dir, ".");
        assert!(leftovers.is_empty(), "{leftovers:?}");
    }

    /// The newest run folder in `runs`.
    pub(crate) fn newest_run(&self, runs: &str) -> PathBuf {
        last(&self.path(runs), "0")
    }
}

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self { code: output.status.code(), stderr: String::from_utf8(output.stderr).unwrap() }
    }
}

/// A training in another process.
pub(crate) struct Running {
    pub(crate) child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts a command that tells the events of a training.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    /// The next event that is wanted; none if the training ends before.
    pub(crate) fn next(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        self.events.by_ref().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).find(wanted)
    }

    /// Waits until so many iterations are done in all.
    pub(crate) fn until_step(&mut self, step: u64) {
        let is_done = |event: &Value| event["event"] == "step" && event["step"].as_u64().unwrap() >= step;
        assert!(self.next(is_done).is_some());
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ran {
        // What is written must be read, or the training waits.
        self.next(|_| false);
        self.child.wait_with_output().unwrap().into()
    }
}

/// The files of a folder whose names start with `prefix`, sorted.
pub(crate) fn files(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
        .collect();
    found.sort();
    found
}

pub(crate) fn last(folder: &Path, prefix: &str) -> PathBuf {
    files(folder, prefix).pop().unwrap()
}
