//! What labels there are for pictures, and which of them are meant.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::labels::Labels;
use crate::paths::common_folder;

/// Which labels of pictures are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelMode {
    /// Those of a `dataset.json`, if there is one.
    #[default]
    Auto,
    /// None.
    Off,
    /// The folders that the pictures lie in.
    Folders,
}

/// A `dataset.json` beside pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelFile {
    /// Its path inside the source.
    pub name: String,
    /// What it came to.
    pub state: LabelFileState,
}

/// What a `dataset.json` came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelFileState {
    /// It has a label for every picture.
    Read {
        /// How many more it has, for pictures that are not there.
        strangers: usize,
    },
    /// It says that there are no labels.
    Empty,
    /// It lies in a folder that does not hold all pictures, and is left alone.
    Misplaced,
    /// It cannot be used.
    Faulty {
        /// What is wrong with it.
        reason: String,
    },
}

/// What labels there are for pictures.
#[derive(Clone, Copy, Debug)]
pub struct FoundLabels<'a> {
    /// Where the pictures lie.
    pub source: &'a Path,
    /// The paths of the pictures inside their source.
    pub names: &'a [String],
    /// Where the labels of the pictures were looked for.
    pub file: Option<&'a LabelFile>,
    /// The labels in it.
    pub labels: Option<&'a Labels>,
}

impl FoundLabels<'_> {
    /// The labels that are meant, if there are any.
    ///
    /// # Errors
    /// If a `dataset.json` cannot be used, or there are no folders to make classes of.
    pub fn choose(&self, mode: LabelMode) -> Result<Option<Labels>, Error> {
        match (mode, self.file) {
            (LabelMode::Off, _) => Ok(None),
            (LabelMode::Auto, Some(LabelFile { name, state: LabelFileState::Faulty { reason } })) => {
                Err(ErrorKind::Labels { file: name.clone(), reason: reason.clone() }.at(self.source))
            }
            (LabelMode::Auto, _) => Ok(self.labels.cloned()),
            (LabelMode::Folders, _) => self.of_folders().map(Some),
        }
    }

    /// A class for each folder, by the outermost in which pictures lie apart from one another.
    ///
    /// # Errors
    /// If all pictures lie in one folder, or some in none.
    pub fn of_folders(&self) -> Result<Labels, Error> {
        let common = common_folder(self.names);
        let class_of = |name: &String| match name[common.len()..].split_once('/') {
            Some((class, _)) => Ok(class.to_owned()),
            None => Err(ErrorKind::NoClassFolder { example: name.clone() }.at(self.source)),
        };
        let labels = Labels::of_names(&self.names.iter().map(class_of).collect::<Result<Vec<_>, _>>()?);
        labels
            .validate(self.names.len())
            .map_err(|reason| ErrorKind::ClassFolders { reason }.at(self.source))?;
        Ok(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_folders(names: &[&str]) -> Result<Labels, Error> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        FoundLabels { source: Path::new("pets"), names: &names, file: None, labels: None }.of_folders()
    }

    #[test]
    fn folders_become_classes_in_the_order_of_their_names() {
        let labels = of_folders(&["pets/cats/0.png", "pets/cats/old/1.png", "pets/birds/0.png"]).unwrap();
        assert_eq!(labels.class_names(), ["birds", "cats"]);
        assert_eq!(labels.class_sizes(), Some(vec![1, 2]));
        let Labels::Classes { count: 2, indices, .. } = labels else { panic!("{labels:?}") };
        assert_eq!(indices, [1, 1, 0]);
        // Numbers count as such.
        assert_eq!(of_folders(&["10/0.png", "9/0.png", "0/0.png"]).unwrap().class_names(), ["0", "9", "10"]);
        assert_eq!(of_folders(&["10/0.png", "9/0.png", "a/0.png"]).unwrap().class_names(), ["10", "9", "a"]);
    }

    #[test]
    fn pictures_in_no_folder_have_no_class() {
        for names in [&["cats/0.png", "1.png"][..], &["cats/0.png", "cats/1.png"], &["0.png"]] {
            let error = of_folders(names).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::NoClassFolder { .. }), "{error}");
            assert!(error.to_string().starts_with("`pets` has no folder for each class: `"), "{error}");
        }
    }
}
