//! `dataset.json`, in which stylegan2-ada puts the labels beside the pictures.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use stylegan_base::printable;
use unicode_normalization::UnicodeNormalization;

use crate::found_labels::{LabelFile, LabelFileState};
use crate::labels::{Labels, MAX_WIDTH};
use crate::paths::{common_folder, split};

/// What it is called.
const FILE_NAME: &str = "dataset.json";

/// The largest that is read.
pub(super) const MAX_BYTES: u64 = 512 << 20;

/// Whether a file is one by its path inside the source.
pub(super) fn is_label_file(name: &str) -> bool {
    split(name).1 == FILE_NAME
}

/// What the label files of a source came to.
#[derive(Default)]
pub(super) struct Found {
    /// The one that counts, or one that lies where it does not.
    pub(super) file: Option<LabelFile>,
    /// Its labels.
    pub(super) labels: Option<Labels>,
    /// Its number, if it was read.
    pub(super) number: Option<usize>,
}

/// The labels of the pictures called `names`; `read` reads one of the label files called `files` by its number.
///
/// It is the topmost in a folder that holds all pictures. Where there is none, one that lies elsewhere is named, since
/// somebody may wonder.
pub(super) fn find(
    files: &[String],
    names: &[String],
    read: impl FnOnce(usize) -> Result<Vec<u8>, String>,
) -> Found {
    let common = common_folder(names);
    let topmost = |number: &usize| (files[*number].len(), &files[*number]);
    let holds_all = |number: &usize| common.starts_with(split(&files[*number]).0);
    if let Some(number) = (0..files.len()).filter(holds_all).min_by_key(topmost) {
        let name = &files[number];
        let json = read(number).map_err(|reason| format!("cannot be read: {reason}"));
        let (state, labels) = match json.and_then(|json| parse(&json, split(name).0, names)) {
            Ok(None) => (LabelFileState::Empty, None),
            Ok(Some((labels, strangers))) => (LabelFileState::Read { strangers }, Some(labels)),
            Err(reason) => (LabelFileState::Faulty { reason }, None),
        };
        return Found { file: Some(LabelFile { name: name.clone(), state }), labels, number: Some(number) };
    }
    let elsewhere = (0..files.len()).min_by_key(topmost);
    let file =
        elsewhere.map(|number| LabelFile { name: files[number].clone(), state: LabelFileState::Misplaced });
    Found { file, ..Found::default() }
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    labels: Option<Vec<(String, Label)>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Label {
    Number(f64),
    Name(String),
    Vector(Vec<f32>),
    Other(Value),
}

/// The labels of `names`, and how many others there are; `folder` is where the file lies.
fn parse(json: &[u8], folder: &str, names: &[String]) -> Result<Option<(Labels, usize)>, String> {
    let manifest: Manifest = serde_json::from_str(&text_of(json)?)
        .map_err(|e| format!("cannot be understood: {}", printable(&e.to_string())))?;
    let Some(entries) = manifest.labels else { return Ok(None) };
    let by_name = by_name(entries)?;

    // Names may be those inside the file's own folder, inside the source, or inside the folder of the pictures.
    let common = common_folder(names);
    let label_of = |name: &str| {
        [folder, "", common]
            .into_iter()
            .filter_map(|prefix| name.strip_prefix(prefix))
            .find_map(|inside| by_name.get(&key(inside)))
            .filter(|label| !label.is_none())
    };
    let found: Vec<Option<&Label>> = names.iter().map(|name| label_of(name)).collect();
    let missing = found.iter().filter(|label| label.is_none()).count();
    let strangers =
        by_name.values().filter(|label| !label.is_none()).count().saturating_sub(names.len() - missing);
    if missing == names.len()
        && let (Some(other), Some(name)) = (by_name.keys().min(), names.first())
    {
        return Err(format!(
            "has no label for any of the pictures: its names are such as `{other}`, not `{name}`"
        ));
    }
    Ok(Some((labels_of_all(names, &found)?, strangers)))
}

/// The labels of the pictures called `names`, one of each.
pub(super) fn labels_by_name(names: &[String], labels: &[Option<Label>]) -> Result<Labels, String> {
    let labels: Vec<_> = labels.iter().map(|label| label.as_ref().filter(|label| !label.is_none())).collect();
    labels_of_all(names, &labels)
}

fn labels_of_all(names: &[String], found: &[Option<&Label>]) -> Result<Labels, String> {
    let missing = found.iter().filter(|label| label.is_none()).count();
    if let Some(example) = found.iter().position(Option::is_none) {
        let example = &names[example];
        return Err(match missing {
            1 => format!("has no label for `{example}`"),
            _ => format!("has no label for {missing} of the {} pictures, such as `{example}`", names.len()),
        });
    }
    let labels = labels_of(names, &found.iter().flatten().copied().collect::<Vec<_>>())?;
    labels.validate(names.len())?;
    Ok(labels)
}

/// The text of a file, which some editors and shells begin with a byte order mark.
fn text_of(bytes: &[u8]) -> Result<String, String> {
    let wide = |from: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks(2).map(|pair| <[u8; 2]>::try_from(pair).map_or(0xd800, from));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| "is no text".to_owned())
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "is no text in UTF-8".to_owned())
        }
    }
}

