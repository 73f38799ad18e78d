//! Measures that a run takes of its own pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use stylegan_base::{Key, Resolution, user_cache};
use stylegan_dataset::{BatchRequest, Order, Pyramid, Skipped, assemble};
use stylegan_evaluation::{Evaluation, Networks, Outcome, Packed, Pictures, Stage, bytes, networks, past};
use stylegan_features::{Places, Resize};
use stylegan_generator::GeneratorConfig;
use stylegan_metrics::{Better, Measure};
use stylegan_ops::RandomTensors;

use super::error::{RunError, with_causes};
use super::saver::Saver;
use super::state::TrainingState;
use crate::listeners::Audience;
use crate::{Event, Settings, TrainConfig, Trainer};

/// Fakes that are drawn at a time.
const AT_ONCE: usize = 8;

/// Takes the measures of `run.metrics`, and keeps the snapshot that is best by the first of them.
pub(super) struct Measuring {
    measures: Vec<&'static Measure>,
    networks: Networks,
    /// Where features of the reals are kept.
    cache: Option<PathBuf>,
    pyramid: Arc<Pyramid>,
    fakes: usize,
    seed: u64,
    /// What the measures were shown of the reals of a resolution, which serves until the pictures grow.
    at: Option<(Resolution, Evaluation)>,
}

impl Measuring {
    /// Opens the networks that the measures look through.
    pub(super) fn new(
        config: &TrainConfig,
        pyramid: Arc<Pyramid>,
        device: &Device,
    ) -> Result<Self, RunError> {
        let measures = config.run.metrics.iter().filter_map(|name| Measure::of(name));
        let measures: Vec<&'static Measure> = measures.collect();
        let networks = networks(&measures, &Places::of_user(&[]), Resize::Tf1, device)?;
        Ok(Self {
            measures,
            networks,
            cache: user_cache().map(|cache| cache.join("features")),
            pyramid,
            fakes: config.run.metrics_fakes,
            seed: config.run.seed,
            at: None,
        })
    }

    /// Whether the tick that is being closed is to be measured.
    pub(super) fn is_due(&self, training: &TrainingState<Trainer>) -> bool {
        let (run, clock) = (&training.config().run, training.clock);
        let every_nimg = (run.metrics_every_kimg * 1000.0).round() as u64;
        let due = match every_nimg {
            // With the snapshots: this tick is the next one.
            0 => (clock.ticks + 1).is_multiple_of(run.snapshot_ticks),
            every => clock.position.nimg / every > clock.tick_nimg / every,
        };
        !self.measures.is_empty() && (due || training.is_over())
    }

    /// Measures the averaged generator, appends the results to `metric-NAME.jsonl` in the folder, and keeps the networks if
    /// they are the best of their resolution by the first measure. Returns all numbers by name; what fails is worth a warning,
    /// not the run.
    pub(super) fn measure(
        &mut self,
        training: &TrainingState<Trainer>,
        saver: &Saver,
        audience: &mut Audience<'_>,
    ) -> BTreeMap<String, f64> {
        let outcomes = match self.outcomes(training) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                audience.warn(format!("no measures this time: {}", with_causes(&error)));
                return BTreeMap::new();
            }
        };
        let folder = saver.folder().path();
        let stage = Stage { kimg: training.clock.kimg(), resolution: training.settings().resolution };
        let TrainConfig { schedule, generator, .. } = training.config();
        let resolution_at =
            |kimg: f64| schedule.at(generator.resolution, (kimg * 1000.0).round() as u64).resolution;
        for outcome in &outcomes {
            let mut said = format!("{} {:.5}", outcome.measure.name, outcome.first());
            let is_first = self.measures.first().is_some_and(|first| first.name == outcome.measure.name);
            let is_best = is_first && is_best(outcome, &past(folder, outcome.measure, stage, resolution_at));
            if is_best {
                match saver.save_best(training, outcome.measure.name) {
                    Ok(path) => {
                        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                        said = format!("{said}, the best of {} so far: `{name}`", stage.resolution);
                    }
                    Err(error) => audience.warn(with_causes(&error)),
                }
            }
            audience.tell(&Event::Note { message: said });
            if let Err(error) = outcome.append_to(folder, None, Some(stage)) {
                audience.warn(with_causes(&error));
            }
        }
        outcomes.into_iter().flat_map(|outcome| outcome.numbers).collect()
    }

    fn outcomes(&mut self, training: &TrainingState<Trainer>) -> stylegan_evaluation::Result<Vec<Outcome>> {
        let Settings { lod, resolution, .. } = training.settings();
        let evaluation = match self.at.take() {
            Some((at, evaluation)) if at == resolution => evaluation,
            _ => self.look_at_reals(resolution)?,
        };
        let (_, evaluation) = self.at.insert((resolution, evaluation));
        let Self { pyramid, fakes: count, seed, .. } = self;
        let trainer = &training.trainer;
        let fakes = Fakes { pyramid, count: *count, seed: *seed, trainer, lod, resolution };
        Ok(evaluation.measure(&fakes)?.outcomes)
    }

    fn look_at_reals(&self, resolution: Resolution) -> stylegan_evaluation::Result<Evaluation> {
        let reals = Packed::new(self.pyramid.clone(), resolution)?;
        let (cache, count) = (self.cache.as_deref(), reals.count());
        // What is not made for pictures as small as the first ones waits for larger ones.
        let fits = |measure: &&&Measure| measure.least_side <= resolution.shorter_side();
        let measures: Vec<_> = self.measures.iter().filter(fits).copied().collect();
        let mut evaluation = Evaluation::new(&measures, &self.networks, cache, count, self.fakes)?;
        evaluation.look_at_reals(&reals)?;
        Ok(evaluation)
    }
}

