//! A figure as a command writes it: one PNG with its recipe.

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_drawing::{Content, LatentSource, Painter, Recipe};
use tracing::info;

use crate::output::{Force, Output, or_too_large};
use crate::report::{Refusal, note};

/// Where a figure goes.
#[derive(Debug, clap::Args)]
pub(crate) struct OutArgs {
    /// PNG of the figure
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,

    #[command(flatten)]
    pub(crate) force: Force,
}

impl OutArgs {
    /// The file, if it can be written.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let Output::Png(path) = Output::parse(&self.out)? else {
            return Err(Refusal::usage(format!("`--out {}` is no PNG file", self.out.display()))
                .hint("the figure is one picture, `--out NAME.png`")
                .into());
        };
        Output::check_file(&path, self.force)?;
        Ok(path)
    }
}

/// Draws a figure, which holds pictures of the painter's size, and writes it as a PNG.
pub(crate) fn write(
    painter: &Painter,
    source: &LatentSource,
    content: Content,
    what: &str,
    path: &Path,
    force: Force,
) -> Result<()> {
    let recipe = Recipe::new(painter, source, content);
    let drawn = recipe.draw(painter, source);
    let picture = drawn.map_err(|error| or_too_large(error, "take fewer seeds"))?;
    recipe.save(path, &picture, force.force)?;
    let resolution = painter.resolution();
    info!(what, %resolution, path = %path.display(), "wrote figure");
    note(&format!("wrote {what} of {resolution} to `{}`", path.display()));
    Ok(())
}
