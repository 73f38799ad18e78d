//! `stylegan sample --like`: a picture drawn again from the recipe in it.

use std::path::Path;

use anyhow::Result;

use crate::latents::Latents;
use crate::network::NetworkArgs;
use crate::output::{Force, Output};
use crate::painter::Painter;
use crate::recipe::{Recipe, Subject};
use crate::report::{Refusal, note};
use crate::source::Source;

pub(crate) fn run(
    picture: &Path,
    latents: Option<&Path>,
    network: &NetworkArgs,
    out: &Path,
    force: Force,
) -> Result<()> {
    let Output::Png(out) = Output::parse(out)? else {
        return Err(Refusal::usage(format!("`--out {}` is no PNG file", out.display()))
            .hint("a picture is drawn again as one, `--out NAME.png`")
            .into());
    };
    Output::check_file(&out, force)?;
    let recipe = Recipe::read(picture)?;
    let source = source(&recipe.subject, picture, latents)?;
    let painter = Painter::like(network, &recipe, picture)?;
    let drawn = match &recipe.subject {
        Subject::Seeds { seeds: numbers, grid } | Subject::Latents { rows: numbers, grid, .. } => {
            source.check(&painter, &numbers.0)?;
            source.grid(&painter, &numbers.0, *grid)?
        }
        Subject::Mix(figure) => figure.draw(&painter)?,
        Subject::Interpolate(strip) => strip.draw(&painter)?,
    };
    let (width, height) = drawn.dimensions();
    painter.recipe(recipe.subject).save(&out, &drawn, force)?;
    note(&format!("wrote `{}` of {width}x{height} again to `{}`", picture.display(), out.display()));
    Ok(())
}

/// What the recipe draws from; the latents must be those of the recipe.
fn source(subject: &Subject, picture: &Path, latents: Option<&Path>) -> Result<Source> {
    let picture = picture.display();
    match (subject, latents) {
        (Subject::Latents { latents: hash, .. }, Some(path)) => {
            let latents = Latents::open(path)?;
            if latents.hash == *hash && latents.space == subject.space() {
                return Ok(Source::Latents(latents));
            }
            let (path, found) = (path.display(), &latents.hash);
            Err(Refusal::new(format!(
                "`{picture}` was drawn from the latents {hash}, but `{path}` is {found}"
            ))
            .into())
        }
        (Subject::Latents { latents: hash, .. }, None) => {
            Err(Refusal::usage(format!("`{picture}` was drawn from the latents {hash}, which are needed"))
                .hint("give their file, `--latents FILE.safetensors`")
                .into())
        }
        (_, Some(_)) => Err(Refusal::usage(format!(
            "`--latents` was given, but `{picture}` was drawn from seeds, which its recipe names"
        ))
        .into()),
        (_, None) => Ok(Source::Seeds),
    }
}
