//! `stylegan figure noise`

use anyhow::Result;
use stylegan_drawing::{Content, LatentIds, NoiseFigure, Scales};

use super::{UNTRUNCATED, open_untruncated};
use crate::args::{NetworkArgs, StyleArgs};
use crate::figure::{OutArgs, write};
use crate::latents::{LatentArgs, space_of};
use crate::report::{Exit, Refusal, note};

/// Draw what noise does in coarse and in fine layers
///
/// Figure 5 of the paper. Each seed has a row of four pictures: with noise in all layers, in none, in the fine ones alone
/// (64x64 and larger; in a network of smaller pictures the largest size), in the coarse ones alone.
#[derive(Debug, clap::Args)]
#[command(mut_arg("truncation_psi", |psi| psi.help(UNTRUNCATED)))]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the rows, or `@0` and so on of `--latents`
    #[arg(long, value_name = "LIST", default_value = "1967,1555")]
    seeds: LatentIds,

    #[command(flatten)]
    latents: LatentArgs,

    /// First layer that is fine, from 1; there are two for each size [default: 8, or the first of the largest size]
    #[arg(long, value_name = "LAYER", allow_negative_numbers = true)]
    fine_from: Option<usize>,

    #[command(flatten)]
    style: StyleArgs,

    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    args.style.noise.check_is_some()?;
    let path = args.out.path()?;
    let source = args.latents.open_for(&[&args.seeds])?;
    let space = space_of(&source, &[&args.seeds]);
    let painter = open_untruncated(&args.network, &args.style, space)?;
    let Scales { fine, .. } = Scales::of(painter.resolution());
    let fine_from = args.fine_from.unwrap_or(fine.start);
    let last = fine.end - 1;
    if !(1..=last).contains(&fine_from) {
        return Err(Refusal::usage(format!("`--fine-from {fine_from}` is not from 1 to {last}"))
            .hint(format!("layers are counted from 0 to {last}"))
            .into());
    }
    let figure = NoiseFigure { seeds: args.seeds.clone(), fine_from };
    let what = format!("{} pictures", figure.layout());
    write(&painter, &source, Content::Noise(figure), &what, &path, args.out.force)?;
    note(&format!(
        "from left to right: noise in all layers, in none, in {fine_from}-{last} alone, in 0-{} alone",
        fine_from - 1
    ));
    Ok(Exit::Done)
}
