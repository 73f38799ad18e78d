//! Whether the pictures are those that a run was trained with.

use std::fs;
use std::path::Path;

use stylegan_dataset::{Contents, Pyramid};

use super::error::RunError;
use super::folder::PICTURES;
use crate::TrainConfig;

/// How the pictures that are there compare with those that a run was trained with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// They are the same.
    Same,
    /// They are not, in a sentence each.
    Different(Vec<String>),
    /// An earlier version saved the run, which knew pictures by the times of their files, and these are others.
    Untold,
}

/// What a run of that configuration is fed with.
pub(super) fn contents(pyramid: &Pyramid, config: &TrainConfig) -> Result<Contents, RunError> {
    Ok(pyramid.contents(config.generator.label_dim > 0)?)
}

/// Compares the pictures with those of a run, which had this fingerprint and is saved at `path`.
pub(super) fn compare(
    pyramid: &Pyramid,
    config: &TrainConfig,
    fingerprint: &str,
    path: &Path,
    before: Option<&TrainConfig>,
) -> Result<Comparison, RunError> {
    if fingerprint == pyramid.source_fingerprint() {
        return Ok(Comparison::Same);
    }
    let now = contents(pyramid, config)?;
    if fingerprint == now.fingerprint() {
        return Ok(Comparison::Same);
    }
    let before = if Contents::is_fingerprint(fingerprint) {
        path.parent()
            .and_then(|folder| list(folder, PICTURES))
            .filter(|list| list.fingerprint() == fingerprint)
    } else {
        // Its pack may still be there.
        match pyramid.beside(fingerprint) {
            Some(earlier) => Some(contents(&earlier, before.unwrap_or(config))?),
            None => return Ok(Comparison::Untold),
        }
    };
    let differences = match before {
        Some(before) => now.differences(&before),
        None => vec!["the pictures are others".to_owned()],
    };
    Ok(if differences.is_empty() { Comparison::Same } else { Comparison::Different(differences) })
}

/// The pictures that a run folder says it was trained with, in its list of this name.
pub(crate) fn list(folder: &Path, name: &str) -> Option<Contents> {
    Contents::from_json(&fs::read(folder.join(name)).ok()?)
}
