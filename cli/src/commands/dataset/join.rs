//! `stylegan dataset join`

use std::path::PathBuf;

use anyhow::Result;
use stylegan_dataset::join;

use super::pack::note_labels;
use crate::output::Output;
use crate::pictures::summary;
use crate::report::{Exit, note};

/// Join the parts that `dataset pack --shard` made into one pack
///
/// It is the pack that would have been made of all pictures at once. The parts may have been packed on several machines; they
/// are read and compared with their digests, and stay.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of all parts, in any order
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,

    /// Folder to write, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    Output::check_is_folder(&args.out)?;
    let (pyramid, report) = join(&args.parts, &args.out)?;
    note(&summary(&report));
    note_labels(&pyramid.found_labels());
    Ok(Exit::Done)
}
