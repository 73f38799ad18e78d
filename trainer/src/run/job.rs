//! What a run is given, and what comes of it.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use candle_core::Device;
use stylegan_base::files::{Disk, Files};
use stylegan_dataset::Pyramid;
use stylegan_peers::{Alone, Peers, Share};

use super::feed::Feed;
use super::trained::Trained;
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
    /// The processes that train together. The first keeps the run folder and tells the listeners; the others read pictures alone.
    pub peers: Rc<dyn Peers>,
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
            peers: Rc::new(Alone),
            before_step: None,
        }
    }

    /// The same, as the run takes it.
    pub(super) fn into_work(self) -> Work<Trainer> {
        let share = Share::among(&*self.peers, self.config.discriminator.switches.mbstd_group_size);
        let (runtime, device) = (self.runtime.clone(), self.device.clone());
        Work {
            data: Feed { pyramid: self.pyramid, runtime, device, share },
            config: self.config,
            given: (),
            runs: self.runs,
            device: self.device,
            runtime: self.runtime,
            resume: self.resume,
            allow_changes: self.allow_changes,
            pace: self.pace,
            files: self.files,
            peers: self.peers,
            before_step: self.before_step,
        }
    }
}

/// Everything a run is given, whatever it trains.
pub(crate) struct Work<T: Trained> {
    pub(crate) config: T::Config,
    pub(crate) data: T::Data,
    pub(crate) given: T::Given,
    pub(crate) runs: PathBuf,
    pub(crate) device: Device,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) resume: Resume,
    pub(crate) allow_changes: bool,
    pub(crate) pace: Pace,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) peers: Rc<dyn Peers>,
    pub(crate) before_step: Option<Look<T>>,
}

/// A look at what is trained before each iteration.
pub(crate) type Look<T> = Box<dyn FnMut(&T, Position)>;

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
    /// The run folder; of several processes, that of the first.
    pub run_dir: PathBuf,
    /// The last snapshot, likewise.
    pub snapshot: PathBuf,
    /// Whether it ran to the end of the schedule; else a person stopped it.
    pub finished: bool,
}
