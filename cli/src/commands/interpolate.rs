//! `stylegan interpolate`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use stylegan_drawing::{
    Content, LatentSpace, Layout, MAX_FRAMES, Painter, Recipe, Seeds, Strip, Walk, pixels,
};
use stylegan_generator::Space;
use stylegan_media::GifWriter;
use stylegan_ops::Resolution;
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::output::{Force, Output, check_pixels, make_folder};
use crate::painter::open_painter;
use crate::report::{Exit, Refusal, note};

/// A film strip of up to this many frames stays one row.
const STRIP: usize = 10;

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
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_FRAMES)))]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SpaceName {
    /// Straight lines between intermediate latents
    W,
    /// Great circles between latents
    Z,
}

impl From<SpaceName> for Space {
    fn from(name: SpaceName) -> Self {
        match name {
            SpaceName::W => Self::W,
            SpaceName::Z => Self::Z,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let &Args { ref seeds, space, frames, looping, .. } = args;
    let walk = Walk { seeds: seeds.clone(), space: space.into(), frames, looping };
    walk.check()?;
    match Output::parse(&args.out)? {
        Output::Gif(path) => {
            Output::check_file(&path, args.force)?;
            write_film(&open(args)?, &walk, args.fps, &path, args.force)?;
        }
        Output::Png(path) => as_strip(args, walk, &path)?,
        Output::Folder(folder) => as_files(args, &walk, &folder)?,
        Output::Numbers(path) => {
            return Err(Refusal::usage(format!("`--out {}`: a walk is written as pictures", path.display()))
                .hint("`stylegan sample` writes the numbers of seeds or latents")
                .into());
        }
    }
    Ok(Exit::Done)
}

fn open(args: &Args) -> Result<Painter> {
    open_painter(&args.network, &args.style, LatentSpace::Z)
}

/// Draws the walk and writes it as a GIF.
pub(super) fn write_film(painter: &Painter, walk: &Walk, fps: u32, path: &Path, force: Force) -> Result<()> {
    let points = walk.path(painter)?;
    let Resolution { width, height } = painter.resolution();
    let size = (width as u32, height as u32);
    let mut film = GifWriter::create(path, size, fps, walk.looping, force.force)?;
    painter.draw_all(
        &walk.all(),
        |&frame| points.sample(frame),
        |_, picture| anyhow::Ok(film.add(&pixels(&picture)?)?),
    )?;
    film.finish()?;
    done(painter, walk, path);
    Ok(())
}

fn as_strip(args: &Args, walk: Walk, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let painter = open(args)?;
    let frames = args.frames as usize;
    let grid = if frames <= STRIP { Layout { columns: frames, rows: 1 } } else { Layout::square(frames) };
    check_pixels(grid, &painter, "write a film, `--out NAME.gif`, or single frames, `--out DIR`")?;
    let strip = Strip { shown: Seeds(walk.all()), walk, grid };
    let picture = strip.draw(&painter)?;
    let recipe = Recipe::new(&painter, Content::Interpolate(strip.clone()));
    recipe.save(path, &picture, args.force.force)?;
    done(&painter, &strip.walk, path);
    Ok(())
}

fn as_files(args: &Args, walk: &Walk, folder: &Path) -> Result<()> {
    let name = |frame: u64| format!("frame{frame:04}.png");
    let names: Vec<String> = walk.all().into_iter().map(name).collect();
    Output::check_folder(folder, &names, args.force)?;
    let painter = open(args)?;
    let points = walk.path(&painter)?;
    make_folder(folder)?;
    painter.draw_all(
        &walk.all(),
        |&frame| points.sample(frame),
        |&frame, picture| {
            let strip = Strip { walk: walk.clone(), shown: Seeds(vec![frame]), grid: Layout::ONE };
            let recipe = Recipe::new(&painter, Content::Interpolate(strip));
            recipe.save(&folder.join(name(frame)), &pixels(&picture)?, args.force.force)
        },
    )?;
    done(&painter, walk, folder);
    Ok(())
}

fn done(painter: &Painter, walk: &Walk, path: &Path) {
    let (resolution, frames) = (painter.resolution(), walk.frames);
    info!(frames, %resolution, path = %path.display(), "wrote frames");
    let frames = if frames == 1 { "1 frame".to_owned() } else { format!("{frames} frames") };
    note(&format!("wrote {frames} of {resolution} to `{}`", path.display()));
}
