//! What all requests share.

use std::sync::Arc;

use candle_core::Device;
use stylegan_features::Places;

use crate::artist::Artist;
use crate::explanation::{Explanation, HintOf};
use crate::files::Kept;
use crate::guard::Guard;
use crate::jobs::{Job, Jobs, State};
use crate::latents::LatentFiles;
use crate::models::Models;
use crate::photos::Photos;
use crate::runs::Runs;
use crate::{Error, Result};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) guard: Guard,
    pub(crate) artist: Artist,
    pub(crate) device: Device,
    pub(crate) weights: Places,
    pub(crate) hint_of: HintOf,
    pub(crate) kept: Kept,
    pub(crate) models: Models,
    pub(crate) latents: LatentFiles,
    pub(crate) photos: Photos,
    pub(crate) jobs: Jobs,
    pub(crate) runs: Runs,
}

impl Shared {
    /// What `work` returns on the thread that draws.
    ///
    /// # Errors
    /// As [`Artist::ask`].
    pub(crate) async fn ask<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let artist = self.artist.clone();
        artist.ask(move || work(&self)).await
    }

    /// An error in sentences.
    pub(crate) fn explained(&self, error: &Error) -> Explanation {
        Explanation::of(error, &self.kept, self.hint_of)
    }

    /// Starts a job on a thread of its own.
    ///
    /// # Errors
    /// If enough are running.
    pub(crate) fn start(
        self: &Arc<Self>,
        job: Job,
        work: impl FnOnce(&Job, &Self) -> Result<State> + Send + 'static,
    ) -> Result<u64> {
        let shared = self.clone();
        let work = move |job: &Job| work(job, &shared).map_err(|error| shared.explained(&error));
        self.jobs.start(job, work, self.explained(&Error::Panic))
    }
}
