//! What the first process of a training does beside its share: it closes ticks, saves, and tells who listens.

use super::saver::Saver;
use super::tick::Ticker;
use super::watch::Watched;
use crate::listeners::Audience;

/// The record of a run, in its folder and for its listeners. Of several processes that train together, the first keeps it.
pub(super) struct Record<'a, T: Watched> {
    pub(super) ticker: Ticker<T>,
    pub(super) saver: Saver,
    pub(super) audience: Audience<'a>,
}
