//! What a picture was drawn from, by the recipe in it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use stylegan_drawing::{Blend, Content, Layout, Move, NoiseDetailFigure, NoiseMode, Origin, Recipe, Styles};
use stylegan_transfer::Seen;

use stylegan_base::shell::quoted;

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
    if let Some(latents) = recipe.latents() {
        line("latents", latents);
    }
    if let Some(directions) = recipe.directions() {
        line("directions", directions);
    }
    show(&recipe.content, &mut line);
    line("drawn with", &options(&recipe));
    let latents = if recipe.latents().is_some() { " --latents FILE" } else { "" };
    let directions = if recipe.directions().is_some() { " --direction FILE" } else { "" };
    line(
        "again",
        &format!(
            "stylegan sample --like {} --checkpoint CHECKPOINT{latents}{directions} --out again.png",
            quoted(path)
        ),
    );
    Ok(text)
}

/// What the picture shows.
fn show(content: &Content, line: &mut impl FnMut(&str, &str)) {
    match content {
        Content::Seeds { seeds, grid } => line("seeds", &as_they_stand(&seeds.0, *grid)),
        Content::Latents { space, rows, grid } => {
            line("space", &space.to_string());
            line("rows", &as_they_stand(&rows.0, *grid));
        }
        Content::Blend(Blend { latents, styles, moves }) => {
            line("blend", &format!("{latents}, seeds and their shares"));
            if let Some(Styles { latent, layers }) = styles {
                line("styles", &format!("layers {layers} of {latent}"));
            }
            for Move { row, strength } in moves {
                line("moved", &format!("{strength} times direction {row}"));
            }
        }
        Content::Mix(figure) => {
            line("rows", &format!("{}, from top to bottom", figure.rows));
            line("columns", &format!("{}, from left to right", figure.cols));
            match figure.styles.0.as_slice() {
                [layers] => line("styles", &format!("layers {layers}")),
                rows => {
                    let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
                    line("styles", &format!("layers {}, from top to bottom", rows.join(" / ")));
                }
            }
        }
        Content::Uncurated(figure) => {
            let count = figure.count();
            line("seeds", &format!("{count} from {} on, down each column", figure.seed));
            line("columns", &format!("lod {}, from left to right", figure.lods));
        }
        Content::Noise(figure) => {
            line("rows", &format!("{}, from top to bottom", figure.seeds));
            line(
                "columns",
                &format!("noise in all layers, none, from {0} on alone, below {0} alone", figure.fine_from),
            );
        }
        Content::NoiseDetail(figure) => {
            line("rows", &format!("{}, from top to bottom", figure.seeds));
            line(
                "columns",
                &format!(
                    "the picture, {} of it in four draws, deviation of {} draws times {}",
                    figure.area,
                    figure.draws,
                    NoiseDetailFigure::DEVIATION_GAIN
                ),
            );
        }
        Content::Truncation(figure) => {
            line("rows", &format!("{}, from top to bottom", figure.seeds));
            line("columns", &format!("psi {} in {} layers, from left to right", figure.psi, figure.layers));
        }
        Content::Direction(figure) => {
            line("rows", &format!("{}, from top to bottom", figure.seeds));
            let layers =
                figure.layers.as_ref().map_or("all layers".to_owned(), |layers| format!("layers {layers}"));
            line(
                "columns",
                &format!(
                    "{} of direction {} in {layers}, from left to right",
                    figure.strengths, figure.direction
                ),
            );
        }
        Content::Interpolate(strip) => {
            line("seeds", &format!("{} in {} frames", strip.walk.seeds, strip.walk.frames));
            line("frames", &as_they_stand(&strip.shown.0, strip.grid));
        }
        Content::Training(figure) => {
            line("seeds", &as_they_stand(&figure.seeds.0, figure.grid));
            if !figure.classes.is_empty() {
                line("classes", &as_they_stand(&figure.classes, figure.grid));
            }
        }
    }
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
        Content::Uncurated(_) => "figure uncurated",
        Content::Noise(_) => "figure noise",
        Content::NoiseDetail(_) => "figure noise-detail",
        Content::Truncation(_) => "figure truncation",
        Content::Direction(_) => "sample --direction",
        Content::Blend(_) => "sample --recipe",
        Content::Interpolate(_) => "interpolate",
        Content::Training(_) => "train",
    }
}

/// Numbers in the rows and columns of their pictures, each row on a line of its own.
fn as_they_stand(numbers: &[impl ToString], grid: Layout) -> String {
    let width = numbers.iter().map(|number| number.to_string().len()).max().unwrap_or(0);
    let rows = numbers.chunks(grid.columns.max(1)).map(|row| {
        let row: Vec<String> = row.iter().map(|number| format!("{:>width$}", number.to_string())).collect();
        row.join("  ")
    });
    rows.collect::<Vec<_>>().join(&format!("\n{:13}", ""))
}

fn options(Recipe { content, options, .. }: &Recipe) -> String {
    let mut text = if matches!(content, Content::Truncation(_)) {
        // Its columns say it.
        String::new()
    } else if let Some(psis) = &options.truncation_layers {
        format!("psi {psis} of the layers from the coarsest on, ")
    } else if options.truncation().is_off() {
        "no truncation, ".to_owned()
    } else {
        format!("psi {} in {} layers, ", options.truncation_psi, options.truncation_cutoff)
    };
    let _ = match options.noise_mode {
        NoiseMode::Const => write!(text, "stored noise"),
        NoiseMode::Random => write!(text, "random noise of seed {}", options.noise_seed),
        NoiseMode::None => write!(text, "no noise"),
    };
    if let Some(label) = &options.label {
        let _ = write!(text, ", label {label}");
    }
    if let Some(class) = options.class {
        let _ = write!(text, ", class {class}");
    }
    let _ = write!(text, ", {} seeds", options.seed_style);
    text
}
