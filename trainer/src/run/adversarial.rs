//! A generator and its critic, as a run trains them.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use candle_core::{DType, Device};
use stylegan_base::units::{Bytes, kimg};
use stylegan_checkpoint::{Checkpoint, Copied, Meta, Network, Progress};
use stylegan_generator::Norm;
use stylegan_import::{Error, ErrorKind, Foreign, Purpose, open_any};
use stylegan_ops::{AdamSteps, Parameters};

use super::clock::Clock;
use super::collapse::{CollapseWatch, Distances};
use super::configuration::Configuration;
use super::error::RunError;
use super::feed::{Feed, Reals};
use super::folder::RunFolder;
use super::grid::Grids;
use super::job::Work;
use super::measuring::Measuring;
use super::saver::Saver;
use super::shape::Misfit;
use super::state::TrainingState;
use super::trained::{Alone, SnapshotWriter, Source, Trained};
use super::watch::{Look, Watch, Watched};
use crate::events::Adversarial;
use crate::listeners::Audience;
use crate::rehearsal::{Fit, Rehearsal};
use crate::statistics::Means;
use crate::{Adam, Difference, Position, Report, RunConfig, Settings, TrainConfig, Trainer};

impl Configuration for TrainConfig {
    fn run(&self) -> &RunConfig {
        &self.run
    }

    fn total_kimg(&self) -> f64 {
        self.schedule.total_kimg
    }

    fn settings_at(&self, nimg: u64) -> Settings {
        self.schedule.at(self.generator.resolution, nimg)
    }

    fn minibatch_repeats(&self) -> usize {
        self.schedule.minibatch_repeats
    }

    fn whole_toml(&self) -> Result<String, toml::ser::Error> {
        self.to_toml()
    }

    fn lasting_toml(&self) -> Result<String, toml::ser::Error> {
        Self::lasting_toml(self)
    }

    fn differences(&self, before: &Self) -> Result<Vec<Difference>, toml::ser::Error> {
        Self::differences(self, before)
    }
}

impl Trained for Trainer {
    type Config = TrainConfig;
    type Data = Feed;
    type Given = ();
    type Snapshot = Checkpoint;

    fn anew(&self) -> candle_core::Result<Self> {
        let anew = Self::new(self.config().clone(), DType::F32, Trainer::device(self))?;
        Ok(anew.with_peers(self.peers().clone()))
    }

    fn config(&self) -> &TrainConfig {
        Self::config(self)
    }

    fn device(&self) -> &Device {
        Self::device(self)
    }

    fn step(
        &mut self,
        (pixels, labels): &Reals,
        settings: Settings,
        step: u64,
    ) -> candle_core::Result<Report> {
        Self::step(self, pixels, labels.as_ref(), settings, step)
    }

    fn adam_steps(&self) -> [&AdamSteps; 2] {
        Self::adam_steps(self)
    }

    fn networks(&self) -> Vec<(&'static str, &Parameters)> {
        let networks = Self::networks(self);
        vec![("g", &networks.g), ("d", &networks.d), ("g_ema", &networks.g_ema)]
    }

    fn optimizers(&self) -> Vec<(&'static str, &Adam)> {
        vec![("g", &self.g_adam), ("d", &self.d_adam)]
    }

    fn optimizers_mut(&mut self) -> Vec<(&'static str, &mut Adam)> {
        vec![("g", &mut self.g_adam), ("d", &mut self.d_adam)]
    }

    fn last_lod(&self) -> Option<f64> {
        self.last_lod
    }

    fn set_last_lod(&mut self, lod: Option<f64>) {
        self.last_lod = lod;
    }

    fn try_memory(&self, clock: Clock) -> Result<Option<String>, RunError> {
        let rehearsal = Rehearsal::new(self)?;
        rehearsal.map(|rehearsal| try_levels(&rehearsal, Self::config(self), clock)).transpose()
    }

    fn rehearse(&self, settings: Settings) -> candle_core::Result<()> {
        Self::rehearse(self, settings)
    }

    fn explain_shortage(&self, settings: Settings, is_saved: bool) -> Result<Option<RunError>, RunError> {
        let Some(rehearsal) = Rehearsal::new(self)? else { return Ok(None) };
        Ok(Some(RunError::OutOfMemory(Box::new(rehearsal.explain(settings, is_saved)?))))
    }

    fn snapshot(&self, clock: Clock, source: &Source) -> Result<SnapshotWriter, RunError> {
        let (config, networks) = (Self::config(self), Self::networks(self));
        let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
        let meta = Meta {
            generator: config.generator.clone(),
            critic: Some(config.critic()),
            progress: Progress { nimg: clock.position.nimg, lod: clock.settings(config).lod },
            config: Some(config.lasting_toml()?),
            class_names: source.class_names.clone(),
            ..Meta::default()
        };
        let copied = Copied::of(&parts).map_err(RunError::Copy)?;
        Ok(Box::new(move |files, path| copied.save(files, path, &meta)))
    }

    fn open(path: &Path) -> Result<Checkpoint, stylegan_checkpoint::Error> {
        Checkpoint::open(path)
    }

    fn checksum(snapshot: &Checkpoint) -> Option<&str> {
        snapshot.checksum()
    }

