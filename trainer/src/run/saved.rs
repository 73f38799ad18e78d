//! What a run goes on from.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use candle_core::{Tensor, bail};
use stylegan_checkpoint::{Checkpoint, Network, Pair, State};
use stylegan_import::{Error, ErrorKind, Purpose, open_any};

use super::clock::Clock;
use super::error::{RunError, with_causes};
use super::shape::{Growth, Misfit};
use super::state::{TALLY, Training, TrainingState};
use crate::statistics::{Accumulated, Accumulator, Summand};
use crate::{Position, TrainConfig};

/// What a run goes on from, read and checked.
pub(super) struct Saved {
    /// The training state, or the snapshot where there is none.
    pub(super) path: PathBuf,
    pub(super) snapshot: PathBuf,
    pub(super) clock: Clock,
    /// What it was trained with; none of a snapshot that does not say.
    pub(super) config: Option<TrainConfig>,
    /// Level of detail that the time was taken from, of networks that do not tell how long they were trained.
    pub(super) placed_by_lod: Option<f64>,
    /// Of the pictures; none of a snapshot without state.
    pub(super) data_fingerprint: Option<String>,
    /// What its networks have to do to become those of the configuration.
    growth: Option<Growth>,
    checkpoint: Checkpoint,
    state: Option<(State, Training)>,
}

impl Saved {
    /// Reads a snapshot and its state; both must be whole and belong together.
    pub(super) fn open(pair: &Pair) -> Result<Self, RunError> {
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
            clock: training.clock,
            config: Some(config),
            placed_by_lod: None,
            data_fingerprint: Some(training.data_fingerprint.clone()),
            growth: None,
            checkpoint,
            state: Some((state, training)),
        })
    }

    /// Networks without a state, of whichever program: the optimizers start afresh, at the time that the file tells, or, if
    /// another program's does not, at the time at which the schedule comes to its level of detail.
    pub(super) fn networks_alone(path: &Path, config: &TrainConfig) -> Result<Self, RunError> {
        let open = |resolution| open_any(path, resolution, Purpose::Training);
        let checkpoint = match open(None) {
            // A file that does not tell its side can go on at that of the configuration alone.
            Err(Error::Foreign { kind: ErrorKind::UntoldResolution { .. }, .. }) => {
                open(Some(config.generator.resolution.side()))
            }
            opened => opened,
        };
        let checkpoint = checkpoint.map_err(RunError::Import)?;
        // A file for sampling alone has no critic.
        checkpoint.require(Network::D).map_err(RunError::Resume)?;
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
            clock: Clock::at(position),
            config: match &meta.config {
                Some(text) => toml::from_str(text).ok(),
                None => Some(config.of_networks(meta)),
            },
            placed_by_lod,
            data_fingerprint: None,
            growth: None,
            checkpoint,
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
            self.checkpoint.checksum().map(str::to_owned)
        } else {
            self.state.as_ref()?.1.begun_from.clone()
        }
    }

    /// Whether its networks become larger ones.
    pub(super) fn grows(&self) -> bool {
        self.growth.is_some()
    }

    /// How its networks differ in shape from those of a configuration.
    pub(super) fn misfit(&self, config: &TrainConfig) -> Result<Option<Misfit>, RunError> {
        Misfit::between(self.checkpoint.meta(), config)
    }

    /// Becomes the state of the larger network of `config`, at the latest at the time at which the schedule starts to
    /// fade in the first new level. `place` is where it comes from, for messages.
    pub(super) fn grow(
        &mut self,
        growth: Growth,
        config: &TrainConfig,
        place: &Path,
    ) -> Result<(), RunError> {
        let (schedule, resolution) = (&config.schedule, config.generator.resolution);
        let level = growth.from.doubled();
        let fade = schedule.fade_of(resolution, level);
        let never = || RunError::NeverGrows {
            path: place.to_owned(),
            level,
            initial: schedule.first_level(resolution),
            total_kimg: schedule.total_kimg,
            fade_ends_kimg: fade.map(|(_, ends)| ends),
        };
        let fade_nimg = (fade.ok_or_else(never)?.0 * 1000.0).round() as u64;
        if schedule.total_nimg() <= fade_nimg {
            return Err(never());
        }
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
    pub(super) fn restore(&self, training: &mut TrainingState) -> Result<(), RunError> {
        training.is_whole = false;
        let trainer = &mut training.trainer;
        let (networks, device) = (trainer.networks(), trainer.device().clone());
        let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
        for (network, parameters) in parts {
            let mut tensors = self.checkpoint.tensors(network).map_err(RunError::Resume)?;
            if self.growth.is_some() {
                // What the smaller network did not have is at its first value.
                for (name, var) in parameters.vars() {
                    if let Entry::Vacant(entry) = tensors.entry(name) {
                        entry.insert(var.copy()?);
                    }
                }
            }
            parameters.assign(&tensors).map_err(|e| e.context(format!("`{network}` of the snapshot")))?;
        }
        if let Some((state, metadata)) = &self.state {
            for (network, adam, steps) in [
                ("g", &mut trainer.g_adam, metadata.g_adam_steps),
                ("d", &mut trainer.d_adam, metadata.d_adam_steps),
            ] {
                let saved = |name: &str| state.tensors.get(&format!("{network}.{name}"));
                // New weights have no past.
                let fresh: HashMap<String, Tensor> = adam
                    .moments()
                    .filter(|(name, _)| self.growth.is_some() && saved(name).is_none())
                    .map(|(name, moment)| Ok((name, moment.zeros_like()?)))
                    .collect::<candle_core::Result<_>>()?;
                adam.restore(steps, |name| saved(name).or_else(|| fresh.get(name)))
                    .map_err(|e| e.context(format!("optimizer of `{network}`")))?;
            }
            trainer.last_lod = metadata.last_lod;
            training.statistics = Accumulator::restored(accumulated(state, metadata)?, &device)?;
        } else {
            trainer.g_adam.reset()?;
            trainer.d_adam.reset()?;
            trainer.last_lod = None;
            training.statistics = Accumulator::new(&device)?;
        }
        training.clock = self.clock;
        training.is_whole = true;
        Ok(())
    }
}

