//! What pictures show, as `dataset.json` says it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::error::printable;

/// More classes than any data set has; each is a number in every label that a network sees.
const MAX_WIDTH: usize = 65_536;

/// One label for each picture of a source, in the order of its pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// Each picture shows one of several classes.
    Classes {
        /// How many classes there are, one more than the largest index.
        count: usize,
        /// The class of each picture, from 0.
        indices: Vec<u32>,
    },
    /// Each picture has several numbers.
    Vectors {
        /// How many numbers a picture has.
        width: usize,
        /// The numbers of all pictures, `[pictures, width]`.
        values: Vec<f32>,
    },
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    labels: Option<Vec<(String, Label)>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a label that is neither a class index nor a list of numbers")]
enum Label {
    Class(u32),
    Vector(Vec<f32>),
}

impl Labels {
    /// How many pictures have labels.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { indices, .. } => indices.len(),
            Self::Vectors { width, values } => values.len() / (*width).max(1),
        }
    }

    /// Whether there are no labels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers a label is to a network: one for each class, or the width of the vectors.
    pub fn width(&self) -> usize {
        match self {
            Self::Classes { count, .. } => *count,
            Self::Vectors { width, .. } => *width,
        }
    }

    /// Appends the label of picture `index` as a network sees it, a class as a one among zeros.
    ///
    /// An index past the end appends nothing.
    pub fn append(&self, index: usize, label: &mut Vec<f32>) {
        match self {
            Self::Classes { count, indices } => {
                if let Some(&class) = indices.get(index) {
                    let start = label.len();
                    label.resize(start + count, 0.0);
                    label[start + class as usize] = 1.0;
                }
            }
            Self::Vectors { width, values } => {
                label.extend_from_slice(values.get(index * width..(index + 1) * width).unwrap_or_default());
            }
        }
    }

    /// The labels in the text of a `dataset.json` for the pictures called `names`.
    pub(crate) fn parse(json: &[u8], names: &[String]) -> Result<Option<Self>, String> {
        let manifest: Manifest = serde_json::from_slice(json)
            .map_err(|e| format!("cannot be understood: {}", printable(&e.to_string())))?;
        let Some(labels) = manifest.labels else { return Ok(None) };
        let by_name: HashMap<String, Label> =
            labels.into_iter().map(|(name, label)| (printable(&name.replace('\\', "/")), label)).collect();

        let mut indices = Vec::new();
        let mut values = Vec::new();
        let mut first_width = None;
        for name in names {
            match by_name.get(name) {
                None => return Err(format!("has no label for `{name}`")),
                Some(Label::Class(class)) => indices.push(*class),
                Some(Label::Vector(vector)) => {
                    let width = *first_width.get_or_insert(vector.len());
                    if vector.len() != width {
                        return Err(format!("gives `{name}` {} numbers and others {width}", vector.len()));
                    }
                    values.extend_from_slice(vector);
                }
            }
        }
        let labels = match first_width {
            None => Self::Classes { count: indices.iter().max().map_or(0, |&max| max as usize + 1), indices },
            Some(width) if indices.is_empty() => Self::Vectors { width, values },
            Some(_) => return Err("mixes class indices with lists of numbers".into()),
        };
        labels.validate(names.len())?;
        Ok(Some(labels))
    }

    /// Whether these are labels of `count` pictures that can be trained on.
    pub(crate) fn validate(&self, count: usize) -> Result<(), String> {
        let width = self.width();
        if width == 0 || width > MAX_WIDTH {
            return Err(format!("has labels of {width} numbers; from 1 to {MAX_WIDTH} are accepted"));
        }
        let (fits, in_range) = match self {
            Self::Classes { count: classes, indices } => {
                (indices.len() == count, indices.iter().all(|&class| (class as usize) < *classes))
            }
            Self::Vectors { width, values } => {
                (Some(values.len()) == width.checked_mul(count), values.iter().all(|value| value.is_finite()))
            }
        };
        if !fits {
            return Err(format!("has {} labels for {count} pictures", self.len()));
        }
        if !in_range {
            return Err("has a label out of range".into());
        }
        Ok(())
    }

    /// The labels of the pictures numbered `kept`, in that order.
    pub(crate) fn select(&self, kept: &[usize]) -> Self {
        match self {
            // The number of classes stays, whether or not a picture of the last one was dropped.
            Self::Classes { count, indices } => {
                Self::Classes { count: *count, indices: kept.iter().map(|&i| indices[i]).collect() }
            }
            Self::Vectors { width, .. } => {
                let mut values = Vec::with_capacity(kept.len() * width);
                for &i in kept {
                    self.append(i, &mut values);
                }
                Self::Vectors { width: *width, values }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["a/0.png".into(), "a/1.png".into(), "b/0.png".into()]
    }

    #[test]
    fn classes_become_ones_among_zeros() {
        let json = br#"{"labels": [["b/0.png", 2], ["a/0.png", 0], ["a\\1.png", 1], ["gone.png", 7]]}"#;
        let labels = Labels::parse(json, &names()).unwrap().unwrap();
        assert_eq!(labels, Labels::Classes { count: 3, indices: vec![0, 1, 2] });
        let mut label = vec![9.0];
        labels.append(2, &mut label);
        labels.append(3, &mut label);
        assert_eq!(label, [9.0, 0.0, 0.0, 1.0]);
        assert_eq!(labels.select(&[1]), Labels::Classes { count: 3, indices: vec![1] });
    }

    #[test]
    fn vectors_are_kept_as_they_are() {
        let json = br#"{"labels": [["a/0.png", [0.5, 1]], ["a/1.png", [2, 3]], ["b/0.png", [4, -5e-1]]]}"#;
        let labels = Labels::parse(json, &names()).unwrap().unwrap();
        assert_eq!((labels.len(), labels.width()), (3, 2));
        let selected = labels.select(&[2, 0]);
        assert_eq!(selected, Labels::Vectors { width: 2, values: vec![4.0, -0.5, 0.5, 1.0] });
    }

    #[test]
    fn no_labels_are_no_error() {
        assert_eq!(Labels::parse(br#"{"labels": null}"#, &names()), Ok(None));
        assert_eq!(Labels::parse(br#"{"origin": "elsewhere"}"#, &names()), Ok(None));
    }

    #[test]
    fn bad_labels_are_refused() {
        for (json, reason) in [
            (r#"{"labels": [["a/0.png", 1], ["a/1.png", 1]]}"#, "has no label for `b/0.png`"),
            (r#"{"labels": [["a/0.png", 1], ["a/1.png", [1]], ["b/0.png", 0]]}"#, "mixes"),
            (
                r#"{"labels": [["a/0.png", [1]], ["a/1.png", [1, 2]], ["b/0.png", [1]]]}"#,
                "2 numbers and others 1",
            ),
            (r#"{"labels": [["a/0.png", -1], ["a/1.png", 1], ["b/0.png", 0]]}"#, "neither a class index"),
            (r#"{"labels": [["a/0.png", 4e9], ["a/1.png", 1], ["b/0.png", 0]]}"#, "neither a class index"),
            (
                r#"{"labels": [["a/0.png", 4000000000], ["a/1.png", 1], ["b/0.png", 0]]}"#,
                "4000000001 numbers",
            ),
            (r#"{"labels": [["a/0.png", [1e99]], ["a/1.png", [1]], ["b/0.png", [1]]]}"#, "out of range"),
            (r#"{"labels": [["a/0.png", []], ["a/1.png", []], ["b/0.png", []]]}"#, "labels of 0 numbers"),
            (r#"{"labels": 3}"#, "cannot be understood"),
            ("", "cannot be understood"),
        ] {
            let error = Labels::parse(json.as_bytes(), &names()).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
