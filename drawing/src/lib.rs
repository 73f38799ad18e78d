//! From a checkpoint, latents and options to pictures.
//!
//! A [`Painter`] draws the pictures of one checkpoint with [`DrawOptions`]: truncation, noise, label. What it draws is a
//! [`Sample`]: a [`Latent`] z, w or `w_plus`, and what sets its noise apart. Samples are given by a [`LatentSource`] (seeds,
//! or the rows of a file), by the figures of the paper, such as a [`MixFigure`], and by a [`Walk`]; a [`Recipe`] says in JSON
//! what a picture was drawn from, and draws it again.
//!
//! Drawing many pictures opens a span `drawing` with `total` and `done`, from which a program may show its progress.
//!
//! ```
//! use candle_core::Device;
//! use stylegan_checkpoint::Checkpoint;
//! use stylegan_drawing::{DrawOptions, Layout, LatentSource, Painter};
//! use stylegan_media::save_png;
//!
//! // A checkpoint of `stylegan train`, or a run's folder; this one comes with the program.
//! let checkpoint = Checkpoint::open("../demo/faces-64.safetensors")?;
//! let options = DrawOptions { truncation_psi: 0.5, ..DrawOptions::of(&checkpoint) };
//! let painter = Painter::new(&checkpoint, options, &Device::Cpu)?;
//! let picture = painter.draw(&painter.seed(7)?)?; // [1, 3, height, width]
//! let faces = LatentSource::Seeds.grid(&painter, &[0, 1, 2, 7], Layout { columns: 2, rows: 2 })?;
//! # let folder = tempfile::tempdir()?;
//! # let png = folder.path().join("faces.png");
//! save_png(&png, &faces, false)?;
//! # assert_eq!(picture.dims(), [1, 3, 64, 64]);
//! # assert_eq!((faces.width(), faces.height()), (128, 128));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod figures;
mod latent;
mod latent_file;
mod layout;
mod lists;
mod numpy;
mod options;
mod origin;
mod painter;
mod recipe;
mod source;
mod text;
mod training_grid;
mod walk;

pub use error::{Error, FileError, FileErrorKind, Result};
pub use figures::{
    Area, MAX_DRAWS, MIN_DRAWS, MixFigure, NoiseDetailFigure, NoiseFigure, Scales, TruncationFigure,
    UncuratedFigure,
};
pub use latent::{Latent, LatentSpace, Sample};
pub use latent_file::LatentFile;
pub use layout::Layout;
pub use lists::{Layers, Lods, Psis, RowLayers, Seeds};
pub use options::{DrawOptions, NoiseMode};
pub use origin::{Moment, Origin};
pub use painter::{Painter, pixels};
pub use recipe::{Content, Recipe};
pub use source::LatentSource;
pub use training_grid::TrainingGrid;
pub use walk::{MAX_FRAMES, Strip, Walk, WalkPath};
