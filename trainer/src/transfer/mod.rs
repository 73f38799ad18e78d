//! The training of a style transfer's decoder (Huang and Belongie 2017), by the same run as that of a generator.

mod config;
mod data;
mod trained;
mod trainer;
mod watch;

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use stylegan_base::files::Disk;
use stylegan_dataset::Pyramid;
use stylegan_peers::Alone;
use stylegan_transfer::Encoder;
use tokio::runtime::Handle;

use crate::run::{Configuration, Work, run_any};
use crate::{Listener, Outcome, Pace, Position, Resume, RunError, Signals};
pub use config::{DecoderWidths, TransferAdam, TransferConfig, TransferData, TransferLoss, TransferSchedule};
use data::ContentsAndStyles;
pub use trainer::TransferTrainer;

/// A look at a decoder's training before each iteration.
pub type BeforeTransferStep = Box<dyn FnMut(&TransferTrainer, Position)>;

/// Everything that the training of a decoder is given.
pub struct TransferJob {
    /// What to train, and how.
    pub config: TransferConfig,
    /// What the pictures are looked at with, on the device on which is trained.
    pub encoder: Arc<Encoder>,
    /// The pictures to be drawn in styles, packed at `data.side` or larger.
    pub contents: Arc<Pyramid>,
    /// The pictures whose styles are taken, likewise.
    pub styles: Arc<Pyramid>,
    /// The folder of all runs; this one gets its own inside.
    pub runs: PathBuf,
    /// Where batches are prepared and snapshots written beside the training.
    pub runtime: Handle,
    /// What to go on from.
    pub resume: Resume,
    /// Whether to go on although configuration or pictures differ from what was trained with.
    pub allow_changes: bool,
    /// Called before each iteration, for experiments and for tests that do harm.
    pub before_step: Option<BeforeTransferStep>,
}

/// Trains a decoder to the end, or until it is asked to stop, as [`run`](crate::run()) trains a generator.
///
/// # Errors
/// If the encoder is another than the configuration asks for, and as [`run`](crate::run()).
pub fn run_transfer(
    job: TransferJob,
    signals: &Signals,
    listeners: Vec<Box<dyn Listener + '_>>,
) -> Result<Outcome, RunError> {
    let TransferJob { config, encoder, contents, styles, runs, runtime, resume, allow_changes, before_step } =
        job;
    if encoder.config() != config.encoder {
        return Err(RunError::OtherEncoder);
    }
    let device = encoder.device().clone();
    let data = ContentsAndStyles { contents, styles, runtime: runtime.clone(), device: device.clone() };
    let tick_kimg = config.run.tick_kimg.get(config.data.crop).unwrap_or(f64::INFINITY);
    let pace = Pace::of_one(config.crop(), config.schedule.batch, config.total_kimg(), tick_kimg);
    let work = Work {
        config,
        data,
        given: encoder,
        runs,
        device,
        runtime,
        resume,
        allow_changes,
        pace,
        files: Arc::new(Disk),
        peers: Rc::new(Alone),
        before_step,
    };
    run_any(work, signals, listeners)
}
