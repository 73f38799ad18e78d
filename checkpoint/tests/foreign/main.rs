//! Checkpoints of other programs: what they draw, and what is refused.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod assembler;
mod hostile;
mod mutated;
mod other_networks;
mod samples;

use std::path::{Path, PathBuf};

use stylegan_checkpoint::foreign::Foreign;
use stylegan_checkpoint::{Checkpoint, Error, convert, save};
use stylegan_ops::Parameters;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A file of this name in a folder of its own.
fn written(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Converts a file, all of it, and opens the result.
fn converted(path: &Path, resolution: Option<usize>, sampling_only: bool) -> Result<Checkpoint, Error> {
    let mut foreign = Foreign::open(path)?;
    let plan = foreign.plan(resolution, sampling_only)?;
    let mut networks = Vec::new();
    for &network in plan.meta().networks() {
        networks.push((network, convert(network, foreign.read(&plan, network)?, None)?));
    }
    let networks: Vec<(_, &Parameters)> =
        networks.iter().map(|(network, parameters)| (*network, parameters)).collect();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.safetensors");
    save(&out, plan.meta(), &networks, false)?;
    Checkpoint::open(out)
}

/// The message of a file, with its path cut off.
fn message(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = written(name, bytes);
    let error = converted(&path, None, false).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}
