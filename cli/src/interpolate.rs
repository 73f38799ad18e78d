//! `stylegan interpolate`

use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::Tensor;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use stylegan_base::units::grouped;
use stylegan_generator::{Space, interpolate};
use stylegan_media::{GifWriter, RgbImage, grid};

use crate::latents::LatentSpace;
use crate::layout::Layout;
use crate::network::NetworkArgs;
use crate::output::{Force, Output, make_folder};
use crate::painter::{Painter, Sketch, pixels, row};
use crate::recipe::{Subject, text};
use crate::report::{Refusal, note};
use crate::seeds::Seeds;
use crate::style::StyleArgs;

/// A film strip of up to this many frames stays one row.
const STRIP: usize = 10;
/// Seeds and frames of the longest walk.
pub(crate) const MOST_FRAMES: u32 = 100_000;

/// Draw a walk through latent space
///
/// The walk visits the seeds in order at even steps. In w it goes straight from one to the next, in z along great
/// circles.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds to visit, at least two, numbers and ranges such as `0,1,2`
    #[arg(long, value_name = "LIST")]
    seeds: Seeds,

    /// Latent space of the walk
    #[arg(long, value_enum, value_name = "SPACE", default_value_t = SpaceName::W)]
    space: SpaceName,

    /// Frames of the whole walk, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_FRAMES)))]
    frames: u32,

    /// Go on from the last seed back to the first, and repeat the GIF endlessly
    #[arg(long = "loop")]
    looping: bool,

    /// Frames per second of the GIF, 1 to 50
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=50))]
    fps: u32,

    #[command(flatten)]
    style: StyleArgs,

    /// Film, PNG of all frames, or folder for one `frame0000.png` each
    #[arg(long, value_name = "FILE.gif|FILE.png|DIR")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpaceName {
    /// Straight lines between intermediate latents
    W,
    /// Great circles between latents
    Z,
}

/// A walk, under the names of a recipe's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Walk {
    #[serde(with = "text")]
    seeds: Seeds,
    space: SpaceName,
    pub(crate) frames: u32,
    #[serde(rename = "loop")]
    looping: bool,
}

/// Some frames of a walk in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strip {
    #[serde(flatten)]
    pub(crate) walk: Walk,
    /// Numbers of the frames, from 0.
    #[serde(with = "text")]
    pub(crate) shown: Seeds,
    #[serde(with = "text")]
    pub(crate) grid: Layout,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Args { seeds, space, frames, looping, .. } = args;
    let walk = Walk { seeds: seeds.clone(), space: *space, frames: *frames, looping: *looping };
    walk.check()?;
    match Output::parse(&args.out)? {
        Output::Gif(path) => as_film(args, &walk, &path),
        Output::Png(path) => as_strip(args, walk, &path),
        Output::Folder(folder) => as_files(args, &walk, &folder),
        Output::Numbers(path) => {
            Err(Refusal::usage(format!("`--out {}`: a walk is written as pictures", path.display()))
                .hint("`stylegan sample` writes the numbers of seeds or latents")
                .into())
        }
    }
}

fn open(args: &Args) -> Result<Painter> {
    Painter::open(&args.network, &args.style, LatentSpace::Z)
}

fn as_film(args: &Args, walk: &Walk, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let painter = open(args)?;
    let points = walk.points(&painter)?;
    let size = (painter.side() as u32, painter.side() as u32);
    let mut film = GifWriter::create(path, size, args.fps, args.looping, args.force.force)?;
    walk.draw(&painter, &points, &walk.all(), |_, picture| Ok(film.add(&picture)?))?;
    film.finish()?;
    done(&painter, args.frames, path);
    Ok(())
}

fn as_strip(args: &Args, walk: Walk, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let painter = open(args)?;
    let frames = args.frames as usize;
    let grid = if frames <= STRIP { Layout { columns: frames, rows: 1 } } else { Layout::square(frames) };
    let strip = Strip { shown: Seeds(walk.all()), walk, grid };
    let picture = strip.draw(&painter)?;
    painter.recipe(Subject::Interpolate(strip)).save(path, &picture, args.force)?;
    done(&painter, args.frames, path);
    Ok(())
}

