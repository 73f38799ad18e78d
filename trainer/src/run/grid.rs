//! The grids of pictures that a run leaves behind.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use stylegan_dataset::{BatchRequest, Order, Pyramid, assemble};
use stylegan_drawing::{
    Content, DrawOptions, LatentSource, Layout, Moment, NoiseMode, Origin, Painter, Recipe, Seeds,
    TrainingGrid,
};
use stylegan_generator::{SeedStyle, Truncation};
use stylegan_ops::upscale2x;
use thiserror::Error;

use super::error::{RunError, with_causes};
use super::folder::RunFolder;
use super::state::TrainingState;
use super::trained::Trained;
use crate::listeners::Audience;
use crate::{Event, TrainConfig, Trainer, pixels_of, process_reals};

/// Why a grid is not there.
#[derive(Debug, Error)]
pub(super) enum GridError {
    /// The networks or the device failed.
    #[error(transparent)]
    Networks(#[from] candle_core::Error),
    /// The fakes cannot be drawn.
    #[error(transparent)]
    Drawing(#[from] stylegan_drawing::Error),
    /// The picture cannot be written.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
}

/// The same reals and the same seeds through the whole run, shown at full size with repeated pixels.
pub(super) struct Grids {
    fakes: TrainingGrid,
    /// Of each fake the label of the real in its place, `[count, label_dim]`.
    labels: Option<Tensor>,
    /// Whether `fakes.classes` says the same, so that the fakes can be drawn again.
    are_classes: bool,
    /// `[count, num_channels, height, width]` in 0..255
    reals: Tensor,
    /// Level of detail of the reals saved last: at the same one they are the same picture.
    reals_lod: Option<f64>,
}

impl Grids {
    pub(super) fn new(config: &TrainConfig, pyramid: &Pyramid, device: &Device) -> Result<Self, RunError> {
        let resolution = config.generator.resolution;
        let [columns, rows] = config.run.grid_of(resolution);
        let count = columns * rows;
        let request = BatchRequest { first_position: 0, batch: count, resolution };
        // The first pictures that are trained on, as they are: some of them mirrored.
        let order = Order::new(config.run.seed, pyramid.len());
        let reals = assemble(pyramid, &order, config.data.mirror, &request)?;
        let label_dim = config.generator.label_dim;
        let labels = reals.labels.clone().filter(|_| label_dim > 0);
        let classes = labels.as_ref().map_or(Some(Vec::new()), |labels| classes(labels, label_dim));
        Ok(Self {
            are_classes: classes.is_some(),
            fakes: TrainingGrid {
                seeds: Seeds((0..count as u64).collect()),
                grid: Layout { columns, rows },
                classes: classes.unwrap_or_default(),
            },
            reals: pixels_of(&reals, device)?,
            labels: labels.map(|labels| Tensor::from_vec(labels, (count, label_dim), device)).transpose()?,
            reals_lod: None,
        })
    }

    /// Saves the reals at full size, and the fakes of the networks at their start. Grids that cannot be saved are worth a
    /// warning, not the run.
    pub(super) fn save_first(
        &self,
        training: &TrainingState<Trainer>,
        folder: &RunFolder,
        audience: &mut Audience<'_>,
    ) {
        let reals = process_reals(&self.reals, 0.0, DType::F32).map_err(GridError::from);
        let path = folder.path().join("reals.png");
        if let Err(error) = reals.and_then(|reals| self.write_pictures(&reals, &path)) {
            audience.warn(format!("cannot save `reals.png`: {}", with_causes(&error)));
        }
        let nimg = training.clock.position.nimg;
        self.save_fakes(training, folder.file_at("fakes", nimg, nimg > 0, "png"), audience);
    }

    /// Saves the fakes of a tick, and the reals if they are not those of the tick before.
    pub(super) fn save(
        &mut self,
        training: &TrainingState<Trainer>,
        folder: &RunFolder,
        audience: &mut Audience<'_>,
    ) {
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

    fn save_fakes(&self, training: &TrainingState<Trainer>, path: PathBuf, audience: &mut Audience<'_>) {
        let saved = self.write_fakes(&path, training);
        tell("fakes", path, training, saved, audience);
    }

    /// The reals as the critic sees them at `lod`.
    fn write_reals(&self, path: &Path, lod: f64) -> Result<(), GridError> {
        let mut pixels = self.reals.to_dtype(DType::F32)?;
        for _ in 0..lod.floor() as usize {
            pixels = stylegan_ops::downscale2x(&pixels)?;
        }
        self.write_pictures(&process_reals(&pixels, lod, DType::F32)?, path)
    }

    /// The averaged generator's pictures of the seeds, not truncated, with the stored noise.
    fn write_fakes(&self, path: &Path, training: &TrainingState<Trainer>) -> Result<(), GridError> {
        let generator = training.trainer.networks().averaged().clone();
        let origin = Origin::Training(Moment::of(&generator, training.clock.position.nimg)?);
        let options = DrawOptions {
            seed_style: SeedStyle::default(),
            class: None,
            label: None,
            truncation_psi: Truncation::OFF.psi,
            truncation_cutoff: Truncation::OFF.cutoff,
            truncation_layers: None,
            noise_mode: NoiseMode::Const,
            noise_seed: 0,
        };
        let painter = Painter::of(generator, origin, training.settings().lod, options)?;
        let picture = self.fakes.draw(&painter, self.labels.as_ref())?;
        if self.are_classes {
            let content = Content::Training(self.fakes.clone());
            Recipe::new(&painter, &LatentSource::SEEDS, content).save(path, &picture, true)?;
        } else {
            stylegan_media::save_png(path, &picture, true)?;
        }
        Ok(())
    }

    fn write_pictures(&self, pictures: &Tensor, path: &Path) -> Result<(), GridError> {
        let mut pictures = pictures.clone();
        while pictures.dim(3)? < self.reals.dim(3)? {
            pictures = upscale2x(&pictures)?;
        }
        let pictures = stylegan_media::to_u8(&pictures)?;
        let Layout { columns, rows } = self.fakes.grid;
        // A run that goes on writes the same grids again.
        Ok(stylegan_media::save_png(path, &stylegan_media::grid(&pictures, columns, rows), true)?)
    }
}

/// The class of each label of `label_dim` numbers; none if one of them is no class, a one among zeros.
fn classes(labels: &[f32], label_dim: usize) -> Option<Vec<usize>> {
    let class = |label: &[f32]| {
        let class = label.iter().position(|&x| x == 1.0)?;
        let is_class = label.iter().enumerate().all(|(index, &x)| x == f32::from(u8::from(index == class)));
        is_class.then_some(class)
    };
    labels.chunks(label_dim).map(class).collect()
}

/// Tells of a grid. One that cannot be saved is worth a warning, not the run.
pub(crate) fn tell<T: Trained>(
    name: &str,
    path: PathBuf,
    training: &TrainingState<T>,
    saved: Result<(), impl std::error::Error + 'static>,
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
