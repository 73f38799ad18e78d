//! What a run that goes on was trained with, as far as that can be told before it does.

use std::fs;
use std::path::Path;

use stylegan_import::Foreign;

use super::error::RunError;
use super::folder::newest_run;
use super::job::Resume;
use super::saved::Saved;
use crate::{TrainConfig, Trainer};

/// The configuration of what a run of `config` in the folder of runs `runs` would go on from; none if it is new, or what
/// there is does not tell, which is found when it starts.
///
/// # Errors
/// If the folder of runs cannot be read.
pub fn trained_before(
    config: &TrainConfig,
    runs: &Path,
    resume: &Resume,
) -> Result<Option<TrainConfig>, RunError> {
    Ok(match resume {
        Resume::No => None,
        Resume::Auto => newest_run(runs, &config.run.name)?
            .filter(|run| has_time_left(run, config))
            .and_then(|run| written(&run)),
        Resume::From(path) if path.is_dir() => written(path),
        Resume::From(path) => match path.parent().and_then(written) {
            Some(config) if !Foreign::is_one(path) => Some(config),
            _ => Saved::<Trainer>::networks_alone(path, config).ok().and_then(|saved| saved.config),
        },
    })
}

/// Whether the newest state of a run is before the end that is asked for now.
fn has_time_left(run: &Path, config: &TrainConfig) -> bool {
    let pairs = stylegan_checkpoint::pairs(run).unwrap_or_default();
    pairs.first().is_some_and(|newest| newest.nimg < config.schedule.total_nimg())
}

/// What the folder of a run says that it is trained with.
fn written(run: &Path) -> Option<TrainConfig> {
    toml::from_str(&fs::read_to_string(run.join("config.toml")).ok()?).ok()
}
