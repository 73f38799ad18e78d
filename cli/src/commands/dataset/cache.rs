//! `stylegan dataset cache`

use std::path::PathBuf;

use anyhow::Result;
use stylegan_base::units::{Bytes, grouped};
use stylegan_dataset::cached_packs;

use crate::cache::{Uses, folder};
use crate::report::{Exit, data, note};

/// Show the pictures that training packed by itself, and clear those that no run uses
///
/// `train` packs pictures once into the hidden folder `.cache` in its folder of runs. What is removed there is packed
/// again when it is needed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of all runs
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,

    /// Remove what no run in that folder uses
    #[arg(long)]
    clear: bool,

    /// With `--clear`, remove everything
    #[arg(long, requires = "clear")]
    all: bool,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let cache = folder(&args.out);
    let packs = cached_packs(&cache)?;
    if packs.is_empty() {
        note(&format!("no packed pictures in `{}`", cache.display()));
        return Ok(Exit::Done);
    }
    let uses = Uses::of(&args.out);
    let mut removed = 0;
    for pack in &packs {
        let by = match uses.by_runs(pack).as_slice() {
            [] if !uses.spare(pack) => "of an earlier version; a run may use it".to_owned(),
            [] => "used by no run".to_owned(),
            names => format!("used by {}", names.join(", ")),
        };
        let is_removed = args.clear && (args.all || uses.spare(pack));
        if is_removed {
            pack.remove()?;
            removed += pack.bytes;
        }
        data(&format!(
            "{}`{}`  {} pictures of {resolution} from `{}`, {}, {by}\n",
            if is_removed { "removed " } else { "" },
            pack.path.display(),
            grouped(pack.count),
            pack.source,
            Bytes(pack.bytes),
            resolution = pack.resolution
        ))?;
    }
    let all: u64 = packs.iter().map(|pack| pack.bytes).sum();
    note(&if args.clear {
        format!("{} removed, {} kept", Bytes(removed), Bytes(all - removed))
    } else {
        format!("{} in all; `stylegan dataset cache --clear` removes what no run uses", Bytes(all))
    });
    Ok(Exit::Done)
}
