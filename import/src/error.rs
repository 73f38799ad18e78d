//! Why a file of another program cannot be opened, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use stylegan_base::Hint;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What can be wrong with any checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] stylegan_checkpoint::Error),
    /// What can be wrong with a file of another program alone.
    #[error("{}", Said { path, kind })]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        kind: ErrorKind,
    },
}

/// What can be wrong with a file of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It is damaged, or no network of ours can be made of it.
    NotConvertible {
        /// What is wrong with it.
        reason: String,
    },
    /// A pickle that names a class or function which no checkpoint needs.
    Class {
        /// Module and name.
        name: String,
    },
    /// A file of another kind of network.
    OtherNetwork {
        /// What it is.
        what: String,
    },
    /// A generator of StyleGAN (v1) that computes what ours cannot.
    OtherArchitecture {
        /// Whose.
        whose: &'static str,
        /// What is different about it, after "has".
        has: &'static str,
    },
    /// A network whose pictures have other channels than red, green and blue.
    Channels {
        /// How many.
        channels: usize,
    },
    /// A file whose layers go further than its network was trained.
    UntoldResolution {
        /// The largest side that its layers have.
        largest: usize,
    },
    /// A file whose layers do not go as far as was asked for.
    NoSuchResolution {
        /// The side asked for.
        asked: usize,
        /// The largest side that its layers have.
        largest: usize,
    },
}

/// A sentence about a file.
struct Said<'a> {
    path: &'a PathBuf,
    kind: &'a ErrorKind,
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            ErrorKind::NotConvertible { reason } => write!(f, "`{path}` cannot be converted: {reason}"),
            ErrorKind::Class { name } => {
                write!(f, "`{path}` asks for `{name}`, which no checkpoint needs; nothing of it was run")
            }
            ErrorKind::OtherNetwork { what } => write!(f, "`{path}` is {what}, not of StyleGAN (v1)"),
            ErrorKind::OtherArchitecture { whose, has } => {
                write!(f, "`{path}` is of {whose}'s StyleGAN (v1), which has {has}: not supported")
            }
            ErrorKind::Channels { channels } => {
                let s = if *channels == 1 { "" } else { "s" };
                write!(f, "`{path}` is a network of {channels} channel{s}, not of red, green and blue")
            }
            ErrorKind::UntoldResolution { largest } => write!(
                f,
                "`{path}` does not say for which side its network was trained; its layers go up to {largest}x{largest}"
            ),
            ErrorKind::NoSuchResolution { asked, largest } => write!(
                f,
                "`{path}` has no network of {asked}x{asked}: its sides are the powers of two from 8 to {largest}"
            ),
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let kind = match self {
            Self::Checkpoint(error) => return error.hint(),
            Self::Foreign { kind, .. } => kind,
        };
        let hint = match kind {
            ErrorKind::NotConvertible { .. } => return None,
            ErrorKind::Class { .. } => {
                "a file that asks for other classes may do harm where it is unpickled; get it from its authors"
            }
            ErrorKind::OtherNetwork { .. } => {
                "StyleGAN networks of the original, rosinality, genforce, lernapparat and huangzh13 can be converted"
            }
            ErrorKind::OtherArchitecture { .. } => {
                "its weights would draw other pictures here than where they come from"
            }
            ErrorKind::Channels { .. } => {
                "networks of three channels can be converted, and the original's of one"
            }
            ErrorKind::UntoldResolution { .. } | ErrorKind::NoSuchResolution { .. } => {
                "the side for which it was trained must be told, such as 256"
            }
        };
        Some(hint.to_owned())
    }
}
