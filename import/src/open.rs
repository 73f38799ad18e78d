//! A checkpoint from a file of whatever kind.

use std::path::Path;

use stylegan_checkpoint::{Checkpoint, ForeignFile};

use crate::{Foreign, Purpose, Result};

/// Opens a checkpoint of this program, a file or a run's folder, or one of another program, whose tensors are made ours
/// in memory.
///
/// `resolution` is the side for which the networks of a foreign file were trained, if the file does not say it. Of a
/// foreign file no more than what `purpose` needs is read; its [`hash`](Checkpoint::hash) is that of its own bytes, and
/// everything else is as if it had been converted first.
///
/// # Errors
/// If there is no such file, it is damaged, it is of neither kind, or the resolution is not told.
pub fn open_any(path: impl AsRef<Path>, resolution: Option<usize>, purpose: Purpose) -> Result<Checkpoint> {
    let path = path.as_ref();
    if !Foreign::is_one(path) {
        return Ok(Checkpoint::open(path)?);
    }
    let mut foreign = Foreign::open(path)?;
    let conversion = foreign.conversion(resolution, purpose)?;
    let mut networks = Vec::new();
    for &network in conversion.meta().networks() {
        networks.push((network, foreign.read(&conversion, network)?));
    }
    let file = ForeignFile {
        path: path.to_owned(),
        written_by: format!("{} ({})", foreign.family(), foreign.format()),
        hash: foreign.hash().to_owned(),
        size_bytes: foreign.size_bytes(),
    };
    Ok(Checkpoint::of_foreign(file, conversion.meta().clone(), networks)?)
}
