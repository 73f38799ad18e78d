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
//! use stylegan_drawing::{DrawOptions, LatentIds, LatentSource, Layout, Painter};
//! use stylegan_media::save_png;
//!
//! // A checkpoint of `stylegan train`, or a run's folder; this one comes with the program.
//! let checkpoint = Checkpoint::open("../demo/faces-64.safetensors")?;
//! let options = DrawOptions { truncation_psi: 0.5, ..DrawOptions::of(&checkpoint) };
//! let painter = Painter::new(&checkpoint, options, &Device::Cpu)?;
//! let picture = painter.draw(&painter.seed(7)?)?; // [1, 3, height, width]
//! let ids = LatentIds::seeds([0, 1, 2, 7]);
//! let faces = LatentSource::SEEDS.grid(&painter, &ids.0, Layout { columns: 2, rows: 2 })?;
//! # let folder = tempfile::tempdir()?;
//! # let png = folder.path().join("faces.png");
//! save_png(&png, &faces, false)?;
//! # assert_eq!(picture.dims(), [1, 3, 64, 64]);
//! # assert_eq!((faces.width(), faces.height()), (128, 128));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Style mixing, and the recipe in the picture's file:
//!
//! ```
//! # use candle_core::Device;
//! # use stylegan_checkpoint::Checkpoint;
//! # use stylegan_drawing::{Content, DrawOptions, LatentIds, LatentSource, Layers, MixFigure, Painter, Recipe, RowLayers};
//! # let checkpoint = Checkpoint::open("../demo/faces-64.safetensors")?;
//! # let painter = Painter::new(&checkpoint, DrawOptions::of(&checkpoint), &Device::Cpu)?;
//! # let folder = tempfile::tempdir()?;
//! # let png = folder.path().join("mix.png");
//! let coarse = RowLayers(vec![Layers((0..4).collect())]);
//! let figure = MixFigure { rows: LatentIds::seeds(0..2), cols: LatentIds::seeds(4..7), styles: coarse };
//! let recipe = Recipe::new(&painter, &LatentSource::SEEDS, Content::Mix(figure));
//! recipe.save(&png, &recipe.draw(&painter, &LatentSource::SEEDS)?, false)?;
//! assert_eq!(Recipe::read(&png)?, recipe);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A walk, as a film:
//!
//! ```
//! # use candle_core::Device;
//! # use stylegan_checkpoint::Checkpoint;
//! # use stylegan_drawing::{DrawOptions, Error, LatentIds, LatentSource, Painter, Walk, WalkPath, WalkSpace};
//! # use stylegan_media::{FilmOptions, FilmWriter};
//! # let checkpoint = Checkpoint::open("../demo/faces-64.safetensors")?;
//! # let painter = Painter::new(&checkpoint, DrawOptions::of(&checkpoint), &Device::Cpu)?;
//! # let folder = tempfile::tempdir()?;
//! # let mp4 = folder.path().join("walk.mp4");
//! let walk = Walk::new(LatentIds::seeds([3, 5, 8]), WalkSpace::W, 24, true);
//! let walk = Walk { path: WalkPath::Spline, ..walk };
//! let options = FilmOptions { size: (64, 64), fps: 12, frames: walk.frames, looping: true, ffmpeg: false };
//! let mut film = FilmWriter::create(&mp4, options, false)?;
//! walk.draw(&painter, &LatentSource::SEEDS, &walk.all(), |_, frame| Ok::<_, Error>(film.add(&frame)?))?;
//! film.finish()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blend;
mod direction;
mod error;
mod figures;
mod latent;
mod latent_file;
mod latents;
mod layout;
mod lists;
mod mixing;
mod noise_images;
mod numpy;
mod options;
mod origin;
mod painter;
mod recipe;
mod source;
mod tensors;
mod text;
mod training_grid;
mod walk;

pub use blend::{Blend, Move, Shares, Styles};
pub use direction::factorize;
pub use error::{Error, FileError, FileErrorKind, Result};
pub use figures::{
    Area, DirectionFigure, MAX_DRAWS, MIN_DRAWS, MixFigure, NoiseDetailFigure, NoiseFigure, Scales,
    TruncationFigure, UncuratedFigure,
};
pub use latent::{Latent, LatentSpace, Sample};
pub use latent_file::LatentFile;
pub use latents::Latents;
pub use layout::Layout;
pub use lists::{LabelVector, LatentId, LatentIds, Layers, Lods, Psis, RowLayers, Seeds, Strengths};
pub use noise_images::NoiseImages;
pub use options::{DrawOptions, NoiseMode};
pub use origin::{Moment, Origin};
pub use painter::{Painter, pixels};
pub use recipe::{Content, Recipe};
pub use source::LatentSource;
pub use training_grid::TrainingGrid;
pub use walk::{MAX_FRAMES, Strip, Walk, WalkPath, WalkSpace};
