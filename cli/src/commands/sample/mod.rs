//! `stylegan sample`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgGroup, ValueEnum};
use stylegan_drawing::{Content, LatentFile, LatentSource, Layout, Painter, Recipe, Seeds, pixels};
use stylegan_media::NumbersWriter;
use stylegan_ops::Resolution;
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::output::{Force, Output, check_pixels, make_folder};
use crate::painter::open_painter;
use crate::report::{Exit, Refusal, note};

mod like;

/// Draw the pictures of seeds
///
/// The picture of a seed is a function of the checkpoint, the seed, truncation and noise: it does not depend on what
/// else is drawn. Every PNG has all of these in it, and `--like` draws it again.
#[derive(Debug, clap::Args)]
#[command(alias = "generate", group(ArgGroup::new("what").required(true).multiple(true).args(["seeds", "latents", "like"])))]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the pictures, numbers and ranges such as `0-15,20`
    #[arg(long, value_name = "LIST", conflicts_with_all = ["latents", "like"])]
    seeds: Option<Seeds>,

    /// Latents of the pictures, in place of seeds: a tensor `z [n, z_dim]`, `w [n, w_dim]` or `w_plus [n, num_layers,
    /// w_dim]` of f16, bf16, f32 or f64
    ///
    /// Of NumPy, `.npz` with an array of one of these names is read, as NVIDIA's projector writes it, and `.npy` of `w_plus`.
    ///
    /// `z` and `w` are truncated as those of seeds are. `w_plus` is drawn as it is, unless `--truncation-psi` or
    /// `--truncation-cutoff` is given.
    #[arg(long, value_name = "FILE.safetensors|FILE.npz|FILE.npy", conflicts_with = "seed_style")]
    latents: Option<PathBuf>,

    /// Picture to be drawn again, pixel for pixel: a PNG that `sample`, `mix`, `figure` or `interpolate` wrote from the
    /// same checkpoint, and from `--latents` if it was drawn from such a file
    #[arg(long, value_name = "PICTURE.png", conflicts_with_all = ["class", "truncation_psi", "truncation_cutoff",
          "noise_mode", "noise_seed", "seed_style", "grid", "dtype"])]
    like: Option<PathBuf>,

    #[command(flatten)]
    style: StyleArgs,

    /// Columns and rows of a PNG of several pictures [default: nearly square]
    #[arg(long, value_name = "COLUMNSxROWS")]
    grid: Option<Layout>,

    /// PNG of all pictures, folder for one `seed0000.png` or `latent0000.png` each, or file for their numbers: a tensor
    /// `images [n, channels, height, width]`, mostly from -1 to 1, as the network draws it, neither clamped nor quantized
    #[arg(long, alias = "outdir", value_name = "FILE.png|DIR|FILE.safetensors")]
    out: PathBuf,

    /// Type of the numbers in a `.safetensors` file [default: f32]
    #[arg(long, value_enum, value_name = "TYPE")]
    dtype: Option<NumberType>,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NumberType {
    /// 32 bits, as they are computed
    F32,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    if let Some(picture) = &args.like {
        return like::run(picture, args);
    }
    let output = Output::parse(&args.out)?;
    let out = args.out.display();
    if args.grid.is_some() && !matches!(output, Output::Png(_)) {
        let message = match output {
            Output::Folder(_) => format!("`--grid` makes one picture, but `--out {out}` is a folder"),
            _ => format!("`--grid` makes one picture, but `--out {out}` is none"),
        };
        let hint = "give a file, `--out NAME.png`, or leave `--grid` out";
        return Err(Refusal::usage(message).hint(hint).into());
    }
    if args.dtype.is_some() && !matches!(output, Output::Numbers(_)) {
        return Err(Refusal::usage(format!("`--dtype` is for numbers, but `--out {out}` is for pictures"))
            .hint("numbers are written into a file, `--out NAME.safetensors`")
            .into());
    }
    match output {
        Output::Png(path) => as_grid(args, &path)?,
        Output::Folder(folder) => as_files(args, &folder)?,
        Output::Numbers(path) => as_numbers(args, &path)?,
        Output::Gif(_) => {
            return Err(Refusal::usage(format!("`--out {out}`: single pictures make no film"))
                .hint("`stylegan interpolate` writes a walk between seeds as a GIF")
                .into());
        }
    }
    Ok(Exit::Done)
}

