//! Folders and zips of pictures to test with.

#![allow(dead_code, reason = "each test file uses some of these")]

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A smooth picture that differs with `seed` at every side.
pub(crate) fn picture(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |phase: u32| {
            let angle = f64::from(x) * 0.21 + f64::from(y) * 0.13 + f64::from(seed * 7 + phase);
            (127.5 + 120.0 * angle.sin()) as u8
        };
        Rgb([wave(0), wave(2), wave(4)])
    })
}

pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encoded(&picture(width, height, seed).into(), ImageFormat::Png)
}

/// A folder inside `parent` with these files.
pub(crate) fn folder(parent: &Path, name: &str, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let folder = parent.join(name);
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// A zip inside `parent` with these files, stored or deflated by turns.
pub(crate) fn zip(parent: &Path, name: &str, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = parent.join(name);
    let mut writer = ZipWriter::new(fs::File::create(&path).unwrap());
    for (i, (name, bytes)) in files.iter().enumerate() {
        let method = if i % 2 == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// The names in a folder, hidden ones included.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
