//! A file of tensors and texts with a checksum over both: safetensors, read within limits and written in a fixed order.
//!
//! It knows no networks. What a file is of says its [`Format`].

mod checksum;
mod dtype;
mod format;
mod header;
mod read;
mod write;

pub(crate) use checksum::CHECKSUM;
pub use dtype::distinct_dtypes;
pub(crate) use dtype::tensor_type;
pub(crate) use format::{Format, printable};
pub(crate) use header::{Header, Texts};
pub(crate) use read::Container;
pub(crate) use write::{Encoded, copied};
