//! Pictures, as the run sees them.

use std::path::Path;
use std::time::Duration;

use stylegan_dataset::Contents;

use super::clock::Clock;
use super::configuration::Configuration;
use super::error::RunError;
use super::pictures::Comparison;

/// Pictures on their way to the device.
pub(crate) trait Data {
    type Config: Configuration;
    /// Batches that are prepared ahead.
    type Batches;
    /// One of them, on the device.
    type Batch;

    /// Whether the pictures are what is asked for.
    fn check(&self, config: &Self::Config) -> Result<(), RunError>;

    /// What is trained on, each source under the name of the file that lists it.
    fn contents(&self, config: &Self::Config) -> Result<Vec<(&'static str, Contents)>, RunError>;

    /// Compares the pictures with those of a run, which had this fingerprint and is saved at `path`.
    fn compare(
        &self,
        config: &Self::Config,
        fingerprint: &str,
        path: &Path,
        before: Option<&Self::Config>,
    ) -> Result<Comparison, RunError>;

    /// What the classes are called, where pictures are trained by their labels.
    fn class_names(&self, config: &Self::Config) -> Vec<String>;

    /// Batches from the present time to the end.
    fn batches(&self, config: &Self::Config, clock: &Clock) -> Self::Batches;

    /// The next of them, and how long it was waited for.
    fn next(
        &self,
        config: &Self::Config,
        batches: &mut Self::Batches,
    ) -> Result<(Self::Batch, Duration), RunError>;
}
