//! What a run goes on from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use stylegan_checkpoint::{Pair, State};

use super::clock::Clock;
use super::error::{RunError, with_causes};
use super::shape::{Growth, Misfit};
use super::state::{TALLY, Training, TrainingState};
use super::trained::{Alone, Trained};
use crate::Position;
use crate::statistics::Accumulator;

/// What a run goes on from, read and checked.
pub(super) struct Saved<T: Trained> {
    /// The training state, or the snapshot where there is none.
    pub(super) path: PathBuf,
    pub(super) snapshot: PathBuf,
    pub(super) clock: Clock,
    /// What it was trained with; none of a snapshot that does not say.
    pub(super) config: Option<T::Config>,
    /// Level of detail that the time was taken from, of networks that do not tell how long they were trained.
    pub(super) placed_by_lod: Option<f64>,
    /// Of the pictures; none of a snapshot without state.
    pub(super) data_fingerprint: Option<String>,
    /// What its networks have to do to become those of the configuration.
    growth: Option<Growth>,
    networks: T::Snapshot,
    state: Option<(State, Training)>,
}

impl<T: Trained> Saved<T> {
    /// Reads a snapshot and its state; both must be whole and belong together.
    pub(super) fn open(pair: &Pair) -> Result<Self, RunError> {
        let networks = T::open(&pair.snapshot).map_err(RunError::Resume)?;
        let state = State::open(&pair.state).map_err(RunError::Resume)?;
        if T::checksum(&networks) != Some(state.snapshot.as_str()) {
            return Err(RunError::NoPair { state: pair.state.clone() });
        }
        let wrong = |source| RunError::State { path: pair.state.clone(), source };
        let training: Training = serde_json::from_str(&state.training).map_err(|e| wrong(e.into()))?;
        let config = toml::from_str(&state.config).map_err(|e| wrong(e.into()))?;
        Ok(Self {
            path: pair.state.clone(),
            snapshot: pair.snapshot.clone(),
            clock: training.clock,
            config: Some(config),
            placed_by_lod: None,
            data_fingerprint: Some(training.data_fingerprint.clone()),
            growth: None,
            networks,
            state: Some((state, training)),
        })
    }

    /// Networks without a state, of whichever program: the optimizers start afresh, at the time that the file tells, or, if
    /// another program's does not, at the time at which the schedule comes to its level of detail.
    pub(super) fn networks_alone(path: &Path, config: &T::Config) -> Result<Self, RunError> {
        let Alone { snapshot: networks, config, position, placed_by_lod } = T::open_alone(path, config)?;
        Ok(Self {
            path: path.to_owned(),
            snapshot: path.to_owned(),
            clock: Clock::at(position),
            config,
            placed_by_lod,
            data_fingerprint: None,
            growth: None,
            networks,
            state: None,
        })
    }

    /// Whether it is at the end of what its configuration asked for.
    pub(super) fn is_finished(&self) -> bool {
        self.config.as_ref().is_some_and(|config| self.clock.is_over(config))
    }

    /// Checksum of the snapshot that the run was begun from which goes on from this, in a new folder or in its own.
    pub(super) fn begun_from(&self, in_new_folder: bool) -> Option<String> {
        if in_new_folder {
            T::checksum(&self.networks).map(str::to_owned)
        } else {
            self.state.as_ref()?.1.begun_from.clone()
        }
    }

    /// Whether its networks become larger ones.
    pub(super) fn grows(&self) -> bool {
        self.growth.is_some()
    }

    /// How its networks differ in shape from those of a configuration.
    pub(super) fn misfit(&self, config: &T::Config) -> Result<Option<Misfit>, RunError> {
        T::misfit(&self.networks, config)
    }

