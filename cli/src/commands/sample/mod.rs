//! `stylegan sample`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgGroup, ValueEnum};
use stylegan_drawing::{
    Content, LatentId, LatentIds, LatentSource, LatentSpace, Layout, Painter, Recipe, pixels,
};
use stylegan_media::{NumbersWriter, PROGRAM};
use stylegan_ops::Resolution;
use stylegan_peers::Seat;
use tracing::info;

use crate::args::{NetworkArgs, StyleArgs};
use crate::latents::{LatentArgs, space_of};
use crate::output::{Force, Output, check_pixels, make_folder};
use crate::painter::open_painter;
use crate::report::{Exit, Refusal, note};

mod like;
mod moved;

use moved::MovedArgs;

/// Draw the pictures of seeds
///
/// The picture of a seed is a function of the checkpoint, the seed, truncation and noise: it does not depend on what
/// else is drawn. Every PNG has all of these in it, and `--like` draws it again. Several processes, started by `mpirun` or
/// Slurm, share the files of a folder.
#[derive(Debug, clap::Args)]
#[command(alias = "generate", group(ArgGroup::new("what").required(true).multiple(true).args(["seeds", "latents", "like", "recipe"])))]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the pictures, numbers and ranges such as `0-15,20`, or `@0` and so on of `--latents`
    #[arg(long, value_name = "LIST", conflicts_with = "like")]
    seeds: Option<LatentIds>,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    moved: MovedArgs,

    /// Write the latents of the pictures as well, in the format that the name says; noise images that a file of latents has go into
    /// a safetensors file alone
    #[arg(long, value_name = "FILE.safetensors|FILE.npz|FILE.npy", conflicts_with = "like")]
    save_latents: Option<PathBuf>,

    /// Space of the saved latents: `w_plus` has truncation in it and draws the same pictures, `z` and `w` are not truncated
    #[arg(long, value_enum, value_name = "SPACE", default_value_t = SpaceName::WPlus, requires = "save_latents")]
    latent_space: SpaceName,

    /// Picture to be drawn again, pixel for pixel: a PNG that `sample`, `mix`, `figure` or `interpolate` wrote from the
    /// same checkpoint, and from `--latents` if it was drawn from such a file
    #[arg(long, value_name = "PICTURE.png", conflicts_with_all = ["class", "label", "truncation_psi", "truncation_cutoff",
          "truncation_layers", "noise_mode", "noise_seed", "seed_style", "grid", "dtype"])]
    like: Option<PathBuf>,

    /// The same of a recipe itself, which is JSON: what `--like` finds in a picture, and the studio copies as a command
    #[arg(long, value_name = "JSON", conflicts_with_all = ["like", "seeds", "save_latents", "class", "label", "truncation_psi",
          "truncation_cutoff", "truncation_layers", "noise_mode", "noise_seed", "seed_style", "grid", "dtype"])]
    recipe: Option<String>,

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
#[value(rename_all = "snake_case")]
enum SpaceName {
    /// Before the mapping network
    Z,
    /// Behind it
    W,
    /// A w for each layer, as it is drawn
    WPlus,
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
    if let Some(recipe) = &args.recipe {
        return like::run_recipe(recipe, args);
    }
    let output = Output::parse(&args.out)?;
    let seat = Seat::from_environment()?;
    if let Some(path) = args.save_latents.as_ref().filter(|_| seat.rank == 0) {
        Output::check_file(path, args.force)?;
    }
    let out = args.out.display();
    if args.grid.is_some() && !matches!(output, Output::Png(_)) {
        let message = match output {
            Output::Folder(_) => format!("`--grid` makes one picture, but `--out {out}` is a folder"),
            _ => format!("`--grid` makes one picture, but `--out {out}` is none"),
        };
        let hint = "give a file, `--out NAME.png`, or leave `--grid` out";
        return Err(Refusal::usage(message).hint(hint).into());
    }
    if args.moved.direction.is_some() {
        return moved::run(&output, args);
    }
    if args.dtype.is_some() && !matches!(output, Output::Numbers(_)) {
        return Err(Refusal::usage(format!("`--dtype` is for numbers, but `--out {out}` is for pictures"))
            .hint("numbers are written into a file, `--out NAME.safetensors`")
            .into());
    }
    match output {
        Output::Png(path) => as_grid(args, &path)?,
        Output::Folder(folder) => as_files(args, &folder, &seat)?,
        Output::Numbers(path) => as_numbers(args, &path)?,
        Output::Film(_) => {
            return Err(Refusal::usage(format!("`--out {out}`: single pictures make no film"))
                .hint("`stylegan interpolate` writes a walk between seeds as a film")
                .into());
        }
    }
    Ok(Exit::Done)
}

fn source(args: &Args) -> Result<(LatentSource, LatentIds)> {
    args.latents.open_with_all(args.seeds.as_ref())
}

