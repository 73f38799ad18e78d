//! `stylegan sample --direction`: pictures moved along a direction.

use std::path::PathBuf;

use anyhow::Result;
use stylegan_drawing::{Content, DirectionFigure, LatentFile, Layers, Strengths};

use super::{Args, source};
use crate::figure;
use crate::output::Output;
use crate::report::{Exit, Refusal};

/// Along which direction, and how far.
#[derive(Debug, clap::Args)]
pub(super) struct MovedArgs {
    /// Directions of `w` or `w_plus`, such as `stylegan latent` writes: pictures are moved along one of them, a row for each
    #[arg(long, value_name = "FILE.safetensors|FILE.npz|FILE.npy")]
    pub(super) direction: Option<PathBuf>,

    /// How far, a column each: numbers, or seven steps of a range such as `-3..3`
    #[arg(
        long,
        value_name = "LIST",
        default_value = "-3..3",
        allow_hyphen_values = true,
        requires = "direction"
    )]
    strength: Strengths,

    /// Which of the file's directions, from 0
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "direction",
        allow_negative_numbers = true
    )]
    direction_row: u64,

    /// Layers that are moved, such as `0-3` for pose and shape [default: all]
    #[arg(long, value_name = "LIST", requires = "direction")]
    layers: Option<Layers>,
}

pub(super) fn run(output: &Output, args: &Args) -> Result<Exit> {
    let Output::Png(path) = output else {
        return Err(Refusal::usage(format!("`--out {}` is no PNG file", args.out.display()))
            .hint("pictures along a direction are one figure, `--out NAME.png`")
            .into());
    };
    if args.grid.is_some() {
        return Err(Refusal::usage(
            "`--grid` is not for `--direction`, whose rows are seeds and whose columns strengths",
        )
        .into());
    }
    Output::check_file(path, args.force)?;
    let moved = &args.moved;
    let (mut source, ids) = source(args)?;
    if let Some(path) = &moved.direction {
        source = source.with_directions(LatentFile::open(path)?);
    }
    let painter = super::painter(args, &source, &ids)?;
    let content = DirectionFigure {
        seeds: ids,
        direction: moved.direction_row,
        strengths: moved.strength.clone(),
        layers: moved.layers.clone(),
    };
    let what = format!("{} pictures", content.layout());
    figure::write(&painter, &source, Content::Direction(content), &what, path, args.force)?;
    Ok(Exit::Done)
}