/// The labels by the names they give; a name may come twice, but not with two labels.
fn by_name(entries: Vec<(String, Label)>) -> Result<HashMap<String, Label>, String> {
    let mut by_name: HashMap<String, Label> = HashMap::with_capacity(entries.len());
    for (name, label) in entries {
        let name = key(&printable(&name));
        match by_name.get(&name) {
            Some(known) if *known != label => return Err(format!("gives `{name}` two labels")),
            Some(_) => {}
            None => {
                by_name.insert(name, label);
            }
        }
    }
    Ok(by_name)
}

/// A name as it is compared: with `/` between its parts, and letters with marks as one character each, which systems keep
/// in two ways.
fn key(name: &str) -> String {
    let mut name = name.replace('\\', "/");
    while let Some(rest) = name.strip_prefix("./") {
        name = rest.to_owned();
    }
    name.nfc().collect()
}

/// The labels of the pictures called `names`, all of one kind.
fn labels_of(names: &[String], labels: &[&Label]) -> Result<Labels, String> {
    let mixed = |other: &str| format!("mixes {} with {other}", labels[0].kind());
    match labels[0] {
        Label::Vector(first) => {
            let mut values = Vec::with_capacity(labels.len() * first.len());
            for (name, label) in names.iter().zip(labels) {
                let Label::Vector(vector) = label else { return Err(mixed(label.kind())) };
                if vector.len() != first.len() {
                    let (length, width) = (vector.len(), first.len());
                    return Err(format!("gives `{name}` {length} numbers and others {width}"));
                }
                values.extend_from_slice(vector);
            }
            Ok(Labels::Vectors { width: first.len(), values })
        }
        Label::Name(_) => {
            let texts = labels.iter().map(|label| match label {
                Label::Name(text) => Ok(printable(text)),
                label => Err(mixed(label.kind())),
            });
            Ok(Labels::of_names(&texts.collect::<Result<Vec<_>, _>>()?))
        }
        _ => {
            let mut indices = Vec::with_capacity(labels.len());
            for (name, label) in names.iter().zip(labels) {
                match label {
                    Label::Number(class) => indices.push(class_of(name, *class)?),
                    Label::Other(value) => {
                        let shown: String = printable(&value.to_string()).chars().take(60).collect();
                        return Err(format!(
                            "gives `{name}` {shown}, which is neither a class nor a list of numbers"
                        ));
                    }
                    label => return Err(mixed(label.kind())),
                }
            }
            let count = indices.iter().max().map_or(0, |&max| max as usize + 1);
            Ok(Labels::Classes { count, indices, names: Vec::new() })
        }
    }
}

