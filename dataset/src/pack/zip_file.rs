//! The zip of stylegan2-ada-pytorch: PNG files, and their labels in `dataset.json`.
//!
//! Names are those of its `dataset_tool.py`, `00000/img00000000.png`, a thousand to a folder. Nothing is compressed, neither
//! in the zip nor in the PNG files, so that a training that reads them waits for nothing but the disk.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde::Serialize;
use stylegan_base::files::NewFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::format::Format;
use super::write::Sink;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::Error;
use crate::labels::Labels;
use crate::planes::interleave;

/// Pictures in a folder of the zip.
const PER_FOLDER: usize = 1000;

/// A zip being written.
pub(super) struct ZipFile {
    zip: ZipWriter<NewFile>,
    path: PathBuf,
    format: Format,
    count: usize,
}

/// What `dataset.json` holds.
#[derive(Serialize)]
struct Manifest<'a> {
    labels: Option<Vec<(String, Label<'a>)>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Label<'a> {
    Class(u32),
    Numbers(&'a [f32]),
}

impl ZipFile {
    pub(super) fn create(path: &Path, format: Format) -> Result<Self, Error> {
        let file = NewFile::create(path, false).map_err(Error::write(path))?;
        Ok(Self { zip: ZipWriter::new(file), path: path.to_owned(), format, count: 0 })
    }

    /// Adds the labels of the pictures, and gives the file its name.
    pub(super) fn finish(mut self, labels: Option<&Labels>) -> Result<(), Error> {
        let labels = labels.map(|labels| match labels {
            Labels::Classes { indices, .. } => indices
                .iter()
                .enumerate()
                .map(|(number, &class)| (name(number), Label::Class(class)))
                .collect(),
            Labels::Vectors { width, values } => {
                let rows = values.chunks_exact(*width).enumerate();
                rows.map(|(number, row)| (name(number), Label::Numbers(row))).collect()
            }
        });
        let add_labels = |zip: &mut ZipWriter<NewFile>| -> io::Result<()> {
            zip.start_file("dataset.json", options())?;
            serde_json::to_writer(zip, &Manifest { labels })?;
            Ok(())
        };
        add_labels(&mut self.zip).map_err(Error::write(&self.path))?;
        let file = self.zip.finish().map_err(|e| Error::write(&self.path)(e.into()))?;
        file.finish().map_err(Error::write(&self.path))
    }

    fn add_picture(&mut self, planes: &[u8]) -> io::Result<()> {
        let Format { resolution, channels, bits } = self.format;
        let color = match (channels, bits) {
            (Channels::Grey, Bits::Eight) => ExtendedColorType::L8,
            (Channels::Rgb, Bits::Eight) => ExtendedColorType::Rgb8,
            (Channels::Rgba, Bits::Eight) => ExtendedColorType::Rgba8,
            (Channels::Grey, Bits::Sixteen) => ExtendedColorType::L16,
            (Channels::Rgb, Bits::Sixteen) => ExtendedColorType::Rgb16,
            (Channels::Rgba, Bits::Sixteen) => ExtendedColorType::Rgba16,
        };
        let samples = match bits {
            Bits::Eight => interleave(planes, channels.count()),
            Bits::Sixteen => interleave(planes.as_chunks::<2>().0, channels.count()).into_flattened(),
        };
        let [width, height] = [resolution.width, resolution.height].map(|length| length as u32);
        let mut png = Vec::with_capacity(planes.len() + (planes.len() >> 6) + 1024);
        PngEncoder::new_with_quality(&mut png, CompressionType::Uncompressed, FilterType::NoFilter)
            .write_image(&samples, width, height, color)
            .map_err(io::Error::other)?;
        self.zip.start_file(name(self.count), options())?;
        self.zip.write_all(&png)?;
        self.count += 1;
        Ok(())
    }
}

impl Sink for ZipFile {
    fn add(&mut self, levels: &[u8]) -> Result<(), Error> {
        let largest = levels.get(..self.format.bytes_at(self.format.resolution)).unwrap_or_default();
        self.add_picture(largest).map_err(Error::write(&self.path))
    }
}

/// Of the picture of that number.
fn name(number: usize) -> String {
    format!("{:05}/img{number:08}.png", number / PER_FOLDER)
}

/// The same pictures give the same bytes, whenever they are packed.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
}
