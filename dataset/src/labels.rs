//! What pictures show.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

/// More classes than any data set has; each is a number in every label that a network sees.
pub(crate) const MAX_WIDTH: usize = 65_536;

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
        /// What the classes are called, one name for each; empty if they have none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        names: Vec<String>,
    },
    /// Each picture has several numbers.
    Vectors {
        /// How many numbers a picture has.
        width: usize,
        /// The numbers of all pictures, `[pictures, width]`.
        values: Vec<f32>,
    },
}

impl Labels {
    /// The classes of pictures by the name of the class of each.
    ///
    /// Classes are in the order of their names, byte by byte; where all of these are numbers, in the order of those.
    pub(crate) fn of_names(class_of_each: &[String]) -> Self {
        let mut names: Vec<String> =
            class_of_each.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
        if names.iter().all(|name| name.parse::<u32>().is_ok()) {
            names.sort_by_key(|name| name.parse::<u32>().ok());
        }
        let index_of: HashMap<&String, u32> = names.iter().zip(0..).collect();
        let indices = class_of_each.iter().map(|name| index_of[name]).collect();
        Self::Classes { count: names.len(), indices, names }
    }

    /// The classes of pictures by a byte for each; `names` are those of all classes, if they have any.
    pub(crate) fn of_bytes(class_of_each: &[u8], names: Vec<String>) -> Self {
        let indices: Vec<u32> = class_of_each.iter().copied().map(u32::from).collect();
        let largest = indices.iter().max().map_or(0, |&max| max as usize + 1);
        Self::Classes { count: largest.max(names.len()), indices, names }
    }

    /// How many pictures have labels.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { indices, .. } => indices.len(),
            Self::Vectors { width, values } => values.len() / (*width).max(1),
        }
    }

    /// What the classes are called; empty if they have no names.
    pub fn class_names(&self) -> &[String] {
        match self {
            Self::Classes { names, .. } => names,
            Self::Vectors { .. } => &[],
        }
    }

    /// How many pictures each class has; none for labels that are no classes.
    pub fn class_sizes(&self) -> Option<Vec<usize>> {
        let Self::Classes { count, indices, .. } = self else { return None };
        let mut sizes = vec![0; *count];
        for &class in indices {
            sizes[class as usize] += 1;
        }
        Some(sizes)
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
            Self::Classes { count, indices, .. } => {
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

    /// Whether these are labels of `count` pictures that can be trained on.
    pub(crate) fn validate(&self, count: usize) -> Result<(), String> {
        let width = self.width();
        if width == 0 || width > MAX_WIDTH {
            return Err(format!("has labels of {width} numbers; from 1 to {MAX_WIDTH} are accepted"));
        }
        let (fits, in_range) = match self {
            Self::Classes { count: classes, indices, names } => (
                indices.len() == count && (names.is_empty() || names.len() == *classes),
                indices.iter().all(|&class| (class as usize) < *classes),
            ),
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

    /// Adds the labels of more pictures.
    pub(crate) fn extend(&mut self, more: Self) -> Result<(), String> {
        match (self, more) {
            (
                Self::Classes { count, indices, names },
                Self::Classes { count: other_count, indices: more, names: other_names },
            ) if (*count, &*names) == (other_count, &other_names) => indices.extend(more),
            (Self::Vectors { width, values }, Self::Vectors { width: other_width, values: more })
                if *width == other_width =>
            {
                values.extend(more);
            }
            _ => return Err("has labels of another kind than the parts before".to_owned()),
        }
        Ok(())
    }

    /// The labels of the pictures numbered `kept`, in that order.
    pub(crate) fn select(&self, kept: &[usize]) -> Self {
        match self {
            // The number of classes stays, whether or not a picture of the last one was dropped.
            Self::Classes { count, indices, names } => Self::Classes {
                count: *count,
                indices: kept.iter().map(|&i| indices[i]).collect(),
                names: names.clone(),
            },
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
