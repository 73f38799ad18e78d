//! What is said of a file that cannot be converted.

use stylegan_arrays::{Error as ArraysError, ErrorKind as ArraysErrorKind};
use stylegan_checkpoint::{Error as CheckpointError, ErrorKind as CheckpointErrorKind};

use crate::{Error, ErrorKind, Store};

/// Errors about a file.
pub(crate) trait Refusals {
    /// Something is wrong with the file that can be with those of other programs alone.
    fn refused(&self, kind: ErrorKind) -> Error;
    /// Something is wrong with the file that can be with any checkpoint.
    fn wrong(&self, kind: impl Into<CheckpointErrorKind>) -> Error;

    /// The file is not what it should be.
    fn damaged(&self, reason: String) -> Error {
        self.refused(ErrorKind::NotConvertible { reason })
    }

    /// The file lacks a tensor.
    fn lacks(&self, name: impl Into<String>) -> Error {
        self.wrong(CheckpointErrorKind::MissingTensor { name: name.into() })
    }
}

impl Refusals for Store {
    fn refused(&self, kind: ErrorKind) -> Error {
        Error::Foreign { path: self.path().to_owned(), kind }
    }

    fn wrong(&self, kind: impl Into<CheckpointErrorKind>) -> Error {
        CheckpointError::new(self.path(), kind).into()
    }
}

impl From<ArraysError> for Error {
    fn from(ArraysError { path, kind }: ArraysError) -> Self {
        let kind = match kind {
            ArraysErrorKind::Read(source) => CheckpointErrorKind::reading(source),
            ArraysErrorKind::NotAFile => CheckpointErrorKind::NotAFile,
            ArraysErrorKind::OtherKind { found } => CheckpointErrorKind::NotSafetensors { found },
            ArraysErrorKind::Type { name, found } => CheckpointErrorKind::Type { name, found },
            ArraysErrorKind::Tensor(error) => error.into(),
            other => {
                let kind = ErrorKind::NotConvertible { reason: other.to_string() };
                return Self::Foreign { path, kind };
            }
        };
        CheckpointError::new(&path, kind).into()
    }
}
