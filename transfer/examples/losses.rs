//! Mean losses of drawing pictures of one folder in the styles of another: the first content in the first style, and so on.
//!
//! `cargo run --release -p stylegan-transfer --example losses -- DECODER CONTENTS STYLES [SIDE]`

#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use candle_core::{DType, Device, Tensor};
use image::imageops::FilterType;
use stylegan_features::Places;
use stylegan_transfer::{DecoderInFile, Encoder, Losses};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [decoder, contents, styles, rest @ ..] = words.as_slice() else {
        return Err("DECODER CONTENTS STYLES [SIDE]".into());
    };
    let side: u32 = rest.first().map_or(Ok(128), |side| side.parse())?;
    let file = DecoderInFile::open(Path::new(decoder))?;
    let weights = Places::of_user(&[]).open(file.encoder.weights.name(), &Device::Cpu)?;
    let (encoder, decoder) = (Encoder::new(&weights, file.encoder)?, file.decoder(&Device::Cpu)?);
    let (mut content, mut style, mut count) = (0.0, 0.0, 0);
    for (of_content, of_style) in pictures(contents)?.iter().zip(&pictures(styles)?) {
        let losses = Losses::of(&encoder, &decoder, &picture(of_content, side)?, &picture(of_style, side)?)?;
        content += f64::from(losses.content.to_scalar::<f32>()?);
        style += f64::from(losses.style()?.to_scalar::<f32>()?);
        count += 1;
    }
    let mean = |sum: f64| sum / f64::from(count);
    println!("{count} pairs: content {:.2}, style {:.2}", mean(content), mean(style));
    Ok(())
}

/// The files of a folder, by name.
fn pictures(folder: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut found =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Failure>>()?;
    found.sort();
    Ok(found)
}

/// The middle of a picture at this side, `[1, 3, side, side]` from 0 to 1.
fn picture(path: &Path, side: u32) -> Result<Tensor, Failure> {
    let picture = image::open(path)?.resize_to_fill(side, side, FilterType::CatmullRom).into_rgb8();
    let shape = (1, side as usize, side as usize, 3);
    let pixels = Tensor::from_vec(picture.into_raw(), shape, &Device::Cpu)?.permute((0, 3, 1, 2))?;
    Ok((pixels.to_dtype(DType::F32)?.contiguous()? / 255.0)?)
}
