//! What other programs wrote is read pixel by pixel (`tests/fixtures`).

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use stylegan_base::Resolution;

use super::{Reader, Source};
use crate::found_labels::{LabelFileState, LabelMode};
use crate::labels::Labels;

fn fixture(name: &str) -> (PathBuf, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let expected = std::fs::read(folder.join(format!("{name}.expected.json"))).unwrap();
    (folder.join(name), serde_json::from_slice(&expected).unwrap())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// The pixels of all pictures as they are read for a resolution, as files of the original hold them, `[channels, height, width]` each.
fn pixels(reader: &dyn Reader, resolution: Resolution, [channels, height, width]: [usize; 3]) -> Vec<u8> {
    let mut pixels = Vec::new();
    for index in 0..reader.listing().names.len() {
        let picture = reader.decode(index, resolution).unwrap().picture;
        assert_eq!((picture.width(), picture.height()), (width as u32, height as u32));
        assert_eq!(usize::from(picture.color().channel_count()), channels);
        let samples = picture.into_bytes();
        for channel in 0..channels {
            pixels.extend(samples.iter().skip(channel).step_by(channels));
        }
    }
    pixels
}

#[test]
fn what_tensorflow_wrote_is_read_at_every_side() {
    for (name, count) in [("tf_rgb32", 11), ("tf_labels16", 9), ("tf_grey16", 7), ("tf_wide", 5)] {
        let (path, expected) = fixture(name);
        let source = Source::open(&path).unwrap();
        assert_eq!(source.len(), count, "{name}");
        let reader = source.reader();
        let mut largest = [0; 3];
        for (side, expected) in expected.as_object().unwrap().iter().filter(|(side, _)| side.starts_with('r'))
        {
            let shape: [usize; 3] = serde_json::from_value(expected["shape"].clone()).unwrap();
            let [channels, height, width] = shape;
            largest = largest.max(shape);
            let resolution = Resolution { width, height };
            let read = pixels(reader, resolution, shape);
            assert_eq!(sha256(&read), expected["sha256_of_pixels_in_file_order"], "{name} {side}");
            let copy = reader.copy_at(count - 1, resolution).unwrap().unwrap();
            let last = &read[(count - 1) * channels * height * width..];
            let samples = copy.picture.into_bytes();
            assert!(samples.iter().step_by(channels).zip(last).all(|(sample, value)| sample == value));
            // A file of one side alone is a data set too.
            let file = path.join(format!("{name}-{side}.tfrecords"));
            let alone = Source::open(&file).unwrap();
            assert_eq!(pixels(alone.reader(), 1.into(), shape), read, "{name} {side}");
        }
        let [_, height, width] = largest;
        assert!((0..count).all(|index| reader.dimensions(index).unwrap() == (width as u32, height as u32)));
        assert!(reader.copy_at(0, 2.into()).is_none());
    }
}

#[test]
fn labels_of_tfrecords_are_classes() {
    let (path, expected) = fixture("tf_labels16");
    let indices: Vec<u32> = serde_json::from_value(expected["labels"].clone()).unwrap();
    for path in [path.clone(), path.join("tf_labels16-r03.tfrecords")] {
        let source = Source::open(path).unwrap();
        let found = source.found_labels();
        assert_eq!(found.file.unwrap().name, "tf_labels16-rxx.labels");
        assert_eq!(found.file.unwrap().state, LabelFileState::Read { strangers: 0 });
        let expected = Labels::Classes { count: 4, indices: indices.clone(), names: vec![] };
        assert_eq!(found.choose(LabelMode::Auto).unwrap(), Some(expected));
    }
}

#[test]
fn what_python_wrote_into_an_lmdb_is_read_at_every_side() {
    let (path, expected) = fixture("rosinality_lmdb");
    let jpegs = expected["sha256_of_jpegs"].as_object().unwrap();
    for path in [path.clone(), path.join("data.mdb")] {
        let source = Source::open(path).unwrap();
        let reader = source.reader();
        assert_eq!((source.len(), &*source.names()[9]), (10, "00000009"));
        for (index, digest) in jpegs["64"].as_array().unwrap().iter().enumerate() {
            assert_eq!(sha256(&reader.bytes(index).unwrap()), *digest);
            assert_eq!(reader.dimensions(index).unwrap(), (64, 64));
            for side in [8_usize, 16, 32, 64] {
                let picture = reader.decode(index, side.into()).unwrap().picture;
                assert_eq!(picture.width(), side as u32);
                assert_eq!(reader.copy_at(index, side.into()).unwrap().unwrap().picture, picture);
            }
            assert_eq!(reader.decode(index, 17.into()).unwrap().picture.width(), 32);
            assert!(reader.copy_at(index, 4.into()).is_none());
        }
    }
}

#[test]
fn what_pyarrow_wrote_is_read_byte_by_byte() {
    let (path, expected) = fixture("hf_parquet");
    let source = Source::open(path).unwrap();
    let digests = expected["sha256_of_files"].as_array().unwrap();
    assert_eq!(source.len(), digests.len());
    for (index, digest) in digests.iter().enumerate() {
        assert_eq!(sha256(&source.reader().bytes(index).unwrap()), *digest);
        assert_eq!(source.reader().dimensions(index).unwrap(), (16, 16));
    }
    let indices: Vec<u32> = serde_json::from_value(expected["labels"].clone()).unwrap();
    let names: Vec<String> = serde_json::from_value(expected["class_names"].clone()).unwrap();
    let labels = source.found_labels().choose(LabelMode::Auto).unwrap();
    assert_eq!(labels, Some(Labels::Classes { count: 3, indices, names }));
}
