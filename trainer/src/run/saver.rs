//! Snapshots on their way to the disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use stylegan_base::units::kimg;

use super::error::{RunError, with_causes};
use super::folder::RunFolder;
use super::state::{PairContents, TrainingState};
use super::trained::{Source, Trained};
use super::verdict::Verdict;
use super::writer::{Writer, Written};
use crate::Event;
use crate::listeners::Audience;

/// Snapshots in a row that may fail to be written before the run stops.
const MAX_WRITE_FAILURES: u32 = 3;

/// Why a snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its time in the training has come.
    Schedule,
    /// Someone asked for it.
    Wish,
    /// So that nothing is lost: the last one is minutes old, or the run ends here.
    Safety,
}

/// Saves a training in its folder.
pub(crate) struct Saver {
    /// Before the folder, whose lock is to be held until nothing is written any more.
    writer: Writer,
    folder: RunFolder,
    source: Source,
    /// Time of the pair last written or being written.
    last_saved: Option<u64>,
    last_snapshot: PathBuf,
    /// When a pair was last started, or could have been.
    last_started: Instant,
    failures: u32,
}

impl Saver {
    /// A saver in a folder with nothing in it that counts.
    pub(super) fn new(writer: Writer, folder: RunFolder, source: Source) -> Self {
        let last_snapshot = folder.path().to_owned();
        Self {
            writer,
            folder,
            source,
            last_saved: None,
            last_snapshot,
            last_started: Instant::now(),
            failures: 0,
        }
    }

    pub(super) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The snapshot last written, or gone on from.
    pub(super) fn last_snapshot(&self) -> &PathBuf {
        &self.last_snapshot
    }

    /// The training goes on from a snapshot, `nimg` being the time of its pair if that is in the folder.
    pub(super) fn goes_on_from(&mut self, snapshot: PathBuf, nimg: Option<u64>) {
        self.last_snapshot = snapshot;
        self.last_saved = nimg;
    }

    /// The training is where the pair of this time is, or at its beginning.
    pub(super) fn goes_back_to(&mut self, nimg: Option<u64>) {
        self.last_saved = nimg;
    }

    /// Whether the training goes on from a snapshot that is not in the folder, with nothing saved there yet.
    pub(super) fn is_begun_elsewhere(&self) -> bool {
        self.last_saved.is_none() && self.last_snapshot != self.folder.path()
    }

    /// How long ago a pair was last started, or the run.
    pub(super) fn age(&self) -> Duration {
        self.last_started.elapsed()
    }

    /// Starts to write a snapshot and its state beside the training, unless the numbers are bad.
    pub(super) fn save<T: Trained>(
        &mut self,
        training: &mut TrainingState<T>,
        cause: Cause,
        audience: &mut Audience<'_>,
    ) -> Result<Verdict, RunError> {
        let nimg = training.clock.position.nimg;
        // What a signal saved at this very time is replaced by what the schedule asks for.
        if self.last_saved == Some(nimg) && (cause != Cause::Schedule || training.clock.is_scheduled()) {
            return Ok(Verdict::Sound);
        }
        self.wait(audience)?;
        self.last_started = Instant::now();
        let verdict = Verdict::of_trained(&training.trainer)?;
        if verdict != Verdict::Sound {
            return Ok(verdict);
        }
        let before = training.clock.scheduled_nimg;
        if cause == Cause::Schedule {
            training.clock.scheduled_nimg = Some(nimg);
        }
        let contents = PairContents::of(training, &self.source)?;
        let stays = match cause {
            Cause::Schedule => training.is_over() || self.writer.keep().stays(before, nimg),
            Cause::Wish => true,
            Cause::Safety => false,
        };
        let exact = cause != Cause::Schedule || training.clock.is_exact(training.config());
        let path = |stem, nimg, exact, stays| {
            let extension = if stays { "safetensors" } else { "recent.safetensors" };
            self.folder.file_at(stem, nimg, exact, extension)
        };
        let pair =
            (path("network-snapshot-", nimg, exact, stays), path("training-state-", nimg, exact, stays));
        let scheduled = training.clock.scheduled_nimg.into_iter();
        let protected = scheduled
            .flat_map(|nimg| [true, false].map(|stays| path("training-state-", nimg, false, stays)))
            .collect();
        self.writer.start(contents, pair, protected);
        self.last_saved = Some(nimg);
        Ok(Verdict::Sound)
    }

    /// Keeps the networks as they are, in place of those that were best by the measure `name` before; returns the file.
    pub(super) fn save_best<T: Trained>(
        &self,
        training: &TrainingState<T>,
        name: &str,
    ) -> Result<PathBuf, RunError> {
        let networks = training.trainer.snapshot(training.clock, &self.source)?;
        let path = self.folder.path().join(format!("network-best-{name}.safetensors"));
        networks(self.writer.files(), &path).map_err(RunError::Best)?;
        Ok(path)
    }

    /// Saves what is not saved yet, and does not return before it is on the disk.
    pub(super) fn save_and_wait<T: Trained>(
        &mut self,
        training: &mut TrainingState<T>,
        audience: &mut Audience<'_>,
    ) -> Result<(), RunError> {
        if let Verdict::Diverging { reason } = self.save(training, Cause::Safety, audience)? {
            audience.warn(format!("nothing is saved of what cannot be gone on from: {reason}"));
        }
        let Some(Written { nimg, snapshot, result, warnings }) = self.writer.wait() else { return Ok(()) };
        for warning in warnings {
            audience.warn(warning);
        }
        result.map_err(RunError::LastSnapshot)?;
        self.tell(snapshot, nimg, audience);
        Ok(())
    }

    /// Waits for the pair that is being written, if there is one.
    pub(super) fn wait(&mut self, audience: &mut Audience<'_>) -> Result<(), RunError> {
        self.writer.wait().map_or(Ok(()), |written| self.settle(written, audience))
    }

    /// Looks whether a pair has been written by now.
    pub(super) fn look(&mut self, audience: &mut Audience<'_>) -> Result<(), RunError> {
        self.writer.finished().map_or(Ok(()), |written| self.settle(written, audience))
    }

    /// Tells what became of a pair. One that could not be written is tried again at the next snapshot, a few times.
    fn settle(&mut self, written: Written, audience: &mut Audience<'_>) -> Result<(), RunError> {
        let Written { nimg, snapshot, result, warnings } = written;
        for warning in warnings {
            audience.warn(warning);
        }
        match result {
            Ok(()) => {
                self.failures = 0;
                self.tell(snapshot, nimg, audience);
            }
            Err(source) => {
                self.failures += 1;
                self.last_saved = None;
                let failures = self.failures;
                if failures >= MAX_WRITE_FAILURES {
                    return Err(RunError::Snapshots { failures, source });
                }
                let last = match self.last_snapshot.file_name() {
                    Some(name) if self.last_snapshot.is_file() => {
                        format!("`{}` is the last snapshot", name.display())
                    }
                    _ => "there is no snapshot yet".to_owned(),
                };
                audience.warn(format!("{}; training goes on, {last}", with_causes(&source)));
            }
        }
        Ok(())
    }

    fn tell(&mut self, snapshot: PathBuf, nimg: u64, audience: &mut Audience<'_>) {
        audience.tell(&Event::Snapshot { path: snapshot.clone(), kimg: kimg(nimg) });
        self.last_snapshot = snapshot;
    }
}
