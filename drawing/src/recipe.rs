//! What a picture was drawn from, written into its file.

use std::path::Path;

use candle_core::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stylegan_checkpoint::Checkpoint;
use stylegan_media::{DynamicImage, PROGRAM, png_with_recipe, read_recipe, save_png_with_recipe};
use tracing::debug;

use crate::{
    Blend, DirectionFigure, DrawOptions, Error, FileErrorKind, LatentFile, LatentId, LatentIds, LatentSource,
    LatentSpace, Layout, MixFigure, NoiseDetailFigure, NoiseFigure, Origin, Painter, Result, Seeds, Strip,
    TrainingGrid, TruncationFigure, UncuratedFigure, text,
};

/// All that decides the pixels of a picture; no path, and nothing that depends on when or where it was drawn.
///
/// It is JSON in a text chunk `stylegan` of a PNG.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Name and version of the program that drew it.
    program: String,
    /// Which network drew it.
    #[serde(flatten)]
    pub origin: Origin,
    /// Hash of the file of latents that it names rows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latents: Option<String>,
    /// Hash of the file of directions that it goes along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directions: Option<String>,
    /// What the picture shows.
    #[serde(flatten)]
    pub content: Content,
    /// How it is drawn.
    #[serde(flatten)]
    pub options: DrawOptions,
}

/// What a picture shows, by the command that draws it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command")]
pub enum Content {
    /// The pictures of seeds, perhaps beside latents of a file.
    #[serde(rename = "sample")]
    Seeds {
        /// The seeds, and rows of the file.
        #[serde(with = "text")]
        seeds: LatentIds,
        /// How they stand side by side.
        #[serde(with = "text")]
        grid: Layout,
    },
    /// The pictures of latents of a file.
    #[serde(rename = "sample --latents")]
    Latents {
        /// Where they enter the network.
        space: LatentSpace,
        /// Rows of the file's tensor.
        #[serde(with = "text")]
        rows: Seeds,
        /// How they stand side by side.
        #[serde(with = "text")]
        grid: Layout,
    },
    /// A style-mixing figure.
    #[serde(rename = "mix")]
    Mix(MixFigure),
    /// Pictures that nobody chose, of shrinking size.
    #[serde(rename = "figure uncurated")]
    Uncurated(UncuratedFigure),
    /// What noise does in coarse and in fine layers.
    #[serde(rename = "figure noise")]
    Noise(NoiseFigure),
    /// What noise changes.
    #[serde(rename = "figure noise-detail")]
    NoiseDetail(NoiseDetailFigure),
    /// The way of w through its mean.
    #[serde(rename = "figure truncation")]
    Truncation(TruncationFigure),
    /// What becomes of pictures along a direction.
    #[serde(rename = "sample --direction")]
    Direction(DirectionFigure),
    /// A picture of several latents, mixed and moved.
    #[serde(rename = "sample --recipe")]
    Blend(Blend),
    /// Frames of a walk.
    #[serde(rename = "interpolate")]
    Interpolate(Strip),
    /// What a training is looked at by.
    #[serde(rename = "train")]
    Training(TrainingGrid),
}

impl Content {
    /// A grid of the pictures of these latents.
    pub fn grid(source: &LatentSource, ids: &LatentIds, grid: Layout) -> Self {
        let rows: Option<Vec<u64>> =
            ids.0.iter().map(|id| matches!(id, LatentId::Row(_)).then_some(id.number())).collect();
        match (source.file(), rows) {
            (Some(file), Some(rows)) => Self::Latents { space: file.space(), rows: Seeds(rows), grid },
            _ => Self::Seeds { seeds: ids.clone(), grid },
        }
    }

