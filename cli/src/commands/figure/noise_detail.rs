//! `stylegan figure noise-detail`

use anyhow::Result;
use stylegan_drawing::{Area, Content, LatentIds, MAX_DRAWS, MIN_DRAWS, NoiseDetailFigure, NoiseMode};
use stylegan_generator::Truncation;

use super::UNTRUNCATED;
use crate::args::{NetworkArgs, SeedArgs, TruncationArgs};
use crate::figure::{OutArgs, write};
use crate::latents::{LatentArgs, space_of};
use crate::painter::open_painter_with;
use crate::report::{Exit, note};

/// Draw what noise changes in a picture
///
/// Figure 4 of the paper. Each seed has a row: its picture, a part of it in four draws of noise, and the standard deviation of
/// each pixel over many draws, brighter where noise changes more.
#[derive(Debug, clap::Args)]
#[command(mut_arg("truncation_psi", |psi| psi.help(UNTRUNCATED)))]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the rows, or `@0` and so on of `--latents`
    #[arg(long, value_name = "LIST", default_value = "1157,1012")]
    seeds: LatentIds,

    #[command(flatten)]
    latents: LatentArgs,

    /// Draws of noise for each seed, 4 to 100000
    #[arg(long, value_name = "N", default_value_t = 100, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u32).range(i64::from(MIN_DRAWS)..=i64::from(MAX_DRAWS)))]
    draws: u32,

    /// Part that is shown closely, in pixels; of the picture's ratio, or it is stretched [default: a quarter of each side, as
    /// the paper's 256x256+650+180 of 1024x1024]
    #[arg(long, value_name = "WIDTHxHEIGHT+LEFT+TOP")]
    area: Option<Area>,

    #[command(flatten)]
    truncation: TruncationArgs,

    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    noise_seed: u64,

    #[command(flatten)]
    seed_style: SeedArgs,

    #[command(flatten)]
    out: OutArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let path = args.out.path()?;
    let source = args.latents.open_for(&[&args.seeds])?;
    let space = space_of(&source, &[&args.seeds]);
    let painter = open_painter_with(&args.network, space, |options| {
        args.truncation.set(Truncation::OFF, options);
        args.seed_style.set(options);
        (options.noise_mode, options.noise_seed) = (NoiseMode::Random, args.noise_seed);
    })?;
    let &Args { ref seeds, draws, .. } = args;
    let area = args.area.unwrap_or_else(|| Area::of_paper(painter.resolution()));
    let rows = seeds.0.len();
    let figure = NoiseDetailFigure { seeds: seeds.clone(), draws, area };
    let what = if rows == 1 { "1 row of pictures".to_owned() } else { format!("{rows} rows of pictures") };
    write(&painter, &source, Content::NoiseDetail(figure), &what, &path, args.out.force)?;
    note(&format!(
        "from left to right: the picture, {area} of it in four draws of noise, the standard deviation of {draws} draws times {}",
        NoiseDetailFigure::DEVIATION_GAIN
    ));
    Ok(Exit::Done)
}
