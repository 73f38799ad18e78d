//! What a run needs before it starts: networks and optimizers, pictures to look at, and the memory to train.

use super::error::RunError;
use super::job::Work;
use super::saved::Saved;
use super::state::TrainingState;
use super::tick::Ticker;
use super::watch::Watched;

/// All that a run computes with, on its device.
pub(super) struct Prepared<T: Watched> {
    pub(super) training: TrainingState<T>,
    pub(super) ticker: Ticker<T>,
    /// What a GPU showed.
    pub(super) note: Option<String>,
}

impl<T: Watched> Prepared<T> {
    /// Builds everything, goes on from what was saved, and makes sure that what is still to be trained fits.
    pub(super) fn new(work: &Work<T>, saved: Option<&Saved<T>>) -> Result<Self, RunError> {
        let trainer = T::begin(work)?;
        let watch = trainer.watch(work)?;
        let mut training = TrainingState::new(trainer)?;
        if let Some(saved) = saved {
            saved.restore(&mut training)?;
        }
        let note = training.trainer.try_memory(training.clock)?;
        Ok(Self { training, ticker: Ticker { watch }, note })
    }
}
