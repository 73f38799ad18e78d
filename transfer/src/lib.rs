//! Style transfer by adaptive instance normalization (Huang and Belongie 2017), the idea that `StyleGAN` took up.
//!
//! A frozen [`Encoder`] sees what is in a picture; [`adain`] gives its features the means and deviations that they have in
//! another picture; a learned [`Decoder`] draws what has such features. In `StyleGAN` the same operation stands in every layer,
//! and takes its means and deviations from w.
//!
//! ```no_run
//! use candle_core::Device;
//! use stylegan_features::Places;
//! use stylegan_transfer::{DecoderInFile, Encoder, Stylizer};
//!
//! let file = DecoderInFile::open("network-snapshot-000160.safetensors".as_ref())?;
//! let weights = Places::of_user(&[]).open(file.encoder.weights.name(), &Device::Cpu)?;
//! let stylizer = Stylizer::new(Encoder::new(&weights, file.encoder)?, file.decoder(&Device::Cpu)?)?;
//! # let (photo, painting) = (image::RgbImage::new(640, 480), image::RgbImage::new(512, 512));
//! let style = stylizer.style("the painting", &painting)?;
//! let picture = stylizer.content(&photo, &[])?.draw(&[style], 1.0)?;
//! assert_eq!(picture.dimensions(), photo.dimensions());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adain;
mod color;
mod decoder;
mod decoder_file;
mod encoder;
mod encoder_config;
mod error;
mod figure;
mod losses;
mod recipe;
mod statistics;
mod stylize;

pub use adain::{adain, restyled};
pub use color::recolored;
pub use decoder::{Decoder, DecoderConfig, DecoderLayer};
pub use decoder_file::{DecoderInFile, decoder_file};
pub use encoder::{ENCODER_WIDTHS, Encoder, LAYERS, STRIDE};
pub use encoder_config::{EncoderConfig, EncoderWeights};
pub use error::{Error, Result};
pub use figure::figure;
pub use losses::Losses;
pub use recipe::{Recipe, Seen};
pub use statistics::{EPSILON, Statistics};
pub use stylize::{Content, Stylizer, TILE};
