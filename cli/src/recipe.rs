//! What a picture was drawn from, written into its file.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stylegan_media::{RgbImage, read_text, save_png_with_texts};

use crate::interpolate::{MOST_FRAMES, Strip};
use crate::latents::LatentSpace;
use crate::layout::Layout;
use crate::mix::Figure;
use crate::output::Force;
use crate::report::Refusal;
use crate::seeds::Seeds;
use crate::style::Manner;

/// Key of the text chunk.
const KEY: &str = "stylegan";
const PROGRAM: &str = concat!("stylegan ", env!("CARGO_PKG_VERSION"));

/// All that decides the pixels of a picture; no path, and nothing that depends on when or where it was drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recipe {
    /// Name and version of the program that drew it.
    program: String,
    /// Hash of the checkpoint.
    pub(crate) checkpoint: String,
    #[serde(flatten)]
    pub(crate) subject: Subject,
    #[serde(flatten)]
    pub(crate) manner: Manner,
}

/// What a picture shows, by the command that draws it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command")]
pub(crate) enum Subject {
    #[serde(rename = "sample")]
    Seeds {
        #[serde(with = "text")]
        seeds: Seeds,
        #[serde(with = "text")]
        grid: Layout,
    },
    #[serde(rename = "sample --latents")]
    Latents {
        /// Hash of the file.
        latents: String,
        space: LatentSpace,
        /// Rows of the file's tensor.
        #[serde(with = "text")]
        rows: Seeds,
        #[serde(with = "text")]
        grid: Layout,
    },
    #[serde(rename = "mix")]
    Mix(Figure),
    #[serde(rename = "interpolate")]
    Interpolate(Strip),
}

/// Lists and layouts stand in a recipe as they are given on the command line.
pub(crate) mod text {
    use serde::de::{Deserializer, Error};
    use serde::ser::Serializer;

    use super::{Deserialize, Display, FromStr};

    pub(crate) fn serialize<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Subject {
    /// Where its latents enter the network.
    pub(crate) fn space(&self) -> LatentSpace {
        match self {
            Self::Latents { space, .. } => *space,
            Self::Seeds { .. } | Self::Mix(_) | Self::Interpolate(_) => LatentSpace::Z,
        }
    }

    /// What contradicts itself, if something does.
    fn violation(&self) -> Option<&'static str> {
        let too_small = "its grid has no place for all pictures";
        let holds = |grid: &Layout, count: usize| grid.columns.saturating_mul(grid.rows) >= count;
        match self {
            Self::Seeds { seeds: Seeds(numbers), grid }
            | Self::Latents { rows: Seeds(numbers), grid, .. } => {
                (!holds(grid, numbers.len())).then_some(too_small)
            }
            Self::Mix(_) => None,
            Self::Interpolate(Strip { walk, shown, grid }) => {
                if !(1..=MOST_FRAMES).contains(&walk.frames) {
                    Some("its walk has too few or too many frames")
                } else if shown.0.iter().any(|&frame| frame >= walk.frames.into()) {
                    Some("it shows frames beyond the end of its walk")
                } else if !holds(grid, shown.0.len()) {
                    Some(too_small)
                } else {
                    None
                }
            }
        }
    }
}

impl Recipe {
    pub(crate) fn new(checkpoint: String, subject: Subject, manner: Manner) -> Self {
        Self { program: PROGRAM.to_owned(), checkpoint, subject, manner }
    }

    /// Writes a picture with this recipe in it.
    pub(crate) fn save(&self, path: &Path, picture: &RgbImage, force: Force) -> Result<()> {
        let json = serde_json::to_string(self)?;
        Ok(save_png_with_texts(path, picture, &[("Software", PROGRAM), (KEY, &json)], force.force)?)
    }

    /// Reads the recipe of a picture, whoever may have written it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let Some(json) = read_text(path, KEY)? else {
            return Err(Refusal::new(format!("`{}` has no recipe in it", path.display()))
                .hint(
                    "`stylegan sample`, `mix` and `interpolate` write one into every PNG; most programs that change a \
                     picture leave it out",
                )
                .into());
        };
        Self::parse(&json).map_err(|reason| {
            // The reason may quote the file, which may hold anything.
            let reason: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
            Refusal::new(format!("the recipe in `{}` cannot be understood: {reason}", path.display())).into()
        })
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
        let hashes = match &recipe.subject {
            Subject::Latents { latents, .. } => [&recipe.checkpoint, latents],
            _ => [&recipe.checkpoint; 2],
        };
        if hashes.iter().any(|hash| !is_hash(hash)) {
            return Err("a hash is not 16 hexadecimal digits".to_owned());
        }
        match recipe.subject.violation() {
            Some(violation) => Err(violation.to_owned()),
            None => Ok(recipe),
        }
    }
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

    fn subjects() -> [Value; 4] {
        let latents = "fedcba9876543210";
        [
            sample(),
            with(
                &json!({ "command": "sample --latents", "latents": latents, "space": "w_plus", "rows": "3", "seeds": null }),
            ),
            with(
                &json!({ "command": "mix", "rows": "0-3", "cols": "7,5", "styles": "0-1,4", "grid": null, "seeds": null }),
            ),
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
            (json!({ "command": "train" }), "unknown variant `train`"),
            (json!({ "seeds": "3-1" }), "runs backwards"),
            (json!({ "seeds": "0-1000000" }), "more than 1,000,000 numbers"),
            (json!({ "seeds": [1, 2] }), "invalid type"),
            (json!({ "grid": "0x1" }), "columns x rows"),
            (json!({ "grid": "1x3" }), "no place for all pictures"),
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
