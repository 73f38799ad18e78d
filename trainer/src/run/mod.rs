//! A whole training: where it starts, its loop, how it ends.

mod before;
mod clock;
mod collapse;
mod error;
mod feed;
mod folder;
mod grid;
mod job;
mod lock;
mod measuring;
mod pictures;
mod prepared;
mod resume;
mod saved;
mod saver;
mod shape;
mod signals;
mod state;
mod tick;
mod training;
mod verdict;
mod writer;

use crate::listeners::{Audience, last_elapsed};
use crate::{Event, Listener};
pub use before::trained_before;
use clock::Stopwatch;
pub use error::RunError;
use feed::Feed;
pub use job::{BeforeStep, Job, Outcome, Resume};
use prepared::Prepared;
use resume::Start;
use saver::Saver;
pub use signals::Signals;
use state::{Source, class_names};
use training::Run;
use writer::{Retention, Writer};

/// Trains to the end of the schedule, or until it is asked to stop; then the iteration is finished and everything
/// saved. A run that goes on where it was left ends as it would have ended without the stop, to the last bit.
///
/// `listeners` hear what happens, after the files of the run folder.
///
/// # Errors
/// If the data does not fit the configuration or what is gone on from, if reading or the device fails, if snapshots
/// cannot be written, if the numbers go bad again and again, or if the device has too little memory.
pub fn run(job: Job, signals: &Signals, listeners: Vec<Box<dyn Listener + '_>>) -> Result<Outcome, RunError> {
    job.check_data()?;
    let start = Start::find(&job)?;
    let Prepared { training, ticker, note } = Prepared::new(&job, start.saved.as_ref())?;
    let contents = pictures::contents(&job.pyramid, &job.config)?;
    // All that can be checked is checked: from here on files are written.
    let (folder, is_new) = start.place.open(&job, training.clock.position.nimg)?;
    let Start { saved, notes, warnings, .. } = start;
    let Job { config, pyramid, device, runtime, pace, files, before_step, .. } = job;
    let kimg = training.clock.kimg();
    folder.list_pictures(files.as_ref(), &contents)?;
    let opened = |source| RunError::File { path: folder.path().to_owned(), source };
    let mut audience = Audience::new(folder.path(), listeners).map_err(opened)?;
    audience.tell(&Event::Started {
        run_dir: folder.path().to_owned(),
        resumed_from: saved.as_ref().map(|saved| saved.path.clone()),
        kimg,
        total_kimg: config.schedule.total_kimg,
    });
    for message in notes.into_iter().chain(note) {
        audience.tell(&Event::Note { message });
    }
    for message in warnings.into_iter().chain(folder.caveat()) {
        audience.warn(message);
    }
    let stopwatch = Stopwatch::new(last_elapsed(folder.path(), kimg));
    if is_new {
        ticker.grids.save_first(&training, &folder, &mut audience);
    }
    let writer = Writer::new(runtime.clone(), files, Retention::of(&config));
    let source = Source {
        data_fingerprint: contents.fingerprint(),
        begun_from: saved.as_ref().and_then(|saved| saved.begun_from(is_new)),
        class_names: class_names(&pyramid, &config),
    };
    let mut saver = Saver::new(writer, folder, source);
    if let Some(saved) = saved {
        saver.goes_on_from(saved.snapshot, (!is_new).then_some(saved.clock.position.nimg));
    }
    let feed = Feed { pyramid, runtime, device };
    Run { training, feed, ticker, saver, audience, stopwatch, pace, before_step, level: None }.train(signals)
}
