//! Pictures in: whatever people keep them in, the packed pyramid, the order of training.
//!
//! A [`Source`] is what a person has: a folder of PNG, JPEG, WebP, BMP and TIFF files, a zip, tars, Parquet files or an LMDB
//! of them, or raw pixels, as `TFRecord` files of the original. [`pack`] decodes it once into a [`Pyramid`], a folder of raw
//! pixels at every level from the full one down to a few pixels, which training
//! reads and never decodes; [`check()`] tells beforehand what is in a source. [`Order`] says which picture stands at which position of an endless
//! training run, and [`Prefetcher`] assembles the batches of those positions ahead of the step.
//!
//! ```
//! use stylegan_dataset::{BatchRequest, Order, PackOptions, assemble, open_or_pack};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (photos, cache) = (folder.path().join("photos"), folder.path().join("cache"));
//! # std::fs::create_dir(&photos)?;
//! # for shade in [40, 80, 120] {
//! #     image::RgbImage::from_pixel(20, 16, image::Rgb([shade; 3])).save(photos.join(format!("{shade}.png")))?;
//! # }
//! let (pyramid, report) = open_or_pack(&photos, &cache, &PackOptions::default(), &mut |_skipped| {})?;
//! assert_eq!((report.count, pyramid.resolution()), (3, 16.into()));
//!
//! let order = Order::new(7, pyramid.len());
//! let request = BatchRequest { first_position: 0, batch: 2, resolution: 8.into() };
//! let batch = assemble(&pyramid, &order, true, &request)?;
//! assert_eq!(batch.pixels.len(), 2 * 3 * 8 * 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bits;
mod channels;
mod check;
mod error;
mod feed;
mod found_labels;
mod hint;
mod labels;
mod left_out;
mod mirror_test;
mod pack;
mod paths;
mod planes;
mod readers;
mod shard;
mod shared_file;
mod skipped;

pub use bits::Bits;
pub use channels::Channels;
pub use check::{
    CheckReport, ClassCount, Classes, Colors, Fault, Faulty, Forecast, Group, Odd, Oddity, RatioCount,
    Shapes, SheetRow, SideCount, check,
};
pub use error::{Error, ErrorKind};
pub use feed::{Batch, BatchRequest, Order, Prefetcher, assemble};
pub use found_labels::{FoundLabels, LabelFile, LabelFileState, LabelMode};
pub use labels::Labels;
pub use left_out::LeftOut;
pub use mirror_test::MirrorTest;
pub use pack::{
    CachedPack, Contents, Converted, Export, ExportFormat, Filling, Fit, Format, PackOptions, PackReport,
    Pyramid, cached_packs, export, fit_picture, join, open_or_pack, pack,
};
pub use readers::{Source, read_picture};
pub use shard::Shard;
pub use skipped::Skipped;
