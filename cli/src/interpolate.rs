//! `stylegan interpolate`

use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::Tensor;
use clap::ValueEnum;
use stylegan_generator::{Space, interpolate};
use stylegan_media::{GifWriter, grid, save_png};

use crate::layout::Layout;
use crate::network::NetworkArgs;
use crate::output::{Force, Output, make_folder};
use crate::painter::{Painter, Sketch, row};
use crate::report::{Refusal, note};
use crate::seeds::Seeds;
use crate::style::StyleArgs;

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
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=100_000))]
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

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.seeds.0.len() < 2 {
        return Err(Refusal::usage("a walk needs at least two seeds")
            .hint("`--seeds 0,1` walks from seed 0 to seed 1")
            .into());
    }
    match Output::parse(&args.out)? {
        Output::Gif(path) => as_film(args, &path),
        Output::Png(path) => as_strip(args, &path),
        Output::Folder(folder) => as_files(args, &folder),
    }
}

fn as_film(args: &Args, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let walk = Walk::open(args)?;
    let size = (walk.painter.side() as u32, walk.painter.side() as u32);
    let mut film = GifWriter::create(path, size, args.fps, args.looping, args.force.force)?;
    walk.draw(|_, picture| Ok(film.add(&picture)?))?;
    film.finish()?;
    walk.done(path);
    Ok(())
}

fn as_strip(args: &Args, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let walk = Walk::open(args)?;
    let frames = args.frames as usize;
    let layout = if frames <= STRIP { Layout { columns: frames, rows: 1 } } else { Layout::square(frames) };
    layout
        .check_size(walk.painter.side(), "write a film, `--out NAME.gif`, or single frames, `--out DIR`")?;
    let mut pictures = Vec::with_capacity(frames);
    walk.draw(|_, picture| {
        pictures.push(picture);
        Ok(())
    })?;
    save_png(path, &grid(&pictures, layout.columns, layout.rows), args.force.force)?;
    walk.done(path);
    Ok(())
}

fn as_files(args: &Args, folder: &Path) -> Result<()> {
    let name = |frame: usize| format!("frame{frame:04}.png");
    let names: Vec<String> = (0..args.frames as usize).map(name).collect();
    Output::check_folder(folder, &names, args.force)?;
    let walk = Walk::open(args)?;
    make_folder(folder)?;
    walk.draw(|frame, picture| Ok(save_png(&folder.join(name(frame)), &picture, args.force.force)?))?;
    walk.done(folder);
    Ok(())
}

/// The points of a walk and who draws them.
struct Walk {
    painter: Painter,
    /// `[frames, dim]`, in z or w
    points: Tensor,
    space: SpaceName,
    frames: usize,
}

impl Walk {
    fn open(args: &Args) -> Result<Self> {
        let painter = Painter::open(&args.network, &args.style)?;
        let frames = args.frames as usize;
        let keys = args.seeds.0.iter().map(|&seed| match args.space {
            SpaceName::Z => painter.z(seed),
            SpaceName::W => painter.w(&painter.z(seed)?),
        });
        let keys = Tensor::cat(&keys.collect::<Result<Vec<_>>>()?, 0)?;
        let space = match args.space {
            SpaceName::W => Space::W,
            SpaceName::Z => Space::Z,
        };
        let points = interpolate(&keys, frames, args.looping, space)?;
        Ok(Self { painter, points, space: args.space, frames })
    }

    fn draw(&self, mut sink: impl FnMut(usize, stylegan_media::RgbImage) -> Result<()>) -> Result<()> {
        let frames: Vec<usize> = (0..self.frames).collect();
        let sketch = |&frame: &usize| {
            let point = row(&self.points, frame)?;
            let w = match self.space {
                SpaceName::W => point,
                SpaceName::Z => self.painter.w(&point)?,
            };
            Ok(Sketch { w_plus: self.painter.w_plus(&w)?, noise_of: vec![frame as u64] })
        };
        self.painter.draw(&frames, sketch, |&frame, picture| sink(frame, picture))
    }

    fn done(&self, path: &Path) {
        let (frames, side) = (self.frames, self.painter.side());
        let frames = if frames == 1 { "1 frame".to_owned() } else { format!("{frames} frames") };
        note(&format!("wrote {frames} of {side}x{side} to `{}`", path.display()));
    }
}
