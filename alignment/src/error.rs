//! Why faces cannot be aligned.

use std::fmt;
use std::io;
use std::path::PathBuf;

use stylegan_base::Hint;

/// Why faces cannot be aligned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture cannot be written.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
    /// A folder cannot be made.
    #[error("cannot create the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of points cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of points cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of points is none.
    #[error("`{}` {kind}", path.display())]
    Landmarks {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        kind: LandmarkError,
    },
}

/// What is wrong with a file of points.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LandmarkError {
    /// It is no file, or neither JSON nor CSV by its name.
    OtherKind,
    /// It is larger than any such file is.
    TooLarge {
        /// How many bytes it has.
        bytes: u64,
        /// How many are accepted.
        limit: u64,
    },
    /// What is in it are no points.
    Content {
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        reason: String,
    },
    /// None of the photos is in it.
    NoneOf {
        /// A name that is in it.
        listed: Option<String>,
        /// A photo.
        photo: String,
    },
}

impl LandmarkError {
    pub(crate) fn at(self, path: impl Into<PathBuf>) -> Error {
        Error::Landmarks { path: path.into(), kind: self }
    }
}

/// What is said behind the file's name.
impl fmt::Display for LandmarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKind => write!(f, "is no JSON or CSV file by its name"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "has {bytes} bytes, more than the {limit} that are accepted")
            }
            Self::Content { line, reason } => write!(f, "cannot be understood at line {line}: {reason}"),
            Self::NoneOf { listed: None, .. } => write!(f, "holds no points"),
            Self::NoneOf { listed: Some(listed), photo } => {
                write!(f, "has none of the photos: its names are such as `{listed}`, not `{photo}`")
            }
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Media(error) => error.hint(),
            Self::Landmarks { kind: LandmarkError::OtherKind | LandmarkError::Content { .. }, .. } => Some(
                "JSON is {\"a.jpg\": [[[x, y], \u{2026}], \u{2026}]}, a list of faces of 68 or 5 points for each \
                 photo, or `ffhq-dataset-v2.json`; CSV has a line `a.jpg,x,y,x,y,\u{2026}` for each face"
                    .to_owned(),
            ),
            Self::Landmarks { kind: LandmarkError::NoneOf { .. }, .. } => {
                Some("names are the photos' paths inside their folder or zip, or the ends of these".to_owned())
            }
            _ => None,
        }
    }
}