/// The tick so far.
fn accumulated(state: &State, metadata: &Training) -> candle_core::Result<Accumulated> {
    let Training { tally_steps: steps, skipped, tally_names, tally_missed, .. } = metadata;
    let sums = match state.tensors.get(TALLY) {
        Some(tensor) if *steps > 0 => tensor.to_vec1::<f32>()?,
        _ => vec![0.0; tally_names.len()],
    };
    if sums.len() != tally_names.len() {
        bail!("`{TALLY}` has {} numbers where {} are expected", sums.len(), tally_names.len());
    }
    let summand = |name: &String| {
        let missed = tally_missed.get(name).copied().unwrap_or(0);
        Summand { name: name.clone(), missed }
    };
    Ok(Accumulated {
        steps: *steps,
        skipped: *skipped,
        sums: tally_names.iter().map(summand).zip(sums).collect(),
    })
}

/// The newest pair of a run folder that is whole, and what is wrong with those after it.
pub(super) fn newest_good(folder: &Path) -> Result<(Option<Saved>, Vec<String>), RunError> {
    newest_that(folder, |_| true)
}

/// The newest whole pair that the schedule asked for; if there is none, the newest whole pair.
pub(super) fn newest_scheduled(folder: &Path) -> Result<(Option<Saved>, Vec<String>), RunError> {
    match newest_that(folder, |saved| saved.clock.is_scheduled())? {
        (None, _) => newest_good(folder),
        found => Ok(found),
    }
}

fn newest_that(
    folder: &Path,
    wanted: impl Fn(&Saved) -> bool,
) -> Result<(Option<Saved>, Vec<String>), RunError> {
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