    /// Whether it shows latents of a file.
    fn has_rows(&self) -> bool {
        match self {
            Self::Latents { .. } => true,
            Self::Seeds { seeds, .. } => seeds.has_rows(),
            Self::Mix(figure) => figure.rows.has_rows() || figure.cols.has_rows(),
            Self::Noise(figure) => figure.seeds.has_rows(),
            Self::NoiseDetail(figure) => figure.seeds.has_rows(),
            Self::Truncation(figure) => figure.seeds.has_rows(),
            Self::Direction(figure) => figure.seeds.has_rows(),
            Self::Blend(blend) => blend.ids().has_rows(),
            Self::Interpolate(strip) => strip.walk.seeds.has_rows(),
            Self::Uncurated(_) | Self::Training(_) => false,
        }
    }

    /// Whether it may be moved along directions of a file; those of a blend may also be found in the weights.
    fn may_have_directions(&self) -> bool {
        match self {
            Self::Direction(_) => true,
            Self::Blend(blend) => !blend.moves.is_empty(),
            _ => false,
        }
    }

    /// What contradicts itself, if something does.
    fn violation(&self) -> Option<&'static str> {
        let too_small = "its grid has no place for all pictures";
        match self {
            Self::Seeds { seeds, grid } => (!grid.holds(seeds.0.len())).then_some(too_small),
            Self::Latents { rows, grid, .. } => (!grid.holds(rows.0.len())).then_some(too_small),
            Self::Mix(figure) => figure.violation(),
            Self::Uncurated(_)
            | Self::Noise(_)
            | Self::NoiseDetail(_)
            | Self::Truncation(_)
            | Self::Direction(_) => None,
            Self::Blend(blend) => blend.violation(),
            Self::Training(figure) => figure.violation(),
            Self::Interpolate(Strip { walk, shown, grid }) => {
                if let Some(violation) = walk.violation() {
                    Some(violation)
                } else if shown.0.iter().any(|&frame| frame >= walk.frames.into()) {
                    Some("it shows frames beyond the end of its walk")
                } else if !grid.holds(shown.0.len()) {
                    Some(too_small)
                } else {
                    None
                }
            }
        }
    }
}

impl Recipe {
    /// The recipe of a picture that the painter draws from these latents.
    pub fn new(painter: &Painter, source: &LatentSource, content: Content) -> Self {
        let file = source.file().filter(|_| content.has_rows());
        let directions = source.directions().filter(|_| content.may_have_directions());
        Self {
            program: PROGRAM.to_owned(),
            origin: painter.origin().clone(),
            latents: file.map(|file| file.hash().to_owned()),
            directions: directions.map(|file| file.hash().to_owned()),
            content,
            options: painter.options().clone(),
        }
    }

    /// Hash of the file of latents that it names rows of.
    pub fn latents(&self) -> Option<&str> {
        self.latents.as_deref()
    }

    /// Hash of the file of directions that it goes along.
    pub fn directions(&self) -> Option<&str> {
        self.directions.as_deref()
    }

    /// Writes a picture as a PNG with this recipe in it.
    ///
    /// # Errors
    /// If the file exists and `overwrite` does not allow that, or it cannot be written.
    pub fn save(&self, path: &Path, picture: &DynamicImage, overwrite: bool) -> Result<()> {
        let json = self.json()?;
        save_png_with_recipe(path, picture, &json, overwrite)?;
        debug!(path = %path.display(), recipe = json, "wrote picture");
        Ok(())
    }

