//! Labels of a `WebDataset`: beside each picture a file of its name with another ending.
//!
//! `0001.jpg` is labeled by `0001.cls`, which holds the number of a class or its name, or by `label` or `cls` of
//! `0001.json`.

use std::collections::HashMap;

use serde_json::Value;

use crate::found_labels::{LabelFile, LabelFileState};
use crate::paths::split;
use crate::readers::dataset_json::{Found, Label, labels_by_name};

/// The largest `.cls` that is read, and the largest `.json`.
const MAX_CLASS_BYTES: u64 = 1 << 10;
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The keys of a `.json` that tell a class.
const KEYS: [&str; 2] = ["label", "cls"];

/// What reads at most so many bytes of an entry.
pub(super) type ReadEntry<'a> = &'a dyn Fn(usize, u64) -> Result<Vec<u8>, String>;

/// The labels of `pictures`, by the entries beside them, each with its name and number; and the numbers of those that were
/// used.
pub(super) fn find(
    pictures: &[String],
    others: &[(&str, usize)],
    read: ReadEntry<'_>,
) -> (Found, Vec<usize>) {
    for (ending, limit, label_of) in
        [("cls", MAX_CLASS_BYTES, of_text as fn(&[u8]) -> Option<Label>), ("json", MAX_JSON_BYTES, of_json)]
    {
        let beside: HashMap<&str, usize> = others
            .iter()
            .filter_map(|&(name, number)| {
                key(name).filter(|(_, found)| *found == ending).map(|(key, _)| (key, number))
            })
            .collect();
        let label = |number: usize| {
            let bytes = read(number, limit + 1)?;
            if bytes.len() as u64 > limit {
                Err(format!("more than {limit} bytes"))
            } else {
                Ok(label_of(&bytes))
            }
        };
        let of_picture = |picture: &str| key(picture).and_then(|(key, _)| beside.get(key)).copied();
        // Such files may tell something else, as captions do: what the first says counts for all.
        let first = pictures.iter().find_map(|picture| of_picture(picture));
        if first.is_none_or(|first| label(first).is_ok_and(|label| label.is_none())) {
            continue;
        }
        let name = format!("*.{ending}");
        let labels = pictures.iter().map(|picture| match of_picture(picture) {
            Some(number) => {
                label(number).map_err(|reason| format!("of `{picture}` cannot be read: {reason}"))
            }
            None => Ok(None),
        });
        let labels =
            labels.collect::<Result<Vec<_>, _>>().and_then(|labels| labels_by_name(pictures, &labels));
        let (state, labels) = match labels {
            Ok(labels) => (LabelFileState::Read { strangers: 0 }, Some(labels)),
            Err(reason) => (LabelFileState::Faulty { reason }, None),
        };
        let found = Found { file: Some(LabelFile { name, state }), labels, number: None };
        return (found, beside.into_values().collect());
    }
    (Found::default(), Vec::new())
}

/// What the files of one picture have in common, up to the first dot of their name, and the ending behind it.
fn key(name: &str) -> Option<(&str, &str)> {
    let folder = split(name).0.len();
    let dot = folder + name[folder..].find('.')?;
    Some((&name[..dot], &name[dot + 1..]))
}

fn of_text(bytes: &[u8]) -> Option<Label> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    Some(text.parse().map_or_else(|_| Label::Name(text.to_owned()), Label::Number))
}

fn of_json(bytes: &[u8]) -> Option<Label> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let label = KEYS.iter().find_map(|key| value.get(key))?;
    serde_json::from_value(label.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;

    fn found(files: &[(&str, &str)]) -> (Found, Vec<usize>) {
        let pictures: Vec<String> = ["a/0.jpg", "a/1.seg.jpg"].map(str::to_owned).into();
        let others: Vec<(&str, usize)> = files.iter().map(|(name, _)| *name).zip(0..).collect();
        find(&pictures, &others, &|number, limit| Ok(files[number].1.bytes().take(limit as usize).collect()))
    }

    #[test]
    fn a_file_beside_each_picture_tells_its_class() {
        let classes = Labels::Classes { count: 8, indices: vec![7, 0], names: vec![] };
        for files in [
            [("a/0.cls", "7"), ("a/1.cls", "0\n")],
            [("a/0.json", r#"{"caption": "x", "label": 7}"#), ("a/1.json", r#"{"cls": 0}"#)],
        ] {
            let (found, mut used) = found(&files);
            used.sort_unstable();
            assert_eq!((found.labels, used), (Some(classes.clone()), vec![0, 1]), "{:?}", found.file);
        }
        let (named, _) = found(&[("a/0.cls", "dog"), ("a/1.cls", "cat")]);
        assert_eq!(named.labels.unwrap().class_names(), ["cat", "dog"]);
    }

    #[test]
    fn what_is_no_label_is_left_alone_and_what_is_missing_is_said() {
        let (captions, used) = found(&[("a/0.json", r#"{"caption": "x"}"#), ("a/0.txt", "x")]);
        assert!(captions.file.is_none() && captions.labels.is_none() && used.is_empty());
        let reason = |files: &[(&str, &str)]| match found(files).0.file.unwrap().state {
            LabelFileState::Faulty { reason } => reason,
            state => panic!("{state:?}"),
        };
        assert_eq!(reason(&[("a/0.cls", "7")]), "has no label for `a/1.seg.jpg`");
        assert_eq!(
            reason(&[("a/0.cls", "7"), ("a/1.cls", "cat")]),
            "mixes numbers of classes with names of classes"
        );
        assert!(
            reason(&[("a/0.cls", &"x".repeat(2000)), ("a/1.cls", "0")])
                .ends_with("cannot be read: more than 1024 bytes")
        );
    }
}
