//! What is trained, as the run sees it: the seam between running and training.
//!
//! Whatever the networks are, a run has folders, ticks, snapshots, states to go on from, rollbacks and events, and all of that
//! is in this module once. What differs is behind [`Trained`], and what that is given to work with behind [`Configuration`],
//! [`Data`] and [`Watch`].

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use candle_core::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stylegan_base::files::Files;
use stylegan_dataset::Contents;
use stylegan_ops::{AdamSteps, Parameters};

use super::clock::Clock;
use super::error::RunError;
use super::folder::RunFolder;
use super::job::Work;
use super::pictures::Comparison;
use super::saver::Saver;
use super::shape::Misfit;
use super::state::{Source, TrainingState};
use crate::events::Adversarial;
use crate::listeners::Audience;
use crate::statistics::Means;
use crate::{Adam, Difference, Position, Report, RunConfig, Settings};

/// Networks and optimizers in training.
pub(crate) trait Trained: Sized {
    /// Everything it depends on except its data.
    type Config: Configuration;
    /// Where its batches come from.
    type Data: Data<Config = Self::Config>;
    /// What it is given beside its configuration, such as networks that are not trained.
    type Given;
    /// The networks of a snapshot, read and checked.
    type Snapshot;
    /// What is looked at when a tick ends.
    type Watch: Watch<Self>;

    /// At its start, with what looks at it.
    fn begin(work: &Work<Self>) -> Result<(Self, Self::Watch), RunError>;

    /// The same at its start.
    fn anew(&self) -> candle_core::Result<Self>;

    fn config(&self) -> &Self::Config;

    /// Where it is computed.
    fn device(&self) -> &Device;

    /// One iteration, a function of the state and its number `step`. Reports a number each.
    fn step(
        &mut self,
        batch: &<Self::Data as Data>::Batch,
        settings: Settings,
        step: u64,
    ) -> candle_core::Result<Report>;

    /// How far the optimizers are, and whether they skip the present step.
    fn adam_steps(&self) -> [&AdamSteps; 2];

