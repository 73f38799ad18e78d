//! A look at a few fakes each tick, to notice a generator that draws the same picture for every latent.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use stylegan_dataset::{BatchRequest, Order, Pyramid, assemble};
use stylegan_metrics::{mean_pairwise_distance, sliced_wasserstein};
use stylegan_ops::{Key, RandomTensors, downscale2x};

use super::error::RunError;
use crate::{Settings, TrainConfig, Trainer, pixels_of, process_reals};

/// Pictures on each side. Enough for the alarm; the distance of so few is compared with itself over time alone.
const COUNT: usize = 16;
/// Pictures computed at a time, so that large ones do not fill the memory.
const CHUNK: usize = 4;
/// Shorter side from which on textures are compared, in pixels: the smallest that the distance is made for.
const TEXTURES: usize = 16;
/// Longer side up to which pictures are compared, in pixels; larger ones are scaled down.
const LARGEST: usize = 128;
/// Fakes closer to one another than this share of the reals' distance have collapsed.
const ALARM: f64 = 0.1;

/// The same reals and the same latents through the whole run.
pub(super) struct CollapseWatch {
    pyramid: Arc<Pyramid>,
    seed: u64,
    z: Tensor,
    label_dim: usize,
    device: Device,
    pub(super) alarm: Alarm,
}

/// Rings when the fakes have collapsed, once.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    is_collapsed: bool,
}

/// How far fakes are from one another, reals from one another, and both sets from each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distances {
    pub(super) fakes_apart: f64,
    pub(super) reals_apart: f64,
    pub(super) textures: Option<f64>,
}

impl CollapseWatch {
    pub(super) fn new(
        config: &TrainConfig,
        pyramid: Arc<Pyramid>,
        device: &Device,
    ) -> Result<Self, RunError> {
        let seed = config.run.seed;
        let shape = (COUNT, config.generator.z_dim);
        Ok(Self {
            pyramid,
            seed,
            z: Key::new("watched latents", &[seed]).normal(shape, DType::F32, device)?,
            label_dim: config.generator.label_dim,
            device: device.clone(),
            alarm: Alarm::default(),
        })
    }

    /// Compares fakes of the averaged generator with reals as the critic sees them.
    pub(super) fn look(&self, trainer: &Trainer, settings: Settings) -> Result<Distances, RunError> {
        let Settings { lod, resolution, .. } = settings;
        let order = Order::new(self.seed, self.pyramid.len());
        let (mut fakes, mut reals) = (Vec::new(), Vec::new());
        for first in (0..COUNT).step_by(CHUNK) {
            let request = BatchRequest { first_position: first as u64, batch: CHUNK, resolution };
            let batch = assemble(&self.pyramid, &order, false, &request)?;
            let pixels = pixels_of(&batch, &self.device)?;
            let labels = match batch.labels {
                Some(labels) if self.label_dim > 0 => {
                    Some(Tensor::from_vec(labels, (CHUNK, self.label_dim), &self.device)?)
                }
                _ => None,
            };
            reals.push(compared(&process_reals(&pixels, lod, DType::F32)?)?);
            let z = self.z.narrow(0, first, CHUNK)?;
            let drawn = trainer.networks().draw_averaged(&z, labels.as_ref(), lod)?;
            fakes.push(compared(&drawn.clamp(-1.0, 1.0)?)?);
        }
        let (fakes, reals) = (Tensor::cat(&fakes, 0)?, Tensor::cat(&reals, 0)?);
        let has_textures = resolution.shorter_side() >= TEXTURES;
        let distance = has_textures.then(|| sliced_wasserstein(&reals, &fakes, 0)).transpose()?;
        Ok(Distances {
            fakes_apart: mean_pairwise_distance(&fakes)?,
            reals_apart: mean_pairwise_distance(&reals)?,
            textures: distance.map(|swd| swd.mean()),
        })
    }
}

impl Alarm {
    /// One sentence when the fakes have collapsed since the last look.
    pub(super) fn ring(&mut self, distances: &Distances) -> Option<String> {
        let Distances { fakes_apart, reals_apart, .. } = *distances;
        let was_collapsed = std::mem::replace(&mut self.is_collapsed, fakes_apart < ALARM * reals_apart);
        (self.is_collapsed && !was_collapsed).then(|| {
            format!(
                "the fakes look alike: their mean distance is {fakes_apart:.4}, that of reals {reals_apart:.4}; \
                 the generator may have collapsed"
            )
        })
    }
}

/// Pictures at a size where they are compared.
fn compared(pictures: &Tensor) -> candle_core::Result<Tensor> {
    let mut pictures = pictures.to_device(&Device::Cpu)?;
    while pictures.dim(2)?.max(pictures.dim(3)?) > LARGEST {
        pictures = downscale2x(&pictures)?;
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_rings_once() {
        let mut alarm = Alarm::default();
        let distances = |fakes_apart| Distances { fakes_apart, reals_apart: 0.5, textures: None };
        let rings: Vec<bool> = [0.5, 0.06, 0.04, 0.01, 0.2, 0.0]
            .map(|distance| alarm.ring(&distances(distance)).is_some())
            .to_vec();
        assert_eq!(rings, [false, false, true, false, false, true]);
    }
}