fn class_of(name: &str, class: f64) -> Result<u32, String> {
    if class < 0.0 || class.fract() != 0.0 {
        Err(format!("gives `{name}` the class {class}; classes are whole numbers from 0"))
    } else if class >= MAX_WIDTH as f64 {
        Err(format!("gives `{name}` the class {class:e}; classes up to {} are accepted", MAX_WIDTH - 1))
    } else {
        Ok(class as u32)
    }
}

impl Label {
    /// Whether it says that there is none.
    fn is_none(&self) -> bool {
        matches!(self, Self::Other(Value::Null)) || matches!(self, Self::Name(text) if text.is_empty())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "numbers of classes",
            Self::Name(_) => "names of classes",
            Self::Vector(_) => "lists of numbers",
            Self::Other(_) => "other values",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["a/0.png".into(), "a/1.png".into(), "b/0.png".into()]
    }

    fn labels(json: &[u8]) -> Labels {
        parse(json, "", &names()).unwrap().unwrap().0
    }

    fn classes(indices: [u32; 3]) -> Labels {
        Labels::Classes { count: 3, indices: indices.to_vec(), names: Vec::new() }
    }

    #[test]
    fn classes_become_ones_among_zeros() {
        let json = br#"{"labels": [["b/0.png", 2], ["a/0.png", 0], ["a\\1.png", 1.0], ["gone.png", 7]]}"#;
        let (labels, strangers) = parse(json, "", &names()).unwrap().unwrap();
        assert_eq!((&labels, strangers), (&classes([0, 1, 2]), 1));
        let mut label = vec![9.0];
        labels.append(2, &mut label);
        labels.append(3, &mut label);
        assert_eq!(label, [9.0, 0.0, 0.0, 1.0]);
        assert_eq!(labels.select(&[1]), Labels::Classes { count: 3, indices: vec![1], names: Vec::new() });
    }

