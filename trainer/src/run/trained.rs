//! What is trained, as the run sees it: the seam between running and training.
//!
//! Whatever the networks are, a run has folders, ticks, snapshots, states to go on from, rollbacks and events, and all of that
//! is in this module once. What differs is behind [`Trained`], what that is given to work with behind [`Configuration`] and
//! [`Data`], and what looks at it behind [`Watched`](super::watch::Watched).

use std::path::Path;

use candle_core::Device;
use stylegan_base::files::Files;
use stylegan_ops::{AdamSteps, Parameters};

use super::clock::Clock;
use super::configuration::Configuration;
use super::data::Data;
use super::error::RunError;
use super::shape::Misfit;
use crate::{Adam, Position, Report, Settings};

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
    fn try_memory(&self, clock: Clock) -> Result<Option<String>, RunError>;

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

/// What a run is made from, beside its configuration.
pub(crate) struct Source {
    pub(super) data_fingerprint: String,
    /// Checksum of the snapshot of another folder that it was begun from.
    pub(super) begun_from: Option<String>,
    /// What the classes are called that are trained by; empty if they have no names.
    pub(super) class_names: Vec<String>,
}
