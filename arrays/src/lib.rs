//! Arrays of numbers in files of other programs: PyTorch's archives and streams, programs of `TorchScript`, and the bytes that
//! NumPy's pickles hold.
//!
//! Nothing in a file is run. What it says of lengths is compared with what there is before memory is asked for, and all that
//! is read of it is no more than about four times its own length. What the arrays mean is for others to say.
//!
//! ```no_run
//! use stylegan_arrays::{Store, Torch};
//!
//! let mut store = Store::open("vgg16-397923af.pth".as_ref())?;
//! let file = Torch::open(&mut store)?;
//! for (name, item) in file.named_tensors() {
//!     let array = file.array(item)?;
//!     println!("{name}: {:?}, {:?}", array.shape(), array.tensor(&name, &mut store)?.dtype());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array;
mod error;
mod store;
mod torch;

pub use array::Array;
pub use error::{Error, ErrorKind, Result};
pub use store::{Store, Stored, letters_to_bytes};
pub use torch::{LEGACY_START, Torch, is_tensor};
