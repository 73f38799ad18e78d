//! Photos to aligned faces, as FFHQ was made of photos.
//!
//! Eyes and mouth corners of a face say which square is cut out ([`CropSquare`]); [`crop`] cuts it, turned upright, with what is
//! missing of the photo filled in. [`align_all`] does so with all photos of a source, and asks [`FindFaces`] where their faces
//! are: a [`LandmarkFile`], or networks. Neither networks nor tensors are known here.
//!
//! ```
//! use image::RgbImage;
//! use stylegan_alignment::{CropSquare, FacePoints, crop};
//!
//! let photo = RgbImage::from_pixel(300, 260, image::Rgb([90, 120, 150]));
//! // The eye at the left in the photo, the other, the nose, and the corners of the mouth.
//! let points = [[130.0, 110.0], [170.0, 110.0], [150.0, 130.0], [135.0, 155.0], [165.0, 155.0]];
//! let square = CropSquare::of(&FacePoints::Five(points)).unwrap();
//! assert_eq!(square.side(), 162.0);
//! let face = crop(&photo, &square, 64)?;
//! assert_eq!(face.dimensions(), (64, 64));
//! # Ok::<(), stylegan_alignment::CropError>(())
//! ```

mod align_all;
mod blur;
mod budget;
mod crop;
mod error;
mod find_faces;
mod landmark_file;
mod landmark_json;
mod names;
mod pad;
mod points;
mod quad;
mod sheet;
mod square;

pub use align_all::{AlignOptions, AlignReport, align_all};
pub use crop::{CropError, LARGEST_SIDE, LEAST_SIDE, crop};
pub use error::{Error, LandmarkError};
pub use find_faces::{FindFaces, FoundFace};
pub use landmark_file::LandmarkFile;
pub use names::first_names;
pub use points::FacePoints;
pub use square::CropSquare;
