//! The grids of pictures that a run leaves behind.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use stylegan_dataset::{BatchRequest, Order, Pyramid, assemble};
use stylegan_ops::{Key, RandomTensors, upscale2x};
use thiserror::Error;

use super::error::{RunError, with_causes};
use super::folder::RunFolder;
use super::state::TrainingState;
use crate::listeners::Audience;
use crate::rehearsal::DRAWN_AT_ONCE;
use crate::step::process_reals;
use crate::{Event, TrainConfig, Trainer};

/// Why a grid is not there.
#[derive(Debug, Error)]
pub(super) enum GridError {
    /// The networks or the device failed.
    #[error(transparent)]
    Networks(#[from] candle_core::Error),
    /// The picture cannot be written.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
}

/// The same reals and the same latents through the whole run, shown at full size with repeated pixels.
pub(super) struct Grids {
    columns: usize,
    rows: usize,
    z: Tensor,
    labels: Option<Tensor>,
    /// `[count, 3, resolution, resolution]` of bytes
    reals: Tensor,
    /// Level of detail of the reals saved last: at the same one they are the same picture.
    reals_lod: Option<f64>,
}

impl Grids {
    pub(super) fn new(config: &TrainConfig, pyramid: &Pyramid, device: &Device) -> Result<Self, RunError> {
        let resolution = config.generator.resolution;
        let [columns, rows] = config.run.grid_of(resolution);
        let count = columns * rows;
        let z = Key::new("latents of the grid", &[config.run.seed]).normal(
            (count, config.generator.z_dim),
            DType::F32,
            device,
        )?;
        let request = BatchRequest { first_position: 0, batch: count, resolution };
        // The first pictures that are trained on, as they are: some of them mirrored.
        let order = Order::new(config.run.seed, pyramid.len());
        let reals = assemble(pyramid, &order, config.data.mirror, &request)?;
        let labels = match reals.labels {
            Some(labels) if config.generator.label_dim > 0 => {
                Some(Tensor::from_vec(labels, (count, config.generator.label_dim), device)?)
            }
            _ => None,
        };
        let reals = Tensor::from_vec(reals.pixels_u8, (count, 3, resolution, resolution), device)?;
        Ok(Self { columns, rows, z, labels, reals, reals_lod: None })
    }

    /// Saves the reals at full size, and the fakes of the networks at their start. Grids that cannot be saved are worth a
    /// warning, not the run.
    pub(super) fn save_first(
        &self,
        training: &TrainingState,
        folder: &RunFolder,
        audience: &mut Audience<'_>,
    ) {
        let reals = process_reals(&self.reals, 0.0, DType::F32).map_err(GridError::from);
        if let Err(error) = reals.and_then(|reals| self.write(&reals, &folder.path().join("reals.png"))) {
            audience.warn(format!("cannot save `reals.png`: {}", with_causes(&error)));
        }
        let nimg = training.clock.position.nimg;
        self.save_fakes(training, folder.file_at("fakes", nimg, nimg > 0, "png"), audience);
    }

    /// Saves the fakes of a tick, and the reals if they are not those of the tick before.
    pub(super) fn save(&mut self, training: &TrainingState, folder: &RunFolder, audience: &mut Audience<'_>) {
        let (nimg, exact) = (training.clock.position.nimg, training.clock.is_exact(training.config()));
        self.save_fakes(training, folder.file_at("fakes", nimg, exact, "png"), audience);
        let lod = training.settings().lod;
        // `reals.png` shows those at full size.
        if lod > 0.0 && self.reals_lod != Some(lod) {
            let path = folder.file_at("reals", nimg, exact, "png");
            let saved = self.write_reals(&path, lod);
            if saved.is_ok() {
                self.reals_lod = Some(lod);
            }
            tell("reals", path, training, saved, audience);
        }
    }

    fn save_fakes(&self, training: &TrainingState, path: PathBuf, audience: &mut Audience<'_>) {
        let saved = self.write_fakes(&path, &training.trainer, training.settings().lod);
        tell("fakes", path, training, saved, audience);
    }

    /// The reals as the critic sees them at `lod`.
    fn write_reals(&self, path: &Path, lod: f64) -> Result<(), GridError> {
        let mut pixels = self.reals.to_dtype(DType::F32)?;
        for _ in 0..lod.floor() as usize {
            pixels = stylegan_ops::downscale2x(&pixels)?;
        }
        self.write(&process_reals(&pixels, lod, DType::F32)?, path)
    }

    /// The averaged generator's pictures of the grid's latents, not truncated, with the stored noise.
    fn write_fakes(&self, path: &Path, trainer: &Trainer, lod: f64) -> Result<(), GridError> {
        let count = self.columns * self.rows;
        let mut pictures = Vec::new();
        for first in (0..count).step_by(DRAWN_AT_ONCE) {
            let chunk = DRAWN_AT_ONCE.min(count - first);
            let labels = self.labels.as_ref().map(|labels| labels.narrow(0, first, chunk)).transpose()?;
            let z = self.z.narrow(0, first, chunk)?;
            pictures.push(trainer.networks().draw_averaged(&z, labels.as_ref(), lod)?);
        }
        self.write(&Tensor::cat(&pictures, 0)?, path)
    }

    fn write(&self, pictures: &Tensor, path: &Path) -> Result<(), GridError> {
        let mut pictures = pictures.clone();
        while pictures.dim(3)? < self.reals.dim(3)? {
            pictures = upscale2x(&pictures)?;
        }
        let pictures = stylegan_media::to_u8(&pictures)?;
        // A run that goes on writes the same grids again.
        Ok(stylegan_media::save_png(path, &stylegan_media::grid(&pictures, self.columns, self.rows), true)?)
    }
}

fn tell(
    name: &str,
    path: PathBuf,
    training: &TrainingState,
    saved: Result<(), GridError>,
    audience: &mut Audience<'_>,
) {
    match saved {
        Ok(()) => {
            audience.tell(&Event::Grid { name: name.to_owned(), path, kimg: training.clock.kimg() });
        }
        Err(error) => {
            audience.warn(format!("cannot save `{}`: {}", path.display(), with_causes(&error)));
        }
    }
}
