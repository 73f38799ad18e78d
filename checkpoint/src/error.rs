//! What can go wrong with a checkpoint, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use candle_core::DType;
use stylegan_base::{FileKind, Hint};

use crate::Network;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a checkpoint, and which one it is.
#[derive(Debug)]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What can go wrong with a file of this crate.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is nothing at the path.
    NotFound,
    /// The folder has no snapshot.
    NoSnapshot {
        /// The newest folder in it that does hold one.
        nearest: Option<PathBuf>,
    },
    /// The system could not read a file or folder.
    Read(io::Error),
    /// It is a pipe or a device.
    NotAFile,
    /// The file is of another kind.
    NotSafetensors {
        /// What its first bytes say it is.
        found: Option<FileKind>,
    },
    /// The file ends too early.
    Truncated {
        /// Its length.
        have: u64,
        /// The length that what could be read of its header asks for.
        need: u64,
    },
    /// The file goes on after its last tensor.
    TooLong {
        /// Its length.
        have: u64,
        /// The length that its header asks for.
        need: u64,
    },
    /// The file is whole, but not what was written.
    Checksum,
    /// The header is larger than any network needs.
    HeaderTooLarge {
        /// Length of the header.
        bytes: u64,
        /// The length that is accepted.
        limit: u64,
    },
    /// The header cannot be understood.
    Header {
        /// What is wrong with it.
        reason: String,
    },
    /// A safetensors file that is no checkpoint of this program.
    OtherKind,
    /// A safetensors file that is no training state of this program.
    NoState,
    /// A safetensors file that is no state of a projection of this program.
    NoProjection,
    /// A training state where a network was expected.
    IsState,
    /// The decoder of a style transfer where a network that draws by itself was expected.
    IsDecoder,
    /// A safetensors file that is no decoder of this program.
    NoDecoder,
    /// The file was written by a program that knows more.
    NewerFormat {
        /// Its format version.
        found: u64,
        /// The newest format version that is understood.
        known: u64,
        /// What it says it was written by.
        written_by: String,
    },
    /// A part of the metadata is missing or cannot be understood.
    Metadata {
        /// The key in the metadata.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration describes no network.
    Config {
        /// One sentence for each thing that is wrong.
        violations: Vec<String>,
    },
    /// A tensor that the configuration asks for is missing.
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// There is a tensor that no network of this configuration has.
    UnknownTensor {
        /// The tensor's name.
        name: String,
    },
    /// A tensor has a shape that the configuration rules out.
    Shape {
        /// The tensor's name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor does not consist of floating point numbers.
    Type {
        /// The tensor's name.
        name: String,
        /// Its type.
        found: String,
    },
    /// The file has no such network.
    NoNetwork {
        /// The network asked for.
        network: Network,
    },
    /// The networks given are not those that the metadata describe.
    NotAsDescribed {
        /// What differs.
        reason: String,
    },
    /// A tensor to write is damaged.
    NotFinite {
        /// The tensor's name in the file.
        name: String,
    },
    /// A tensor to write does not fit into the type asked for.
    OutOfRange {
        /// The tensor's name in the file.
        name: String,
        /// The largest absolute value.
        largest: f64,
        /// The type.
        dtype: DType,
    },
    /// The file to write exists.
    Exists,
    /// The file could not be written.
    Write(io::Error),
    /// The device failed.
    Tensor(candle_core::Error),
}

impl Error {
    /// What is wrong with the file at `path`.
    pub fn new(path: impl Into<PathBuf>, kind: impl Into<ErrorKind>) -> Self {
        Self { path: path.into(), kind: kind.into() }
    }

    /// The same for `map_err`.
    pub(crate) fn at<K: Into<ErrorKind>>(path: &Path) -> impl Fn(K) -> Self {
        move |kind| Self::new(path, kind)
    }
}

impl ErrorKind {
    /// Why a file or folder cannot be read.
    pub fn reading(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Read(source),
        }
    }

    /// Why a file cannot be written.
    pub(crate) fn writing(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Write(source),
        }
    }
}