fn painter(args: &Args, source: &LatentSource, ids: &LatentIds) -> Result<Painter> {
    let painter = open_painter(&args.network, &args.style, space_of(source, &[ids]))?;
    source.check(&painter, &ids.0)?;
    if let Some(path) = &args.save_latents {
        save_latents(args, path, &painter, source, ids)?;
    }
    Ok(painter)
}

fn save_latents(
    args: &Args,
    path: &Path,
    painter: &Painter,
    source: &LatentSource,
    ids: &LatentIds,
) -> Result<()> {
    let space = match args.latent_space {
        SpaceName::Z => LatentSpace::Z,
        SpaceName::W => LatentSpace::W,
        SpaceName::WPlus => LatentSpace::WPlus,
    };
    let latents = source.latents(painter, &ids.0, space)?;
    let hash = painter.origin().hash();
    let noise = source.noise_images(&ids.0)?;
    let texts = [("program", PROGRAM), ("checkpoint", hash)];
    latents.save_with_noise(path, noise.as_ref(), &texts, args.force.force)?;
    let count = if ids.0.len() == 1 { "1 latent".to_owned() } else { format!("{} latents", ids.0.len()) };
    note(&format!("wrote {count} `{space}` to `{}`", path.display()));
    Ok(())
}

fn as_grid(args: &Args, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let (source, ids) = source(args)?;
    let count = ids.0.len();
    let layout = args.grid.unwrap_or_else(|| Layout::square(count));
    if !layout.holds(count) {
        let given = match source.file() {
            None => format!("{count} seeds were given"),
            Some(_) => format!("there are {count} latents"),
        };
        return Err(Refusal::usage(format!(
            "`--grid {layout}` has {} cells, but {given}",
            layout.columns * layout.rows
        ))
        .hint("leave `--grid` out for a grid that fits")
        .into());
    }
    let painter = painter(args, &source, &ids)?;
    check_pixels(layout, &painter, "write single pictures into a folder, `--out DIR`, or draw fewer")?;
    let picture = source.grid(&painter, &ids.0, layout)?;
    let content = Content::grid(&source, &ids, layout);
    Recipe::new(&painter, &source, content).save(path, &picture, args.force.force)?;
    done(&painter, count, path);
    Ok(())
}

/// Of several processes, each draws its share, for which it needs none of the others.
fn as_files(args: &Args, folder: &Path, seat: &Seat) -> Result<()> {
    let (source, mut all) = source(args)?;
    // Each has one file, however often it is given.
    all.0.sort_unstable();
    all.0.dedup();
    let ids = LatentIds(all.0.iter().copied().skip(seat.rank).step_by(seat.world).collect());
    let name = |id: LatentId| match id {
        LatentId::Seed(seed) => format!("seed{seed:04}.png"),
        LatentId::Row(row) => format!("latent{row:04}.png"),
    };
    let names: Vec<String> = ids.0.iter().map(|&id| name(id)).collect();
    Output::check_folder(folder, &names, args.force)?;
    let painter = open_painter(&args.network, &args.style, space_of(&source, &[&all]))?;
    source.check(&painter, &ids.0)?;
    if let Some(path) = args.save_latents.as_ref().filter(|_| seat.rank == 0) {
        save_latents(args, path, &painter, &source, &all)?;
    }
    make_folder(folder)?;
    painter.draw_all(
        &ids.0,
        |&id| source.sample(&painter, id),
        |&id, picture| {
            let content = Content::grid(&source, &LatentIds(vec![id]), Layout::ONE);
            let recipe = Recipe::new(&painter, &source, content);
            recipe.save(&folder.join(name(id)), &pixels(&picture)?, args.force.force)
        },
    )?;
    done(&painter, ids.0.len(), folder);
    if seat.world > 1 {
        let (own, world) = (seat.rank + 1, seat.world);
        note(&format!("these are the pictures of process {own} of {world}, of {} in all", all.0.len()));
    }
    Ok(())
}

fn as_numbers(args: &Args, path: &Path) -> Result<()> {
    Output::check_file(path, args.force)?;
    let (source, ids) = source(args)?;
    let painter = painter(args, &source, &ids)?;
    let Resolution { width, height } = painter.resolution();
    let shape = [ids.0.len(), painter.config().num_channels, height, width];
    let mut writer = NumbersWriter::create(path, shape, args.force.force)?;
    painter.draw_all(
        &ids.0,
        |&id| source.sample(&painter, id),
        |_, picture| anyhow::Ok(writer.add(&picture)?),
    )?;
    writer.finish()?;
    done(&painter, ids.0.len(), path);
    Ok(())
}

fn done(painter: &Painter, count: usize, path: &Path) {
    let resolution = painter.resolution();
    let pictures = if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") };
    info!(count, %resolution, path = %path.display(), "wrote pictures");
    note(&format!("wrote {pictures} of {resolution} to `{}`", path.display()));
}
