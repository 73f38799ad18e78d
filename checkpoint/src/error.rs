//! What can go wrong with a checkpoint, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use candle_core::DType;

use crate::Network;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at the path.
    #[error("there is no checkpoint `{}`", path.display())]
    NotFound {
        /// Where a checkpoint was expected.
        path: PathBuf,
    },
    /// The folder has no snapshot.
    #[error("`{}` holds no `network-snapshot-*.safetensors`", path.display())]
    NoSnapshot {
        /// The folder.
        path: PathBuf,
        /// The newest folder in it that does hold one.
        nearest: Option<PathBuf>,
    },
    /// The system could not read a file or folder.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("`{}` is {}", path.display(), looks_like.unwrap_or("no safetensors file"))]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What its first bytes say it is.
        looks_like: Option<&'static str>,
    },
    /// The file ends too early.
    #[error("`{}` is truncated: it has {have} of at least {need} bytes", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length.
        have: u64,
        /// The length that what could be read of its header asks for.
        need: u64,
    },
    /// The file goes on after its last tensor.
    #[error("`{}` is damaged: it has {have} bytes where its header accounts for {need}", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        have: u64,
        /// The length that its header asks for.
        need: u64,
    },
    /// The file is whole, but not what was written.
    #[error("`{}` is damaged: its checksum is not that of its contents", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
    },
    /// The header is larger than any network needs.
    #[error("the header of `{}` has {bytes} bytes, more than the {limit} that are accepted", path.display())]
    HeaderTooLarge {
        /// The file.
        path: PathBuf,
        /// Length of its header.
        bytes: u64,
        /// The length that is accepted.
        limit: u64,
    },
    /// The header cannot be understood.
    #[error("the header of `{}` is damaged: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A safetensors file that is no checkpoint of this program.
    #[error("`{}` is a safetensors file, but no StyleGAN checkpoint of this program", path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
    },
    /// A safetensors file that is no training state of this program.
    #[error("`{}` is no training state of this program", path.display())]
    NoState {
        /// The file.
        path: PathBuf,
    },
    /// A training state where a network was expected.
    #[error("`{}` is a training state, which holds no networks", path.display())]
    IsState {
        /// The file.
        path: PathBuf,
    },
    /// A file of another program that is damaged, or that no network of ours can be made of.
    #[error("`{}` cannot be converted: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A pickle that names a class or function which no checkpoint needs.
    #[error("`{}` asks for `{name}`, which no checkpoint needs; nothing of it was run", path.display())]
    ForeignClass {
        /// The file.
        path: PathBuf,
        /// Module and name.
        name: String,
    },
    /// A file of another kind of network.
    #[error("`{}` is {what}, not of StyleGAN (v1)", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A file whose layers go further than its network was trained.
    #[error(
        "`{}` does not say for which side its network was trained; its layers go up to {largest}x{largest}",
        path.display()
    )]
    UntoldResolution {
        /// The file.
        path: PathBuf,
        /// The largest side that its layers have.
        largest: usize,
    },
    /// A file whose layers do not go as far as was asked for.
    #[error("`{}` has no network of {asked}x{asked}: its sides are the powers of two from 8 to {largest}", path.display())]
    NoSuchResolution {
        /// The file.
        path: PathBuf,
        /// The side asked for.
        asked: usize,
        /// The largest side that its layers have.
        largest: usize,
    },
    /// The file was written by a program that knows more.
    #[error(
        "`{}` has format version {found}, written by a newer version (`{written_by}`): this one reads up to {known}",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u64,
        /// The newest format version that is understood.
        known: u64,
        /// What it says it was written by.
        written_by: String,
    },
    /// A part of the metadata is missing or cannot be understood.
    #[error("the metadata `{key}` of `{}` {reason}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key in its metadata.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration describes no network.
    #[error("`{}` describes an impossible network: {}", path.display(), violations.join("; "))]
    Config {
        /// The file.
        path: PathBuf,
        /// One sentence for each thing that is wrong.
        violations: Vec<String>,
    },
    /// A tensor that the configuration asks for is missing.
    #[error("`{}` lacks the tensor `{name}`", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// There is a tensor that no network of this configuration has.
    #[error("`{}` has a tensor `{name}` that is no part of its networks", path.display())]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// A tensor has a shape that the configuration rules out.
    #[error("the tensor `{name}` of `{}` has shape {found:?} where {expected:?} is expected", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor does not consist of floating point numbers.
    #[error("the tensor `{name}` of `{}` is of type {found}, not F64, F32, F16 or BF16", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its type.
        found: String,
    },
    /// The file has no such network.
    #[error("`{}` has no `{network}`: it was written for sampling alone", path.display())]
    NoNetwork {
        /// The file.
        path: PathBuf,
        /// The network asked for.
        network: Network,
    },
    /// The networks given to be saved are not those that the metadata describe.
    #[error("the networks to save in `{}` are not those of its metadata: {reason}", path.display())]
    NotAsDescribed {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A tensor to write is damaged.
    #[error("the tensor `{name}` holds numbers that are not finite")]
    NotFinite {
        /// The tensor's name in the file.
        name: String,
    },
    /// A tensor to write does not fit into the type asked for.
    #[error("the tensor `{name}` holds numbers up to {largest}, more than {} can hold", dtype.as_str())]
    OutOfRange {
        /// The tensor's name in the file.
        name: String,
        /// The largest absolute value.
        largest: f64,
        /// The type.
        dtype: DType,
    },
    /// The file to write exists.
    #[error("`{}` exists; nothing was overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The device failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
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

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotFound { .. } => {
                "give a file `network-snapshot-*.safetensors` or the folder of a run".to_owned()
            }
            Self::NoSnapshot { nearest: Some(nearest), .. } => {
                format!("did you mean `{}`?", nearest.display())
            }
            Self::NoSnapshot { nearest: None, .. } => {
                "give the folder of a run that has written a snapshot, such as `runs/00000-NAME`".to_owned()
            }
            Self::NotSafetensors { path, looks_like: Some(kind) } if kind.contains("pickle") || kind.contains("zip") => {
                format!("`stylegan convert {} OUT.safetensors` opens checkpoints of other programs", path.display())
            }
            Self::NotSafetensors { .. } | Self::OtherKind { .. } => {
                "checkpoints are written by `stylegan train` as `network-snapshot-*.safetensors`".to_owned()
            }
            Self::NoState { .. } => {
                "training states are written by `stylegan train` as `training-state-*.safetensors`".to_owned()
            }
            Self::IsState { .. } => "give the `network-snapshot-*.safetensors` beside it".to_owned(),
            Self::Truncated { .. } | Self::TooLong { .. } | Self::Checksum { .. } | Self::Header { .. } => {
                "copy the file again, or take the snapshot before it".to_owned()
            }
            Self::ForeignClass { .. } => {
                "a file that asks for other classes may do harm where it is unpickled; get it from its authors".to_owned()
            }
            Self::OtherNetwork { .. } => {
                "StyleGAN networks of the original, of rosinality and of genforce can be converted".to_owned()
            }
            Self::UntoldResolution { .. } | Self::NoSuchResolution { .. } => {
                "`--resolution N` says it, such as 256".to_owned()
            }
            Self::NewerFormat { .. } => "update this program to the version that wrote the file".to_owned(),
            Self::NoNetwork { .. } => {
                "take a snapshot with all three networks from the run's folder".to_owned()
            }
            Self::NotFinite { .. } => "take the snapshot before it".to_owned(),
            Self::OutOfRange { .. } => "`--dtype f32` holds them".to_owned(),
            Self::Exists { .. } => "give another name, or `--force` to overwrite it".to_owned(),
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk; no file was left half-written".to_owned()
                }
                io::ErrorKind::NotFound => "create the folder first".to_owned(),
                _ => return None,
            },
            _ => return None,
        };
        Some(hint)
    }
}
