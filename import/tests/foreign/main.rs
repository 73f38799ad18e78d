//! Checkpoints of other programs: what they draw, and what is refused.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod assembler;
mod hostile;
mod mutated;
mod other_networks;
mod samples;

use std::path::{Path, PathBuf};

use stylegan_checkpoint::{Checkpoint, convert, save};
use stylegan_import::{Error, Foreign, Purpose};
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
fn converted(path: &Path, resolution: Option<usize>, purpose: Purpose) -> Result<Checkpoint, Error> {
    let mut foreign = Foreign::open(path)?;
    let conversion = foreign.conversion(resolution, purpose)?;
    let mut networks = Vec::new();
    for &network in conversion.meta().networks() {
        networks.push((network, convert(path, network, foreign.read(&conversion, network)?, None)?));
    }
    let networks: Vec<(_, &Parameters)> =
        networks.iter().map(|(network, parameters)| (*network, parameters)).collect();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.safetensors");
    save(&out, conversion.meta(), &networks, false)?;
    Ok(Checkpoint::open(out)?)
}

/// The message of a file, with its path cut off.
fn message(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = written(name, bytes);
    let error = converted(&path, None, Purpose::Training).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}
