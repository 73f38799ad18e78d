//! What tells a projection from others.

use serde::{Deserialize, Serialize};
use stylegan_drawing::Painter;

use crate::{Perception, ProjectOptions, Result, Target};

/// All that decides the latents of some photos; no path, and nothing that depends on when or where they are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Hash of the network's file.
    pub checkpoint: String,
    /// The class, where the network has labels.
    pub class: Option<usize>,
    /// Its label in numbers, where it is none of a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What looks at pictures.
    pub perceptual: String,
    /// What tells its weights from others.
    pub perceptual_weights: Option<String>,
    /// How photos are projected.
    #[serde(flatten)]
    pub options: ProjectOptions,
    /// Hash of the photos' pixels.
    pub photos: String,
    /// Their numbers.
    pub numbers: Vec<u64>,
}

impl Job {
    pub(crate) fn new(
        painter: &Painter,
        perception: &Perception,
        options: &ProjectOptions,
        target: &Target,
    ) -> Result<Self> {
        Ok(Self {
            checkpoint: painter.origin().hash().to_owned(),
            class: painter.options().class,
            label: painter.options().label.as_ref().map(ToString::to_string),
            perceptual: perception.name().to_owned(),
            perceptual_weights: perception.fingerprint().map(str::to_owned),
            options: options.clone(),
            photos: target.hash()?,
            numbers: target.numbers.clone(),
        })
    }

    /// The name of the first thing that is not the same in the job that a text says.
    pub(crate) fn difference(&self, text: &str) -> Result<Option<String>, serde_json::Error> {
        let (own, other) = (serde_json::to_value(self)?, serde_json::from_str::<serde_json::Value>(text)?);
        let keys = own.as_object().into_iter().flatten();
        Ok(keys
            .into_iter()
            .find(|(key, value)| other.get(key) != Some(value))
            .map(|(key, _)| format!("`{key}`")))
    }
}
