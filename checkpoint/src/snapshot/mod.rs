//! Networks and what is said of them, as one file: a checkpoint.

mod checkpoint;
mod convert;
mod meta;
mod save;
mod shapes;
mod texts;

use crate::container::Format;

/// Version 1 had no checksum.
const FORMAT: Format = Format { name: "stylegan", version: 2 };

pub use checkpoint::{Checkpoint, ForeignFile};
pub(crate) use convert::check;
pub use convert::convert;
pub use meta::{Meta, Progress};
pub use save::{Copied, save};
pub use shapes::expected_shapes;
