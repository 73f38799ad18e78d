//! Batches on their way to the device.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use stylegan_dataset::{Batch, BatchRequest, Order, Prefetcher, Pyramid};
use stylegan_ops::upload;
use tokio::runtime::Handle;

use super::clock::Clock;
use crate::{TrainConfig, pixels_of};

/// Where batches come from and where they go.
pub(super) struct Feed {
    pub(super) pyramid: Arc<Pyramid>,
    pub(super) runtime: Handle,
    pub(super) device: Device,
}

impl Feed {
    /// Batches from the present time to the end, prepared ahead.
    pub(super) fn batches(&self, config: &TrainConfig, clock: &Clock) -> Prefetcher {
        let TrainConfig { generator, schedule, data, run, .. } = config.clone();
        let (mut position, total_nimg) = (clock.position, schedule.total_nimg());
        let requests = std::iter::from_fn(move || {
            (position.nimg < total_nimg).then(|| {
                let settings = schedule.at(generator.resolution, position.round_nimg);
                let request = BatchRequest {
                    first_position: position.nimg,
                    batch: settings.batch,
                    resolution: settings.resolution,
                };
                position = position.advanced(settings.batch, schedule.minibatch_repeats);
                request
            })
        });
        let order = Order::new(run.seed, self.pyramid.len());
        Prefetcher::spawn(&self.runtime, self.pyramid.clone(), order, data.mirror, requests, data.prefetch)
    }

    /// Pixels and labels of a batch on the device; no labels for networks without.
    pub(super) fn upload(&self, batch: &Batch, label_dim: usize) -> Result<(Tensor, Option<Tensor>)> {
        let pixels = pixels_of(batch, &self.device)?;
        let count = batch.request.batch;
        let labels = match &batch.labels {
            Some(labels) if label_dim > 0 => Some(upload(labels, (count, label_dim), &self.device)?),
            _ => None,
        };
        Ok((pixels, labels))
    }
}
