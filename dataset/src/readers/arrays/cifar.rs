//! CIFAR-10 and CIFAR-100, in their binary version and in that for Python.
//!
//! A binary file is one record after the other: the class, of CIFAR-100 a coarse and a fine one, and 3x32x32 pixels
//! (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs;
use std::path::{Path, PathBuf};

use stylegan_base::printable;

use super::cifar_pickle::{self, PICTURE_BYTES};
use super::{Found, MAX_BYTES, read as read_bytes};
use crate::error::Error;
use crate::found_labels::{LabelFile, LabelFileState};
use crate::labels::Labels;

/// What such a file is called, with its article.
const FORM: &str = "a file of CIFAR";
const SHAPE: [u32; 3] = [3, 32, 32];

/// A form of record.
#[derive(Clone, Copy)]
struct Form {
    /// Bytes before the pixels; the last one is the class.
    label_bytes: usize,
    /// The files with the names of the classes: of the binary version, and of the other.
    names_files: [&'static str; 2],
    classes: usize,
}

const TEN: Form = Form { label_bytes: 1, names_files: ["batches.meta.txt", "batches.meta"], classes: 10 };
const HUNDRED: Form = Form { label_bytes: 2, names_files: ["fine_label_names.txt", "meta"], classes: 100 };

/// The files that are meant: those of the training set of a folder, or one.
pub(super) fn find(path: &Path, inside: &[String], head: &[u8]) -> Option<Vec<PathBuf>> {
    if path.is_file() {
        let name = path.file_name()?.to_str()?;
        let stem = name.strip_suffix(".bin").unwrap_or(name);
        let is_one = stem.starts_with("data_batch") || ["test_batch", "train", "test"].contains(&stem);
        let is_read = stem.len() < name.len() || (stem == name && head.starts_with(PICKLE));
        return (is_one && is_read).then(|| vec![path.to_owned()]);
    }
    let is_there = |name: &str| inside.iter().any(|inside| inside == name);
    let batches = |ending: &str| {
        let is_batch = |name: &&String| {
            let number = name.strip_prefix("data_batch_").and_then(|name| name.strip_suffix(ending));
            number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        inside.iter().filter(is_batch).map(|name| path.join(name)).collect::<Vec<_>>()
    };
    // Names that others use as well count beside what goes with them.
    let [of_hundred, of_hundred_too] = HUNDRED.names_files;
    let alone = |name: &str, beside: &str| {
        if is_there(name) && is_there(beside) { vec![path.join(name)] } else { Vec::new() }
    };
    let with_meta = if is_there(TEN.names_files[1]) { batches("") } else { Vec::new() };
    [batches(".bin"), alone("train.bin", of_hundred), with_meta, alone("train", of_hundred_too)]
        .into_iter()
        .find(|files| !files.is_empty())
}

pub(super) fn read(mut files: Vec<PathBuf>) -> Result<Found, Error> {
    let (mut planes, mut classes) = (Vec::new(), Vec::new());
    let mut forms = Vec::new();
    for file in &files {
        let broken = |reason: String| Error::container(file, FORM, &reason);
        if is_binary(file) {
            let bytes = read_bytes(file, MAX_BYTES).map_err(broken)?;
            let form = form_of(&bytes).map_err(broken)?;
            for record in bytes.chunks_exact(form.label_bytes + PICTURE_BYTES) {
                classes.push(record[form.label_bytes - 1]);
                planes.extend_from_slice(&record[form.label_bytes..]);
            }
            forms.push(form.classes);
        } else {
            let (pixels, classes_here) = cifar_pickle::read_batch(file).map_err(broken)?;
            planes.extend(pixels);
            classes.extend(classes_here);
        }
        if planes.len() as u64 > MAX_BYTES {
            return Err(broken(format!("with the files before it, it holds more than {MAX_BYTES} bytes")));
        }
        if forms.array_windows().any(|[a, b]| a != b) {
            return Err(broken("its records are others than those of the files beside it".into()));
        }
    }
    let count = classes.len();
    let largest = classes.iter().copied().max().unwrap_or(0);
    let mut names = Vec::new();
    if let Some(first) = files.first() {
        let files_of_names = [TEN, HUNDRED].map(|form| form.names_files[usize::from(!is_binary(first))]);
        if let Some(file) =
            files_of_names.map(|name| first.with_file_name(name)).into_iter().find(|file| file.is_file())
        {
            names = if is_binary(first) { read_lines(&file) } else { cifar_pickle::read_names(&file) };
            files.push(file);
        }
    }
    if names.len() <= largest.into() {
        names.clear();
    }
    let labels = Labels::of_bytes(&classes, names);
    let (state, labels) = match labels.validate(count) {
        Ok(()) => (LabelFileState::Read { strangers: 0 }, Some(labels)),
        Err(reason) => (LabelFileState::Faulty { reason }, None),
    };
    let name = files.first().and_then(|file| file.file_name()).unwrap_or_default();
    let label_file = LabelFile { name: printable(&name.to_string_lossy()), state };
    Ok(Found { shape: SHAPE, planes, label_file: Some(label_file), labels, used: files })
}

/// What a pickle begins with.
const PICKLE: &[u8] = b"\x80";

fn is_binary(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "bin")
}

/// The form of the records that a file is made of; of a length that is a multiple of both, that with classes in range.
fn form_of(bytes: &[u8]) -> Result<Form, String> {
    let fits = |form: &&Form| {
        let record = form.label_bytes + PICTURE_BYTES;
        let is_class = |record: &[u8]| usize::from(record[form.label_bytes - 1]) < form.classes;
        !bytes.is_empty() && bytes.len().is_multiple_of(record) && bytes.chunks_exact(record).all(is_class)
    };
    let form = [TEN, HUNDRED].iter().find(fits).copied();
    form.ok_or_else(|| format!("its {} bytes are no records of classes and 3x32x32 pixels", bytes.len()))
}

/// A name a line.
fn read_lines(path: &Path) -> Vec<String> {
    const MAX_NAMES_BYTES: u64 = 1 << 16;
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_NAMES_BYTES) {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::trim).filter(|name| !name.is_empty()).map(printable).collect()
}
