//! `dataset.json`, in which stylegan2-ada puts the labels beside the pictures.

use std::collections::HashMap;

use serde::Deserialize;

use crate::labels::Labels;
use crate::skipped::printable;

/// What it is called.
pub(super) const FILE_NAME: &str = "dataset.json";

/// The largest that is read.
pub(super) const MAX_BYTES: u64 = 512 << 20;

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

/// The labels in the text of a `dataset.json` for the pictures called `names`.
pub(super) fn parse(json: &[u8], names: &[String]) -> Result<Option<Labels>, String> {
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
        None => Labels::Classes { count: indices.iter().max().map_or(0, |&max| max as usize + 1), indices },
        Some(width) if indices.is_empty() => Labels::Vectors { width, values },
        Some(_) => return Err("mixes class indices with lists of numbers".into()),
    };
    labels.validate(names.len())?;
    Ok(Some(labels))
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
        let labels = parse(json, &names()).unwrap().unwrap();
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
        let labels = parse(json, &names()).unwrap().unwrap();
        assert_eq!((labels.len(), labels.width()), (3, 2));
        let selected = labels.select(&[2, 0]);
        assert_eq!(selected, Labels::Vectors { width: 2, values: vec![4.0, -0.5, 0.5, 1.0] });
    }

    #[test]
    fn no_labels_are_no_error() {
        assert_eq!(parse(br#"{"labels": null}"#, &names()), Ok(None));
        assert_eq!(parse(br#"{"origin": "elsewhere"}"#, &names()), Ok(None));
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
            let error = parse(json.as_bytes(), &names()).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
