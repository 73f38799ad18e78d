//! `stylegan interpolate`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgGroup, ValueEnum};
use stylegan_drawing::{
    Content, LatentIds, LatentSource, Layers, Layout, MAX_FRAMES, Painter, Recipe, Seeds, Strip, Walk,
    WalkPath, WalkSpace,
};
use stylegan_generator::Easing;
use stylegan_ops::Resolution;
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::film::FilmArgs;
use crate::labels::classes_of;
use crate::latents::{LatentArgs, space_of};
use crate::output::{Force, Output, check_pixels, make_folder};
use crate::painter::open_painter_and;
use crate::report::{Exit, Refusal, note};

/// A film strip of up to this many frames stays one row.
const STRIP: usize = 10;

/// Draw a walk through latent space
///
/// The walk visits seeds, and latents of a file, in order, equally long on the way from each to the next. In w it goes
/// straight, in z along great circles; with `--walk spline` without corners, and with `--walk smooth` it visits nothing and
/// wanders.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["seeds", "latents"])))]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds to visit, at least two, numbers and ranges such as `0,1,2`, or `@0` and so on of `--latents`, whose rows are all
    /// visited if none is named; with `--walk smooth` a seed for each walk
    #[arg(long, value_name = "LIST")]
    seeds: Option<LatentIds>,

    #[command(flatten)]
    latents: LatentArgs,

    /// Classes to visit, one for each seed, or for the only one; for networks with labels
    #[arg(long, value_name = "NAME|N,…", value_delimiter = ',', conflicts_with_all = ["class", "label"])]
    classes: Vec<String>,

    /// Latent space of the walk [default: w, and z of a smooth one]
    #[arg(long, value_enum, value_name = "SPACE")]
    space: Option<SpaceName>,

    /// Way from one to the next
    #[arg(long, value_enum, value_name = "WAY", default_value_t = Way::Straight)]
    walk: Way,

    /// Seconds over which `--walk smooth` smooths noise, as the deviation of a Gaussian: the longer, the slower
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = smoothing, allow_negative_numbers = true)]
    smoothing: f64,

    /// Speed between one and the next
    #[arg(long, value_enum, value_name = "EASING", default_value_t = EasingName::None)]
    easing: EasingName,

    /// Layers that go, such as `0-3` for pose and shape; the others stay with the first latent [default: all]
    #[arg(long, value_name = "LIST")]
    layers: Option<Layers>,

    /// Walks side by side, which share the seeds among them [default: one; of smooth ones one for each seed]
    #[arg(long, value_name = "COLUMNSxROWS")]
    grid: Option<Layout>,

    /// Frames of the whole walk, 1 to 100000 [default: 120]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_FRAMES)), conflicts_with = "seconds")]
    frames: Option<u32>,

    /// Length of the film in seconds, in place of `--frames`
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<f64>,

    /// Go on from the last seed back to the first, and repeat the film endlessly; smooth walks always do
    #[arg(long = "loop")]
    looping: bool,

    #[command(flatten)]
    film: FilmArgs,

    #[command(flatten)]
    style: StyleArgs,

    /// Film, PNG of all frames, or folder for one `frame0000.png` each
    #[arg(long, value_name = "FILE.mp4|FILE.gif|FILE.apng|FILE.png|DIR")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SpaceName {
    /// Intermediate latents, behind the mapping network
    W,
    /// Latents, before the mapping network
    Z,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Straight on: in w along lines, in z along great circles
    Straight,
    /// Along a cubic spline, without corners
    Spline,
    /// Through noise that is smoothed over time, as in the films of Progressive GAN
    Smooth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EasingName {
    /// The same all the time
    None,
    /// Slowly away and slowly towards
    InOut,
}

/// A length of time that a film may have.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=f64::from(MAX_FRAMES)).contains(&seconds) => Ok(seconds),
        _ => Err(format!("a time is from 0.01 to {MAX_FRAMES} seconds")),
    }
}

