//! All of a training at one moment: what is saved, and what is restored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Result, Tensor, bail};
use serde::{Deserialize, Serialize};
use stylegan_checkpoint::{Checkpoint, Copied, Meta, Network, Pair, State};
use stylegan_ops::{all_are_finite, all_finite};

use super::RunError;
use crate::statistics::{Sums, Tally};
use crate::{Position, TrainConfig, Trainer};

/// Everything about a run at one moment that is no tensor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moment {
    /// Time.
    pub(super) position: Position,
    /// Ticks done.
    pub(super) ticks: u64,
    /// Real pictures shown when the tick began.
    pub(super) tick_nimg: u64,
    /// What the scheduled learning rates are multiplied with.
    pub(super) rate_factor: f64,
    /// How often the run has been taken back.
    pub(super) rollbacks: u64,
    /// Time of the last snapshot that the schedule asked for, not a signal. It is the one that the run is taken back
    /// to, so that a stop in between does not change what follows.
    pub(super) scheduled_nimg: Option<u64>,
}

impl Default for Moment {
    fn default() -> Self {
        Self {
            position: Position::default(),
            ticks: 0,
            tick_nimg: 0,
            rate_factor: 1.0,
            rollbacks: 0,
            scheduled_nimg: None,
        }
    }
}

impl Moment {
    /// Whether the schedule asked for the snapshot of this moment.
    pub(super) fn is_scheduled(&self) -> bool {
        self.scheduled_nimg == Some(self.position.nimg)
    }
}

/// The metadata `training` of a training state.
#[derive(Serialize, Deserialize)]
struct Training {
    #[serde(flatten)]
    moment: Moment,
    /// Level of detail of the last iteration.
    last_lod: Option<f64>,
    g_adam_steps: u64,
    d_adam_steps: u64,
    /// Iterations in the means of the tick so far.
    tally_steps: u64,
    /// Updates skipped in the tick so far.
    skipped: u64,
    data_fingerprint: String,
}

/// The sums of the tick so far.
const TALLY: &str = "tally";

/// A consistent copy of a training, ready to be written beside it.
pub(super) struct Copy {
    pub(super) networks: Copied,
    pub(super) meta: Meta,
    pub(super) state: State,
}

impl Copy {
    pub(super) fn of(
        trainer: &Trainer,
        moment: Moment,
        tally: &Tally,
        meta: Meta,
        data_fingerprint: &str,
    ) -> std::result::Result<Self, RunError> {
        let Sums { steps: tally_steps, skipped, values } = tally.sums()?;
        let training = Training {
            moment,
            last_lod: trainer.last_lod,
            g_adam_steps: trainer.g_adam.steps().done()?,
            d_adam_steps: trainer.d_adam.steps().done()?,
            tally_steps,
            skipped,
            data_fingerprint: data_fingerprint.to_owned(),
        };
        let mut tensors = BTreeMap::new();
        for (network, adam) in [("g", &trainer.g_adam), ("d", &trainer.d_adam)] {
            tensors
                .extend(adam.moments().map(|(name, tensor)| (format!("{network}.{name}"), tensor.clone())));
        }
        if tally_steps > 0 {
            tensors.insert(TALLY.to_owned(), Tensor::new(&values, &Device::Cpu)?);
        }
        let state = State {
            // Known when the networks are written.
            snapshot: String::new(),
            training: serde_json::to_string(&training).map_err(candle_core::Error::wrap)?,
            config: meta.config.clone().unwrap_or_default(),
            tensors,
        };
        let networks = trainer.networks();
        let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
        Ok(Self {
            networks: Copied::of(&parts).map_err(RunError::Copy)?,
            meta,
            state: state.copied().map_err(RunError::Copy)?,
        })
    }
}

