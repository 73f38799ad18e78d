//! Frozen networks that look at pictures.
//!
//! [`FaceFinder`] finds faces and 68 points in each:
//!
//! ```
//! use image::RgbImage;
//! use stylegan_features::{FaceFinder, FindOptions};
//!
//! let finder = FaceFinder::embedded()?;
//! let photo = RgbImage::from_pixel(640, 480, image::Rgb([90, 120, 150]));
//! for face in finder.find(&photo, &FindOptions::default())? {
//!     println!("{:.2} at {:?}", face.confidence, face.bounds);
//! }
//! # Ok::<(), stylegan_features::Error>(())
//! ```
//!
//! Networks here are trained already, by others. They have no gradients of their weights, and run on the CPU.

mod depthwise;
mod error;
mod faces;
mod quantized;

pub use error::Error;
pub use faces::{Bounds, Face, FaceFinder, FindOptions, LANDMARKS};
