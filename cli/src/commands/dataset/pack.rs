//! `stylegan dataset pack`

use std::path::PathBuf;

use anyhow::Result;
use stylegan_dataset::{Fit, PackOptions, pack};

use crate::labels;
use crate::output::Output;
use crate::pictures::{note_skipped, summary};
use crate::report::{Exit, note};

/// Decode pictures, make them square and resize them once, into a folder that training reads fast
///
/// Each picture is stored at every side from the resolution down to 4. A folder that holds the same pictures packed is left as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of PNG, JPEG, WebP, BMP and TIFF pictures of any depth, or a zip of them
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// Folder to write, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Side of the pictures in pixels, a power of two from 8 to 1024 [default: the largest that nearly all have]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    resolution: Option<usize>,

    /// What becomes of pictures that are not square: `crop` takes their middle, `stretch` and `pad` keep all of them;
    /// `pad:RRGGBB` fills with a color instead of black, `pad:edge` with the pixels at the edge
    #[arg(long, value_name = "FIT", default_value_t)]
    fit: Fit,

    /// Enlarge pictures that are smaller than the resolution, instead of leaving out a few and refusing more
    #[arg(long)]
    allow_upscale: bool,

    /// Fraction of pictures, 0 to 1, that may be unreadable and left out
    #[arg(long, value_name = "F", allow_negative_numbers = true, default_value_t = PackOptions::default().max_bad_fraction)]
    max_bad_fraction: f64,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    Output::check_is_folder(&args.out)?;
    let options = PackOptions {
        resolution: args.resolution,
        fit: args.fit,
        allow_upscale: args.allow_upscale,
        max_bad_fraction: args.max_bad_fraction,
    };
    let (pyramid, report) = pack(&args.source, &args.out, &options, &mut note_skipped)?;
    note(&summary(&report));
    if let Some(labels) = labels::found(&pyramid.found_labels()) {
        note(&labels);
    }
    Ok(Exit::Done)
}