    /// The recipe as it stands in a file.
    ///
    /// # Errors
    /// If a number has no form in JSON.
    pub fn json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::BadRecipe(error.to_string()))
    }

    /// The bytes of a picture as a PNG with this recipe in it.
    ///
    /// # Errors
    /// If the picture cannot be encoded.
    pub fn png(&self, picture: &DynamicImage) -> Result<Vec<u8>> {
        Ok(png_with_recipe(picture, &self.json()?)?)
    }

    /// The recipe of a text, whoever may have written it.
    ///
    /// # Errors
    /// If it is none, or one that this version does not understand to the last word.
    pub fn of_json(json: &str) -> Result<Self> {
        Self::parse(json).map_err(|reason| Error::BadRecipe(shown(&reason)))
    }

    /// Reads the recipe of a picture, whoever may have written it.
    ///
    /// # Errors
    /// If there is no such PNG, it has no recipe in it, or one that this version does not understand to the last word.
    pub fn read(path: &Path) -> Result<Self> {
        let Some(json) = read_recipe(path)? else { return Err(FileErrorKind::NoRecipe.at(path)) };
        Self::parse(&json).map_err(|reason| FileErrorKind::BadRecipe(shown(&reason)).at(path))
    }

    /// Where the latents come from; the files of latents and of directions must be those of the recipe, where it needs them.
    ///
    /// # Errors
    /// If one is another, is missing, or is not needed.
    pub fn source(&self, file: Option<LatentFile>, directions: Option<LatentFile>) -> Result<LatentSource> {
        let source = self.source_of_latents(file)?;
        match (&self.directions, directions) {
            (Some(expected), Some(file)) if file.hash() == expected => Ok(source.with_directions(file)),
            (Some(expected), Some(file)) => {
                let (expected, found) = (expected.clone(), file.hash().to_owned());
                Err(Error::OtherDirections { expected, found })
            }
            (Some(expected), None) => Err(Error::MissingDirections { expected: expected.clone() }),
            (None, Some(_)) => Err(Error::NeedlessDirections),
            (None, None) => Ok(source),
        }
    }

    fn source_of_latents(&self, file: Option<LatentFile>) -> Result<LatentSource> {
        match (&self.latents, file) {
            (Some(expected), Some(file)) => {
                let is_other_space =
                    matches!(self.content, Content::Latents { space, .. } if space != file.space());
                if file.hash() != expected || is_other_space {
                    let (expected, found) = (expected.clone(), file.hash().to_owned());
                    return Err(Error::OtherLatents { expected, found });
                }
                Ok(LatentSource::with_file(file))
            }
            (Some(expected), None) => Err(Error::MissingLatents { expected: expected.clone() }),
            (None, Some(_)) => Err(Error::NeedlessLatents),
            (None, None) => Ok(LatentSource::SEEDS),
        }
    }

    /// A painter that draws this recipe from its checkpoint.
    ///
    /// # Errors
    /// If it holds another network, and as [`Painter::new`].
    pub fn painter(&self, checkpoint: &Checkpoint, device: &Device) -> Result<Painter> {
        let painter = Painter::new(checkpoint, self.options.clone(), device)?;
        let found = self.origin.alike(checkpoint, painter.generator())?;
        if found != self.origin {
            return Err(Error::OtherNetwork { expected: self.origin.clone(), found });
        }
        Ok(painter)
    }

    /// Draws the picture again, pixel for pixel.
    ///
    /// # Errors
    /// If the recipe asks for what the network does not have, or the device fails.
    pub fn draw(&self, painter: &Painter, source: &LatentSource) -> Result<DynamicImage> {
        match &self.content {
            Content::Seeds { seeds, grid } => source.grid(painter, &seeds.0, *grid),
            Content::Latents { rows, grid, .. } => {
                let rows: Vec<LatentId> = rows.0.iter().copied().map(LatentId::Row).collect();
                source.grid(painter, &rows, *grid)
            }
            Content::Mix(figure) => figure.draw(painter, source),
            Content::Uncurated(figure) => figure.draw(painter),
            Content::Noise(figure) => figure.draw(painter, source),
            Content::NoiseDetail(figure) => figure.draw(painter, source),
            Content::Truncation(figure) => figure.draw(painter, source),
            Content::Direction(figure) => figure.draw(painter, source),
            Content::Blend(blend) => blend.draw(painter, source),
            Content::Interpolate(strip) => strip.draw(painter, source),
            Content::Training(figure) => figure.draw_again(painter),
        }
    }

    fn parse(json: &str) -> Result<Self, String> {
        let recipe: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        // What another version adds may change pixels.
        let known = serde_json::to_value(&recipe).map_err(|error| error.to_string())?;
        let found: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if let Some(key) = found
            .as_object()
            .into_iter()
            .flatten()
            .find_map(|(key, _)| known.get(key).is_none().then_some(key))
        {
            return Err(format!("unknown key `{key}` of `{}`, this is {PROGRAM}", recipe.program));
        }
        let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let of_files = [&recipe.latents, &recipe.directions].into_iter().flatten().map(String::as_str);
        if !of_files.chain([recipe.origin.hash()]).all(is_hash) {
            return Err("a hash is not 16 hexadecimal digits".to_owned());
        }
        if recipe.latents.is_some() != recipe.content.has_rows() {
            return Err("a file of latents is named and not shown, or shown and not named".to_owned());
        }
        let needs_directions = matches!(recipe.content, Content::Direction(_));
        let has_directions = recipe.directions.is_some();
        if has_directions != needs_directions && !(has_directions && recipe.content.may_have_directions()) {
            return Err("a file of directions is named and not needed, or needed and not named".to_owned());
        }
        match recipe.content.violation() {
            Some(violation) => Err(violation.to_owned()),
            None => Ok(recipe),
        }
    }
}

