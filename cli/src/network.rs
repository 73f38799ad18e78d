//! The flags that say which network draws, shared by every command that draws.

use std::path::PathBuf;

use crate::device::DeviceName;

/// Which network draws, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Checkpoint, or a run's folder for its newest snapshot
    #[arg(long, value_name = "FILE|RUN_DIR")]
    pub(crate) checkpoint: PathBuf,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    pub(crate) device: DeviceName,

    /// Label of the pictures, from 0; for networks with labels alone
    #[arg(long, value_name = "N")]
    pub(crate) class: Option<usize>,
}
