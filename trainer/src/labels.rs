//! Whether a training goes by the labels of its pictures.

use stylegan_dataset::{Error, FoundLabels, LabelMode, Labels};

use crate::TrainConfig;

/// What was decided about the labels of a training.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelDecision {
    /// They are trained by.
    Used {
        /// Which ones.
        mode: LabelMode,
        /// The labels, one for each picture.
        labels: Labels,
    },
    /// There are none.
    NoneFound,
    /// They are not wanted.
    Unwanted,
    /// There is a single class, which tells nothing.
    OneClass,
    /// The run that goes on was trained without.
    AsBefore,
}

impl LabelDecision {
    /// The labels to train by.
    pub fn labels(&self) -> Option<&Labels> {
        match self {
            Self::Used { labels, .. } => Some(labels),
            _ => None,
        }
    }
}

impl TrainConfig {
    /// Decides which of the labels that were found are trained by, and gives the networks room for them where the
    /// configuration does not say how much. A run that goes on, `before`, goes on with what it had.
    ///
    /// # Errors
    /// If the labels that are asked for cannot be had.
    pub fn decide_labels(
        &mut self,
        found: &FoundLabels<'_>,
        before: Option<&Self>,
    ) -> Result<LabelDecision, Error> {
        let decision = self.decision(found, before)?;
        if self.generator.label_dim == 0 {
            self.generator.label_dim = decision.labels().map_or(0, Labels::width);
        }
        // Where nothing is trained by labels in either case, it does not matter why.
        if let Some(before) = before
            && before.generator.label_dim == 0
            && self.generator.label_dim == 0
        {
            self.data.labels = before.data.labels;
        }
        Ok(decision)
    }

    fn decision(&mut self, found: &FoundLabels<'_>, before: Option<&Self>) -> Result<LabelDecision, Error> {
        let is_open = self.data.labels == LabelMode::Auto;
        let label_dim = self.generator.label_dim;
        if is_open && let Some(before) = before {
            match before.generator.label_dim {
                0 if label_dim == 0 => {
                    return Ok(if found.file.is_none() && found.labels.is_none() {
                        LabelDecision::NoneFound
                    } else {
                        LabelDecision::AsBefore
                    });
                }
                before_dim if [0, before_dim].contains(&label_dim) => self.data.labels = before.data.labels,
                _ => {}
            }
        }
        let mode = self.data.labels;
        Ok(match found.choose(mode)? {
            Some(Labels::Classes { count: 1, .. }) if is_open && label_dim == 0 => LabelDecision::OneClass,
            Some(labels) => LabelDecision::Used { mode, labels },
            None if mode == LabelMode::Off => LabelDecision::Unwanted,
            None => LabelDecision::NoneFound,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use stylegan_dataset::{LabelFile, LabelFileState};

    use super::*;

    fn config(assignments: &[&str]) -> TrainConfig {
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        TrainConfig::load(None, &assignments).unwrap()
    }

    /// What is decided, and the configuration that comes of it; of pictures in two folders with so many classes.
    fn decided(
        assignments: &[&str],
        before: Option<&TrainConfig>,
        classes: Option<u32>,
    ) -> (TrainConfig, LabelDecision) {
        let names = ["a/0.png", "a/1.png", "b/2.png"].map(str::to_owned);
        let labels = classes.map(|classes| Labels::Classes {
            count: classes as usize,
            indices: vec![0, 0, classes - 1],
            names: Vec::new(),
        });
        let state =
            if labels.is_some() { LabelFileState::Read { strangers: 0 } } else { LabelFileState::Empty };
        let file = LabelFile { name: "dataset.json".to_owned(), state };
        let found = FoundLabels {
            source: Path::new("pets"),
            names: &names,
            file: classes.map(|_| &file),
            labels: labels.as_ref(),
        };
        let mut config = config(assignments);
        let decision = config.decide_labels(&found, before).unwrap();
        (config, decision)
    }

    fn width(assignments: &[&str], before: Option<&TrainConfig>, classes: Option<u32>) -> usize {
        let (config, decision) = decided(assignments, before, classes);
        let width = decision.labels().map_or(0, Labels::width);
        // A number of one's own stays, and is compared with the labels where the training begins.
        assert!(config.generator.label_dim == width || !assignments.is_empty(), "{assignments:?}");
        width
    }

    #[test]
    fn labels_are_used_where_there_are_any_and_nothing_forbids_it() {
        assert_eq!(width(&[], None, Some(5)), 5);
        assert_eq!(width(&[], None, None), 0);
        assert_eq!(width(&["data.labels=folders"], None, Some(5)), 2);
        assert_eq!(width(&["generator.label_dim=5"], None, Some(5)), 5);
        assert_eq!(decided(&["data.labels=off"], None, Some(5)).1, LabelDecision::Unwanted);
        assert_eq!(decided(&["generator.label_dim=0"], None, Some(5)).1, LabelDecision::Unwanted);
        assert_eq!(decided(&[], None, Some(1)).1, LabelDecision::OneClass);
        assert_eq!(width(&["generator.label_dim=1"], None, Some(1)), 1);
    }

    #[test]
    fn a_run_goes_on_with_the_labels_that_it_had() {
        let (without, _) = decided(&[], None, None);
        let (now, decision) = decided(&[], Some(&without), Some(5));
        assert_eq!((now, decision), (without.clone(), LabelDecision::AsBefore));
        // Also where that is said another way.
        assert_eq!(decided(&["data.labels=off"], Some(&without), Some(5)).0, without);

        let (folders, _) = decided(&["data.labels=folders"], None, Some(5));
        assert_eq!(decided(&[], Some(&folders), Some(5)).0, folders);
        assert_eq!(decided(&["data.labels=folders"], Some(&folders), Some(5)).0, folders);
        let (file, _) = decided(&[], None, Some(2));
        assert_eq!(decided(&[], Some(&file), Some(2)).0, file);
        // What differs is found as in any other key.
        let (other, _) = decided(&["data.labels=folders"], Some(&file), Some(2));
        assert_eq!(other.differences(&file).unwrap()[0].key, "data.labels");
    }
}
