//! What a picture was drawn from, by the recipe in it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use stylegan_drawing::{Content, DrawOptions, Layout, NoiseMode, Origin, Recipe, Seeds};
use stylegan_transfer::Seen;

use crate::shell::quoted;

/// The recipe of a picture, for people or as JSON.
pub(super) fn text(path: &Path, json: bool) -> Result<String> {
    if let Some(recipe) = stylegan_transfer::Recipe::read(path) {
        return styled(path, &recipe, json);
    }
    let recipe = Recipe::read(path)?;
    if json {
        return Ok(serde_json::to_string_pretty(&recipe)? + "\n");
    }
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("file", &path.display().to_string());
    line("kind", &format!("picture of `stylegan {}`", command(&recipe.content)));
    match &recipe.origin {
        Origin::Checkpoint(hash) => line("checkpoint", hash),
        Origin::Training(moment) => {
            line("network", &format!("of a training, at {} kimg", moment.nimg as f64 / 1000.0));
        }
    }
    match &recipe.content {
        Content::Seeds { seeds, grid } => line("seeds", &as_they_stand(seeds, *grid)),
        Content::Latents { latents, space, rows, grid } => {
            line("latents", &format!("{latents}, {space}"));
            line("rows", &as_they_stand(rows, *grid));
        }
        Content::Mix(figure) => {
            line("rows", &format!("{}, from top to bottom", figure.rows));
            line("columns", &format!("{}, from left to right", figure.cols));
            line("styles", &format!("layers {}", figure.styles));
        }
        Content::Interpolate(strip) => {
            line("seeds", &format!("{} in {} frames", strip.walk.seeds, strip.walk.frames));
            line("frames", &as_they_stand(&strip.shown, strip.grid));
        }
        Content::Training(figure) => {
            line("seeds", &as_they_stand(&figure.seeds, figure.grid));
            if !figure.classes.is_empty() {
                let classes = figure.classes.iter().map(|&class| class as u64).collect();
                line("classes", &as_they_stand(&Seeds(classes), figure.grid));
            }
        }
    }
    line("drawn with", &options(&recipe.options));
    let latents = if matches!(recipe.content, Content::Latents { .. }) { " --latents FILE" } else { "" };
    line(
        "again",
        &format!("stylegan sample --like {} --checkpoint CHECKPOINT{latents} --out again.png", quoted(path)),
    );
    Ok(text)
}

/// The same of a picture in a style.
fn styled(path: &Path, recipe: &stylegan_transfer::Recipe, json: bool) -> Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(recipe)? + "\n");
    }
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("file", &path.display().to_string());
    line("kind", "picture of `stylegan transfer apply`");
    line("decoder", &recipe.decoder);
    line("encoder", &recipe.encoder);
    for content in &recipe.contents {
        match content {
            Seen::File { file } => line("content", &format!("file {file}")),
            Seen::Seed { checkpoint, seed, .. } => {
                line("content", &format!("seed {seed} of the checkpoint {checkpoint}"));
            }
        }
    }
    for (number, style) in recipe.styles.iter().enumerate() {
        let weight = recipe.style_weights.get(number).map(|weight| format!(", weight {weight}"));
        let mask = recipe.masks.get(number).map(|mask| format!(", where {mask} is white"));
        line("style", &format!("file {style}{}{}", weight.unwrap_or_default(), mask.unwrap_or_default()));
    }
    let alphas: Vec<String> = recipe.alphas.iter().map(ToString::to_string).collect();
    line("alpha", &alphas.join(", "));
    let color = if recipe.keep_color { ", colors of the content" } else { "" };
    line("drawn with", &format!("tiles of {} pixels{color}", recipe.tile));
    Ok(text)
}

fn command(content: &Content) -> &'static str {
    match content {
        Content::Seeds { .. } => "sample",
        Content::Latents { .. } => "sample --latents",
        Content::Mix(_) => "mix",
        Content::Interpolate(_) => "interpolate",
        Content::Training(_) => "train",
    }
}

/// Numbers in the rows and columns of their pictures, each row on a line of its own.
fn as_they_stand(Seeds(numbers): &Seeds, grid: Layout) -> String {
    let width = numbers.iter().map(|number| number.to_string().len()).max().unwrap_or(0);
    let rows = numbers.chunks(grid.columns.max(1)).map(|row| {
        let row: Vec<String> = row.iter().map(|number| format!("{number:>width$}")).collect();
        row.join("  ")
    });
    rows.collect::<Vec<_>>().join(&format!("\n{:13}", ""))
}

fn options(options: &DrawOptions) -> String {
    let mut text = if options.truncation().is_off() {
        "no truncation".to_owned()
    } else {
        format!("psi {} in {} layers", options.truncation_psi, options.truncation_cutoff)
    };
    let _ = match options.noise_mode {
        NoiseMode::Const => write!(text, ", stored noise"),
        NoiseMode::Random => write!(text, ", random noise of seed {}", options.noise_seed),
        NoiseMode::None => write!(text, ", no noise"),
    };
    if let Some(class) = options.class {
        let _ = write!(text, ", class {class}");
    }
    let _ = write!(text, ", {} seeds", options.seed_style);
    text
}