    #[test]
    fn vectors_are_kept_as_they_are() {
        let labels =
            labels(br#"{"labels": [["a/0.png", [0.5, 1]], ["a/1.png", [2, 3]], ["b/0.png", [4, -5e-1]]]}"#);
        assert_eq!((labels.len(), labels.width()), (3, 2));
        let selected = labels.select(&[2, 0]);
        assert_eq!(selected, Labels::Vectors { width: 2, values: vec![4.0, -0.5, 0.5, 1.0] });
    }

    #[test]
    fn names_of_classes_are_kept() {
        let labels = labels(br#"{"labels": [["a/0.png", "dog"], ["a/1.png", "cat"], ["b/0.png", "dog"]]}"#);
        let names = vec!["cat".to_owned(), "dog".to_owned()];
        assert_eq!(labels, Labels::Classes { count: 2, indices: vec![1, 0, 1], names });
    }

    #[test]
    fn byte_order_marks_are_no_text() {
        let json = r#"{"labels": [["a/0.png", 0], ["a/1.png", 1], ["b/0.png", 2]]}"#;
        let wide = |bytes: fn(u16) -> [u8; 2]| {
            std::iter::once(0xfeff).chain(json.encode_utf16()).flat_map(bytes).collect::<Vec<_>>()
        };
        for bytes in [format!("\u{feff}{json}").into_bytes(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)]
        {
            assert_eq!(labels(&bytes), classes([0, 1, 2]));
            // Cut off anywhere, it is damaged and nothing worse.
            assert!((0..bytes.len()).all(|length| parse(&bytes[..length], "", &names()).is_err()));
        }
        assert_eq!(parse(b"\xff", "", &names()), Err("is no text in UTF-8".into()));
    }

    #[test]
    fn letters_with_marks_are_the_same_in_both_forms() {
        let (composed, decomposed) = ("\u{e9}/0.png", "e\u{301}/0.png");
        for (name, written) in [(composed, decomposed), (decomposed, composed)] {
            let json = format!(r#"{{"labels": [["{written}", 0]]}}"#);
            assert!(parse(json.as_bytes(), "", &[name.to_owned()]).unwrap().is_some(), "{name:?}");
        }
    }

    #[test]
    fn an_entry_may_come_twice_but_not_with_two_labels() {
        let again = br#"{"labels": [["a/0.png", 0], ["a/1.png", 1], ["b/0.png", 2], ["a\\0.png", 0]]}"#;
        assert_eq!(parse(again, "", &names()), Ok(Some((classes([0, 1, 2]), 0))));
        let other = br#"{"labels": [["a/0.png", 0], ["a/1.png", 1], ["b/0.png", 2], ["./a/0.png", 1]]}"#;
        assert_eq!(parse(other, "", &names()), Err("gives `a/0.png` two labels".into()));
    }

    #[test]
    fn no_labels_are_no_error() {
        assert_eq!(parse(br#"{"labels": null}"#, "", &names()), Ok(None));
        assert_eq!(parse(br#"{"origin": "elsewhere"}"#, "", &names()), Ok(None));
    }

    #[test]
    fn bad_labels_are_refused() {
        for (json, reason) in [
            (r#"{"labels": [["a/0.png", 1], ["a/1.png", 1]]}"#, "has no label for `b/0.png`"),
            (
                r#"{"labels": [["a/0.png", 1], ["a/1.png", 1], ["b/0.png", null]]}"#,
                "has no label for `b/0.png`",
            ),
            (
                r#"{"labels": [["a/0.png", 1], ["b/0.png", ""]]}"#,
                "has no label for 2 of the 3 pictures, such as `a/1.png`",
            ),
            (r#"{"labels": []}"#, "has no label for 3 of the 3 pictures"),
            (r#"{"labels": [["0.png", 1]]}"#, "its names are such as `0.png`, not `a/0.png`"),
            (
                r#"{"labels": [["a/0.png", 1], ["a/1.png", [1]], ["b/0.png", 0]]}"#,
                "mixes numbers of classes with lists of numbers",
            ),
            (
                r#"{"labels": [["a/0.png", "x"], ["a/1.png", "y"], ["b/0.png", 0]]}"#,
                "mixes names of classes with numbers of classes",
            ),
            (
                r#"{"labels": [["a/0.png", [1]], ["a/1.png", [1, 2]], ["b/0.png", [1]]]}"#,
                "2 numbers and others 1",
            ),
            (
                r#"{"labels": [["a/0.png", -1], ["a/1.png", 1], ["b/0.png", 0]]}"#,
                "gives `a/0.png` the class -1; classes are whole numbers from 0",
            ),
            (
                r#"{"labels": [["a/0.png", 0.5], ["a/1.png", 1], ["b/0.png", 0]]}"#,
                "the class 0.5; classes are whole",
            ),
            (
                r#"{"labels": [["a/0.png", 4e9], ["a/1.png", 1], ["b/0.png", 0]]}"#,
                "the class 4e9; classes up to 65535",
            ),
            (
                r#"{"labels": [["a/0.png", true], ["a/1.png", 1], ["b/0.png", 0]]}"#,
                "gives `a/0.png` true, which is neither a class nor a list of numbers",
            ),
            (
                r#"{"labels": [["a/0.png", [null]], ["a/1.png", [1]], ["b/0.png", [1]]]}"#,
                "gives `a/0.png` [null]",
            ),
            (r#"{"labels": [["a/0.png", [1e99]], ["a/1.png", [1]], ["b/0.png", [1]]]}"#, "out of range"),
            (r#"{"labels": [["a/0.png", []], ["a/1.png", []], ["b/0.png", []]]}"#, "labels of 0 numbers"),
            (r#"{"labels": [["a/0.png"]]}"#, "cannot be understood"),
            (r#"{"labels": {"a/0.png": 0}}"#, "cannot be understood"),
            (r#"{"labels": 3}"#, "cannot be understood"),
            ("", "cannot be understood"),
        ] {
            let error = parse(json.as_bytes(), "", &names()).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
