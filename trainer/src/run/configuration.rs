//! Configurations, as the run sees them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Difference, RunConfig, Settings};

/// What a run needs to know of a configuration.
pub(crate) trait Configuration: Clone + Serialize + DeserializeOwned {
    /// The run folder and what is written there.
    fn run(&self) -> &RunConfig;

    /// Length of the training.
    fn total_kimg(&self) -> f64;

    /// What holds after so many pictures.
    fn settings_at(&self, nimg: u64) -> Settings;

    /// Minibatches between two looks at that.
    fn minibatch_repeats(&self) -> usize;

    /// Every key, as the run folder keeps it.
    fn whole_toml(&self) -> Result<String, toml::ser::Error>;

    /// Without the keys that no snapshot depends on.
    fn lasting_toml(&self) -> Result<String, toml::ser::Error>;

    /// Keys whose values matter and are others than in `before`.
    fn differences(&self, before: &Self) -> Result<Vec<Difference>, toml::ser::Error>;

    /// Pictures shown at the end of the training.
    fn total_nimg(&self) -> u64 {
        (self.total_kimg() * 1000.0).ceil() as u64
    }
}
