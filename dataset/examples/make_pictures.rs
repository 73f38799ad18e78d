//! Makes pictures to measure with: noise in which, as in photos, every octave is half as strong as the one below.
//!
//! ```text
//! cargo run --release -p stylegan-dataset --example make_pictures -- FOLDER COUNT SIDE jpeg|png
//! ```
//!
//! The same arguments give the same files.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, Rgb32FImage, RgbImage};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

const JPEG_QUALITY: u8 = 95;

/// Pixels of the coarsest noise.
const COARSEST: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count, side, format] = arguments.as_slice() else {
        return Err("give FOLDER COUNT SIDE jpeg|png".into());
    };
    let (folder, count, side): (PathBuf, u64, u32) = (folder.into(), count.parse()?, side.parse()?);
    if side < COARSEST || !["jpeg", "png"].contains(&format.as_str()) {
        return Err("SIDE is 4 or more, and the format `jpeg` or `png`".into());
    }
    fs::create_dir_all(&folder)?;
    let write = |number| write(&folder.join(format!("{number:06}.{format}")), &picture(number, side));
    Ok((0..count).into_par_iter().try_for_each(write).map_err(|error| error.to_string())?)
}

fn write(path: &Path, picture: &RgbImage) -> Result<(), image::ImageError> {
    if path.extension().is_some_and(|format| format == "jpeg") {
        return JpegEncoder::new_with_quality(fs::File::create(path)?, JPEG_QUALITY).encode_image(picture);
    }
    picture.save(path)
}

fn picture(seed: u64, side: u32) -> RgbImage {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut sum = Rgb32FImage::from_pixel(side, side, Rgb([0.5; 3]));
    let (mut octave, mut strength) = (COARSEST, 0.25);
    while octave <= side {
        let noise = Rgb32FImage::from_fn(octave, octave, |_, _| {
            // Colors vary less than light.
            let light: f32 = random.random_range(-1.0..1.0);
            Rgb([0; 3].map(|_: u8| strength * (light + random.random_range(-0.3..0.3))))
        });
        let noise = imageops::resize(&noise, side, side, FilterType::Triangle);
        for (sum, noise) in sum.iter_mut().zip(noise.iter()) {
            *sum += noise;
        }
        (octave, strength) = (2 * octave, strength / 2.0);
    }
    RgbImage::from_fn(side, side, |x, y| {
        Rgb(sum.get_pixel(x, y).0.map(|value| (255.0 * value.clamp(0.0, 1.0)) as u8))
    })
}
