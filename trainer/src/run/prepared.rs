//! What a run needs before it starts: networks and optimizers, pictures to look at, and the memory to train.

use stylegan_base::units::{Bytes, kimg};

use super::clock::Clock;
use super::collapse::CollapseWatch;
use super::error::RunError;
use super::grid::Grids;
use super::job::Job;
use super::measuring::Measuring;
use super::saved::Saved;
use super::state::TrainingState;
use super::tick::Ticker;
use crate::rehearsal::{Fit, Rehearsal};

/// All that a run computes with, on its device.
pub(super) struct Prepared {
    pub(super) training: TrainingState,
    pub(super) ticker: Ticker,
    /// What a GPU showed.
    pub(super) note: Option<String>,
}

impl Prepared {
    /// Builds everything, goes on from what was saved, and makes sure that what is still to be trained fits.
    pub(super) fn new(job: &Job, saved: Option<&Saved>) -> Result<Self, RunError> {
        let Job { config, pyramid, device, .. } = job;
        let mut training = TrainingState::new(config.clone(), device)?;
        if let Some(saved) = saved {
            saved.restore(&mut training)?;
        }
        let ticker = Ticker {
            grids: Grids::new(config, pyramid, device)?,
            collapse: CollapseWatch::new(config, pyramid.clone(), device)?,
            measuring: Measuring::new(config, pyramid.clone(), device)?,
        };
        let rehearsal = Rehearsal::new(&training.trainer)?;
        let note = rehearsal.map(|rehearsal| try_levels(&rehearsal, job, training.clock)).transpose()?;
        Ok(Self { training, ticker, note })
    }
}

/// Makes sure that the levels to come fit into the memory of a GPU; returns what is to be said about it.
fn try_levels(rehearsal: &Rehearsal<'_>, job: &Job, clock: Clock) -> Result<String, RunError> {
    let kimg = kimg(clock.position.round_nimg);
    let mut levels = job.config.schedule.levels(job.config.generator.resolution);
    levels.retain(|level| kimg < level.ends_kimg);
    let fits = rehearsal.levels(&levels, kimg, false)?;
    if let Some(shortage) = rehearsal.shortage(&levels, &fits) {
        return Err(RunError::OutOfMemory(Box::new(shortage)));
    }
    let most = levels.iter().zip(&fits).filter_map(|(level, fit)| match fit {
        Fit::Fits(bytes) => Some((*bytes, level.resolution)),
        _ => None,
    });
    let most = most.max_by_key(|(bytes, _)| *bytes);
    let (bytes, resolution) = most.unwrap_or((0, job.config.generator.resolution));
    let (device, total) = (rehearsal.device_name()?, Bytes(rehearsal.memory().total_bytes));
    Ok(format!("device    {device}, {} of {total} at {resolution}", Bytes(bytes)))
}
