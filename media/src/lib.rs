//! Pixels out: PNG files with texts in them, grids, films, plain numbers.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use stylegan_media::{grid, save_png, to_u8};
//!
//! let fakes = Tensor::zeros((4, 3, 16, 16), candle_core::DType::F32, &Device::Cpu)?;
//! let picture = grid(&to_u8(&fakes)?, 2, 2);
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("fakes.png");
//! save_png(&path, &picture, false)?;
//! assert!(save_png(&path, &picture, false).is_err(), "nothing is overwritten unasked");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod film;
mod film_format;
mod layout;
mod numbers;
mod pixels;
mod png;
mod recipe;
mod text;

pub use error::{Error, FileError, FileErrorKind};
pub use film::{FilmOptions, FilmWriter};
pub use film_format::FilmFormat;
pub use image::{DynamicImage, GrayImage, RgbImage};
pub use layout::{beside, grid, mix_figure, row_figure, zoom};
pub use numbers::NumbersWriter;
pub use pixels::to_u8;
pub use png::{png_bytes, save_png, save_png_with_texts};
pub use recipe::{PROGRAM, png_with_recipe, read_recipe, save_png_with_recipe};
pub use text::read_text;