impl From<candle_core::Error> for ErrorKind {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            ErrorKind::NotFound => write!(f, "there is no checkpoint `{path}`"),
            ErrorKind::NoSnapshot { .. } => write!(f, "`{path}` holds no `network-snapshot-*.safetensors`"),
            ErrorKind::Read(_) => write!(f, "cannot read `{path}`"),
            ErrorKind::NotAFile => write!(f, "`{path}` is not a file"),
            ErrorKind::NotSafetensors { found } => match found {
                Some(FileKind::Empty) => write!(f, "`{path}` is empty"),
                Some(kind) => write!(f, "`{path}` is {kind}, not a checkpoint"),
                None => write!(f, "`{path}` is no safetensors file"),
            },
            ErrorKind::Truncated { have, need } => {
                write!(f, "`{path}` is truncated: it has {have} of at least {need} bytes")
            }
            ErrorKind::TooLong { have, need } => {
                write!(f, "`{path}` is damaged: it has {have} bytes where its header accounts for {need}")
            }
            ErrorKind::Checksum => {
                write!(f, "`{path}` is damaged: its checksum is not that of its contents")
            }
            ErrorKind::HeaderTooLarge { bytes, limit } => {
                write!(f, "the header of `{path}` has {bytes} bytes, more than the {limit} that are accepted")
            }
            ErrorKind::Header { reason } => write!(f, "the header of `{path}` is damaged: {reason}"),
            ErrorKind::OtherKind => {
                write!(f, "`{path}` is a safetensors file, but no StyleGAN checkpoint of this program")
            }
            ErrorKind::NoState => write!(f, "`{path}` is no training state of this program"),
            ErrorKind::NoProjection => write!(f, "`{path}` is no state of a projection of this program"),
            ErrorKind::IsState => write!(f, "`{path}` is a training state, which holds no networks"),
            ErrorKind::IsDecoder => write!(f, "`{path}` holds the decoder of a style transfer, no generator"),
            ErrorKind::NoDecoder => write!(f, "`{path}` holds no decoder of a style transfer"),
            ErrorKind::NewerFormat { found, known, written_by } => write!(
                f,
                "`{path}` has format version {found}, written by a newer version (`{written_by}`): this one reads up to \
                 {known}"
            ),
            ErrorKind::Metadata { key, reason } => write!(f, "the metadata `{key}` of `{path}` {reason}"),
            ErrorKind::Config { violations } => {
                write!(f, "`{path}` describes an impossible network: {}", violations.join("; "))
            }
            ErrorKind::MissingTensor { name } => write!(f, "`{path}` lacks the tensor `{name}`"),
            ErrorKind::UnknownTensor { name } => {
                write!(f, "`{path}` has a tensor `{name}` that is no part of its networks")
            }
            ErrorKind::Shape { name, found, expected } => {
                write!(
                    f,
                    "the tensor `{name}` of `{path}` has shape {found:?} where {expected:?} is expected"
                )
            }
            ErrorKind::Type { name, found } => {
                write!(f, "the tensor `{name}` of `{path}` is of type {found}, not F64, F32, F16 or BF16")
            }
            ErrorKind::NoNetwork { network } => {
                write!(f, "`{path}` has no `{network}`: it was written for sampling alone")
            }
            ErrorKind::NotAsDescribed { reason } => {
                write!(f, "the networks to save in `{path}` are not those of its metadata: {reason}")
            }
            ErrorKind::NotFinite { name } => {
                write!(f, "the tensor `{name}` holds numbers that are not finite")
            }
            ErrorKind::OutOfRange { name, largest, dtype } => write!(
                f,
                "the tensor `{name}` holds numbers up to {largest}, more than {} can hold",
                dtype.as_str()
            ),
            ErrorKind::Exists => write!(f, "`{path}` exists; nothing was overwritten"),
            ErrorKind::Write(_) => write!(f, "cannot write `{path}`"),
            ErrorKind::Tensor(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Read(source) | ErrorKind::Write(source) => Some(source),
            ErrorKind::Tensor(error) => error.source(),
            _ => None,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let hint = match &self.kind {
            ErrorKind::NotFound if self.path.to_string_lossy().contains("://") => {
                "nothing is fetched from the network: download the file and give its path"
            }
            ErrorKind::NotFound => "give a file `network-snapshot-*.safetensors` or the folder of a run",
            ErrorKind::NoSnapshot { nearest: Some(nearest) } => {
                return Some(format!("did you mean `{}`?", nearest.display()));
            }
            ErrorKind::NoSnapshot { nearest: None } => {
                "give the folder of a run that has written a snapshot, such as `runs/00000-NAME`"
            }
            ErrorKind::NotSafetensors { found: Some(FileKind::WebPage | FileKind::Empty) } => {
                "the download failed: fetch it again, and look at its size"
            }
            ErrorKind::NotSafetensors { found: Some(FileKind::LfsPointer) } => {
                "Git LFS has the file itself, which was not fetched"
            }
            ErrorKind::NotSafetensors { found: Some(FileKind::Packed(_)) } => "unpack it first",
            ErrorKind::NotSafetensors { .. } | ErrorKind::OtherKind => {
                "checkpoints of a run are named `network-snapshot-*.safetensors`"
            }
            ErrorKind::NoState => "training states of a run are named `training-state-*.safetensors`",
            ErrorKind::IsState => "give the `network-snapshot-*.safetensors` beside it",
            ErrorKind::IsDecoder => {
                "a decoder draws the features of pictures: style transfer needs two of them"
            }
            ErrorKind::NoDecoder => {
                "decoders are the `network-snapshot-*.safetensors` of runs that train one"
            }
            ErrorKind::Truncated { .. }
            | ErrorKind::TooLong { .. }
            | ErrorKind::Checksum
            | ErrorKind::Header { .. } => "copy the file again, or take the snapshot before it",
            ErrorKind::NewerFormat { .. } => "update this program to the version that wrote the file",
            ErrorKind::NoNetwork { .. } => "take a snapshot with all three networks from the run's folder",
            ErrorKind::NotFinite { .. } => "take the snapshot before it",
            ErrorKind::OutOfRange { .. } => "f32 holds them",
            ErrorKind::Exists => "give another name",
            ErrorKind::Write(source) => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk; no file was left half-written"
                }
                io::ErrorKind::NotFound => "create the folder first",
                _ => return None,
            },
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
