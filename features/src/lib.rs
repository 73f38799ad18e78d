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
//! The others are asked for features of pictures, by which pictures are compared; their weights are files:
//!
//! ```no_run
//! use candle_core::Device;
//! use stylegan_features::{FeatureNetwork, Inception, PixelRange, Places, Resize};
//!
//! let weights = Places::of_user(&[]).open("inception", &Device::Cpu)?;
//! let network = Inception::new(&weights, Resize::Tf1)?;
//! # let pictures_u8 = candle_core::Tensor::zeros((3, 3, 64, 48), candle_core::DType::U8, &Device::Cpu)?;
//! assert_eq!(network.features(&pictures_u8, PixelRange::Bytes)?.dims(), [3, 2048]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Networks here are trained already, by others; their weights are constants. All run on a CPU and on a GPU except those that
//! find faces, which run on the CPU.

mod depthwise;
mod error;
mod faces;
mod inception;
mod inception_classes;
mod layers;
mod lpips;
mod mobilenet;
mod network;
mod pool;
mod quantized;
#[cfg(test)]
mod reference;
mod resize;
mod tensors;
mod unit_distance;
mod values;
mod vgg;
mod vgg_features;
mod weights;

pub use error::Error;
pub use faces::{Bounds, Face, FaceFinder, FindOptions, LANDMARKS};
pub use inception::Inception;
pub use inception_classes::InceptionClasses;
pub use lpips::{Lpips, LpipsFeatures};
pub use mobilenet::MobileNet;
pub use network::{FeatureNetwork, PixelRange};
pub use resize::Resize;
pub use tensors::Weights;
pub use unit_distance::unit_distance;
pub use vgg::{Depth, Padding, Pooling, Vgg};
pub use vgg_features::Vgg16Features;
pub use weights::{Found, KNOWN, KnownFile, KnownWeights, Places, TensorFile, WeightsError};
