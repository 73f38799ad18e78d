//! What a decoder in training is looked at by: the same contents in the same styles.

use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_dataset::{BatchRequest, assemble};
use stylegan_media::{mix_figure, save_png, to_u8};
use stylegan_transfer::{Statistics, adain};

use super::config::TransferConfig;
use super::data::{ContentsAndStyles, crops, order_of, unit};
use super::trainer::TransferTrainer;
use crate::RunError;
use crate::listeners::Audience;
use crate::run::{Look, RunFolder, Saver, TrainingState, Watch, tell_grid};
use crate::statistics::Means;

/// Contents along the left, styles along the top, and where they meet, one in the other.
pub(crate) struct StyledGrid {
    /// `[count, 3, crop, crop]` from 0 to 1
    contents: Tensor,
    styles: Tensor,
    /// Of the contents.
    features: Tensor,
    statistics: Statistics,
}

impl StyledGrid {
    /// The first pictures that are trained on.
    pub(super) fn new(trainer: &TransferTrainer, data: &ContentsAndStyles) -> Result<Self, RunError> {
        let config = trainer.config();
        let [columns, rows] = config.run.grid;
        let contents = first(config, data, "content", rows)?;
        let styles = first(config, data, "style", columns)?;
        let encoder = trainer.encoder();
        Ok(Self {
            features: encoder.features(&contents)?,
            statistics: Statistics::of(&encoder.features(&styles)?)?,
            contents,
            styles,
        })
    }

    /// Draws and writes the grid.
    fn write(&self, trainer: &TransferTrainer, path: &Path) -> Result<(), GridError> {
        let (columns, rows) = (self.styles.dim(0)?, self.contents.dim(0)?);
        let bytes = |unit: &Tensor| -> Result<_, GridError> { Ok(to_u8(&unit.affine(2.0, -1.0)?)?) };
        let mut cells = Vec::new();
        for row in 0..rows {
            let features = self.features.narrow(0, row, 1)?;
            let mut drawn = Vec::new();
            for column in 0..columns {
                let of = |x: &Tensor| x.narrow(0, column, 1);
                let style = Statistics {
                    mean: of(&self.statistics.mean)?,
                    deviation: of(&self.statistics.deviation)?,
                };
                drawn.push(trainer.frozen_decoder().forward(&adain(&features, &style)?)?);
            }
            cells.push(bytes(&Tensor::cat(&drawn, 0)?)?);
        }
        // A run that goes on writes the same grids again.
        Ok(save_png(path, &mix_figure(&bytes(&self.contents)?, &bytes(&self.styles)?, &cells), true)?)
    }

    fn tell(
        &self,
        training: &TrainingState<TransferTrainer>,
        folder: &RunFolder,
        audience: &mut Audience<'_>,
        exact: bool,
    ) {
        let path = folder.file_at("styled", training.nimg(), exact, "png");
        let saved = self.write(training.trainer(), &path);
        tell_grid("styled", path, training, saved, audience);
    }
}

/// Why a grid is not there.
#[derive(Debug, thiserror::Error)]
enum GridError {
    /// The networks or the device failed.
    #[error(transparent)]
    Networks(#[from] candle_core::Error),
    /// The picture cannot be written.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
}

/// The first pictures of a source, as they are trained on.
fn first(
    config: &TransferConfig,
    data: &ContentsAndStyles,
    source: &str,
    count: usize,
) -> Result<Tensor, RunError> {
    let pyramid = if source == "content" { &data.contents } else { &data.styles };
    let resolution = stylegan_base::Resolution::square(config.data.side);
    let request = BatchRequest { first_position: 0, batch: count, resolution };
    let batch = assemble(pyramid, &order_of(config, source, pyramid), false, &request)?;
    let crop = config.data.crop;
    let bytes = crops(&batch, source, config.run.seed, crop);
    let bytes = Tensor::from_vec(bytes, (count, 3, crop, crop), &Device::Cpu)?.to_device(&data.device)?;
    Ok(unit(&bytes)?)
}

impl Watch<TransferTrainer> for StyledGrid {
    fn look(
        &mut self,
        _: &TrainingState<TransferTrainer>,
        _: &mut Means,
        _: &Saver,
        _: &mut Audience<'_>,
    ) -> Result<Look, RunError> {
        Ok(Look { is_sound: true, ..Look::default() })
    }

    fn save_first(
        &self,
        training: &TrainingState<TransferTrainer>,
        folder: &RunFolder,
        audience: &mut Audience<'_>,
    ) {
        self.tell(training, folder, audience, training.nimg() > 0);
    }

    fn save(
        &mut self,
        training: &TrainingState<TransferTrainer>,
        folder: &RunFolder,
        audience: &mut Audience<'_>,
    ) {
        self.tell(training, folder, audience, training.is_exact());
    }
}
