//! What can go wrong on the way from a tensor to a file, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use stylegan_base::Hint;

use crate::film_format::FilmFormat;

/// What can go wrong on the way from a tensor to a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The tensor is not one of pictures.
    #[error("pictures have the shape [batch, 1, 3 or 4, height, width], not {shape:?}")]
    Shape {
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// The format cannot hold the picture or its texts.
    #[error("cannot encode a picture")]
    Encode(#[from] png::EncodingError),
    /// The tensor cannot be read.
    #[error("cannot read the pictures' tensor")]
    Tensor(#[from] candle_core::Error),
    /// A film cannot be shown at that speed.
    #[error("{format} shows 1 to {fastest} frames a second, not {fps}")]
    FramesPerSecond {
        /// What it was to be.
        format: FilmFormat,
        /// The speed asked for.
        fps: u32,
        /// The fastest one.
        fastest: u32,
    },
}

/// A file, and what is wrong with it.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FileErrorKind,
}

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// It is there already.
    Exists,
    /// The system could not write it.
    Write(io::Error),
    /// The format cannot hold the picture.
    Encode(png::EncodingError),
    /// The system could not read it.
    Read(io::Error),
    /// It is no PNG, or a damaged one.
    Decode(png::DecodingError),
    /// There are more or fewer pictures than were announced.
    PictureCount {
        /// How many there are.
        found: usize,
        /// How many were announced.
        expected: usize,
    },
    /// A film needs at least one frame.
    NoFrames,
    /// All frames of a film have one size.
    FrameSize {
        /// The number of the frame, from 0.
        frame: usize,
        /// Its width and height.
        found: (u32, u32),
        /// The width and height of the film.
        expected: (u32, u32),
    },
    /// Its name is of no film.
    NoFilm,
    /// The format has no films of this size.
    FilmSize {
        /// The format.
        format: FilmFormat,
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
    /// The encoder of films failed, for this reason.
    Video(String),
    /// It is of a format that `ffmpeg` alone writes.
    NeedsFfmpeg,
    /// There is no program `ffmpeg`.
    NoFfmpeg,
}

impl FileErrorKind {
    /// The error of this kind of a file.
    pub(crate) fn at(self, path: impl Into<PathBuf>) -> Error {
        FileError { path: path.into(), kind: self }.into()
    }

    /// Why a file cannot be written.
    pub(crate) fn writing(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Write(source),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use FileErrorKind::{
            Decode, Encode, Exists, FilmSize, FrameSize, NeedsFfmpeg, NoFfmpeg, NoFilm, NoFrames,
            PictureCount, Read, Video, Write,
        };
        let path = self.path.display();
        match &self.kind {
            Exists => write!(f, "`{path}` exists; nothing was overwritten"),
            Write(_) => write!(f, "cannot write `{path}`"),
            Encode(_) => write!(f, "cannot encode `{path}`"),
            Read(_) => write!(f, "cannot read `{path}`"),
            Decode(_) => write!(f, "`{path}` cannot be read as a PNG picture"),
            PictureCount { found, expected } => write!(f, "`{path}` is for {expected} pictures, not {found}"),
            NoFrames => write!(f, "there are no frames for `{path}`"),
            FrameSize { frame, found, expected } => write!(
                f,
                "frame {frame} of `{path}` is {}x{}, not {}x{}",
                found.0, found.1, expected.0, expected.1
            ),
            NoFilm => write!(f, "`{path}` is not the name of a film"),
            FilmSize { format, width, height } => {
                write!(f, "`{path}` cannot be {format} of {width}x{height} pixels")
            }
            Video(reason) => write!(f, "cannot encode `{path}`: {reason}"),
            NeedsFfmpeg => write!(f, "`{path}` is of a format that `ffmpeg` alone writes"),
            NoFfmpeg => write!(f, "there is no program `ffmpeg` to write `{path}`"),
        }
    }
}

impl StdError for FileError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            FileErrorKind::Write(source) | FileErrorKind::Read(source) => Some(source),
            FileErrorKind::Encode(source) => Some(source),
            FileErrorKind::Decode(source) => Some(source),
            _ => None,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(FileError { path, kind: FileErrorKind::Write(source) }) => match source.kind() {
                io::ErrorKind::NotFound => {
                    path.parent().map(Path::display).map(|folder| format!("the folder `{folder}` must exist"))
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                    "free some space or write to another disk; nothing half-written was left behind".into(),
                ),
                _ => None,
            },
            Self::FramesPerSecond { format: FilmFormat::Gif, .. } => {
                Some("an animated PNG or an MP4 may be faster, `.apng` or `.mp4`".into())
            }
            Self::File(FileError {
                kind: FileErrorKind::FilmSize { format: FilmFormat::Mp4, .. }, ..
            }) => Some("an MP4 has sides from 16 to 3840 and 2160 pixels; write `.apng` or `.gif`".into()),
            Self::File(FileError { kind: FileErrorKind::NoFilm, .. }) => {
                Some("films end in `.gif`, `.apng` or `.mp4`".into())
            }
            _ => None,
        }
    }
}
