//! `stylegan dataset pack`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use stylegan_base::units::grouped;
use stylegan_dataset::{
    Bits, Channels, ExportFormat, Fit, FoundLabels, PackOptions, Shard, Source, export, join, pack,
};
use stylegan_ops::Resolution;
use stylegan_peers::Seat;

use crate::device::DeviceName;
use crate::output::Output;
use crate::pictures::{note_skipped, summary};
use crate::report::{Exit, Refusal, note};
use crate::{labels, peers};
use stylegan_base::shell::quoted;

/// Decode pictures, make them of one shape and resize them once, into a folder that training reads fast
///
/// Each picture is stored at every size from the resolution down to 4x4, or what else networks of it start from. A folder
/// that holds the same pictures packed is left as it is. `--format` writes what other programs read instead. Several processes,
/// started by `mpirun` or Slurm, make a part each of a pack, which the first joins.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of PNG, JPEG, WebP, BMP and TIFF pictures of any depth, a zip of them, tars (WebDataset), Parquet files or an
    /// LMDB; a folder of TFRecords of the original; the folder of FFHQ; idx files of MNIST, CIFAR. It is told
    /// by what is in it
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// Folder to write, or zip, which must not exist
    #[arg(long, value_name = "PATH")]
    out: PathBuf,

    /// What to write
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatName::Sgd)]
    format: FormatName,

    /// Side of the pictures in pixels, a power of two from 8 to 1024, or their width and height, such as 512x384 [default:
    /// the largest square that nearly all have]
    #[arg(long, value_name = "N|WxH", allow_negative_numbers = true)]
    resolution: Option<Resolution>,

    /// Channels of the pictures: 1 for grey, 3 for color, 4 for color and transparency
    #[arg(long, value_name = "1|3|4", default_value_t, allow_negative_numbers = true)]
    channels: Channels,

    /// Bits of the numbers of pictures: 16 keeps all that pictures of microscopes and depth cameras tell apart
    #[arg(long, value_name = "8|16", default_value_t, allow_negative_numbers = true)]
    bits: Bits,

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

    /// Pack one of several parts alone, its number and how many there are; `dataset join` makes one pack of them
    #[arg(long, value_name = "I/N", allow_negative_numbers = true)]
    shard: Option<Shard>,

    /// First compare all pictures of FFHQ with the MD5 in its `ffhq-dataset-v2.json`
    #[arg(long)]
    verify_md5: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// A folder for this program's own training
    Sgd,
    /// The zip of stylegan2-ada-pytorch and stylegan3: uncompressed PNG files and `dataset.json`
    Zip,
    /// A folder of TFRecords of the original, one for each side, and its file of labels
    Tfrecords,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    check_name(&args.out, args.format)?;
    if args.shard.is_some() && args.format != FormatName::Sgd {
        return Err(Refusal::usage("`--shard` is for packs, which can be joined")
            .hint("`dataset pack` of the joined pack writes other formats")
            .into());
    }
    let options = PackOptions {
        resolution: args.resolution,
        channels: args.channels,
        bits: args.bits,
        shard: args.shard,
        fit: args.fit,
        allow_upscale: args.allow_upscale,
        max_bad_fraction: args.max_bad_fraction,
    };
    if args.verify_md5 {
        let known = Source::open(&args.source)?.verify()?;
        note(&format!("{} pictures have the MD5 of `ffhq-dataset-v2.json`", grouped(known)));
    }
    let format = match args.format {
        FormatName::Sgd => {
            pack_by_all(args, &options)?;
            return Ok(Exit::Done);
        }
        FormatName::Zip => ExportFormat::Zip,
        FormatName::Tfrecords => ExportFormat::TfRecords,
    };
    let export = export(&args.source, &args.out, format, &options, &mut note_skipped)?;
    note(&summary(&export.report));
    note_labels(&export.found_labels());
    Ok(Exit::Done)
}

/// Makes a pack, by all processes that were started for it.
fn pack_by_all(args: &Args, options: &PackOptions) -> Result<()> {
    let make = || pack(&args.source, &args.out, options, &mut note_skipped);
    // Who asks for a part has said already who makes which.
    let seat = if options.shard.is_none() { Seat::from_environment()? } else { Seat::alone() };
    let (pyramid, report) = if seat.world == 1 {
        make()?
    } else {
        let peers = peers::join(DeviceName::Cpu, peers::PATIENCE)?;
        let packed = if args.out.exists() {
            peers::in_turn(&*peers, || Ok(make()?))?
        } else {
            let parts = (1..=seat.world).map(|number| Shard { number, of: seat.world });
            let path =
                |part: &Shard| args.out.with_added_extension(format!("part-{}-of-{}", part.number, part.of));
            let parts: Vec<(Shard, PathBuf)> = parts.map(|part| (part, path(&part))).collect();
            let (own, own_path) = &parts[seat.rank];
            let own_options = PackOptions { shard: Some(*own), ..*options };
            pack(&args.source, own_path, &own_options, &mut note_skipped)?;
            peers.barrier()?;
            let paths: Vec<PathBuf> = parts.into_iter().map(|(_, path)| path).collect();
            if peers.is_first() {
                join(&paths, &args.out)?;
            }
            peers.barrier()?;
            if peers.is_first() {
                for path in &paths {
                    std::fs::remove_dir_all(path)
                        .with_context(|| format!("cannot remove `{}`", path.display()))?;
                }
            }
            // What is there is found to be what was asked for.
            make()?
        };
        peers.leave();
        packed
    };
    note(&summary(&report));
    note_labels(&pyramid.found_labels());
    Ok(())
}

/// Says what labels there are.
pub(super) fn note_labels(found: &FoundLabels<'_>) {
    if let Some(labels) = labels::found(found) {
        note(&labels);
    }
}

/// Refuses a name that is not what the format is called.
fn check_name(out: &Path, format: FormatName) -> Result<()> {
    let is_zip = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    match format {
        FormatName::Zip if !is_zip => {
            let name = out.with_added_extension("zip");
            Err(Refusal::usage(format!("`--out {}` is no zip by its name", out.display()))
                .hint(format!("`--out {}` is", quoted(&name)))
                .into())
        }
        FormatName::Zip => Ok(()),
        FormatName::Sgd if is_zip && Output::check_is_folder(out).is_err() => {
            Err(Refusal::usage(format!("`--out {}` is a file by its name, not a folder", out.display()))
                .hint(format!(
                    "`--format zip` writes a zip; a folder of that name is `--out {}`",
                    quoted(&out.join(""))
                ))
                .into())
        }
        FormatName::Sgd | FormatName::Tfrecords => Output::check_is_folder(out),
    }
}