/// The name of a number that is not finite among all that a snapshot and its state would hold.
pub(super) fn not_finite(trainer: &Trainer) -> Result<Option<String>> {
    let networks = trainer.networks();
    let mut tensors = Vec::new();
    for (network, parameters) in [("g", &networks.g), ("d", &networks.d), ("g_ema", &networks.g_ema)] {
        let vars = parameters.vars().into_iter();
        tensors.extend(vars.map(|(name, var)| (format!("{network}.{name}"), var.as_tensor().clone())));
    }
    for (network, adam) in [("g", &trainer.g_adam), ("d", &trainer.d_adam)] {
        let moments = adam.moments();
        tensors.extend(moments.map(|(name, tensor)| (format!("{network}.{name}"), tensor.clone())));
    }
    if all_are_finite(tensors.iter().map(|(_, tensor)| tensor))? {
        return Ok(None);
    }
    for (name, tensor) in tensors {
        if !all_finite(&tensor)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// What a run goes on from, read and checked.
pub(super) struct Saved {
    /// The training state, or the snapshot where there is none.
    pub(super) path: PathBuf,
    pub(super) snapshot: PathBuf,
    pub(super) moment: Moment,
    /// What it was trained with; none of a snapshot that does not say.
    pub(super) config: Option<TrainConfig>,
    /// Level of detail that the time was taken from, of networks that do not tell how long they were trained.
    pub(super) placed_by_lod: Option<f64>,
    /// Of the pictures; none of a snapshot without state.
    pub(super) data_fingerprint: Option<String>,
    checkpoint: Checkpoint,
    state: Option<(State, Training)>,
}

impl Saved {
    /// Reads a snapshot and its state; both must be whole and belong together.
    pub(super) fn open(pair: &Pair) -> std::result::Result<Self, RunError> {
        let checkpoint = Checkpoint::open(&pair.snapshot).map_err(RunError::Resume)?;
        let state = State::open(&pair.state).map_err(RunError::Resume)?;
        if checkpoint.checksum() != Some(state.snapshot.as_str()) {
            return Err(RunError::NoPair { state: pair.state.clone() });
        }
        let wrong = |source| RunError::State { path: pair.state.clone(), source };
        let training: Training = serde_json::from_str(&state.training).map_err(|e| wrong(e.into()))?;
        let config = toml::from_str(&state.config).map_err(|e| wrong(e.into()))?;
        Ok(Self {
            path: pair.state.clone(),
            snapshot: pair.snapshot.clone(),
            moment: training.moment,
            config: Some(config),
            placed_by_lod: None,
            data_fingerprint: Some(training.data_fingerprint.clone()),
            checkpoint,
            state: Some((state, training)),
        })
    }

    /// Networks without a state: the optimizers start afresh, at the time that the snapshot tells, or, if it was converted
    /// from a file that does not, at the time at which the schedule comes to its level of detail.
    pub(super) fn networks_alone(path: &Path, config: &TrainConfig) -> std::result::Result<Self, RunError> {
        let checkpoint = Checkpoint::open(path).map_err(RunError::Resume)?;
        let meta = checkpoint.meta();
        let placed_by_lod = (meta.source.is_some() && meta.progress.nimg == 0).then_some(meta.progress.lod);
        let nimg = match placed_by_lod {
            Some(lod) => config.schedule.nimg_of_lod(meta.generator.resolution, lod),
            None => meta.progress.nimg,
        };
        let batch = config.schedule.at(config.generator.resolution, nimg).batch;
        // The number of steps is not known; that of the present batch serves to tell draws apart.
        let position = Position { step: nimg / batch.max(1) as u64, nimg, round_nimg: nimg, round_step: 0 };
        Ok(Self {
            path: path.to_owned(),
            snapshot: path.to_owned(),
            moment: Moment { position, tick_nimg: nimg, ..Moment::default() },
            config: match &meta.config {
                Some(text) => toml::from_str(text).ok(),
                None => Some(config.of_networks(meta)),
            },
            placed_by_lod,
            data_fingerprint: None,
            checkpoint,
            state: None,
        })
    }

    /// Whether it is at the end of what its configuration asked for.
    pub(super) fn is_finished(&self) -> bool {
        self.config.as_ref().is_some_and(|config| self.moment.position.nimg >= config.schedule.total_nimg())
    }

    /// Gives the trainer all numbers; returns the tick so far.
    pub(super) fn restore(&self, trainer: &mut Trainer) -> std::result::Result<Tally, RunError> {
        let networks = trainer.networks();
        let device = networks.averaged().w_avg().device().clone();
        let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
        for (network, parameters) in parts {
            let tensors = self.checkpoint.tensors(network).map_err(RunError::Resume)?;
            parameters.assign(&tensors).map_err(|e| e.context(format!("`{network}` of the snapshot")))?;
        }
        let Some((state, training)) = &self.state else {
            trainer.g_adam.reset()?;
            trainer.d_adam.reset()?;
            trainer.last_lod = None;
            return Ok(Tally::new(&device)?);
        };
        for (network, adam, steps) in [
            ("g", &mut trainer.g_adam, training.g_adam_steps),
            ("d", &mut trainer.d_adam, training.d_adam_steps),
        ] {
            let moment = |name: &str| state.tensors.get(&format!("{network}.{name}"));
            adam.restore(steps, moment).map_err(|e| e.context(format!("optimizer of `{network}`")))?;
        }
        trainer.last_lod = training.last_lod;
        let values = match state.tensors.get(TALLY) {
            Some(sums) => sums_of(sums)?,
            None => [0.0; _],
        };
        let (steps, skipped) = (training.tally_steps, training.skipped);
        Ok(Tally::restored(Sums { steps, skipped, values }, &device)?)
    }
}

fn sums_of<const N: usize>(tensor: &Tensor) -> Result<[f32; N]> {
    match tensor.to_vec1::<f32>()?.try_into() {
        Ok(sums) => Ok(sums),
        Err(_) => bail!("`{TALLY}` has shape {:?} where [{N}] is expected", tensor.dims()),
    }
}

/// The newest pair of a run folder that is whole, and what is wrong with those after it.
pub(super) fn newest_good(folder: &Path) -> std::result::Result<(Option<Saved>, Vec<String>), RunError> {
    newest_that(folder, |_| true)
}

/// The newest whole pair that the schedule asked for; if there is none, the newest whole pair.
pub(super) fn newest_scheduled(folder: &Path) -> std::result::Result<(Option<Saved>, Vec<String>), RunError> {
    match newest_that(folder, |saved| saved.moment.is_scheduled())? {
        (None, _) => newest_good(folder),
        found => Ok(found),
    }
}

fn newest_that(
    folder: &Path,
    wanted: impl Fn(&Saved) -> bool,
) -> std::result::Result<(Option<Saved>, Vec<String>), RunError> {
    let mut damages = Vec::new();
    for pair in stylegan_checkpoint::pairs(folder).map_err(RunError::Resume)? {
        match Saved::open(&pair) {
            Ok(saved) if wanted(&saved) => return Ok((Some(saved), damages)),
            Ok(_) => {}
            Err(RunError::Resume(error)) => damages.push(super::with_causes(&error)),
            Err(error) => damages.push(super::with_causes(&error)),
        }
    }
    Ok((None, damages))
}