fn as_files(args: &Args, walk: &Walk, folder: &Path) -> Result<()> {
    let name = |frame: u64| format!("frame{frame:04}.png");
    let names: Vec<String> = walk.all().into_iter().map(name).collect();
    Output::check_folder(folder, &names, args.force)?;
    let painter = open(args)?;
    let points = walk.points(&painter)?;
    make_folder(folder)?;
    walk.draw(&painter, &points, &walk.all(), |frame, picture| {
        let strip = Strip { walk: walk.clone(), shown: Seeds(vec![frame]), grid: Layout::ONE };
        let recipe = painter.recipe(Subject::Interpolate(strip));
        recipe.save(&folder.join(name(frame)), &picture, args.force)
    })?;
    done(&painter, args.frames, folder);
    Ok(())
}

fn done(painter: &Painter, frames: u32, path: &Path) {
    let side = painter.side();
    let frames = if frames == 1 { "1 frame".to_owned() } else { format!("{frames} frames") };
    note(&format!("wrote {frames} of {side}x{side} to `{}`", path.display()));
}

impl Walk {
    /// The numbers of all its frames.
    fn all(&self) -> Vec<u64> {
        (0..self.frames.into()).collect()
    }

    fn check(&self) -> Result<()> {
        let count = self.seeds.0.len();
        if count < 2 {
            return Err(Refusal::usage("a walk needs at least two seeds")
                .hint("`--seeds 0,1` walks from seed 0 to seed 1")
                .into());
        }
        if count > MOST_FRAMES as usize {
            let (count, most) = (grouped(count), grouped(MOST_FRAMES));
            return Err(Refusal::usage(format!("a walk visits up to {most} seeds, not {count}")).into());
        }
        Ok(())
    }

    /// The points of all frames, `[frames, dim]`, in z or w.
    fn points(&self, painter: &Painter) -> Result<Tensor> {
        self.check()?;
        painter.check_seeds(&self.seeds.0)?;
        let keys = self.seeds.0.iter().map(|&seed| match self.space {
            SpaceName::Z => painter.z(seed),
            SpaceName::W => painter.w(&painter.z(seed)?),
        });
        let keys = Tensor::cat(&keys.collect::<Result<Vec<_>>>()?, 0)?;
        let space = match self.space {
            SpaceName::W => Space::W,
            SpaceName::Z => Space::Z,
        };
        Ok(interpolate(&keys, self.frames as usize, self.looping, space)?)
    }

    fn draw(
        &self,
        painter: &Painter,
        points: &Tensor,
        frames: &[u64],
        mut sink: impl FnMut(u64, RgbImage) -> Result<()>,
    ) -> Result<()> {
        let sketch = |&frame: &u64| {
            let point = row(points, frame as usize)?;
            let w = match self.space {
                SpaceName::W => point,
                SpaceName::Z => painter.w(&point)?,
            };
            Ok(Sketch { w_plus: painter.w_plus(&w)?, noise_of: vec![frame] })
        };
        painter.draw(frames, sketch, |&frame, picture| sink(frame, pixels(&picture)?))
    }
}

impl Strip {
    pub(crate) fn draw(&self, painter: &Painter) -> Result<RgbImage> {
        let Self { walk, shown: Seeds(shown), grid: Layout { columns, rows } } = self;
        self.grid
            .check_size(painter.side(), "write a film, `--out NAME.gif`, or single frames, `--out DIR`")?;
        let mut pictures = Vec::with_capacity(shown.len());
        walk.draw(painter, &walk.points(painter)?, shown, |_, picture| {
            pictures.push(picture);
            Ok(())
        })?;
        Ok(grid(&pictures, *columns, *rows))
    }
}