    fn assign(&self, snapshot: &Checkpoint, growing: bool) -> Result<(), RunError> {
        let networks = Self::networks(self);
        let parts = [(Network::G, &networks.g), (Network::D, &networks.d), (Network::GEma, &networks.g_ema)];
        for (network, parameters) in parts {
            let mut tensors = snapshot.tensors(network).map_err(RunError::Resume)?;
            if growing {
                // What the smaller network did not have is at its first value.
                for (name, var) in parameters.vars() {
                    if let Entry::Vacant(entry) = tensors.entry(name) {
                        entry.insert(var.copy()?);
                    }
                }
            }
            parameters.assign(&tensors).map_err(|e| e.context(format!("`{network}` of the snapshot")))?;
        }
        Ok(())
    }

    fn misfit(snapshot: &Checkpoint, config: &TrainConfig) -> Result<Option<Misfit>, RunError> {
        Misfit::between(snapshot.meta(), config)
    }

    fn open_alone(path: &Path, config: &TrainConfig) -> Result<Alone<Self>, RunError> {
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
        let batch = config.settings_at(nimg).batch;
        let known = match &meta.config {
            Some(text) => toml::from_str(text).ok(),
            None => Some(config.of_networks(meta)),
        };
        Ok(Alone {
            config: known,
            // The number of steps is not known; that of the present batch serves to tell draws apart.
            position: Position { step: nimg / batch.max(1) as u64, nimg, round_nimg: nimg, round_step: 0 },
            placed_by_lod,
            snapshot: checkpoint,
        })
    }

    fn is_foreign(path: &Path) -> bool {
        Foreign::is_one(path)
    }
}

impl Watched for Trainer {
    type Watch = Watches;

    fn begin(work: &Work<Self>) -> Result<Self, RunError> {
        let Work { config, device, peers, .. } = work;
        let world = peers.world();
        if world > 1 && config.generator.norm == Norm::Batch {
            return Err(RunError::BatchNorm { world });
        }
        Ok(Self::new(config.clone(), DType::F32, device)?.with_peers(peers.clone()))
    }

    fn watch(&self, work: &Work<Self>) -> Result<Watches, RunError> {
        let Work { config, device, data: Feed { pyramid, .. }, .. } = work;
        Ok(Watches {
            grids: Grids::new(config, pyramid, device)?,
            collapse: CollapseWatch::new(config, pyramid.clone(), device)?,
            measuring: Measuring::new(config, pyramid.clone(), device)?,
        })
    }
}

/// What a generator is looked at by.
pub(crate) struct Watches {
    grids: Grids,
    collapse: CollapseWatch,
    measuring: Measuring,
}

impl Watch<Trainer> for Watches {
    fn look(
        &mut self,
        training: &TrainingState<Trainer>,
        means: &mut Means,
        saver: &Saver,
        audience: &mut Audience<'_>,
    ) -> Result<Look, RunError> {
        let w_avg_norm = w_avg_norm(&training.trainer)?;
        if !w_avg_norm.is_finite() {
            return Ok(Look::default());
        }
        let settings = training.settings();
        let distances = self.collapse.look(&training.trainer, settings)?;
        let measured = if self.measuring.is_due(training) {
            self.measuring.measure(training, saver, audience)
        } else {
            BTreeMap::new()
        };
        let Distances { fakes_apart, reals_apart, textures } = distances;
        let adversarial = Adversarial {
            g_lrate: settings.g_lrate,
            d_lrate: settings.d_lrate,
            g_loss: means.take("g_loss"),
            d_loss: means.take("d_loss"),
            real_score: means.take("real_score"),
            fake_score: means.take("fake_score"),
            gradient_norm: means.take("gradient_norm"),
            w_avg_norm,
            fake_distance: fakes_apart,
            real_distance: reals_apart,
            texture_distance: textures,
        };
        let alarm = self.collapse.alarm.ring(&distances);
        Ok(Look { is_sound: true, adversarial: Some(adversarial), measured, alarm })
    }

    fn save_first(&self, training: &TrainingState<Trainer>, folder: &RunFolder, audience: &mut Audience<'_>) {
        self.grids.save_first(training, folder, audience);
    }

    fn save(&mut self, training: &TrainingState<Trainer>, folder: &RunFolder, audience: &mut Audience<'_>) {
        self.grids.save(training, folder, audience);
    }
}

/// Length of the averaged generator's running mean of w.
fn w_avg_norm(trainer: &Trainer) -> candle_core::Result<f64> {
    let w_avg = trainer.networks().averaged().w_avg().to_dtype(DType::F32)?;
    Ok(f64::from(w_avg.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt())
}

/// Makes sure that the levels to come fit into the memory of a GPU; returns what is to be said about it.
fn try_levels(rehearsal: &Rehearsal<'_>, config: &TrainConfig, clock: Clock) -> Result<String, RunError> {
    let kimg = kimg(clock.position.round_nimg);
    let mut levels = config.schedule.levels(config.generator.resolution);
    levels.retain(|level| kimg < level.ends_kimg);
    let fits = rehearsal.levels(&levels, kimg, false)?;
    if let Some(shortage) = rehearsal.shortage(&levels, &fits) {
        return Err(RunError::OutOfMemory(Box::new(shortage)));
    }
    let most = levels.iter().zip(&fits).filter_map(|(level, fit)| match fit {
        Fit::Fits(bytes) => Some((*bytes, level.resolution)),
        _ => None,
    });
    let most = most.max_by_key(|(bytes, _)| *bytes);
    let (bytes, resolution) = most.unwrap_or((0, config.generator.resolution));
    let (device, total) = (rehearsal.device_name()?, Bytes(rehearsal.memory().total_bytes));
    Ok(format!("device    {device}, {} of {total} at {resolution}", Bytes(bytes)))
}
