//! Recipes of pictures, as text in their files.

use std::path::Path;

use image::DynamicImage;

use crate::error::Error;
use crate::png::{png_bytes, save_png_with_texts};
use crate::text::read_text;

/// Name and version of the program, which stands beside every recipe.
pub const PROGRAM: &str = concat!("stylegan ", env!("CARGO_PKG_VERSION"));

/// Key of the text chunk.
const KEY: &str = "stylegan";

/// Writes a picture as [`save_png`](crate::save_png) does, with what it was drawn from, which is JSON.
///
/// # Errors
/// As [`save_png`](crate::save_png), and if the recipe has characters beyond Latin-1.
pub fn save_png_with_recipe(
    path: &Path,
    picture: &DynamicImage,
    recipe: &str,
    overwrite: bool,
) -> Result<(), Error> {
    save_png_with_texts(path, picture, &[("Software", PROGRAM), (KEY, recipe)], overwrite)
}

/// The bytes of such a file.
///
/// # Errors
/// As [`png_bytes`].
pub fn png_with_recipe(picture: &DynamicImage, recipe: &str) -> Result<Vec<u8>, Error> {
    png_bytes(picture, &[("Software", PROGRAM), (KEY, recipe)])
}

/// What [`save_png_with_recipe`] wrote, whichever command did; none if nothing is in the file.
///
/// # Errors
/// As [`read_text`].
pub fn read_recipe(path: &Path) -> Result<Option<String>, Error> {
    read_text(path, KEY)
}