    /// All variables, by network.
    fn networks(&self) -> Vec<(&'static str, &Parameters)>;

    /// All optimizers, by network.
    fn optimizers(&self) -> Vec<(&'static str, &Adam)>;

    /// The same, to be restored.
    fn optimizers_mut(&mut self) -> Vec<(&'static str, &mut Adam)>;

    /// Level of detail of the last iteration, of networks that grow.
    fn last_lod(&self) -> Option<f64>;

    /// Goes on from an iteration at that level.
    fn set_last_lod(&mut self, lod: Option<f64>);

    /// Makes sure that what is still to be trained fits into the memory of a GPU; returns what is to be said about it.
    fn try_memory(&self, work: &Work<Self>, clock: Clock) -> Result<Option<String>, RunError>;

    /// Does what takes memory in an iteration, but updates nothing.
    fn rehearse(&self, settings: Settings) -> candle_core::Result<()>;

    /// What to say when an iteration ran out of the memory of a GPU; none if there is nothing to add.
    fn explain_shortage(&self, settings: Settings, is_saved: bool) -> Result<Option<RunError>, RunError>;

    /// Copies of the networks, to be written beside the training.
    fn snapshot(&self, clock: Clock, source: &Source) -> Result<SnapshotWriter, RunError>;

    /// Reads a snapshot.
    fn open(path: &Path) -> Result<Self::Snapshot, stylegan_checkpoint::Error>;

    /// The checksum of a snapshot.
    fn checksum(snapshot: &Self::Snapshot) -> Option<&str>;

    /// Takes the networks to those of a snapshot; those that it does not have stay where they are if they are `growing`.
    fn assign(&self, snapshot: &Self::Snapshot, growing: bool) -> Result<(), RunError>;

    /// How the networks of a snapshot differ in shape from those of a configuration.
    fn misfit(snapshot: &Self::Snapshot, config: &Self::Config) -> Result<Option<Misfit>, RunError>;

    /// Reads networks without a training state, of whichever program.
    fn open_alone(path: &Path, config: &Self::Config) -> Result<Alone<Self>, RunError>;

    /// Whether a file is one of another program.
    fn is_foreign(path: &Path) -> bool;
}

/// Networks without a training state.
pub(crate) struct Alone<T: Trained> {
    pub(crate) snapshot: T::Snapshot,
    /// What they were trained with; none of a file that does not say.
    pub(crate) config: Option<T::Config>,
    /// How far they were trained.
    pub(crate) position: Position,
    /// Level of detail that the time was taken from, of networks that do not tell how long they were trained.
    pub(crate) placed_by_lod: Option<f64>,
}

/// Writes a snapshot to a file; returns its checksum.
pub(crate) type SnapshotWriter =
    Box<dyn FnOnce(&dyn Files, &Path) -> Result<String, stylegan_checkpoint::Error> + Send>;

/// What a run needs to know of a configuration.
pub(crate) trait Configuration: Clone + Serialize + DeserializeOwned {
    /// The run folder and what is written there.
    fn run(&self) -> &RunConfig;

    /// Length of the training.
    fn total_kimg(&self) -> f64;

    /// What holds after so many pictures.
    fn settings_at(&self, nimg: u64) -> Settings;

    /// Minibatches between two looks at that.
    fn minibatch_repeats(&self) -> usize;

    /// Every key, as the run folder keeps it.
    fn whole_toml(&self) -> Result<String, toml::ser::Error>;

    /// Without the keys that no snapshot depends on.
    fn lasting_toml(&self) -> Result<String, toml::ser::Error>;

    /// Keys whose values matter and are others than in `before`.
    fn differences(&self, before: &Self) -> Result<Vec<Difference>, toml::ser::Error>;

    /// Pictures shown at the end of the training.
    fn total_nimg(&self) -> u64 {
        (self.total_kimg() * 1000.0).ceil() as u64
    }
}

/// Pictures on their way to the device.
pub(crate) trait Data {
    type Config: Configuration;
    /// Batches that are prepared ahead.
    type Batches;
    /// One of them, on the device.
    type Batch;

    /// Whether the pictures are what is asked for.
    fn check(&self, config: &Self::Config) -> Result<(), RunError>;

    /// What is trained on, each source under the name of the file that lists it.
    fn contents(&self, config: &Self::Config) -> Result<Vec<(&'static str, Contents)>, RunError>;

    /// Compares the pictures with those of a run, which had this fingerprint and is saved at `path`.
    fn compare(
        &self,
        config: &Self::Config,
        fingerprint: &str,
        path: &Path,
        before: Option<&Self::Config>,
    ) -> Result<Comparison, RunError>;

    /// What the classes are called, where pictures are trained by their labels.
    fn class_names(&self, config: &Self::Config) -> Vec<String>;

    /// Batches from the present time to the end.
    fn batches(&self, config: &Self::Config, clock: &Clock) -> Self::Batches;

    /// The next of them, and how long it was waited for.
    fn next(
        &self,
        config: &Self::Config,
        batches: &mut Self::Batches,
    ) -> Result<(Self::Batch, Duration), RunError>;
}

/// What is looked at when a tick ends.
pub(crate) trait Watch<T: Trained> {
    /// Looks at a training whose tick ends, and takes what it names itself out of the means. It is the last thing that can fail.
    fn look(
        &mut self,
        training: &TrainingState<T>,
        means: &mut Means,
        saver: &Saver,
        audience: &mut Audience<'_>,
    ) -> Result<Look, RunError>;

    /// Saves the pictures of a training at its start.
    fn save_first(&self, training: &TrainingState<T>, folder: &RunFolder, audience: &mut Audience<'_>);

    /// Saves the pictures of a tick.
    fn save(&mut self, training: &TrainingState<T>, folder: &RunFolder, audience: &mut Audience<'_>);
}

/// What was seen at the end of a tick.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Whether the numbers make sense.
    pub(crate) is_sound: bool,
    /// What there is to tell of a generator and a critic.
    pub(crate) adversarial: Option<Adversarial>,
    /// Measures by name.
    pub(crate) measured: BTreeMap<String, f64>,
    /// What a person should know.
    pub(crate) alarm: Option<String>,
}
