//! What pictures show, in numbers, from a file of lines of JSON.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde_json::{Map, Value};
use stylegan_metrics::Features;

use crate::{Error, Result};

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 1 << 16;
/// More pictures than a set has.
const MAX_LINES: usize = 10_000_000;
/// More attributes than anybody tells apart.
const MAX_ATTRIBUTES: usize = 256;
/// The key of a picture's name.
const NAME: &str = "name";

/// Numbers that are known of pictures, by the names of the pictures inside their source.
///
/// Each line of the file is an object with the `name` of a picture and its attributes, numbers or lists of numbers:
/// `{"name": "00000/img00000000.jpg", "age": 0.4, "race": [0.9, 0.1]}`. All lines have the same keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes {
    path: PathBuf,
    names: Vec<String>,
    of_pictures: HashMap<String, Vec<f32>>,
}

impl Attributes {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or a line is none of those.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let mut attributes = Self { path: path.to_owned(), names: Vec::new(), of_pictures: HashMap::new() };
        let mut line = String::new();
        for number in 1..=MAX_LINES {
            line.clear();
            let length = (&mut file).take(MAX_LINE_BYTES + 1).read_line(&mut line).map_err(failed)?;
            let refused = |reason: String| Error::Attributes { path: path.to_owned(), line: number, reason };
            if length as u64 > MAX_LINE_BYTES {
                return Err(refused(format!("has more than {MAX_LINE_BYTES} bytes")));
            }
            if length == 0 {
                break;
            }
            if !line.trim().is_empty() {
                attributes.add(&line).map_err(refused)?;
            }
        }
        if attributes.names.is_empty() {
            let reason = "tells no attribute of a picture".to_owned();
            return Err(Error::Attributes { path: path.to_owned(), line: 1, reason });
        }
        Ok(attributes)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let mut object: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| format!("is no object of JSON: {error}"))?;
        let Some(Value::String(picture)) = object.remove(NAME) else {
            return Err(format!("has no `{NAME}` of a picture"));
        };
        let (mut names, mut numbers) = (Vec::new(), Vec::new());
        // In whatever order a line has them.
        let mut entries: Vec<_> = object.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, value) in entries {
            let several = value.as_array();
            for (index, value) in
                several.map_or(std::slice::from_ref(value), Vec::as_slice).iter().enumerate()
            {
                let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
                numbers.push(number.ok_or_else(|| format!("has a `{key}` that is no number"))?);
                names.push(if several.is_some() { format!("{key}_{index}") } else { key.clone() });
            }
        }
        if names.len() > MAX_ATTRIBUTES {
            return Err(format!("tells {} attributes; up to {MAX_ATTRIBUTES} are read", names.len()));
        }
        if self.names.is_empty() {
            self.names = names;
        } else if self.names != names {
            return Err("tells other attributes than the first line".to_owned());
        }
        self.of_pictures.insert(picture, numbers);
        Ok(())
    }

    /// What the attributes are called; those of a list `race_0`, `race_1` and so on.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The attributes of these pictures, a row each.
    ///
    /// # Errors
    /// If one of them is not in the file.
    pub fn of<'a>(&self, pictures: impl Iterator<Item = &'a String>) -> Result<Features> {
        let mut numbers = Vec::new();
        for name in pictures {
            let known = self.of_pictures.get(name);
            let known = known
                .ok_or_else(|| Error::NoAttributes { path: self.path.clone(), picture: name.clone() })?;
            numbers.extend_from_slice(known);
        }
        let shape = (numbers.len() / self.names.len().max(1), self.names.len());
        Ok(Features::of(&Tensor::from_vec(numbers, shape, &Device::Cpu)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Attributes, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("attributes.jsonl");
        std::fs::write(&path, text).unwrap();
        Attributes::open(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_lists_are_read_by_the_names_of_pictures() {
        let text = "{\"name\": \"a/1.png\", \"age\": 0.5, \"race\": [1, 0.25]}\n\n\
                    {\"race\": [0, 3], \"age\": -2, \"name\": \"a/2.png\"}\n";
        let attributes = open(text).unwrap();
        assert_eq!(attributes.names(), ["age", "race_0", "race_1"]);
        let names = ["a/2.png".to_owned(), "a/1.png".to_owned()];
        let rows = attributes.of(names.iter()).unwrap();
        assert_eq!((rows.row(0), rows.row(1)), (&[-2.0, 0.0, 3.0][..], &[0.5, 1.0, 0.25][..]));
        let error = attributes.of([&"b.png".to_owned()].into_iter()).unwrap_err().to_string();
        assert!(error.contains("`b.png`"), "{error}");
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused_by_its_line() {
        let long = format!("{{\"name\": \"{}\"}}", "a".repeat(70_000));
        for (text, reason) in [
            ("", "tells no attribute"),
            ("{\"name\": \"a\"}", "tells no attribute"),
            ("[1]", "is no object"),
            ("{\"age\": 1}", "has no `name`"),
            ("{\"name\": 5, \"age\": 1}", "has no `name`"),
            ("{\"name\": \"a\", \"age\": \"old\"}", "a `age` that is no number"),
            ("{\"name\": \"a\", \"age\": 1e300}", "a `age` that is no number"),
            ("{\"name\": \"a\", \"age\": 1}\n{\"name\": \"b\", \"sex\": 1}", "tells other attributes"),
            (&*long, "more than 65536 bytes"),
        ] {
            let error = open(text).unwrap_err();
            assert!(error.contains(reason) && error.contains("attributes.jsonl"), "{error} for {reason}");
        }
    }
}
