//! What a run is given, and what comes of it.

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::Device;
use stylegan_base::files::{Disk, Files};
use stylegan_dataset::Pyramid;

use super::error::RunError;
use crate::{Pace, Position, TrainConfig, Trainer};

/// A look at the trainer before each iteration.
pub type BeforeStep = Box<dyn FnMut(&Trainer, Position)>;

/// Everything a run is given.
pub struct Job {
    /// What to train, and how.
    pub config: TrainConfig,
    /// The pictures, packed at the network's resolution or a larger one of the same ratio.
    pub pyramid: Arc<Pyramid>,
    /// The folder of all runs; this one gets its own inside.
    pub runs: PathBuf,
    /// Where the networks live.
    pub device: Device,
    /// Where batches are prepared and snapshots written beside the training.
    pub runtime: tokio::runtime::Handle,
    /// What to go on from.
    pub resume: Resume,
    /// Whether to go on although configuration or pictures differ from what was trained with.
    pub allow_changes: bool,
    /// What is known of how long it will take.
    pub pace: Pace,
    /// How files reach the disk.
    pub files: Arc<dyn Files>,
    /// Called before each iteration, for experiments and for tests that do harm.
    pub before_step: Option<BeforeStep>,
}

impl Job {
    /// A job that goes on by itself where a run of this name was left, and writes to the file system.
    pub fn new(
        config: TrainConfig,
        pyramid: Arc<Pyramid>,
        runs: PathBuf,
        device: Device,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            pace: Pace::new(&config),
            config,
            pyramid,
            runs,
            device,
            runtime,
            resume: Resume::Auto,
            allow_changes: false,
            files: Arc::new(Disk),
            before_step: None,
        }
    }

    /// Whether the pictures are large enough and have the channels and the labels that are asked for.
    pub(super) fn check_data(&self) -> Result<(), RunError> {
        let (packed, wanted) = (self.pyramid.resolution(), self.config.generator.resolution);
        if wanted.doublings_to(packed).is_none() {
            return Err(RunError::TooSmall { packed, wanted });
        }
        let (found, wanted) = (self.pyramid.channels().count(), self.config.generator.num_channels);
        if found != wanted {
            return Err(RunError::Channels { found, wanted });
        }
        let wanted = self.config.generator.label_dim;
        let found = self.pyramid.labels().map_or(0, stylegan_dataset::Labels::width);
        // A data set's labels may be left unused, but not made up.
        if wanted != 0 && found != wanted {
            return Err(RunError::Labels { found, wanted });
        }
        Ok(())
    }
}

/// What a run goes on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// The newest run of the same name, if it is not finished and has a training state; else nothing.
    #[default]
    Auto,
    /// Nothing: a new run.
    No,
    /// A run folder, a training state, or a snapshot of the networks, by this program or another.
    ///
    /// A folder is gone on in, and so is that of a state which is its newest. Anything else starts a new folder, so
    /// that what comes after it in its own folder is not overwritten.
    From(PathBuf),
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run folder.
    pub run_dir: PathBuf,
    /// The last snapshot.
    pub snapshot: PathBuf,
    /// Whether it ran to the end of the schedule; else a person stopped it.
    pub finished: bool,
}
