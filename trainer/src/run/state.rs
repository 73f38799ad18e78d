//! All of a training at one moment.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, bail};
use serde::{Deserialize, Deserializer, Serialize};
use stylegan_checkpoint::State;

use super::clock::Clock;
use super::configuration::Configuration;
use super::data::Data;
use super::error::RunError;
use super::trained::{SnapshotWriter, Source, Trained};
use crate::Settings;
use crate::statistics::{Accumulated, Accumulator, Summand};

/// What a training consists of while it goes on, and what a snapshot and its training state hold.
pub(crate) struct TrainingState<T> {
    pub(super) trainer: T,
    pub(super) clock: Clock,
    /// The sums of the tick so far.
    pub(super) statistics: Accumulator,
    /// Whether no change is under way, so that networks and optimizers are at the clock's time.
    pub(super) is_whole: bool,
}

impl<T: Trained> TrainingState<T> {
    /// The beginning.
    pub(super) fn new(trainer: T) -> candle_core::Result<Self> {
        Ok(Self {
            clock: Clock::default(),
            statistics: Accumulator::new(trainer.device())?,
            is_whole: true,
            trainer,
        })
    }

    pub(super) fn config(&self) -> &T::Config {
        self.trainer.config()
    }

    /// What is trained.
    pub(crate) fn trainer(&self) -> &T {
        &self.trainer
    }

    /// Pictures shown.
    pub(crate) fn nimg(&self) -> u64 {
        self.clock.position.nimg
    }

    /// Whether names of files tell thousandths in any case.
    pub(crate) fn is_exact(&self) -> bool {
        self.clock.is_exact(self.config())
    }

    /// What holds now.
    pub(super) fn settings(&self) -> Settings {
        self.clock.settings(self.config())
    }

    /// Whether it is at its end.
    pub(super) fn is_over(&self) -> bool {
        self.clock.is_over(self.config())
    }

    pub(super) fn is_tick_due(&self) -> bool {
        self.clock.is_tick_due(self.config())
    }

    /// The next tick begins, as where the tick was closed.
    pub(super) fn begin_tick(&mut self) -> candle_core::Result<()> {
        self.clock.tick_nimg = self.clock.position.nimg;
        self.statistics.clear()
    }

    /// One iteration.
    pub(super) fn step(
        &mut self,
        batch: &<T::Data as Data>::Batch,
        settings: Settings,
    ) -> candle_core::Result<()> {
        self.is_whole = false;
        let report = self.trainer.step(batch, settings, self.clock.position.step)?;
        self.statistics.add(&report, self.trainer.adam_steps())?;
        let repeats = self.config().minibatch_repeats();
        self.clock.position = self.clock.position.advanced(settings.batch, repeats);
        self.is_whole = true;
        Ok(())
    }
}

/// The metadata `training` of a training state.
#[derive(Serialize, Deserialize)]
pub(super) struct Training {
    #[serde(flatten)]
    pub(super) clock: Clock,
    /// Level of detail of the last iteration.
    pub(super) last_lod: Option<f64>,
    /// Iterations in the means of the tick so far.
    pub(super) tally_steps: u64,
    /// Updates skipped in the tick so far.
    pub(super) skipped: u64,
    pub(super) data_fingerprint: String,
    /// Checksum of the snapshot of another folder that the run was begun from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begun_from: Option<String>,
    /// Names of the sums in [`TALLY`].
    #[serde(default = "names_of_old")]
    pub(super) tally_names: Vec<String>,
    /// Iterations of the tick that did not report a number yet, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tally_missed: BTreeMap<String, u64>,
    /// Steps of each optimizer, by `NETWORK_adam_steps`.
    #[serde(flatten, deserialize_with = "counts")]
    pub(super) adam_steps: BTreeMap<String, u64>,
}

/// What the steps of a network's optimizer are called in a state.
pub(super) fn steps_key(network: &str) -> String {
    format!("{network}_adam_steps")
}

