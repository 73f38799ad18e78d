//! What looks at a training, as the run sees it.

use std::collections::BTreeMap;

use super::error::RunError;
use super::folder::RunFolder;
use super::job::Work;
use super::saver::Saver;
use super::state::TrainingState;
use super::trained::Trained;
use crate::events::Adversarial;
use crate::listeners::Audience;
use crate::statistics::Means;

/// What is trained, with what looks at it when a tick ends.
pub(crate) trait Watched: Trained {
    /// What looks at it.
    type Watch: Watch<Self>;

    /// What is trained, at its start.
    fn begin(work: &Work<Self>) -> Result<Self, RunError>;

    /// What looks at it, at its start.
    fn watch(&self, work: &Work<Self>) -> Result<Self::Watch, RunError>;
}

/// What is looked at when a tick ends.
pub(crate) trait Watch<T: Trained> {
    /// Looks at a training whose tick ends, and takes what it names itself out of the means. It is the last thing that can fail.
    fn look(
        &mut self,
        training: &TrainingState<T>,
        means: &mut Means,
        saver: &Saver,
        audience: &mut Audience<'_>,
    ) -> Result<Look, RunError>;

    /// Saves the pictures of a training at its start.
    fn save_first(&self, training: &TrainingState<T>, folder: &RunFolder, audience: &mut Audience<'_>);

    /// Saves the pictures of a tick.
    fn save(&mut self, training: &TrainingState<T>, folder: &RunFolder, audience: &mut Audience<'_>);
}

/// What was seen at the end of a tick.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Whether the numbers make sense.
    pub(crate) is_sound: bool,
    /// What there is to tell of a generator and a critic.
    pub(crate) adversarial: Option<Adversarial>,
    /// Measures by name.
    pub(crate) measured: BTreeMap<String, f64>,
    /// What a person should know.
    pub(crate) alarm: Option<String>,
}
