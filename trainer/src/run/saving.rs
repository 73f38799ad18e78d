//! Snapshots on their way to the disk, and the way back.

use std::time::Instant;

use candle_core::DType;
use stylegan_checkpoint::{Meta, Progress};

use super::state::{Copy, Moment, newest_scheduled, not_finite};
use super::training::Run;
use super::writer::Written;
use super::{RunError, kimg, with_causes};
use crate::statistics::Accumulator;
use crate::{Event, Trainer};

/// Snapshots in a row that may fail to be written before the run stops.
const MAX_WRITE_FAILURES: u32 = 3;

/// Why a snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its time has come.
    Schedule,
    /// Someone asked for it, or the run cannot go on.
    Signal,
}

impl Run<'_> {
    /// Starts to write a snapshot and its state beside the training; returns what is wrong with the numbers, if
    /// something is.
    pub(super) fn save(&mut self, cause: Cause) -> Result<Option<String>, RunError> {
        let nimg = self.moment.position.nimg;
        // What a signal saved at this very time is replaced by what the schedule asks for.
        if self.last_saved == Some(nimg) && (cause == Cause::Signal || self.moment.is_scheduled()) {
            return Ok(None);
        }
        let started = Instant::now();
        if let Some(written) = self.writer.wait() {
            self.settle(written)?;
        }
        if let Some(name) = not_finite(&self.trainer)? {
            return Ok(Some(format!("`{name}` is not finite")));
        }
        if cause == Cause::Schedule {
            self.moment.scheduled_nimg = Some(nimg);
        }
        let config = self.trainer.config();
        let meta = Meta {
            generator: config.generator.clone(),
            discriminator: Some(config.critic()),
            progress: Progress { nimg, lod: self.settings().lod },
            config: Some(config.lasting_toml()?),
            ..Meta::default()
        };
        let copy = Copy::of(&self.trainer, self.moment, &self.tally, meta, self.pyramid.fingerprint())?;
        let path = |stem, nimg, exact| self.folder.file_at(stem, nimg, exact, "safetensors");
        let exact = self.is_exact(cause);
        let pair = (path("network-snapshot-", nimg, exact), path("training-state-", nimg, exact));
        let scheduled = self.moment.scheduled_nimg.map(|nimg| path("training-state-", nimg, false));
        self.writer.start(copy, pair, scheduled);
        self.last_saved = Some(nimg);
        let took = started.elapsed();
        self.maintenance += took;
        // What maintenance took is not the next tick's training.
        self.tick_started += took;
        Ok(None)
    }

    /// Saves what is not saved yet, and does not return before it is on the disk.
    pub(super) fn save_and_wait(&mut self) -> Result<(), RunError> {
        if let Some(reason) = self.save(Cause::Signal)? {
            self.audience.warn(format!("nothing is saved of what cannot be gone on from: {reason}"));
        }
        let Some(Written { nimg, snapshot, result, .. }) = self.writer.wait() else { return Ok(()) };
        result.map_err(RunError::LastSnapshot)?;
        self.audience.tell(&Event::Snapshot { path: snapshot.clone(), kimg: kimg(nimg) });
        self.last_snapshot = snapshot;
        Ok(())
    }

    /// Tells how a pair fared. One that could not be written is tried again at the next snapshot, a few times.
    pub(super) fn settle(&mut self, written: Written) -> Result<(), RunError> {
        let Written { nimg, snapshot, result, left_over } = written;
        match result {
            Ok(()) => {
                self.write_failures = 0;
                self.audience.tell(&Event::Snapshot { path: snapshot.clone(), kimg: kimg(nimg) });
                self.last_snapshot = snapshot;
            }
            Err(source) => {
                self.write_failures += 1;
                self.last_saved = None;
                let failures = self.write_failures;
                if failures >= MAX_WRITE_FAILURES {
                    return Err(RunError::Snapshots { failures, source });
                }
                self.audience.warn(format!("{}; training goes on", with_causes(&source)));
            }
        }
        if let Some(error) = left_over {
            self.audience.warn(format!("an old training state cannot be removed: {error}"));
        }
        Ok(())
    }

    /// Takes the run back to the last good state that the schedule asked for, or its beginning, with half the learning
    /// rates.
    pub(super) fn roll_back(&mut self, reason: String) -> Result<(), RunError> {
        if let Some(written) = self.writer.wait() {
            self.settle(written)?;
        }
        let (saved, damages) = newest_scheduled(self.folder.path())?;
        for damage in damages {
            self.audience.warn(damage);
        }
        let Moment { rate_factor, rollbacks, .. } = self.moment;
        if rollbacks >= self.trainer.config().run.max_rollbacks {
            let state = saved.map(|saved| saved.path);
            return Err(RunError::Diverged { reason, rollbacks, state });
        }
        self.is_whole = false;
        let (moment, tally) = if let Some(saved) = &saved {
            (saved.moment, saved.restore(&mut self.trainer)?)
        } else {
            self.trainer = Trainer::new(self.trainer.config().clone(), DType::F32, &self.device)?;
            (Moment::default(), Accumulator::new(&self.device)?)
        };
        let (rate_factor, rollbacks) = (rate_factor * 0.5, rollbacks + 1);
        self.moment = Moment { rate_factor, rollbacks, ..moment };
        self.tally = tally;
        self.is_whole = true;
        self.last_saved = saved.as_ref().map(|_| moment.position.nimg);
        self.tick_started = Instant::now();
        self.audience.tell(&Event::RolledBack {
            reason,
            to: saved.map(|saved| saved.path),
            kimg: kimg(moment.position.nimg),
            rate_factor,
            rollbacks,
        });
        Ok(())
    }
}