/// A smoothing whose frames can be counted at any speed.
fn smoothing(text: &str) -> Result<f64, String> {
    let smoothing = text.parse().ok().filter(|seconds| (0.01..=400.0).contains(seconds));
    smoothing.ok_or_else(|| "noise is smoothed over 0.01 to 400 seconds".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let output = Output::parse(&args.out)?;
    let (source, walk) = walk(args)?;
    if args.classes.is_empty() {
        walk.check()?;
    }
    match output {
        Output::Film(path) => {
            Output::check_file(&path, args.force)?;
            let (painter, walk) = open(args, &source, walk)?;
            write_film(&painter, &source, &walk, args.film, &path, args.force)?;
        }
        Output::Png(path) => as_strip(args, &source, walk, &path)?,
        Output::Folder(folder) => as_files(args, &source, walk, &folder)?,
        Output::Numbers(path) => {
            return Err(Refusal::usage(format!("`--out {}`: a walk is written as pictures", path.display()))
                .hint("`stylegan sample` writes the numbers of seeds or latents")
                .into());
        }
    }
    Ok(Exit::Done)
}

/// What is walked through, and the walk without its classes.
fn walk(args: &Args) -> Result<(LatentSource, Walk)> {
    let (source, seeds) = args.latents.open_with_all(args.seeds.as_ref())?;
    let is_smooth = args.walk == Way::Smooth;
    let space = match args.space {
        Some(SpaceName::Z) => WalkSpace::Z,
        None if is_smooth => WalkSpace::Z,
        Some(SpaceName::W) | None => WalkSpace::W,
    };
    let fps = f64::from(args.film.fps);
    let frames = match (args.frames, args.seconds) {
        (Some(frames), _) => frames,
        (None, Some(seconds)) => ((seconds * fps).round() as u32).max(1),
        (None, None) => 120,
    };
    let path = match args.walk {
        Way::Straight => WalkPath::Straight,
        Way::Spline => WalkPath::Spline,
        Way::Smooth => WalkPath::Smooth { deviation: args.smoothing * fps },
    };
    let easing = match args.easing {
        EasingName::None => Easing::None,
        EasingName::InOut => Easing::InOut,
    };
    let walks = match args.grid {
        Some(grid) => grid,
        None if is_smooth => all_in(seeds.0.len()),
        None => Layout::ONE,
    };
    let looping = args.looping || is_smooth;
    let layers = args.layers.clone();
    Ok((source, Walk { path, easing, layers, walks, ..Walk::new(seeds, space, frames, looping) }))
}

/// The layout nearest to a square without a place left over.
fn all_in(count: usize) -> Layout {
    let rows = (1..=count.isqrt()).rev().find(|rows| count.is_multiple_of(*rows)).unwrap_or(1);
    Layout { columns: count / rows, rows }
}

/// The painter, and the walk with its classes.
fn open(args: &Args, source: &LatentSource, mut walk: Walk) -> Result<(Painter, Walk)> {
    // Between classes the walk itself names them.
    let space = match args.classes.as_slice() {
        [] => space_of(source, &[&walk.seeds]),
        _ => stylegan_drawing::LatentSpace::W,
    };
    let mut classes = Vec::new();
    let painter = open_painter_and(&args.network, &args.style, space, |meta| {
        classes = classes_of("--classes", &args.classes, meta)?;
        Ok(())
    })?;
    match (classes.len(), walk.seeds.0.len()) {
        // The same seed in each class, or all seeds in the same class.
        (2.., 1) => walk.seeds.0 = walk.seeds.0.repeat(classes.len()),
        (1, seeds) => classes = classes.repeat(seeds),
        _ => {}
    }
    walk.classes = classes;
    walk.check()?;
    Ok((painter, walk))
}

/// Draws the walk and writes it as a film.
pub(super) fn write_film(
    painter: &Painter,
    source: &LatentSource,
    walk: &Walk,
    film: FilmArgs,
    path: &Path,
    force: Force,
) -> Result<()> {
    let Resolution { width, height } = painter.resolution();
    let (width, height) = (width * walk.walks.columns, height * walk.walks.rows);
    let size = (width as u32, height as u32);
    let mut film = film.create(path, size, walk.frames, walk.looping, force)?;
    walk.draw(painter, source, &walk.all(), |_, picture| anyhow::Ok(film.add(&picture)?))?;
    film.finish()?;
    done(painter, walk, path);
    Ok(())
}

fn as_strip(args: &Args, source: &LatentSource, walk: Walk, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let (painter, walk) = open(args, source, walk)?;
    let frames = walk.frames as usize;
    let grid = if frames <= STRIP { Layout { columns: frames, rows: 1 } } else { Layout::square(frames) };
    check_pixels(grid, &painter, "write a film, `--out NAME.mp4`, or single frames, `--out DIR`")?;
    let strip = Strip { shown: Seeds(walk.all()), walk, grid };
    let picture = strip.draw(&painter, source)?;
    let recipe = Recipe::new(&painter, source, Content::Interpolate(strip.clone()));
    recipe.save(path, &picture, args.force.force)?;
    done(&painter, &strip.walk, path);
    Ok(())
}

fn as_files(args: &Args, source: &LatentSource, walk: Walk, folder: &Path) -> Result<()> {
    let name = |frame: u64| format!("frame{frame:04}.png");
    let names: Vec<String> = walk.all().into_iter().map(name).collect();
    Output::check_folder(folder, &names, args.force)?;
    let (painter, walk) = open(args, source, walk)?;
    walk.check_latents(&painter, source)?;
    make_folder(folder)?;
    walk.draw(&painter, source, &walk.all(), |frame, picture| {
        let strip = Strip { walk: walk.clone(), shown: Seeds(vec![frame]), grid: Layout::ONE };
        let recipe = Recipe::new(&painter, source, Content::Interpolate(strip));
        anyhow::Ok(recipe.save(&folder.join(name(frame)), &picture, args.force.force)?)
    })?;
    done(&painter, &walk, folder);
    Ok(())
}

fn done(painter: &Painter, walk: &Walk, path: &Path) {
    let Resolution { width, height } = painter.resolution();
    let resolution = Resolution { width: width * walk.walks.columns, height: height * walk.walks.rows };
    let frames = walk.frames;
    info!(frames, %resolution, path = %path.display(), "wrote frames");
    let frames = if frames == 1 { "1 frame".to_owned() } else { format!("{frames} frames") };
    note(&format!("wrote {frames} of {resolution} to `{}`", path.display()));
}