impl Training {
    /// What is to be told of a training beside its tensors, and the sums of its tick so far. `source` is what it is made from, where
    /// that matters.
    pub(super) fn of<T: Trained>(
        training: &TrainingState<T>,
        source: Option<&Source>,
    ) -> Result<(Self, Vec<f32>), RunError> {
        let TrainingState { trainer, clock, statistics, .. } = training;
        let Accumulated { steps: tally_steps, skipped, sums } = statistics.read()?;
        let (summands, sums): (Vec<Summand>, Vec<f32>) = sums.into_iter().unzip();
        let missed = summands.iter().filter(|summand| summand.missed > 0);
        let mut adam_steps = BTreeMap::new();
        for (network, adam) in trainer.optimizers() {
            adam_steps.insert(steps_key(network), adam.steps().done()?);
        }
        let metadata = Self {
            clock: *clock,
            last_lod: trainer.last_lod(),
            tally_steps,
            skipped,
            data_fingerprint: source.map(|source| source.data_fingerprint.clone()).unwrap_or_default(),
            begun_from: source.and_then(|source| source.begun_from.clone()),
            tally_missed: missed.map(|Summand { name, missed }| (name.clone(), *missed)).collect(),
            tally_names: summands.into_iter().map(|summand| summand.name).collect(),
            adam_steps,
        };
        Ok((metadata, sums))
    }

    /// Steps of the optimizer of a network.
    pub(super) fn steps_of(&self, network: &str) -> Option<u64> {
        self.adam_steps.get(&steps_key(network)).copied()
    }

    /// The tick so far, with these sums.
    pub(super) fn statistics(&self, sums: Vec<f32>, device: &Device) -> candle_core::Result<Accumulator> {
        let Self { tally_steps: steps, skipped, tally_names, tally_missed, .. } = self;
        if sums.len() != tally_names.len() {
            bail!("`{TALLY}` has {} numbers where {} are expected", sums.len(), tally_names.len());
        }
        let summand = |name: &String| {
            let missed = tally_missed.get(name).copied().unwrap_or(0);
            Summand { name: name.clone(), missed }
        };
        let sums = tally_names.iter().map(summand).zip(sums).collect();
        Accumulator::restored(Accumulated { steps: *steps, skipped: *skipped, sums }, device)
    }

    /// A tick begins: nothing of the one before counts.
    pub(super) fn forget_tick(&mut self) {
        (self.tally_steps, self.skipped) = (0, 0);
        self.tally_names.clear();
        self.tally_missed.clear();
    }
}

/// Those of the entries that are counts: a later version may have more to say.
fn counts<'de, D: Deserializer<'de>>(entries: D) -> Result<BTreeMap<String, u64>, D::Error> {
    let entries = BTreeMap::<String, serde_json::Value>::deserialize(entries)?;
    Ok(entries.into_iter().filter_map(|(name, value)| Some((name, value.as_u64()?))).collect())
}

/// The tensor of the sums of the tick so far.
pub(super) const TALLY: &str = "tally";

/// The sums in states that do not name them.
fn names_of_old() -> Vec<String> {
    ["d_loss", "g_loss", "real_score", "fake_score", "gradient_norm"].map(String::from).to_vec()
}

/// The contents of a snapshot and its state: copies that can be written beside the training.
pub(super) struct PairContents {
    pub(super) networks: SnapshotWriter,
    pub(super) state: State,
    /// The time.
    pub(super) nimg: u64,
}

impl PairContents {
    pub(super) fn of<T: Trained>(training: &TrainingState<T>, source: &Source) -> Result<Self, RunError> {
        let TrainingState { trainer, clock, .. } = training;
        let (metadata, sums) = Training::of(training, Some(source))?;
        let mut tensors = BTreeMap::new();
        for (network, adam) in trainer.optimizers() {
            tensors
                .extend(adam.moments().map(|(name, tensor)| (format!("{network}.{name}"), tensor.clone())));
        }
        if metadata.tally_steps > 0 {
            tensors.insert(TALLY.to_owned(), Tensor::new(sums, &Device::Cpu)?);
        }
        let state = State {
            // Known when the networks are written.
            snapshot: String::new(),
            training: serde_json::to_string(&metadata).map_err(candle_core::Error::wrap)?,
            config: trainer.config().lasting_toml()?,
            tensors,
        };
        let networks = trainer.snapshot(*clock, source)?;
        Ok(Self { networks, state: state.copied().map_err(RunError::Copy)?, nimg: clock.position.nimg })
    }
}
