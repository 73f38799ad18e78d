//! `stylegan sample`

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_media::{grid, save_png};

use crate::layout::Layout;
use crate::network::NetworkArgs;
use crate::output::{Force, Output, make_folder};
use crate::painter::Painter;
use crate::report::{Refusal, note};
use crate::seeds::Seeds;
use crate::style::StyleArgs;

/// Draw the pictures of seeds
///
/// The picture of a seed is a function of the checkpoint, the seed, truncation and noise: it does not depend on what
/// else is drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Seeds of the pictures, numbers and ranges such as `0-15,20`
    #[arg(long, value_name = "LIST")]
    seeds: Seeds,

    #[command(flatten)]
    style: StyleArgs,

    /// Columns and rows of a PNG of several pictures [default: nearly square]
    #[arg(long, value_name = "COLUMNSxROWS")]
    grid: Option<Layout>,

    /// PNG of all pictures, or folder for one `seed0000.png` each
    #[arg(long, value_name = "FILE.png|DIR")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match Output::parse(&args.out)? {
        Output::Png(path) => as_grid(args, &path),
        Output::Folder(folder) => as_files(args, &folder),
        Output::Gif(path) => {
            Err(Refusal::usage(format!("`--out {}`: single pictures make no film", path.display()))
                .hint("`stylegan interpolate` writes a walk between seeds as a GIF")
                .into())
        }
    }
}

fn as_grid(args: &Args, path: &Path) -> Result<()> {
    let seeds = &args.seeds.0;
    let layout = args.grid.unwrap_or_else(|| Layout::square(seeds.len()));
    let Layout { columns, rows } = layout;
    if seeds.len() > columns * rows {
        return Err(Refusal::usage(format!(
            "`--grid {columns}x{rows}` has {} cells, but {} seeds were given",
            columns * rows,
            seeds.len()
        ))
        .hint("leave `--grid` out for a grid that fits")
        .into());
    }
    Output::check_file(path, args.force)?;
    let painter = Painter::open(&args.network, &args.style)?;
    layout.check_size(painter.side(), "write single pictures into a folder, `--out DIR`, or draw fewer")?;
    let mut pictures = Vec::with_capacity(seeds.len());
    painter.draw(
        seeds,
        |&seed| painter.seed(seed),
        |_, picture| {
            pictures.push(picture);
            Ok(())
        },
    )?;
    save_png(path, &grid(&pictures, columns, rows), args.force.force)?;
    note(&format!(
        "wrote {} of {side}x{side} to `{}`",
        count(seeds.len()),
        path.display(),
        side = painter.side()
    ));
    Ok(())
}

fn as_files(args: &Args, folder: &Path) -> Result<()> {
    if args.grid.is_some() {
        return Err(Refusal::usage(format!(
            "`--grid` makes one picture, but `--out {}` is a folder",
            folder.display()
        ))
        .hint("give a file, `--out NAME.png`, or leave `--grid` out")
        .into());
    }
    // Each seed has one file, however often it is given.
    let mut seeds = args.seeds.0.clone();
    seeds.sort_unstable();
    seeds.dedup();
    let name = |seed: u64| format!("seed{seed:04}.png");
    let names: Vec<String> = seeds.iter().map(|&seed| name(seed)).collect();
    Output::check_folder(folder, &names, args.force)?;
    let painter = Painter::open(&args.network, &args.style)?;
    make_folder(folder)?;
    painter.draw(
        &seeds,
        |&seed| painter.seed(seed),
        |&seed, picture| Ok(save_png(&folder.join(name(seed)), &picture, args.force.force)?),
    )?;
    note(&format!(
        "wrote {} of {side}x{side} to `{}`",
        count(seeds.len()),
        folder.display(),
        side = painter.side()
    ));
    Ok(())
}

fn count(pictures: usize) -> String {
    if pictures == 1 { "1 picture".to_owned() } else { format!("{pictures} pictures") }
}
