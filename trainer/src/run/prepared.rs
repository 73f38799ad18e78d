//! What a run needs before it starts: networks and optimizers, pictures to look at, and the memory to train.

use candle_core::DType;

use super::grid::Grids;
use super::state::{Moment, Saved};
use super::watch::Watch;
use super::{Job, RunError, kimg};
use crate::Trainer;
use crate::rehearsal::{Fared, Rehearsal};
use crate::statistics::Accumulator;
use stylegan_base::units::Bytes;

/// All that a run computes with, on its device.
pub(super) struct Prepared {
    pub(super) trainer: Trainer,
    pub(super) moment: Moment,
    pub(super) tally: Accumulator,
    pub(super) grids: Grids,
    pub(super) watch: Watch,
    /// What a GPU showed.
    pub(super) note: Option<String>,
}

impl Prepared {
    /// Builds everything, goes on from what was saved, and makes sure that what is still to be trained fits.
    pub(super) fn new(job: &Job, saved: Option<&Saved>) -> Result<Self, RunError> {
        let Job { config, pyramid, device, .. } = job;
        let mut trainer = Trainer::new(config.clone(), DType::F32, device)?;
        let (moment, tally) = match saved {
            Some(saved) => (saved.moment, saved.restore(&mut trainer)?),
            None => (Moment::default(), Accumulator::new(device)?),
        };
        let grids = Grids::new(config, pyramid, device)?;
        let watch = Watch::new(config, device)?;
        let note = match Rehearsal::new(&trainer, device)? {
            Some(rehearsal) => Some(try_levels(&rehearsal, job, moment)?),
            None => None,
        };
        Ok(Self { trainer, moment, tally, grids, watch, note })
    }
}

/// Makes sure that the levels to come fit into the memory of a GPU; returns what is to be said about it.
fn try_levels(rehearsal: &Rehearsal<'_>, job: &Job, moment: Moment) -> Result<String, RunError> {
    let kimg = kimg(moment.position.round_nimg);
    let mut levels = job.config.schedule.levels(job.config.generator.resolution);
    levels.retain(|level| kimg < level.ends_kimg);
    let fared = rehearsal.levels(&levels, kimg, false)?;
    if let Some(shortage) = rehearsal.shortage(&levels, &fared) {
        return Err(RunError::OutOfMemory(Box::new(shortage)));
    }
    let most = levels.iter().zip(&fared).filter_map(|(level, fared)| match fared {
        Fared::Fits(bytes) => Some((*bytes, level.side)),
        _ => None,
    });
    let (bytes, side) = most.max().unwrap_or_default();
    let (device, total) = (rehearsal.device_name()?, Bytes(rehearsal.memory().total_bytes));
    Ok(format!("device    {device}, {} of {total} at {side}x{side}", Bytes(bytes)))
}
