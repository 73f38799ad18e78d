//! The idx files of MNIST, Fashion-MNIST, KMNIST and EMNIST, packed or not.
//!
//! A file is two zeros, 8 for unsigned bytes, the number of axes, the size of each as a big-endian `u32`, and the values
//! (<http://yann.lecun.com/exdb/mnist/>).

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use stylegan_base::printable;

use super::{Found, MAX_BYTES, is_gzip, read as read_bytes};
use crate::error::Error;
use crate::found_labels::{LabelFile, LabelFileState};
use crate::labels::Labels;

/// What such a file is called, with its article.
const FORM: &str = "an idx file";
const PICTURES: [u8; 4] = [0, 0, 8, 3];
const CLASSES: [u8; 4] = [0, 0, 8, 1];

/// The side that pictures of [`SIDE`] get by black pixels at every edge, as networks have powers of two.
const PADDED_SIDE: usize = 32;
const SIDE: usize = 28;

/// The files of pictures that are meant: one, unless it cannot be told which.
pub(super) fn find(path: &Path, inside: &[String], head: &[u8]) -> Option<Vec<PathBuf>> {
    if is_pictures(head) {
        return Some(vec![path.to_owned()]);
    }
    let of_pictures = || inside.iter().filter(|name| name.contains("idx3-ubyte"));
    let training = of_pictures().filter(|name| name.contains("train"));
    let meant: Vec<PathBuf> = training.map(|name| path.join(name)).collect();
    let meant = if meant.is_empty() { of_pictures().map(|name| path.join(name)).collect() } else { meant };
    (!meant.is_empty()).then_some(meant)
}

/// Whether a file begins as one of pictures does, as it is or unpacked.
fn is_pictures(head: &[u8]) -> bool {
    let mut mark = [0; 4];
    let is_unpacked = is_gzip(head) && GzDecoder::new(head).read_exact(&mut mark).is_ok();
    head.starts_with(&PICTURES) || (is_unpacked && mark == PICTURES)
}

pub(super) fn read(path: &Path, files: &[PathBuf]) -> Result<Found, Error> {
    let [file] = files else {
        // Packed and unpacked lie beside each other where somebody unpacked them.
        let names: Vec<String> = files.iter().map(|file| shown(file)).collect();
        let unpacked: Vec<PathBuf> = files
            .iter()
            .filter(|file| file.extension().is_none_or(|ending| ending != "gz"))
            .cloned()
            .collect();
        if unpacked.len() == 1 && names.len() == 2 && names[1] == format!("{}.gz", names[0]) {
            return read(path, &unpacked);
        }
        let reason = format!("each of `{}` is one", names.join("`, `"));
        return Err(Error::container(path, "a folder of several data sets", &reason));
    };
    let broken = |reason: String| Error::container(file, FORM, &reason);
    let bytes = read_bytes(file, MAX_BYTES).map_err(broken)?;
    let ([count, height, width], pixels) = take_apart(&bytes, PICTURES).map_err(broken)?;
    let mut used = vec![file.clone()];
    let (mut label_file, mut labels) = (None, None);
    if let Some(path) = file_of_labels(file) {
        let (state, found) = match read_labels(&path, count) {
            Ok(labels) => (LabelFileState::Read { strangers: 0 }, Some(labels)),
            Err(reason) => (LabelFileState::Faulty { reason }, None),
        };
        label_file = Some(LabelFile { name: shown(&path), state });
        labels = found;
        used.push(path);
    }
    let (shape, planes) = if [height, width] == [SIDE; 2] {
        ([1, PADDED_SIDE as u32, PADDED_SIDE as u32], padded(pixels, count))
    } else {
        ([1, height as u32, width as u32], pixels.to_vec())
    };
    Ok(Found { shape, planes, label_file, labels, used })
}

/// The sizes and the values of a file with that mark.
fn take_apart<const AXES: usize>(bytes: &[u8], mark: [u8; 4]) -> Result<([usize; AXES], &[u8]), String> {
    let mut rest = bytes.strip_prefix(&mark).ok_or("it does not begin as one")?;
    let mut sizes = [0; AXES];
    for size in &mut sizes {
        let (bytes, after) = rest.split_first_chunk().ok_or("it is cut short")?;
        *size = u32::from_be_bytes(*bytes) as usize;
        rest = after;
    }
    let expected = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if expected != Some(rest.len()) || sizes.contains(&0) {
        return Err(format!("it has {} values for sizes of {sizes:?}", rest.len()));
    }
    Ok((sizes, rest))
}

/// `[pictures, 1, 28, 28]` with two black pixels at every edge.
fn padded(pixels: &[u8], count: usize) -> Vec<u8> {
    let edge = (PADDED_SIDE - SIDE) / 2;
    let mut planes = vec![0; count * PADDED_SIDE * PADDED_SIDE];
    for (plane, picture) in
        planes.chunks_exact_mut(PADDED_SIDE * PADDED_SIDE).zip(pixels.chunks_exact(SIDE * SIDE))
    {
        let rows = plane.chunks_exact_mut(PADDED_SIDE).skip(edge);
        for (row, source) in rows.zip(picture.chunks_exact(SIDE)) {
            row[edge..edge + SIDE].copy_from_slice(source);
        }
    }
    planes
}

/// The file of classes beside one of pictures, `train-labels-idx1-ubyte` beside `train-images-idx3-ubyte`.
fn file_of_labels(pictures: &Path) -> Option<PathBuf> {
    let name = pictures.file_name()?.to_str()?;
    let name = name.replace("images", "labels").replace("idx3", "idx1");
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    [stem.to_owned(), format!("{stem}.gz")]
        .iter()
        .map(|name| pictures.with_file_name(name))
        .find(|file| file != pictures && file.is_file())
}

fn read_labels(path: &Path, count: usize) -> Result<Labels, String> {
    let broken = |reason: String| format!("cannot be read: {reason}");
    let bytes = read_bytes(path, MAX_BYTES).map_err(broken)?;
    let ([_], classes) = take_apart(&bytes, CLASSES).map_err(broken)?;
    let labels = Labels::of_bytes(classes, Vec::new());
    labels.validate(count)?;
    Ok(labels)
}

fn shown(path: &Path) -> String {
    printable(&path.file_name().unwrap_or_default().to_string_lossy())
}
