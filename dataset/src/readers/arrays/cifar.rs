//! CIFAR-10 and CIFAR-100 in their binary version.
//!
//! A file is one record after the other: the class, of CIFAR-100 a coarse and a fine one, and 3x32x32 pixels
//! (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs;
use std::path::{Path, PathBuf};

use super::{Found, MAX_BYTES, read as read_bytes};
use crate::error::Error;
use crate::found_labels::{LabelFile, LabelFileState};
use crate::labels::Labels;
use crate::skipped::printable;

/// What such a file is called, with its article.
const FORM: &str = "a file of CIFAR";
const SHAPE: [u32; 3] = [3, 32, 32];
const PICTURE_BYTES: usize = 3 * 32 * 32;

/// A form of record.
#[derive(Clone, Copy)]
struct Form {
    /// Bytes before the pixels; the last one is the class.
    label_bytes: usize,
    names_file: &'static str,
    classes: usize,
}

const TEN: Form = Form { label_bytes: 1, names_file: "batches.meta.txt", classes: 10 };
const HUNDRED: Form = Form { label_bytes: 2, names_file: "fine_label_names.txt", classes: 100 };

/// The files that are meant: those of the training set of a folder, or one.
pub(super) fn find(path: &Path, inside: &[String]) -> Option<Vec<PathBuf>> {
    let is_batch = |name: &str| name.starts_with("data_batch") && name.ends_with(".bin");
    let name = path.file_name()?.to_str()?;
    if path.is_file() && (is_batch(name) || ["test_batch.bin", "train.bin", "test.bin"].contains(&name)) {
        return Some(vec![path.to_owned()]);
    }
    let mut files: Vec<PathBuf> =
        inside.iter().filter(|name| is_batch(name)).map(|name| path.join(name)).collect();
    // Of CIFAR-100; a name that others use as well.
    if files.is_empty() && [TEN, HUNDRED].iter().any(|form| inside.iter().any(|name| name == form.names_file))
    {
        files.extend(inside.iter().filter(|name| *name == "train.bin").map(|name| path.join(name)));
    }
    (!files.is_empty()).then_some(files)
}

pub(super) fn read(mut files: Vec<PathBuf>) -> Result<Found, Error> {
    let (mut planes, mut classes) = (Vec::new(), Vec::new());
    let mut form = None;
    for file in &files {
        let broken = |reason: String| Error::container(file, FORM, &reason);
        let bytes = read_bytes(file, MAX_BYTES - (planes.len() as u64).min(MAX_BYTES)).map_err(broken)?;
        let found = form_of(&bytes).map_err(broken)?;
        if form.is_some_and(|form: Form| form.label_bytes != found.label_bytes) {
            return Err(broken("its records are others than those of the files beside it".into()));
        }
        form = Some(found);
        for record in bytes.chunks_exact(found.label_bytes + PICTURE_BYTES) {
            classes.push(record[found.label_bytes - 1]);
            planes.extend_from_slice(&record[found.label_bytes..]);
        }
    }
    let form = form.unwrap_or(TEN);
    let count = classes.len();
    let mut names = Vec::new();
    if let Some(file) =
        files.first().map(|file| file.with_file_name(form.names_file)).filter(|file| file.is_file())
    {
        names = read_names(&file, form.classes);
        files.push(file);
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

/// A name a line; none if there are not as many as classes.
fn read_names(path: &Path, classes: usize) -> Vec<String> {
    const MAX_NAMES_BYTES: u64 = 1 << 16;
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_NAMES_BYTES) {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|name| !name.is_empty()).map(printable).collect();
    if names.len() == classes { names } else { Vec::new() }
}
