//! A whole training: where it starts, its loop, how it ends.

mod error;
mod folder;
mod grid;
mod lock;
mod prepared;
mod resume;
mod saving;
mod signals;
mod state;
mod tick;
mod training;
mod watch;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;
use stylegan_base::files::{Disk, Files};
use stylegan_base::units::kimg;
use stylegan_dataset::Pyramid;

use crate::listeners::{Audience, last_elapsed};
use crate::{Event, Listener, Position, TrainConfig, Trainer};
pub use error::RunError;
use prepared::Prepared;
pub use resume::Resume;
use resume::Start;
pub use signals::Signals;
use training::Run;
use writer::{Keep, Writer};

/// A look at the trainer before each iteration.
pub type BeforeStep = Box<dyn FnMut(&Trainer, Position)>;

/// Everything a run is given.
pub struct Job {
    /// What to train, and how.
    pub config: TrainConfig,
    /// The pictures, packed at the network's side or larger.
    pub pyramid: Arc<Pyramid>,
    /// The folder of all runs; this one gets its own inside.
    pub runs: PathBuf,
    /// Where the networks live.
    pub device: Device,
    /// Where batches are prepared and snapshots written beside the training.
    pub runtime: tokio::runtime::Handle,
    /// What to go on from.
    pub resume: Resume,
    /// Whether to go on although configuration or pictures differ from what was trained with.
    pub allow_changes: bool,
    /// How files reach the disk.
    pub files: Arc<dyn Files>,
    /// Called before each iteration, for experiments and for tests that do harm.
    pub before_step: Option<BeforeStep>,
}

impl Job {
    /// A job that goes on by itself where a run of this name was left, and writes to the file system.
    pub fn new(
        config: TrainConfig,
        pyramid: Arc<Pyramid>,
        runs: PathBuf,
        device: Device,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            config,
            pyramid,
            runs,
            device,
            runtime,
            resume: Resume::Auto,
            allow_changes: false,
            files: Arc::new(Disk),
            before_step: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run folder.
    pub run_dir: PathBuf,
    /// The last snapshot.
    pub snapshot: PathBuf,
    /// Whether it ran to the end of the schedule; else a person stopped it.
    pub finished: bool,
}

/// Trains to the end of the schedule, or until it is asked to stop; then the iteration is finished and everything
/// saved. A run that goes on where it was left ends as it would have ended without the stop, to the last bit.
///
/// `listeners` hear what happens, after the files of the run folder.
///
/// # Errors
/// If the data does not fit the configuration or what is gone on from, if reading or the device fails, if snapshots
/// cannot be written, if the numbers go bad again and again, or if the device has too little memory.
pub fn run(job: Job, signals: &Signals, listeners: Vec<Box<dyn Listener + '_>>) -> Result<Outcome, RunError> {
    check_data(&job)?;
    let Start { folder, saved, is_new, notes, warnings } = Start::find(&job)?;
    let prepared = match Prepared::new(&job, saved.as_ref()) {
        Ok(prepared) => prepared,
        Err(error) => {
            if is_new {
                folder.discard();
            }
            return Err(error);
        }
    };
    let Prepared { trainer, moment, tally, grids, watch, note } = prepared;
    let Job { config, pyramid, device, runtime, files, before_step, .. } = job;
    let opened = |source| RunError::File { path: folder.path().to_owned(), source };
    let mut audience = Audience::new(folder.path(), listeners).map_err(opened)?;
    audience.tell(&Event::Started {
        run_dir: folder.path().to_owned(),
        resumed_from: saved.as_ref().map(|saved| saved.path.clone()),
        kimg: kimg(moment.position.nimg),
        total_kimg: config.schedule.total_kimg,
    });
    for message in notes.into_iter().chain(note) {
        audience.tell(&Event::Note { message });
    }
    for message in warnings {
        audience.warn(message);
    }
    let now = Instant::now();
    let mut run = Run {
        grids,
        watch,
        writer: Writer::new(runtime.clone(), files, Keep::of(&config.run)),
        elapsed_before: last_elapsed(folder.path(), kimg(moment.position.nimg)),
        last_saved: saved.as_ref().filter(|_| !is_new).map(|saved| saved.moment.position.nimg),
        last_snapshot: saved.map_or_else(|| folder.path().to_owned(), |saved| saved.snapshot),
        write_failures: 0,
        trainer,
        folder,
        pyramid,
        device,
        runtime,
        before_step,
        moment,
        tally,
        is_whole: true,
        prepared_lod: None,
        started: now,
        tick_started: now,
        maintenance: Duration::ZERO,
        audience,
    };
    if is_new {
        run.save_first_grids();
    }
    run.train(signals)
}

fn check_data(job: &Job) -> Result<(), RunError> {
    let (packed, wanted) = (job.pyramid.resolution(), job.config.generator.resolution);
    if packed < wanted {
        return Err(RunError::TooSmall { packed, wanted });
    }
    let wanted = job.config.generator.label_dim;
    let found = job.pyramid.labels().map_or(0, stylegan_dataset::Labels::width);
    // A data set's labels may be left unused, but not made up.
    if wanted != 0 && found != wanted {
        return Err(RunError::Labels { found, wanted });
    }
    Ok(())
}

/// An error and its causes in one sentence.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