/// What is drawn, and the seeds or the rows of the file's tensor.
fn source(args: &Args) -> Result<(LatentSource, Vec<u64>)> {
    match (&args.latents, &args.seeds) {
        (Some(path), _) => {
            let latents = LatentFile::open(path)?;
            info!(path = %path.display(), space = %latents.space(), count = latents.count(), "opened latents");
            let rows = (0..latents.count() as u64).collect();
            Ok((LatentSource::File(latents), rows))
        }
        (None, Some(seeds)) => Ok((LatentSource::Seeds, seeds.0.clone())),
        (None, None) => Err(Refusal::usage("`--seeds LIST` is missing").into()),
    }
}

fn painter(args: &Args, source: &LatentSource, numbers: &[u64]) -> Result<Painter> {
    let painter = open_painter(&args.network, &args.style, source.space())?;
    source.check(&painter, numbers)?;
    Ok(painter)
}

fn as_grid(args: &Args, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let (source, numbers) = source(args)?;
    let layout = args.grid.unwrap_or_else(|| Layout::square(numbers.len()));
    if !layout.holds(numbers.len()) {
        let given = match source {
            LatentSource::Seeds => format!("{} seeds were given", numbers.len()),
            LatentSource::File(_) => format!("there are {} latents", numbers.len()),
        };
        return Err(Refusal::usage(format!(
            "`--grid {layout}` has {} cells, but {given}",
            layout.columns * layout.rows
        ))
        .hint("leave `--grid` out for a grid that fits")
        .into());
    }
    let painter = painter(args, &source, &numbers)?;
    check_pixels(layout, &painter, "write single pictures into a folder, `--out DIR`, or draw fewer")?;
    let picture = source.grid(&painter, &numbers, layout)?;
    Recipe::new(&painter, Content::grid(&source, &numbers, layout)).save(path, &picture, args.force.force)?;
    done(&painter, numbers.len(), path);
    Ok(())
}

fn as_files(args: &Args, folder: &Path) -> Result<()> {
    let (source, mut numbers) = source(args)?;
    // Each seed has one file, however often it is given.
    numbers.sort_unstable();
    numbers.dedup();
    let name = |number: u64| match source {
        LatentSource::Seeds => format!("seed{number:04}.png"),
        LatentSource::File(_) => format!("latent{number:04}.png"),
    };
    let names: Vec<String> = numbers.iter().map(|&number| name(number)).collect();
    Output::check_folder(folder, &names, args.force)?;
    let painter = painter(args, &source, &numbers)?;
    make_folder(folder)?;
    painter.draw_all(
        &numbers,
        |&number| source.sample(&painter, number),
        |&number, picture| {
            let recipe = Recipe::new(&painter, Content::grid(&source, &[number], Layout::ONE));
            recipe.save(&folder.join(name(number)), &pixels(&picture)?, args.force.force)
        },
    )?;
    done(&painter, numbers.len(), folder);
    Ok(())
}

fn as_numbers(args: &Args, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let (source, numbers) = source(args)?;
    let painter = painter(args, &source, &numbers)?;
    let Resolution { width, height } = painter.resolution();
    let shape = [numbers.len(), painter.config().num_channels, height, width];
    let mut writer = NumbersWriter::create(path, shape, args.force.force)?;
    painter.draw_all(
        &numbers,
        |&number| source.sample(&painter, number),
        |_, picture| anyhow::Ok(writer.add(&picture)?),
    )?;
    writer.finish()?;
    done(&painter, numbers.len(), path);
    Ok(())
}

fn done(painter: &Painter, count: usize, path: &Path) {
    let resolution = painter.resolution();
    let pictures = if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") };
    info!(count, %resolution, path = %path.display(), "wrote pictures");
    note(&format!("wrote {pictures} of {resolution} to `{}`", path.display()));
}
