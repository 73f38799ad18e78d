//! Makes the small data set that comes with the repository out of a larger one.
//!
//! ```text
//! cargo run -p stylegan-dataset --example make_demo_zip -- \
//!     SOURCE OUT.zip [--side 64] [--max-bytes 9500000] [--quality 92]
//! ```
//!
//! Takes the first pictures of SOURCE, a folder or a zip, as many as fit, and stores them as JPEG without chroma
//! subsampling in the zip form of stylegan2-ada. The same source gives the same bytes.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use stylegan_dataset::{PackOptions, pack};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

struct Arguments {
    source: PathBuf,
    out: PathBuf,
    side: usize,
    max_bytes: usize,
    quality: u8,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut side, mut max_bytes, mut quality) = (64, 9_500_000, 92);
        let mut paths = Vec::new();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match &*argument {
                "--side" => side = value()?.parse()?,
                "--max-bytes" => max_bytes = value()?.parse()?,
                "--quality" => quality = value()?.parse()?,
                _ => paths.push(PathBuf::from(argument)),
            }
        }
        match <[PathBuf; 2]>::try_from(paths) {
            Ok([source, out]) => Ok(Self { source, out, side, max_bytes, quality }),
            Err(_) => Err("SOURCE and OUT.zip are needed".into()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { source, out, side, max_bytes, quality } = Arguments::parse(std::env::args().skip(1))?;
    let folder = tempfile::tempdir()?;
    let options = PackOptions { resolution: Some(side.into()), ..PackOptions::default() };
    let (pyramid, _) = pack(&source, &folder.path().join("packed"), &options, &mut |_| {})?;

    let mut zip = ZipWriter::new(BufWriter::new(File::create_new(&out)?));
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    let labels = ("dataset.json", br#"{"labels": null}"#);
    // The end record, 22 bytes, with what every entry takes.
    let mut bytes = 22 + entry_bytes(labels.0, labels.1.len());
    let mut count = 0;
    while count < pyramid.len() {
        let jpeg = encode(&pyramid.picture(side.into(), count)?, side, quality)?;
        let name = format!("{:05}/img{count:08}.jpg", count / 1000);
        bytes += entry_bytes(&name, jpeg.len());
        if bytes > max_bytes {
            break;
        }
        zip.start_file(name, stored)?;
        zip.write_all(&jpeg)?;
        count += 1;
    }
    zip.start_file(labels.0, stored)?;
    zip.write_all(labels.1)?;
    zip.finish()?.into_inner()?.sync_all()?;
    writeln!(std::io::stderr(), "{}: {count} of {} pictures", out.display(), pyramid.len())?;
    Ok(())
}

/// What a stored entry takes: its bytes, a local header and one in the directory.
fn entry_bytes(name: &str, length: usize) -> usize {
    30 + name.len() + length + 46 + name.len()
}

/// The picture `[3, side, side]` as a JPEG.
fn encode(pixels: &[u8], side: usize, quality: u8) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut rgb = vec![0; pixels.len()];
    for (channel, plane) in pixels.chunks(side * side).enumerate() {
        for (value, target) in plane.iter().zip(rgb[channel..].iter_mut().step_by(3)) {
            *target = *value;
        }
    }
    let mut jpeg = Vec::new();
    // This encoder never subsamples chroma.
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
    encoder.write_image(&rgb, side as u32, side as u32, ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}
