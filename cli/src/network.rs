//! The flags that say which network draws, shared by every command that draws.

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_checkpoint::Checkpoint;
use stylegan_import::{Foreign, Purpose, open_any};

use crate::device::DeviceName;
use crate::report::Refusal;

/// Which network draws, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Checkpoint of this program or another, or a run's folder for its newest snapshot
    #[arg(long, value_name = "FILE|RUN_DIR")]
    pub(crate) checkpoint: PathBuf,

    /// Side for which the network was trained, for files that do not say it: those of rosinality
    #[arg(long, value_name = "N")]
    pub(crate) resolution: Option<usize>,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    pub(crate) device: DeviceName,

    /// Label of the pictures, from 0; for networks with labels alone
    #[arg(long, value_name = "N")]
    pub(crate) class: Option<usize>,
}

/// Opens a checkpoint to draw from it, whichever program wrote it.
pub(crate) fn open_checkpoint(path: &Path, resolution: Option<usize>) -> Result<Checkpoint> {
    check_resolution(path, resolution)?;
    Ok(open_any(path, resolution, Purpose::Sampling)?)
}

/// Refuses a side for a file that says its own.
pub(crate) fn check_resolution(path: &Path, resolution: Option<usize>) -> Result<()> {
    if resolution.is_some() && !Foreign::is_one(path) {
        return Err(
            Refusal::usage("`--resolution` is for files of other programs, which do not say it").into()
        );
    }
    Ok(())
}