/// A reason may quote the file, which may hold anything.
fn shown(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({
            "program": "stylegan 0.1.0",
            "checkpoint": "0123456789abcdef",
            "command": "sample",
            "seeds": "0-2,18446744073709551615",
            "grid": "2x2",
            "seed_style": "numpy",
            "class": null,
            "truncation_psi": 0.1 + 0.2,
            "truncation_cutoff": 8,
            "noise_mode": "random",
            "noise_seed": u64::MAX,
        })
    }

    /// The same with other values for some keys, or without those that become null.
    fn with(changes: &Value) -> Value {
        let mut recipe = sample();
        let keys = recipe.as_object_mut().unwrap();
        for (key, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => keys.shift_remove(key),
                value => keys.insert(key.clone(), value.clone()),
            };
        }
        recipe
    }

    fn subjects() -> [Value; 15] {
        let latents = "fedcba9876543210";
        [
            sample(),
            with(
                &json!({ "command": "sample --latents", "latents": latents, "space": "w_plus", "rows": "3", "seeds": null }),
            ),
            with(
                &json!({ "command": "mix", "rows": "0-3", "cols": "7,5", "styles": "0-1,4", "grid": null, "seeds": null }),
            ),
            with(
                &json!({ "command": "mix", "rows": "7,5", "cols": "0", "styles": "0-1/4", "grid": null, "seeds": null }),
            ),
            with(
                &json!({ "command": "figure uncurated", "seed": 5, "lods": "0,1,2,2", "rows": 3, "grid": null, "seeds": null }),
            ),
            with(&json!({ "command": "figure noise", "seeds": "7,5", "fine_from": 8, "grid": null })),
            with(&json!({ "command": "figure noise-detail", "draws": 100, "area": "3x2+1+0", "grid": null })),
            with(
                &json!({ "command": "figure truncation", "seeds": "7", "psi": "1,0.7,0,-0.5", "layers": 4, "grid": null }),
            ),
            with(&json!({
                "command": "train", "checkpoint": null, "classes": [0, 2, 1, 1],
                "training": { "nimg": 160_000, "w_avg": "0123456789abcdef" },
            })),
            with(&json!({ "seeds": "5,@0-2", "latents": latents })),
            with(&json!({
                "command": "sample --direction", "directions": latents, "direction": 3, "strengths": "-1,0.5",
                "layers": "0-3", "grid": null,
            })),
            with(&json!({
                "command": "interpolate", "seeds": "@0-1,3", "latents": latents, "space": "w", "frames": 7, "loop": true,
                "path": "spline", "easing": "in-out", "layers": "0-3", "shown": "0,6",
            })),
            with(&json!({
                "command": "sample --recipe", "blend": "7:0.25,@1:-0.75", "latents": latents, "directions": latents,
                "styles": { "latent": "@0", "layers": "0-1,4" }, "moves": [{ "row": 3, "strength": -1.5 }],
                "grid": null, "seeds": null,
            })),
            with(&json!({
                "command": "sample --recipe", "blend": "7:1", "moves": [{ "row": 0, "strength": 2.0 }],
                "grid": null, "seeds": null,
            })),
            with(&json!({
                "command": "interpolate", "space": "z", "frames": 7, "loop": true, "shown": "0,6",
            })),
        ]
    }

    #[test]
    fn recipes_come_back_as_they_were() {
        for recipe in subjects() {
            let parsed =
                Recipe::parse(&recipe.to_string()).unwrap_or_else(|error| panic!("{recipe}: {error}"));
            let again = serde_json::to_value(&parsed).unwrap();
            assert_eq!(again, recipe);
            assert_eq!(Recipe::parse(&again.to_string()).unwrap(), parsed);
        }
    }

    #[test]
    fn what_is_no_recipe_says_why() {
        let reason = |recipe: &Value| Recipe::parse(&recipe.to_string()).unwrap_err();
        for (changes, part) in [
            (json!({ "wings": 2 }), "unknown key `wings` of `stylegan 0.1.0`, this is stylegan"),
            (json!({ "command": "paint" }), "unknown variant `paint`"),
            (json!({ "command": "train", "classes": [0, 1] }), "not as many classes as seeds"),
            (json!({ "checkpoint": null, "training": { "nimg": 1, "w_avg": "x" } }), "16 hexadecimal digits"),
            (json!({ "checkpoint": null }), "no variant of enum"),
            (json!({ "seeds": "0,@1" }), "shown and not named"),
            (json!({ "latents": "fedcba9876543210" }), "named and not shown"),
            (json!({ "directions": "fedcba9876543210" }), "named and not needed"),
            (
                json!({ "command": "sample --direction", "direction": 0, "strengths": "1", "grid": null }),
                "needed and not named",
            ),
            (json!({ "seeds": "@1", "latents": "x" }), "16 hexadecimal digits"),
            (json!({ "seeds": "3-1" }), "runs backwards"),
            (json!({ "seeds": "0-1000000" }), "more than 1,000,000 numbers"),
            (json!({ "seeds": [1, 2] }), "invalid type"),
            (json!({ "grid": "0x1" }), "columns x rows"),
            (json!({ "grid": "1x3" }), "no place for all pictures"),
            (
                json!({ "command": "mix", "rows": "0-2", "cols": "1", "styles": "0/1", "grid": null, "seeds": null }),
                "not as many lists of layers as rows",
            ),
            (json!({ "command": "figure truncation", "psi": "1,nan" }), "`nan` is no psi"),
            (
                json!({ "command": "figure noise-detail", "draws": 9, "area": "3x2" }),
                "a part is width x height",
            ),
            (
                json!({ "command": "figure uncurated", "seed": 5, "rows": 1, "lods": "-1" }),
                "no number from 0 on",
            ),
            (json!({ "checkpoint": "\u{1b}[2J" }), "16 hexadecimal digits"),
            (json!({ "truncation_psi": "0.7" }), "invalid type"),
            (json!({ "noise_seed": -1 }), "invalid value"),
        ] {
            let reason = reason(&with(&changes));
            assert!(reason.contains(part), "{reason}");
        }
        let [.., mut walk] = subjects();
        for (key, value, part) in [
            ("shown", json!("7"), "beyond the end"),
            ("frames", json!(0), "too few"),
            ("frames", json!(4_000_000_000_u32), "too many"),
            ("grid", json!("1x1"), "no place"),
        ] {
            let before = std::mem::replace(&mut walk[key], value);
            assert!(reason(&walk).contains(part), "{}", reason(&walk));
            walk[key] = before;
        }
        for text in ["", "{", "7", "null", "[]", &"[".repeat(100_000), "{\"truncation_psi\":1e999}"] {
            Recipe::parse(text).unwrap_err();
        }
    }
}
