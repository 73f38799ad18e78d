//! Checkpoints of other programs as ours: the original's pickles, and files of PyTorch.
//!
//! What a file is shows its contents, not its name. Nothing in it is run: its pickles are read by a machine that makes
//! plain data of a list of classes. First its names and shapes are compared with those of our networks
//! ([`Foreign::conversion`]), then its numbers are read ([`Foreign::read`]), so no file takes more memory than its
//! networks do, and no more than about twice its own length. [`open_any`] does both, and opens our own files as well.
//!
//! ```no_run
//! use candle_core::Device;
//! use stylegan_import::{Purpose, open_any};
//!
//! let checkpoint = open_any("karras2019stylegan-ffhq-1024x1024.pkl", None, Purpose::Sampling)?;
//! let generator = checkpoint.generator(&Device::Cpu)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change;
mod conversion;
mod error;
mod families;
mod foreign;
mod names;
mod numpy;
mod open;
mod others;
mod refusals;

use stylegan_arrays::Store;
use stylegan_pickle as pickle;

pub use conversion::{Conversion, Purpose};
pub use error::{Error, ErrorKind, Result};
pub use families::Family;
pub use foreign::Foreign;
pub use open::open_any;
