//! A decoder, as a run trains it.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use stylegan_checkpoint::{DecoderFile, OpenedDecoder};
use stylegan_ops::{AdamSteps, Parameters, Resolution};
use stylegan_transfer::{DecoderInFile, Encoder, decoder_file};

use super::config::TransferConfig;
use super::data::ContentsAndStyles;
use super::trainer::TransferTrainer;
use super::watch::StyledGrid;
use crate::changes;
use crate::run::{Alone, Clock, Configuration, Misfit, SnapshotWriter, Source, Trained, Watched, Work};
use crate::{Adam, Difference, Position, Report, RunConfig, RunError, Settings};

impl Configuration for TransferConfig {
    fn run(&self) -> &RunConfig {
        &self.run
    }

    fn total_kimg(&self) -> f64 {
        self.schedule.total_kimg
    }

    /// The rate falls with the iterations; `g_lrate` is that of the decoder.
    fn settings_at(&self, nimg: u64) -> Settings {
        let schedule = &self.schedule;
        let iterations = nimg as f64 / schedule.batch.max(1) as f64;
        let resolution: Resolution = self.crop();
        Settings {
            lod: 0.0,
            resolution,
            batch: schedule.batch,
            g_lrate: schedule.lrate / (1.0 + schedule.lrate_decay * iterations),
            d_lrate: 0.0,
        }
    }

    fn minibatch_repeats(&self) -> usize {
        1
    }

    fn whole_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    fn lasting_toml(&self) -> Result<String, toml::ser::Error> {
        changes::lasting_toml(self)
    }

    fn differences(&self, before: &Self) -> Result<Vec<Difference>, toml::ser::Error> {
        changes::lasting_differences(self, before)
    }
}

impl Trained for TransferTrainer {
    type Config = TransferConfig;
    type Data = ContentsAndStyles;
    type Given = Arc<Encoder>;
    type Snapshot = OpenedDecoder;

    fn anew(&self) -> candle_core::Result<Self> {
        Self::new(self.config().clone(), self.encoder().clone())
    }

    fn config(&self) -> &TransferConfig {
        Self::config(self)
    }

    fn device(&self) -> &Device {
        Self::device(self)
    }

    fn step(
        &mut self,
        [contents, styles]: &[candle_core::Tensor; 2],
        settings: Settings,
        _: u64,
    ) -> candle_core::Result<Report> {
        Self::step(self, contents, styles, settings.g_lrate)
    }

    fn adam_steps(&self) -> [&AdamSteps; 2] {
        Self::adam_steps(self)
    }

    fn networks(&self) -> Vec<(&'static str, &Parameters)> {
        vec![("decoder", self.parameters())]
    }

    fn optimizers(&self) -> Vec<(&'static str, &Adam)> {
        vec![("decoder", &self.adam)]
    }

    fn optimizers_mut(&mut self) -> Vec<(&'static str, &mut Adam)> {
        vec![("decoder", &mut self.adam)]
    }

    fn last_lod(&self) -> Option<f64> {
        None
    }

    /// A decoder does not grow.
    fn set_last_lod(&mut self, _: Option<f64>) {}

    /// What an iteration takes is known after the first.
    fn try_memory(&self, _: Clock) -> Result<Option<String>, RunError> {
        Ok(None)
    }

    fn rehearse(&self, _: Settings) -> candle_core::Result<()> {
        Ok(())
    }

    fn explain_shortage(&self, _: Settings, _: bool) -> Result<Option<RunError>, RunError> {
        Ok(None)
    }

    fn snapshot(&self, clock: Clock, _: &Source) -> Result<SnapshotWriter, RunError> {
        let (config, nimg) = (Self::config(self), clock.position.nimg);
        let file = decoder_file(config.encoder, config.decoder(), self.parameters(), nimg)
            .map_err(candle_core::Error::wrap)?;
        let file = DecoderFile { config: Some(config.lasting_toml()?), ..file };
        let copied = file.copied().map_err(RunError::Copy)?;
        Ok(Box::new(move |files, path| copied.save(files, path)))
    }

    fn open(path: &Path) -> Result<OpenedDecoder, stylegan_checkpoint::Error> {
        DecoderFile::open(path)
    }

    fn checksum(snapshot: &OpenedDecoder) -> Option<&str> {
        Some(&snapshot.checksum)
    }

    fn assign(&self, snapshot: &OpenedDecoder, _: bool) -> Result<(), RunError> {
        let tensors = snapshot.file.tensors.clone().into_iter().collect();
        Ok(self.parameters().assign(&tensors).map_err(|e| e.context("the decoder of the snapshot"))?)
    }

    fn misfit(snapshot: &OpenedDecoder, config: &TransferConfig) -> Result<Option<Misfit>, RunError> {
        let read = DecoderInFile::new(Path::new("snapshot"), snapshot.clone())
            .map_err(|error| RunError::Decoder(Box::new(error)))?;
        let mut before = config.clone();
        before.encoder = read.encoder;
        before.decoder.widths = read.config.widths;
        Ok(Misfit::of_keys(&config.differences(&before)?))
    }

    fn open_alone(path: &Path, config: &TransferConfig) -> Result<Alone<Self>, RunError> {
        let snapshot = DecoderFile::open(path).map_err(RunError::Resume)?;
        let nimg = snapshot.file.nimg;
        let step = nimg / config.schedule.batch.max(1) as u64;
        Ok(Alone {
            config: snapshot.file.config.as_deref().and_then(|text| toml::from_str(text).ok()),
            position: Position { step, nimg, round_nimg: nimg, round_step: 0 },
            placed_by_lod: None,
            snapshot,
        })
    }

    fn is_foreign(_: &Path) -> bool {
        false
    }
}

impl Watched for TransferTrainer {
    type Watch = StyledGrid;

    fn begin(work: &Work<Self>) -> Result<Self, RunError> {
        Ok(Self::new(work.config.clone(), work.given.clone())?)
    }

    fn watch(&self, work: &Work<Self>) -> Result<StyledGrid, RunError> {
        StyledGrid::new(self, &work.data)
    }
}
