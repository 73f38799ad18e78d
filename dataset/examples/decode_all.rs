//! Decodes all pictures of a source on all cores and does nothing else: what packing is measured against.
//!
//! ```text
//! cargo run --release -p stylegan-dataset --example decode_all -- SOURCE
//! ```

use std::error::Error;
use std::time::Instant;

use rayon::prelude::*;
use stylegan_dataset::Source;

#[expect(clippy::print_stdout, reason = "a program for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("give a SOURCE of pictures")?;
    let source = Source::open(path)?;
    let start = Instant::now();
    let samples: usize = (0..source.len())
        .into_par_iter()
        .map(|index| source.decode(index).map(|picture| picture.len()))
        .sum::<Result<usize, String>>()?;
    let secs = start.elapsed().as_secs_f64();
    println!("{} pictures of {samples} samples in {secs:.3} s", source.len());
    Ok(())
}
