//! Distances of pictures in a file, by LPIPS with the trunk of another: `scripts/check-metrics`.
//!
//!     lpips PICTURES.safetensors VGG16 OUT.safetensors
//!
//! The pictures are the tensors `x` and `y`, bytes; the trunk is a file in any of the forms that are read. What is written are
//! `layers`, a row for each pair.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;

use candle_core::{Device, safetensors};
use stylegan_features::{Lpips, PixelRange, Places};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [pictures, trunk, out] = &words[..] else {
        return Err("a file of pictures, one of weights, and one to write are needed".into());
    };
    let places = Places { places: vec![PathBuf::from(trunk)], cache: None };
    let lpips = Lpips::new(&places.open("vgg16", &Device::Cpu)?, &Device::Cpu)?;
    let pictures = safetensors::load(pictures, &Device::Cpu)?;
    let look = |name: &str| lpips.look(&pictures[name], PixelRange::Bytes);
    let layers = lpips.layers(&look("x")?, &look("y")?)?;
    safetensors::save(&HashMap::from([("layers", layers)]), out)?;
    Ok(())
}