    /// Becomes the state of the larger network, at the latest at the time at which the schedule starts to fade in the first new
    /// level. `place` is where it comes from, for messages.
    pub(super) fn grow(&mut self, growth: Growth, place: &Path) -> Result<(), RunError> {
        let fade_nimg = growth.fade_nimg(place)?;
        let mut training = self.state.as_mut().map(|(_, training)| training);
        if self.clock.position.nimg > fade_nimg {
            let step = self.clock.position.step;
            let position = Position { step, nimg: fade_nimg, round_nimg: fade_nimg, round_step: 0 };
            self.clock = Clock { position, tick_nimg: fade_nimg, scheduled_nimg: None, ..self.clock };
            if let Some(training) = &mut training {
                training.forget_tick();
            }
        }
        if let Some(training) = training {
            training.last_lod = training.last_lod.map(|lod| lod + f64::from(growth.doublings));
        }
        self.growth = Some(growth);
        Ok(())
    }

    /// Takes a training to where this is.
    pub(super) fn restore(&self, training: &mut TrainingState<T>) -> Result<(), RunError> {
        training.is_whole = false;
        let trainer = &mut training.trainer;
        let device = trainer.device().clone();
        trainer.assign(&self.networks, self.growth.is_some())?;
        if let Some((state, metadata)) = &self.state {
            for (network, adam) in trainer.optimizers_mut() {
                let saved = |name: &str| state.tensors.get(&format!("{network}.{name}"));
                // New weights have no past.
                let fresh: HashMap<String, Tensor> = adam
                    .moments()
                    .filter(|(name, _)| self.growth.is_some() && saved(name).is_none())
                    .map(|(name, moment)| Ok((name, moment.zeros_like()?)))
                    .collect::<candle_core::Result<_>>()?;
                let Some(steps) = metadata.steps_of(network) else {
                    return Err(RunError::State {
                        path: self.path.clone(),
                        source: format!("the steps of the optimizer of `{network}` are missing").into(),
                    });
                };
                adam.restore(steps, |name| saved(name).or_else(|| fresh.get(name)))
                    .map_err(|e| e.context(format!("optimizer of `{network}`")))?;
            }
            trainer.set_last_lod(metadata.last_lod);
            training.statistics = metadata.statistics(sums(state, metadata)?, &device)?;
        } else {
            for (_, adam) in trainer.optimizers_mut() {
                adam.reset()?;
            }
            trainer.set_last_lod(None);
            training.statistics = Accumulator::new(&device)?;
        }
        training.clock = self.clock;
        training.is_whole = true;
        Ok(())
    }
}

/// The sums of the tick so far.
fn sums(state: &State, metadata: &Training) -> candle_core::Result<Vec<f32>> {
    match state.tensors.get(TALLY) {
        Some(tensor) if metadata.tally_steps > 0 => tensor.to_vec1(),
        _ => Ok(vec![0.0; metadata.tally_names.len()]),
    }
}

/// A pair, and what is wrong with those after it.
pub(super) type Found<T> = (Option<Saved<T>>, Vec<String>);

/// The newest pair of a run folder that is whole, and what is wrong with those after it.
pub(super) fn newest_good<T: Trained>(folder: &Path) -> Result<Found<T>, RunError> {
    newest_that(folder, |_| true)
}

/// The newest whole pair that the schedule asked for; if there is none, the newest whole pair.
pub(super) fn newest_scheduled<T: Trained>(folder: &Path) -> Result<Found<T>, RunError> {
    match newest_that(folder, |saved| saved.clock.is_scheduled())? {
        (None, _) => newest_good(folder),
        found => Ok(found),
    }
}

fn newest_that<T: Trained>(folder: &Path, wanted: impl Fn(&Saved<T>) -> bool) -> Result<Found<T>, RunError> {
    let mut damages = Vec::new();
    for pair in stylegan_checkpoint::pairs(folder).map_err(RunError::Resume)? {
        match Saved::open(&pair) {
            Ok(saved) if wanted(&saved) => return Ok((Some(saved), damages)),
            Ok(_) => {}
            Err(RunError::Resume(error)) => damages.push(with_causes(&error)),
            Err(error) => damages.push(with_causes(&error)),
        }
    }
    Ok((None, damages))
}
