//! The numbers of a network: which there are, where they are looked for, and what files they are read from.
//!
//! A file has one of the forms in which people have them, the authors' own, or one that this program
//! converted before. Converted, every network has the names by which it asks for its layers, `NAME.weight` and `NAME.bias`, and
//! what follows a convolution in training, a batch norm, is part of both.

mod cache;
mod convert;
mod error;
mod file;
mod find;
mod known;

pub use error::WeightsError;
pub use file::TensorFile;
pub use find::{Found, Places};
pub use known::{KNOWN, KnownFile, KnownWeights};
