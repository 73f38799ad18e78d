//! Why a run could not go on.

use std::io;
use std::path::PathBuf;

use stylegan_base::{Hint, Resolution};
use thiserror::Error;

use crate::{Difference, OutOfMemory};

/// Why a run could not go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// The packed pictures are smaller than the network's, or of another ratio.
    #[error("the pictures are packed at {packed}, but `generator.resolution` is {}", wanted.short())]
    TooSmall {
        /// Width and height of the pack.
        packed: Resolution,
        /// Width and height of the network's pictures.
        wanted: Resolution,
    },
    /// Packed pictures are smaller than those of a style transfer.
    #[error("the pictures are packed at {packed}, but `data.side` is {}", wanted.short())]
    Packed {
        /// Width and height of the pack.
        packed: Resolution,
        /// What is asked for.
        wanted: Resolution,
    },
    /// Packed pictures have no colors of 8 bits.
    #[error("`{}` holds no pictures of three channels of 8 bits", path.display())]
    NoColors {
        /// The pack.
        path: PathBuf,
    },
    /// The encoder is another than the configuration asks for.
    #[error("the encoder is not the one of `encoder` in the configuration")]
    OtherEncoder,
    /// The decoder to go on from makes no sense.
    #[error("cannot go on from what was saved")]
    Decoder(#[source] Box<stylegan_transfer::Error>),
    /// The pictures have other channels than those of the networks.
    #[error("`generator.num_channels` is {wanted}, but that of the packed pictures is {found}")]
    Channels {
        /// Channels of the pack.
        found: usize,
        /// Channels of the networks' pictures.
        wanted: usize,
    },
    /// The labels of the pictures are not those of the networks.
    #[error("`generator.label_dim` is {wanted}, but {}", has(*found))]
    Labels {
        /// Numbers in a label of the data set, one for each class; 0 if it has no labels.
        found: usize,
        /// Numbers in a label of the networks.
        wanted: usize,
    },
    /// Another process trains in the run folder.
    #[error("`{}` is in use{}", folder.display(), by(holder))]
    Locked {
        /// The run folder.
        folder: PathBuf,
        /// Process and host, as they introduced themselves.
        holder: String,
    },
    /// The run was trained with another configuration or other pictures.
    #[error("`{}` was not trained with what is asked for now:\n  {}", folder.display(), changes.join("\n  "))]
    Changed {
        /// The run folder or file to go on from.
        folder: PathBuf,
        /// One sentence for each key, and one for the pictures.
        changes: Vec<String>,
    },
    /// The networks to go on from have another shape.
    #[error("the networks of `{}` have another shape:\n  {}", path.display(), differences.join("\n  "))]
    Shape {
        /// The run folder or file to go on from.
        path: PathBuf,
        /// One sentence for each key, and one for each of some tensors.
        differences: Vec<String>,
        /// Assignments `KEY=VALUE` of the shape that they have.
        keep: Vec<String>,
        /// The resolution that is asked for, if the networks can grow to it.
        grows_to: Option<Resolution>,
    },
    /// The networks cannot grow, since the schedule does not come to the next level.
    #[error(
        "`{}` cannot grow: the schedule starts at {initial} and ends at {total_kimg} kimg, so that {level} \
         never fades in", path.display()
    )]
    NeverGrows {
        /// The run folder or file to go on from.
        path: PathBuf,
        /// The first new level.
        level: Resolution,
        /// The level that the schedule starts at.
        initial: Resolution,
        /// The end of the schedule, in kimg.
        total_kimg: f64,
        /// End of the fade of the first new level, in kimg; none if the schedule starts there or beyond.
        fade_ends_kimg: Option<f64>,
    },
    /// There is nothing to go on from.
    #[error("`{}` holds no training state to go on from", path.display())]
    NothingToResume {
        /// The run folder.
        path: PathBuf,
    },
    /// Every training state of a run is damaged.
    #[error("no training state of `{}` can be read:\n  {}", folder.display(), damages.join("\n  "))]
    AllDamaged {
        /// The run folder.
        folder: PathBuf,
        /// What is wrong with each.
        damages: Vec<String>,
    },
    /// A snapshot and a state that were not written together.
    #[error("`{}` is not the state of the snapshot beside it", state.display())]
    NoPair {
        /// The training state.
        state: PathBuf,
    },
    /// A training state whose description cannot be understood.
    #[error("the training state `{}` cannot be understood", path.display())]
    State {
        /// The training state.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The state to go on from is at the end of the training already, or beyond it.
    #[error("`{}` is trained for {kimg} kimg, and the training is to end at {total_kimg} kimg", path.display())]
    Finished {
        /// The run folder or file.
        path: PathBuf,
        /// Time of the state, in kimg.
        kimg: f64,
        /// Time of the end, in kimg.
        total_kimg: f64,
    },
    /// The numbers went bad again and again.
    #[error("training diverged after {rollbacks} rollbacks: {reason}; {}", last_good(state.as_ref()))]
    Diverged {
        /// What went bad the last time.
        reason: String,
        /// How often the run had been taken back.
        rollbacks: u64,
        /// The last good training state.
        state: Option<PathBuf>,
    },
    /// The reader of the pictures ended early.
    #[error("the reader of the pictures stopped before the training did")]
    NoMoreData,
    /// The configuration cannot be written.
    #[error("cannot write the configuration")]
    Config(#[from] toml::ser::Error),
    /// The memory of the device is too little.
    #[error(transparent)]
    OutOfMemory(Box<OutOfMemory>),
    /// Several processes cannot train together.
    #[error(transparent)]
    Peers(#[from] stylegan_peers::Error),
    /// Processes have been started to train other things.
    #[error(
        "{} would train with another version, configuration or other pictures than the others",
        ranks_of(ranks)
    )]
    OtherTraining {
        /// Their numbers.
        ranks: Vec<usize>,
    },
    /// Processes have come to other networks.
    #[error("the networks of {} are no longer those of the others", ranks_of(ranks))]
    OtherNetworks {
        /// Their numbers.
        ranks: Vec<usize>,
    },
    /// Processes cannot share what a layer looks at.
    #[error(
        "`generator.norm` is `batch`, whose statistics are those of whole minibatches, which {world} processes share"
    )]
    BatchNorm {
        /// Processes.
        world: usize,
    },
    /// The networks or the device failed.
    #[error("the networks failed")]
    Networks(#[from] candle_core::Error),
    /// The file system refused.
    #[error("cannot use `{}`", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The pictures cannot be read.
    #[error("cannot read the pictures")]
    Data(#[from] stylegan_dataset::Error),
    /// A snapshot or training state cannot be read.
    #[error("cannot go on from what was saved")]
    Resume(#[source] stylegan_checkpoint::Error),
    /// The networks to go on from cannot be read.
    #[error("cannot go on from what was saved")]
    Import(#[source] stylegan_import::Error),
    /// There is no copy to write a snapshot from.
    #[error("cannot copy the networks for a snapshot")]
    Copy(#[source] candle_core::Error),
    /// Snapshots cannot be written.
    #[error("{failures} snapshots in a row could not be written")]
    Snapshots {
        /// How many.
        failures: u32,
        /// Why the last one could not.
        source: stylegan_checkpoint::Error,
    },
    /// The best snapshot cannot be written.
    #[error("the best snapshot cannot be kept")]
    Best(#[source] stylegan_checkpoint::Error),
    /// The run cannot measure its pictures.
    #[error("cannot take the measures of `run.metrics`")]
    Metrics(#[source] Box<stylegan_evaluation::Error>),
    /// The last snapshot cannot be written.
    #[error("what was trained since the last snapshot is lost")]
    LastSnapshot(#[source] stylegan_checkpoint::Error),
}

impl From<stylegan_evaluation::Error> for RunError {
    fn from(error: stylegan_evaluation::Error) -> Self {
        Self::Metrics(Box::new(error))
    }
}

fn ranks_of(ranks: &[usize]) -> String {
    let numbers: Vec<String> = ranks.iter().map(usize::to_string).collect();
    format!("rank {}", numbers.join(", rank "))
}

fn has(label_dim: usize) -> String {
    match label_dim {
        0 => "the pictures have no labels".to_owned(),
        found => format!("the labels of the pictures have {found} numbers, one for each class"),
    }
}

fn by(holder: &str) -> String {
    if holder.is_empty() { " by another process".to_owned() } else { format!(" by {holder}") }
}

fn last_good(state: Option<&PathBuf>) -> String {
    match state {
        Some(state) => format!("the last good state is `{}`", state.display()),
        None => "there was no good state but the beginning".to_owned(),
    }
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::TooSmall { packed, .. } => {
                return Some(format!(
                    "`generator.resolution={}` trains at that size; a new pack needs larger pictures",
                    packed.short()
                ));
            }
            Self::Channels { found, .. } => {
                return Some(format!(
                    "`generator.num_channels={found}` trains with these; others need a new pack"
                ));
            }
            Self::Labels { .. } => {
                "without `generator.label_dim`, it follows from the pictures; 0 trains without labels"
            }
            Self::Locked { .. } => "wait for it, or start a run of another `run.name` beside it",
            Self::Changed { .. } => "start a new run, or allow the changes",
            Self::Shape { grows_to: Some(to), .. } => {
                return Some(format!("they can grow to {to} in a new run folder"));
            }
            Self::Shape { .. } => "start a new run, or leave these keys as they were",
            Self::NeverGrows { fade_ends_kimg: Some(end), .. } => {
                return Some(format!("a `schedule.total_kimg` of more than {end} trains the new side"));
            }
            Self::NeverGrows { .. } => "leave `schedule.initial_resolution` as it was",
            Self::NothingToResume { .. } | Self::AllDamaged { .. } => {
                "start a new run, or go on from the networks of a good snapshot"
            }
            Self::Finished { .. } => "a longer `schedule.total_kimg` trains on",
            Self::Diverged { .. } => "go on from it with smaller `schedule.g_lrate` and `schedule.d_lrate`",
            Self::OutOfMemory(error) => return error.hint(),
            Self::Peers(stylegan_peers::Error::Minibatch { .. }) => {
                "`schedule.batch` takes larger minibatches, such as the original's for as many GPUs"
            }
            Self::OtherNetworks { .. } => {
                "go on from the last snapshot, without the machine of these processes"
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room on the disk"
            }
            Self::Data(error) => return error.hint(),
            Self::Import(error) => return error.hint(),
            Self::Resume(error) | Self::Snapshots { source: error, .. } | Self::LastSnapshot(error) => {
                return error.hint();
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl RunError {
    /// Whether a file or folder may be read alone.
    pub(super) fn is_read_only(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(self, Self::File { source, .. } if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem))
    }

    pub(super) fn changed(folder: PathBuf, differences: &[Difference], pictures: Vec<String>) -> Self {
        let changes = differences.iter().map(Difference::to_string).chain(pictures).collect();
        Self::Changed { folder, changes }
    }
}

/// An error and its causes in one sentence.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
