//! All of a training at one moment.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use stylegan_checkpoint::{Copied, Meta, Network, Progress, State};
use stylegan_dataset::{Labels, Pyramid};

use super::clock::Clock;
use super::error::RunError;
use crate::statistics::{Accumulated, Accumulator, Summand};
use crate::{Settings, TrainConfig, Trainer};

/// What a training consists of while it goes on, and what a snapshot and its training state hold.
pub(super) struct TrainingState {
    pub(super) trainer: Trainer,
    pub(super) clock: Clock,
    /// The sums of the tick so far.
    pub(super) statistics: Accumulator,
    /// Whether no change is under way, so that networks and optimizers are at the clock's time.
    pub(super) is_whole: bool,
}

impl TrainingState {
    /// The beginning.
    pub(super) fn new(config: TrainConfig, device: &Device) -> candle_core::Result<Self> {
        Ok(Self {
            trainer: Trainer::new(config, DType::F32, device)?,
            clock: Clock::default(),
            statistics: Accumulator::new(device)?,
            is_whole: true,
        })
    }

    pub(super) fn config(&self) -> &TrainConfig {
        self.trainer.config()
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

    /// One iteration.
    pub(super) fn step(
        &mut self,
        pixels: &Tensor,
        labels: Option<&Tensor>,
        settings: Settings,
    ) -> candle_core::Result<()> {
        self.is_whole = false;
        let report = self.trainer.step(pixels, labels, settings, self.clock.position.step)?;
        self.statistics.add(&report, self.trainer.adam_steps())?;
        let repeats = self.config().schedule.minibatch_repeats;
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
    pub(super) g_adam_steps: u64,
    pub(super) d_adam_steps: u64,
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
}

impl Training {
    /// A tick begins: nothing of the one before counts.
    pub(super) fn forget_tick(&mut self) {
        (self.tally_steps, self.skipped) = (0, 0);
        self.tally_names.clear();
        self.tally_missed.clear();
    }
}

/// The tensor of the sums of the tick so far.
pub(super) const TALLY: &str = "tally";

/// The sums in states that do not name them.
fn names_of_old() -> Vec<String> {
    ["d_loss", "g_loss", "real_score", "fake_score", "gradient_norm"].map(String::from).to_vec()
}

/// What a run is made from, beside its configuration.
pub(super) struct Source {
    pub(super) data_fingerprint: String,
    /// Checksum of the snapshot of another folder that it was begun from.
    pub(super) begun_from: Option<String>,
    /// What the classes are called that are trained by; empty if they have no names.
    pub(super) class_names: Vec<String>,
}

/// What the classes are called, where pictures are trained by their labels.
pub(super) fn class_names(pyramid: &Pyramid, config: &TrainConfig) -> Vec<String> {
    let labels = pyramid.labels().filter(|_| config.generator.label_dim > 0);
    labels.map_or(&[][..], Labels::class_names).to_vec()
}

/// The contents of a snapshot and its state: copies that can be written beside the training.
pub(super) struct PairContents {
    pub(super) networks: Copied,
    pub(super) meta: Meta,
    pub(super) state: State,
}

impl PairContents {
    pub(super) fn of(training: &TrainingState, source: &Source) -> Result<Self, RunError> {
        let TrainingState { trainer, clock, statistics, .. } = training;
        let Accumulated { steps: tally_steps, skipped, sums } = statistics.read()?;
        let (summands, sums): (Vec<Summand>, Vec<f32>) = sums.into_iter().unzip();
        let missed = summands.iter().filter(|summand| summand.missed > 0);
        let metadata = Training {
            clock: *clock,
            last_lod: trainer.last_lod,
            g_adam_steps: trainer.g_adam.steps().done()?,
            d_adam_steps: trainer.d_adam.steps().done()?,
            tally_steps,
            skipped,
            data_fingerprint: source.data_fingerprint.clone(),
            begun_from: source.begun_from.clone(),
            tally_missed: missed.map(|Summand { name, missed }| (name.clone(), *missed)).collect(),
            tally_names: summands.into_iter().map(|summand| summand.name).collect(),
        };
        let mut tensors = BTreeMap::new();
        for (network, adam) in [("g", &trainer.g_adam), ("d", &trainer.d_adam)] {
            tensors
                .extend(adam.moments().map(|(name, tensor)| (format!("{network}.{name}"), tensor.clone())));
        }
        if tally_steps > 0 {
            tensors.insert(TALLY.to_owned(), Tensor::new(sums, &Device::Cpu)?);
        }
        let state = State {
            // Known when the networks are written.
            snapshot: String::new(),
            training: serde_json::to_string(&metadata).map_err(candle_core::Error::wrap)?,
            config: trainer.config().lasting_toml()?,
            tensors,
        };
        let (networks, meta) = snapshot_of(training, source)?;
        Ok(Self { networks, meta, state: state.copied().map_err(RunError::Copy)? })
    }
}

/// The contents of a snapshot: copies that can be written beside the training.
pub(super) fn snapshot_of(training: &TrainingState, source: &Source) -> Result<(Copied, Meta), RunError> {
    let (config, networks) = (training.config(), training.trainer.networks());
    let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
    let meta = Meta {
        generator: config.generator.clone(),
        critic: Some(config.critic()),
        progress: Progress { nimg: training.clock.position.nimg, lod: training.settings().lod },
        config: Some(config.lasting_toml()?),
        class_names: source.class_names.clone(),
        ..Meta::default()
    };
    Ok((Copied::of(&parts).map_err(RunError::Copy)?, meta))
}
