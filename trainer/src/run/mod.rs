//! A whole training: where it starts, its loop, how it ends.

mod clock;
mod collapse;
mod error;
mod feed;
mod folder;
mod grid;
mod job;
mod lock;
mod pictures;
mod prepared;
mod resume;
mod saved;
mod saver;
mod signals;
mod state;
mod tick;
mod training;
mod verdict;
mod writer;

use crate::listeners::{Audience, last_elapsed};
use crate::{Event, Listener};
use clock::Stopwatch;
pub use error::RunError;
use feed::Feed;
pub use job::{BeforeStep, Job, Outcome, Resume};
use prepared::Prepared;
use resume::Start;
use saver::Saver;
pub use signals::Signals;
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
    let Prepared { training, ticker, note } = prepared;
    let Job { config, pyramid, device, runtime, pace, files, before_step, .. } = job;
    let kimg = training.clock.kimg();
    let contents = pictures::contents(&pyramid, &config)?;
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
    let mut saver = Saver::new(writer, folder, contents.fingerprint());
    if let Some(saved) = saved {
        saver.goes_on_from(saved.snapshot, (!is_new).then_some(saved.clock.position.nimg));
    }
    let feed = Feed { pyramid, runtime, device };
    Run { training, feed, ticker, saver, audience, stopwatch, pace, before_step, level: None }.train(signals)
}
