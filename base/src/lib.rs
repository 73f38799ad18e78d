//! What every room needs and no tensor: keys of random streams, files and folders that appear whole or not at all,
//! kinds of files, widths and heights, numbers over the time of a training, hints, words of commands, units.
//!
//! ```
//! use stylegan_base::{Key, files};
//!
//! # let folder = tempfile::tempdir()?;
//! let latents = Key::new("latents", &[7]);
//! assert_eq!(latents.uniform(), Key::new("latents", &[7]).uniform());
//!
//! // Whoever looks sees no file or the whole one.
//! let path = folder.path().join("number.txt");
//! files::write(&path, false, &mut |file| writeln!(file, "{}", latents.uniform()))?;
//! assert!(files::write(&path, false, &mut |_| Ok(())).is_err(), "it is there already");
//! # Ok::<(), std::io::Error>(())
//! ```

mod file_kind;
pub mod files;
mod hint;
mod key;
mod npy;
mod printable;
mod resolution;
pub mod shell;
mod timeline;
pub mod units;
mod user_cache;

pub use file_kind::FileKind;
pub use hint::Hint;
pub use key::{Key, short_hash};
pub use npy::NumpyArray;
pub use printable::printable;
pub use resolution::Resolution;
pub use timeline::{Moment, Timeline};
pub use user_cache::user_cache;
