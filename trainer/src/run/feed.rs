//! Batches on their way to the device.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use candle_core::{Device, Tensor};
use stylegan_dataset::{Batch, BatchRequest, Contents, Labels, Order, Prefetcher, Pyramid};
use stylegan_ops::upload;
use stylegan_peers::Share;
use tokio::runtime::Handle;
use tracing::debug;

use super::clock::Clock;
use super::configuration::Configuration;
use super::data::Data;
use super::error::RunError;
use super::folder::PICTURES;
use super::pictures::{self, Comparison};
use crate::{Settings, TrainConfig, pixels_of};

/// Where batches come from and where they go.
pub(crate) struct Feed {
    pub(super) pyramid: Arc<Pyramid>,
    pub(super) runtime: Handle,
    pub(super) device: Device,
    /// Which samples of each minibatch this process computes.
    pub(super) share: Share,
}

/// Pixels, and labels of networks with labels.
pub(crate) type Reals = (Tensor, Option<Tensor>);

/// Batches that are prepared ahead: of several processes, the shares of one.
pub(crate) struct Batches {
    /// A share comes in several parts, one for each run of positions.
    parts: Prefetcher,
    /// Runs in the shares to come.
    runs: Box<dyn Iterator<Item = usize>>,
}

impl Data for Feed {
    type Config = TrainConfig;
    type Batches = Batches;
    type Batch = Reals;

    /// Whether the pictures are large enough and have the channels and the labels that are asked for.
    fn check(&self, config: &TrainConfig) -> Result<(), RunError> {
        let (packed, wanted) = (self.pyramid.resolution(), config.generator.resolution);
        if wanted.doublings_to(packed).is_none() {
            return Err(RunError::TooSmall { packed, wanted });
        }
        let (found, wanted) = (self.pyramid.channels().count(), config.generator.num_channels);
        if found != wanted {
            return Err(RunError::Channels { found, wanted });
        }
        // Minibatches that cannot be shared are refused before the first of them.
        for batch in config.schedule.batch.values() {
            self.share.runs(batch)?;
        }
        let wanted = config.generator.label_dim;
        let found = self.pyramid.labels().map_or(0, Labels::width);
        // A data set's labels may be left unused, but not made up.
        if wanted != 0 && found != wanted {
            return Err(RunError::Labels { found, wanted });
        }
        Ok(())
    }

    fn contents(&self, config: &TrainConfig) -> Result<Vec<(&'static str, Contents)>, RunError> {
        Ok(vec![(PICTURES, pictures::contents(&self.pyramid, config)?)])
    }

    fn compare(
        &self,
        config: &TrainConfig,
        fingerprint: &str,
        path: &Path,
        before: Option<&TrainConfig>,
    ) -> Result<Comparison, RunError> {
        pictures::compare(&self.pyramid, config, fingerprint, path, before)
    }

    fn class_names(&self, config: &TrainConfig) -> Vec<String> {
        let labels = self.pyramid.labels().filter(|_| config.generator.label_dim > 0);
        labels.map_or(&[][..], Labels::class_names).to_vec()
    }

    fn batches(&self, config: &TrainConfig, clock: &Clock) -> Batches {
        let order = Order::new(config.run.seed, self.pyramid.len());
        let TrainConfig { data, .. } = config;
        let share = self.share;
        // `check` has seen that all minibatches can be shared.
        let runs = move |batch| share.runs(batch).unwrap_or_default();
        let parts = requests(config, clock).flat_map(move |whole| {
            runs(whole.batch).into_iter().map(move |run| {
                let first_position = whole.first_position + run.start as u64;
                BatchRequest { first_position, batch: run.len(), ..whole }
            })
        });
        let most_runs = config.schedule.batch.values().map(|batch| runs(batch).len()).max().unwrap_or(1);
        let ahead = data.prefetch * most_runs;
        Batches {
            parts: Prefetcher::spawn(&self.runtime, self.pyramid.clone(), order, data.mirror, parts, ahead),
            runs: Box::new(requests(config, clock).map(move |whole| runs(whole.batch).len())),
        }
    }

    fn next(&self, config: &TrainConfig, batches: &mut Batches) -> Result<(Reals, Duration), RunError> {
        let count = batches.runs.next().ok_or(RunError::NoMoreData)?;
        let mut wait = Duration::ZERO;
        let mut batch: Option<Batch> = None;
        for _ in 0..count {
            let part = batches.parts.next().ok_or(RunError::NoMoreData)??;
            wait += batches.parts.last_wait();
            match &mut batch {
                None => batch = Some(part),
                Some(batch) => append(batch, part),
            }
        }
        let batch = batch.ok_or(RunError::NoMoreData)?;
        debug!(
            first_position = batch.request.first_position,
            wait_secs = wait.as_secs_f64(),
            "batch fetched"
        );
        let pixels = pixels_of(&batch, &self.device)?;
        let (count, label_dim) = (batch.request.batch, config.generator.label_dim);
        let labels = match &batch.labels {
            Some(labels) if label_dim > 0 => Some(upload(labels, (count, label_dim), &self.device)?),
            _ => None,
        };
        Ok(((pixels, labels), wait))
    }
}

/// The pictures of a batch with those of another behind them.
fn append(batch: &mut Batch, other: Batch) {
    batch.request.batch += other.request.batch;
    batch.pixels.extend(other.pixels);
    if let (Some(labels), Some(others)) = (&mut batch.labels, other.labels) {
        labels.extend(others);
    }
}

/// What is asked for from the present time to the end.
pub(crate) fn requests<C: Configuration>(
    config: &C,
    clock: &Clock,
) -> impl Iterator<Item = BatchRequest> + use<C> {
    let (config, mut position) = (config.clone(), clock.position);
    std::iter::from_fn(move || {
        (position.nimg < config.total_nimg()).then(|| {
            let Settings { batch, resolution, .. } = config.settings_at(position.round_nimg);
            let request = BatchRequest { first_position: position.nimg, batch, resolution };
            position = position.advanced(batch, config.minibatch_repeats());
            request
        })
    })
}
