//! What a picture in a style was drawn from, written into its file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use stylegan_media::{DynamicImage, PROGRAM, read_recipe, save_png_with_recipe};

use crate::error::{Error, Result};

/// All that decides the pixels of a picture; no path, and nothing that depends on when or where it was drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name and version of the program that drew it.
    program: String,
    /// What drew it, which tells this recipe from others.
    command: Command,
    /// Hash of the decoder's file.
    pub decoder: String,
    /// First digits of the hash of the encoder's weights.
    pub encoder: String,
    /// The contents, of a figure from top to bottom.
    pub contents: Vec<Seen>,
    /// Hashes of the styles' files, of a figure from left to right.
    pub styles: Vec<String>,
    /// Shares of the styles in one; empty where each stands by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub style_weights: Vec<f64>,
    /// Hashes of the masks' files, one for each style; empty without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<String>,
    /// How far it goes, from the content's own features, 0, to 1; of a strip, each of its pictures.
    pub alphas: Vec<f64>,
    /// Whether the styles were given the colors of the content.
    pub keep_color: bool,
    /// Pixels along a tile.
    pub tile: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Command {
    #[serde(rename = "transfer apply")]
    Apply,
}

/// A picture that was drawn in a style.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Seen {
    /// A file.
    File {
        /// Its hash.
        file: String,
    },
    /// A picture that a generator drew.
    Seed {
        /// Hash of the generator's file.
        checkpoint: String,
        /// The seed.
        seed: u64,
        /// How it was drawn from that, as recipes of `sample` say it.
        options: serde_json::Value,
    },
}

impl Recipe {
    /// The recipe of one picture of a content in a style, by their hashes; the rest is as it is by default.
    pub fn new(decoder: &str, encoder: &str, tile: usize) -> Self {
        Self {
            program: PROGRAM.to_owned(),
            command: Command::Apply,
            decoder: decoder.to_owned(),
            encoder: encoder.to_owned(),
            contents: Vec::new(),
            styles: Vec::new(),
            style_weights: Vec::new(),
            masks: Vec::new(),
            alphas: vec![1.0],
            keep_color: false,
            tile,
        }
    }

    /// Writes a picture as a PNG with this recipe in it.
    ///
    /// # Errors
    /// If the file exists and `overwrite` does not allow that, or it cannot be written.
    pub fn save(&self, path: &Path, picture: &DynamicImage, overwrite: bool) -> Result<()> {
        let json = serde_json::to_string(self).map_err(Error::Recipe)?;
        Ok(save_png_with_recipe(path, picture, &json, overwrite)?)
    }

    /// Reads the recipe of a picture in a style; none if there is no such one in the file.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&read_recipe(path).ok()??).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = DynamicImage::from(image::RgbImage::new(3, 2));
        let seed = Seen::Seed {
            checkpoint: "0123456789abcdef".to_owned(),
            seed: u64::MAX,
            options: serde_json::json!({ "truncation_psi": 0.1 + 0.2 }),
        };
        let recipe = Recipe {
            contents: vec![seed, Seen::File { file: "fedcba9876543210".to_owned() }],
            styles: vec!["00".to_owned()],
            alphas: vec![0.0, 0.1 + 0.2],
            ..Recipe::new("11", "22", 512)
        };
        recipe.save(&path, &picture, false).unwrap();
        assert_eq!(Recipe::read(&path), Some(recipe));
        // That of another command is none of these.
        save_png_with_recipe(&path, &picture, "{\"command\":\"sample\"}", true).unwrap();
        assert_eq!(Recipe::read(&path), None);
    }
}
