//! What can go wrong on the way from a tensor to a file, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong on the way from a tensor to a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is there already.
    #[error("`{}` exists; nothing was overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system could not write the file.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The format cannot hold the picture.
    #[error("cannot encode `{}`", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The encoder's reason.
        source: png::EncodingError,
    },
    /// The system could not read the file.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is no PNG, or a damaged one.
    #[error("`{}` cannot be read as a PNG picture", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        source: png::DecodingError,
    },
    /// There are more or fewer pictures than were announced.
    #[error("`{}` is for {expected} pictures, not {found}", path.display())]
    PictureCount {
        /// The file.
        path: PathBuf,
        /// How many there are.
        found: usize,
        /// How many were announced.
        expected: usize,
    },
    /// The tensor is not one of pictures.
    #[error("pictures have the shape [batch, 3, height, width], not {shape:?}")]
    Shape {
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// The tensor cannot be read.
    #[error("cannot read the pictures' tensor")]
    Tensor(#[from] candle_core::Error),
    /// A GIF cannot be shown at that speed.
    #[error("a GIF shows 1 to 50 frames a second, not {fps}")]
    FramesPerSecond {
        /// The speed asked for.
        fps: u32,
    },
    /// A film needs at least one frame.
    #[error("there are no frames for `{}`", path.display())]
    NoFrames {
        /// The file.
        path: PathBuf,
    },
    /// All frames of a film have one size.
    #[error("frame {frame} of `{}` is {}x{}, not {}x{}", path.display(), found.0, found.1, expected.0, expected.1)]
    FrameSize {
        /// The file.
        path: PathBuf,
        /// The number of the frame, from 0.
        frame: usize,
        /// Its width and height.
        found: (u32, u32),
        /// The width and height of the film.
        expected: (u32, u32),
    },
    /// A GIF has from 1 to 65535 pixels a side.
    #[error("`{}` cannot be a GIF of {width}x{height} pixels", path.display())]
    GifSize {
        /// The file.
        path: PathBuf,
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
}

impl Error {
    /// Why a file cannot be written.
    pub(crate) fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Write { path, source },
        }
    }

    /// What to do about it, for those errors that have advice.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("`--force` overwrites it".into()),
            Self::Write { path, source } => match source.kind() {
                io::ErrorKind::NotFound => {
                    path.parent().map(|folder| format!("the folder `{}` must exist", folder.display()))
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                    "free some space or write to another disk; nothing half-written was left behind".into(),
                ),
                _ => None,
            },
            Self::FramesPerSecond { .. } => {
                Some("write single pictures into a folder and make a film of another format of them".into())
            }
            _ => None,
        }
    }
}
