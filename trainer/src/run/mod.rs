//! A whole training: where it starts, its loop, how it ends.

mod adversarial;
mod agreement;
mod before;
mod clock;
mod collapse;
mod configuration;
mod data;
mod error;
mod feed;
mod folder;
mod grid;
mod job;
mod lock;
mod measuring;
mod pictures;
mod prepared;
mod record;
mod resume;
mod saved;
mod saver;
mod shape;
mod signals;
mod state;
mod sync;
mod tick;
mod trained;
mod training;
mod verdict;
mod watch;
mod writer;

use crate::listeners::{Audience, last_elapsed};
use crate::{Event, Listener};
use agreement::check_same_training;
pub use before::trained_before;
pub(crate) use clock::Clock;
use clock::Stopwatch;
pub(crate) use configuration::Configuration;
pub(crate) use data::Data;
pub use error::RunError;
pub(crate) use feed::requests;
pub(crate) use folder::RunFolder;
pub use folder::newest_run;
pub(crate) use grid::tell as tell_grid;
pub(crate) use job::Work;
pub use job::{BeforeStep, Job, Outcome, Resume};
pub use lock::is_being_trained;
pub(crate) use pictures::{Comparison, list};
use prepared::Prepared;
use record::Record;
use resume::Start;
pub(crate) use saver::Saver;
pub(crate) use shape::Misfit;
pub use signals::Signals;
pub(crate) use state::TrainingState;
pub(crate) use trained::{Alone, SnapshotWriter, Source, Trained};
use training::Run;
pub(crate) use watch::{Look, Watch, Watched};
use writer::{Retention, Writer};

/// Trains to the end of the schedule, or until it is asked to stop; then the iteration is finished and everything
/// saved. A run that goes on where it was left ends as it would have ended without the stop, to the last bit.
///
/// `listeners` hear what happens, after the files of the run folder.
///
/// Of several processes, each calls this with the same job. All compute; the first keeps the run folder and tells its
/// listeners, and where it starts, all start.
///
/// # Errors
/// If the data does not fit the configuration or what is gone on from, if reading or the device fails, if snapshots
/// cannot be written, if the numbers go bad again and again, or if the device has too little memory.
pub fn run(job: Job, signals: &Signals, listeners: Vec<Box<dyn Listener + '_>>) -> Result<Outcome, RunError> {
    run_any(job.into_work(), signals, listeners)
}

/// The same, whatever is trained.
pub(crate) fn run_any<T: Watched>(
    work: Work<T>,
    signals: &Signals,
    listeners: Vec<Box<dyn Listener + '_>>,
) -> Result<Outcome, RunError> {
    work.data.check(&work.config)?;
    let contents = work.data.contents(&work.config)?;
    let fingerprints: Vec<String> = contents.iter().map(|(_, contents)| contents.fingerprint()).collect();
    check_same_training(&*work.peers, &work.config, &fingerprints.join("+"))?;
    if !work.peers.is_first() {
        let mut training = TrainingState::new(T::begin(&work)?)?;
        training.follow_first(&*work.peers)?;
        training.trainer.try_memory(training.clock)?;
        let Work { data, peers, pace, before_step, .. } = work;
        let stopwatch = Stopwatch::new(0.0);
        let record = None;
        return Run { training, data, peers, record, stopwatch, pace, before_step, level: None }
            .train(signals);
    }
    let start = Start::find(&work)?;
    let Prepared { mut training, ticker, note } = Prepared::new(&work, start.saved.as_ref())?;
    // All that can be checked is checked: from here on files are written.
    let (folder, is_new) = start.place.open(&work, training.clock.position.nimg)?;
    let Start { saved, notes, warnings, .. } = start;
    let Work { config, data, runtime, pace, files, peers, before_step, .. } = work;
    let kimg = training.clock.kimg();
    for (name, contents) in &contents {
        folder.list_pictures(files.as_ref(), name, contents)?;
    }
    let opened = |source| RunError::File { path: folder.path().to_owned(), source };
    let mut audience = Audience::new(folder.path(), listeners).map_err(opened)?;
    audience.tell(&Event::Started {
        run_dir: folder.path().to_owned(),
        resumed_from: saved.as_ref().map(|saved| saved.path.clone()),
        kimg,
        total_kimg: config.total_kimg(),
    });
    for message in notes.into_iter().chain(note) {
        audience.tell(&Event::Note { message });
    }
    for message in warnings.into_iter().chain(folder.caveat()) {
        audience.warn(message);
    }
    let stopwatch = Stopwatch::new(last_elapsed(folder.path(), kimg));
    if is_new {
        ticker.watch.save_first(&training, &folder, &mut audience);
    }
    let writer = Writer::new(runtime.clone(), files, Retention::of(&config));
    let source = Source {
        data_fingerprint: fingerprints.join("+"),
        begun_from: saved.as_ref().and_then(|saved| saved.begun_from(is_new)),
        class_names: data.class_names(&config),
    };
    let mut saver = Saver::new(writer, folder, source);
    if let Some(saved) = saved {
        saver.goes_on_from(saved.snapshot, (!is_new).then_some(saved.clock.position.nimg));
    }
    training.follow_first(&*peers)?;
    let record = Some(Record { ticker, saver, audience });
    Run { training, data, peers, record, stopwatch, pace, before_step, level: None }.train(signals)
}
