//! Why several processes are not one training.

use candle_core::DType;
use thiserror::Error;

/// Why several processes are not one training.
#[derive(Debug, Error)]
pub enum Error {
    /// A minibatch has too few groups.
    #[error(
        "a minibatch of {batch} pictures has {} of {} for the minibatch stddev, which {world} processes cannot share", 
        groups(*batch, *group_size), (*group_size).clamp(1, (*batch).max(1))
    )]
    Minibatch {
        /// Pictures in the minibatch.
        batch: usize,
        /// Pictures in a group.
        group_size: usize,
        /// Processes.
        world: usize,
    },
    /// A launcher's variable makes no sense.
    #[error("the variable `{name}` is `{value}`, but must be {expected}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value, without control characters.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A launcher's variable is missing.
    #[error("`{given}` is set, but `{missing}` is not")]
    Missing {
        /// The one that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// The MPI library does not know what the launcher says.
    #[error(
        "{launcher} started process {rank} of {world}, but the MPI library knows of {found}: it was not told of the others"
    )]
    OtherWorld {
        /// Who started the process.
        launcher: &'static str,
        /// Its number.
        rank: usize,
        /// How many there are.
        world: usize,
        /// How many the library knows of.
        found: usize,
    },
    /// MPI cannot be started.
    #[error("the MPI library cannot be started")]
    NoMpi,
    /// What is averaged must be `f32`.
    #[error("a tensor to be averaged is of type {}", found.as_str())]
    Type {
        /// Its type.
        found: DType,
    },
    /// Others did not answer.
    #[error("{} did not answer for {secs} seconds", ranks(missing))]
    Silent {
        /// Their numbers.
        missing: Vec<usize>,
        /// How long they were waited for.
        secs: u64,
    },
    /// Another process sent something else than expected.
    #[error("rank {rank} sent {found} bytes where {expected} are expected")]
    Length {
        /// Its number.
        rank: usize,
        /// What it sent.
        found: usize,
        /// What was expected.
        expected: usize,
    },
    /// NCCL refused.
    #[error("NCCL failed: {what}")]
    Nccl {
        /// Its answer.
        what: String,
    },
    /// The device failed.
    #[error("the device failed")]
    Device(#[from] candle_core::Error),
}

/// Groups of a minibatch, in words.
fn groups(batch: usize, group_size: usize) -> String {
    match batch / group_size.clamp(1, batch.max(1)) {
        1 => "1 group".to_owned(),
        count => format!("{count} groups"),
    }
}

/// Processes by number, in words.
fn ranks(ranks: &[usize]) -> String {
    if ranks.is_empty() {
        return "another process".to_owned();
    }
    let numbers: Vec<String> = ranks.iter().map(usize::to_string).collect();
    let word = if ranks.len() == 1 { "rank" } else { "ranks" };
    format!("{word} {}", numbers.join(", "))
}
