//! `stylegan dataset pack`

use std::path::PathBuf;

use anyhow::Result;
use stylegan_dataset::{PackOptions, pack};

use crate::pictures::{note_skipped, summary};
use crate::report::{Exit, note};

/// Decode, crop and resize pictures once, into a folder that training reads fast
///
/// Each picture's middle square is resized to the resolution and stored at every side from it down to 4. A folder
/// that holds the same pictures packed is left as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of PNG, JPEG and WebP pictures of any depth, or a zip of them
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// Folder to write, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Side of the pictures in pixels, a power of two from 8 to 1024 [default: the largest that all pictures have]
    #[arg(long, value_name = "N")]
    resolution: Option<usize>,

    /// Enlarge pictures that are smaller than the resolution, instead of refusing them
    #[arg(long)]
    allow_upscale: bool,

    /// Fraction of pictures, 0 to 1, that may be unreadable and left out
    #[arg(long, value_name = "F", default_value_t = PackOptions::default().max_bad_fraction)]
    max_bad_fraction: f64,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let options = PackOptions {
        resolution: args.resolution,
        allow_upscale: args.allow_upscale,
        max_bad_fraction: args.max_bad_fraction,
    };
    let (_, report) = pack(&args.source, &args.out, &options, &mut note_skipped)?;
    note(&summary(&report));
    Ok(Exit::Done)
}
