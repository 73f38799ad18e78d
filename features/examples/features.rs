//! Computes the features of pictures in a file by Inception, as often as it is told to: `scripts/check-features`.
//!
//!     features PICTURES.safetensors [--resize clean] [--threads N]
//!
//! The pictures are the tensor `pictures`, bytes. For every line on stdin, the name of a file to write, one of JSON is answered.

#![expect(clippy::print_stdout, reason = "it answers on stdout")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::time::Instant;

use candle_core::{Device, safetensors};
use stylegan_features::{FeatureNetwork, Inception, PixelRange, Places, Resize};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("a file of pictures is needed")?;
    let (mut resize, mut threads) = (Resize::Tf1, 0);
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match &flag[..] {
            "--resize" if value == "clean" => resize = Resize::Clean,
            "--threads" => threads = value.parse()?,
            _ => {}
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let weights = Places::of_user(&[]).open("inception", &Device::Cpu)?;
    let network = Inception::new(&weights, resize)?;
    let pictures = &safetensors::load(file, &Device::Cpu)?["pictures"];
    for line in stdin().lines() {
        let begin = Instant::now();
        let features = network.features(pictures, PixelRange::Bytes)?;
        let seconds = begin.elapsed().as_secs_f64();
        safetensors::save(&HashMap::from([("features", features)]), line?)?;
        println!("{{\"seconds\": {seconds}}}");
        stdout().flush()?;
    }
    Ok(())
}
