//! `stylegan sample --like` and `--recipe`: a picture drawn again from its recipe.

use std::path::Path;

use anyhow::Result;
use stylegan_drawing::{Error, LatentFile, Origin, Recipe};
use tracing::info;

use super::Args;
use crate::output::Output;
use crate::painter::{open_checkpoint, say_if_growing};
use crate::report::{Exit, Refusal, note};

/// `--like`
pub(super) fn run(picture: &Path, args: &Args) -> Result<Exit> {
    draw(|| Ok(Recipe::read(picture)?), &format!("`{}`", picture.display()), args)
}

/// `--recipe`
pub(super) fn run_recipe(json: &str, args: &Args) -> Result<Exit> {
    draw(|| Ok(Recipe::of_json(json)?), "the picture of the recipe", args)
}

fn draw(read: impl FnOnce() -> Result<Recipe>, picture: &str, args: &Args) -> Result<Exit> {
    let Output::Png(out) = Output::parse(&args.out)? else {
        return Err(Refusal::usage(format!("`--out {}` is no PNG file", args.out.display()))
            .hint("a picture is drawn again as one, `--out NAME.png`")
            .into());
    };
    Output::check_file(&out, args.force)?;
    let recipe = read()?;
    let refused = |error| refused(error, picture, args);
    let latents = args.latents.path().map(LatentFile::open).transpose()?;
    let directions = args.moved.direction.as_deref().map(LatentFile::open).transpose()?;
    let source = recipe.source(latents, directions).map_err(refused)?;
    let checkpoint = open_checkpoint(&args.network.checkpoint, args.network.resolution)?;
    let painter = recipe.painter(&checkpoint, &args.network.device.open()?).map_err(refused)?;
    say_if_growing(&checkpoint, &painter);
    let drawn = recipe.draw(&painter, &source)?;
    let (width, height) = (drawn.width(), drawn.height());
    Recipe::new(&painter, &source, recipe.content).save(&out, &drawn, args.force.force)?;
    info!(picture, path = %out.display(), "drew picture again");
    note(&format!("wrote {picture} of {width}x{height} again to `{}`", out.display()));
    Ok(Exit::Done)
}

/// Which of the files that were given is not the recipe's.
fn refused(error: Error, picture: &str, args: &Args) -> anyhow::Error {
    let latents = args.latents.path().unwrap_or(Path::new("")).display();
    match error {
        Error::OtherNetwork { expected, found } => Refusal::new(format!(
            "{picture} was drawn from {expected}, but `{}` is {found}",
            args.network.checkpoint.display()
        ))
        .hint(match expected {
            Origin::Checkpoint(_) => "`stylegan inspect CHECKPOINT` says the hash of each",
            Origin::Training(_) => "the run's folder may hold the snapshot of that kimg",
        }),
        Error::OtherLatents { expected, found } => Refusal::new(format!(
            "{picture} was drawn from the latents {expected}, but `{latents}` is {found}"
        )),
        Error::MissingLatents { expected } => {
            Refusal::usage(format!("{picture} was drawn from the latents {expected}, which are needed"))
                .hint("give their file, `--latents FILE.safetensors`")
        }
        Error::NeedlessLatents => Refusal::usage(format!(
            "`--latents` was given, but {picture} was drawn from seeds, which its recipe names"
        )),
        Error::OtherDirections { expected, found } => Refusal::new(format!(
            "{picture} was moved along a direction of {expected}, but the file is {found}"
        )),
        Error::MissingDirections { expected } => {
            Refusal::usage(format!("{picture} was moved along a direction of {expected}, which is needed"))
                .hint("give the file, `--direction FILE.safetensors`")
        }
        Error::NeedlessDirections => {
            Refusal::usage(format!("`--direction` was given, but {picture} was moved along none"))
        }
        other => return other.into(),
    }
    .into()
}