/// Whether nothing that was measured before is as good.
fn is_best(outcome: &Outcome, before: &[f64]) -> bool {
    let value = outcome.first();
    let is_better = |than: &f64| match outcome.measure.better {
        Better::Lower => value < *than,
        Better::Higher => value > *than,
        Better::Neither => false,
    };
    value.is_finite() && outcome.measure.better != Better::Neither && before.iter().all(is_better)
}

/// Pictures of the averaged generator, with the labels of as many reals.
struct Fakes<'a> {
    pyramid: &'a Pyramid,
    count: usize,
    seed: u64,
    trainer: &'a Trainer,
    lod: f64,
    resolution: Resolution,
}

impl Pictures for Fakes<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn fingerprint(&self) -> Option<String> {
        None
    }

    fn each(
        &self,
        count: usize,
        visit: &mut dyn FnMut(&Tensor) -> stylegan_evaluation::Result<()>,
    ) -> stylegan_evaluation::Result<Vec<Skipped>> {
        let Self { pyramid, seed, .. } = self;
        let (order, device) = (Order::new(*seed, pyramid.len()), self.trainer.device());
        let GeneratorConfig { z_dim, label_dim, .. } = self.trainer.config().generator;
        for first in (0..count).step_by(AT_ONCE) {
            let batch = AT_ONCE.min(count - first);
            let key = Key::new("measured latents", &[*seed, first as u64]);
            let z = key.normal((batch, z_dim), DType::F32, device)?;
            let labels = if label_dim > 0 {
                // The smallest level is enough for the labels of its pictures.
                let resolution = self.resolution.start();
                let request = BatchRequest { first_position: first as u64, batch, resolution };
                let labels = assemble(pyramid, &order, false, &request)?.labels;
                labels.map(|labels| Tensor::from_vec(labels, (batch, label_dim), device)).transpose()?
            } else {
                None
            };
            visit(&bytes(&self.trainer.networks().draw_averaged(&z, labels.as_ref(), self.lod)?)?)?;
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_better_than_all_before() {
        let outcome = |name, value| Outcome {
            measure: Measure::of(name).unwrap(),
            numbers: vec![(String::new(), value)],
            reals: 1,
            fakes: 1,
            elapsed_secs: 0.0,
        };
        for (name, value, before, expected) in [
            ("swd", 5.0, &[][..], true),
            ("swd", 5.0, &[7.0, 6.0], true),
            ("swd", 5.0, &[7.0, 5.0], false),
            ("swd", f64::NAN, &[], false),
            ("pr50k3_full", 0.5, &[0.25], true),
            ("pr50k3_full", 0.5, &[0.75], false),
            ("ms_ssim", 0.5, &[], false),
        ] {
            assert_eq!(is_best(&outcome(name, value), before), expected, "{name} {value} {before:?}");
        }
    }
}
