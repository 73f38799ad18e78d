//! Why arrays of a file cannot be read.

use std::io;
use std::path::PathBuf;

use stylegan_base::FileKind;
use stylegan_pickle::Fault;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why arrays of a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read arrays from `{}`", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub kind: ErrorKind,
}

/// What can be wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system could not read it.
    #[error(transparent)]
    Read(io::Error),
    /// It is a pipe or a device.
    #[error("it is no file")]
    NotAFile,
    /// Its first bytes are of another kind, or its archive is.
    #[error("it is {}", match found { Some(found) => format!("{found}"), None => "no file of PyTorch".to_owned() })]
    OtherKind {
        /// What it is, as far as it can be told.
        found: Option<FileKind>,
    },
    /// Its pickle was refused.
    #[error(transparent)]
    Pickle(Fault),
    /// It is not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// An array's numbers are of a type that tensors do not have here.
    #[error("the tensor `{name}` is of type {found}")]
    Type {
        /// Its name.
        name: String,
        /// Its type.
        found: String,
    },
    /// A tensor could not be made.
    #[error(transparent)]
    Tensor(candle_core::Error),
}
