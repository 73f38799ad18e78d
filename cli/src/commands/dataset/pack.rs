//! `stylegan dataset pack`

use std::path::PathBuf;

use anyhow::Result;
use stylegan_dataset::{Channels, Fit, PackOptions, pack};
use stylegan_ops::Resolution;

use crate::labels;
use crate::output::Output;
use crate::pictures::{note_skipped, summary};
use crate::report::{Exit, note};

/// Decode pictures, make them of one shape and resize them once, into a folder that training reads fast
///
/// Each picture is stored at every size from the resolution down to 4x4, or what else networks of it start from. A folder that holds the same pictures packed is left as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of PNG, JPEG, WebP, BMP and TIFF pictures of any depth, or a zip of them
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// Folder to write, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Side of the pictures in pixels, a power of two from 8 to 1024, or their width and height, such as 512x384 [default:
    /// the largest square that nearly all have]
    #[arg(long, value_name = "N|WxH", allow_negative_numbers = true)]
    resolution: Option<Resolution>,

    /// Channels of the pictures: 1 for grey, 3 for color, 4 for color and transparency
    #[arg(long, value_name = "1|3|4", default_value_t, allow_negative_numbers = true)]
    channels: Channels,

    /// What becomes of pictures of another ratio: `crop` takes their middle, `stretch` and `pad` keep all of them;
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
        channels: args.channels,
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
