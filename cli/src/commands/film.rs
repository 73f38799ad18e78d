//! `stylegan film`

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_checkpoint::{Checkpoint, snapshots};
use stylegan_drawing::{
    Content, DrawOptions, LatentSource, LatentSpace, Layout, Painter, Recipe, Seeds, TrainingGrid,
};
use stylegan_media::DynamicImage;
use tracing::{field, info, info_span};

use crate::args::StyleArgs;
use crate::device::DeviceName;
use crate::film::FilmArgs;
use crate::labels::class_of;
use crate::output::{Force, Output, make_folder};
use crate::report::{Exit, Refusal, note};

/// The longest that a film may rest on its last picture.
const MAX_HOLD_SECS: f64 = 60.0;

/// Draw a training as a film: the same latents through all snapshots of a run
///
/// Each snapshot is a frame, at full size from the start: pictures of a network that still grows have larger pixels.
#[derive(Debug, clap::Args)]
#[command(mut_arg("fps", |fps| fps.default_value("10")))]
pub(crate) struct Args {
    /// Folder of the run
    #[arg(value_name = "RUN_DIR")]
    run: PathBuf,

    /// Seeds of the pictures, numbers and ranges such as `0-15,20`
    #[arg(long, value_name = "LIST", default_value = "0-15")]
    seeds: Seeds,

    /// Columns and rows of the pictures [default: nearly square]
    #[arg(long, value_name = "COLUMNSxROWS")]
    grid: Option<Layout>,

    /// Class of all pictures, by its name or its number from 0; for networks with labels alone [default: one class after the
    /// other]
    #[arg(long, value_name = "NAME|N", allow_negative_numbers = true)]
    class: Option<String>,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    device: DeviceName,

    #[command(flatten)]
    film: FilmArgs,

    /// Seconds that the film rests on its last picture, 0 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = hold, allow_negative_numbers = true)]
    hold: f64,

    #[command(flatten)]
    style: StyleArgs,

    /// Film, or folder for one PNG each, of the snapshots' names
    #[arg(long, value_name = "FILE.mp4|FILE.gif|FILE.apng|DIR")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

fn hold(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=MAX_HOLD_SECS).contains(seconds));
    seconds.ok_or_else(|| format!("a rest is from 0 to {MAX_HOLD_SECS} seconds"))
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let output = Output::parse(&args.out)?;
    let layout = args.grid.unwrap_or_else(|| Layout::square(args.seeds.0.len()));
    if !layout.holds(args.seeds.0.len()) {
        let given = args.seeds.0.len();
        let message = format!(
            "`--grid {layout}` has {} cells, but {given} seeds were given",
            layout.columns * layout.rows
        );
        return Err(Refusal::usage(message).hint("leave `--grid` out for a grid that fits").into());
    }
    let paths = snapshots(&args.run)?;
    let Some(last) = paths.last() else {
        return Err(Refusal::new(format!("there is no snapshot in `{}`", args.run.display()))
            .hint("`stylegan train` writes them into a run's folder as `network-snapshot-*.safetensors`")
            .into());
    };
    match output {
        Output::Film(path) => {
            Output::check_file(&path, args.force)?;
            let resolution = Checkpoint::open(last)?.meta().generator.resolution;
            layout.check_size(resolution)?;
            let size = (resolution.width * layout.columns, resolution.height * layout.rows);
            let rest = (args.hold * f64::from(args.film.fps)).round() as usize;
            let frames = (paths.len() + rest) as u32;
            let mut film =
                args.film.create(&path, (size.0 as u32, size.1 as u32), frames, true, args.force)?;
            let mut shown = None;
            draw(args, layout, &paths, |_, _, picture| {
                film.add(&picture)?;
                shown = Some(picture);
                Ok(())
            })?;
            for _ in 0..rest {
                shown.iter().try_for_each(|picture| film.add(picture))?;
            }
            film.finish()?;
            done(paths.len(), &path);
        }
        Output::Folder(folder) => {
            let names: Vec<String> = paths.iter().map(|path| name_of(path)).collect();
            Output::check_folder(&folder, &names, args.force)?;
            make_folder(&folder)?;
            draw(args, layout, &paths, |path, recipe, picture| {
                Ok(recipe.save(&folder.join(name_of(path)), &picture, args.force.force)?)
            })?;
            done(paths.len(), &folder);
        }
        Output::Png(_) | Output::Numbers(_) => {
            return Err(Refusal::usage(format!("`--out {}` is no film", args.out.display()))
                .hint("give one of `.mp4`, `.gif` or `.apng`, or a folder for single pictures, `--out DIR`")
                .into());
        }
    }
    Ok(Exit::Done)
}

/// Draws all snapshots, the oldest first.
fn draw(
    args: &Args,
    layout: Layout,
    paths: &[PathBuf],
    mut sink: impl FnMut(&Path, Recipe, DynamicImage) -> Result<()>,
) -> Result<()> {
    let device = args.device.open()?;
    let span = info_span!("snapshots", total = paths.len(), done = field::Empty).entered();
    for (index, path) in paths.iter().enumerate() {
        let checkpoint = Checkpoint::open(path)?;
        let label_dim = checkpoint.meta().generator.label_dim;
        let class = match &args.class {
            Some(name) => class_of(Some(name), checkpoint.meta(), LatentSpace::Z)?,
            None => None,
        };
        let count = args.seeds.0.len();
        let classes = match (class, label_dim) {
            (_, 0) => Vec::new(),
            (Some(class), _) => vec![class; count],
            (None, _) => (0..count).map(|index| index % label_dim).collect(),
        };
        let mut options = DrawOptions::of(&checkpoint);
        args.style.set(LatentSpace::Z.usual_truncation(), &mut options);
        let painter = Painter::new(&checkpoint, options, &device)?;
        let figure = TrainingGrid { seeds: args.seeds.clone(), grid: layout, classes };
        let recipe = Recipe::new(&painter, &LatentSource::SEEDS, Content::Training(figure));
        let picture = recipe.draw(&painter, &LatentSource::SEEDS)?;
        sink(path, recipe, picture)?;
        span.record("done", index as u64 + 1);
    }
    Ok(())
}

/// The picture of a snapshot has its name.
fn name_of(snapshot: &Path) -> String {
    let name = snapshot.file_stem().unwrap_or_default().to_string_lossy();
    format!("{name}.png")
}

fn done(count: usize, path: &Path) {
    let snapshots = if count == 1 { "1 snapshot".to_owned() } else { format!("{count} snapshots") };
    info!(count, path = %path.display(), "wrote a film of a training");
    note(&format!("drew {snapshots} to `{}`", path.display()));
}
