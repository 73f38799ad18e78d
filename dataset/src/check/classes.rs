//! How many pictures there are of each class.

use serde::Serialize;

use crate::found_labels::{FoundLabels, LabelFile};
use crate::labels::Labels;

/// More folders are no classes.
const MOST_FOLDERS: usize = 1000;

/// Which classes pictures are of, and which they could be of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Classes {
    /// Where labels were looked for, and what came of it.
    pub file: Option<LabelFile>,
    /// Of labels that are numbers and no classes, how many each picture has.
    pub numbers: Option<usize>,
    /// The classes in the order of their numbers; empty without labels.
    pub of_labels: Vec<ClassCount>,
    /// What `--labels folders` would make of the folders; empty if no classes.
    pub of_folders: Vec<ClassCount>,
}

/// A class, and how many pictures it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// What it is called, or else its number.
    pub name: String,
    /// How many pictures it has.
    pub pictures: usize,
}

impl Classes {
    pub(super) fn of(found: &FoundLabels<'_>) -> Self {
        let of_folders = found.of_folders().ok().filter(|labels| labels.width() <= MOST_FOLDERS);
        Self {
            file: found.file.cloned(),
            numbers: match found.labels {
                Some(labels @ Labels::Vectors { .. }) => Some(labels.width()),
                _ => None,
            },
            of_labels: found.labels.map(counts).unwrap_or_default(),
            of_folders: of_folders.as_ref().map(counts).unwrap_or_default(),
        }
    }
}

fn counts(labels: &Labels) -> Vec<ClassCount> {
    let named = |(number, pictures): (usize, usize)| {
        let name = labels.class_names().get(number).cloned().unwrap_or_else(|| number.to_string());
        ClassCount { name, pictures }
    };
    labels.class_sizes().unwrap_or_default().into_iter().enumerate().map(named).collect()
}
