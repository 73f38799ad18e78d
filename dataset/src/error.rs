//! What can go wrong between a person's pictures and the training step.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use stylegan_base::files::NewFolder;
use stylegan_base::{Resolution, printable};

use crate::channels::Channels;
use crate::left_out::{LeftOut, READ, counted};
use crate::shard::Shard;
use crate::skipped::{Skipped, list};

/// Something that went wrong with a source of pictures, a pack or a batch, and where.
#[derive(Debug)]
pub struct Error {
    /// The source, the pack, or the file or folder that the system refused.
    pub path: PathBuf,
    /// What went wrong.
    pub kind: ErrorKind,
}

/// What can go wrong with a source of pictures, a pack or a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is nothing at the path.
    NotFound,
    /// No reader knows what is at the path.
    NotASource {
        /// What it is, with its article, if that can be told.
        kind: Option<&'static str>,
    },
    /// The system could not read a file or folder.
    Read(io::Error),
    /// A level of a pack could not be read where a picture should be.
    ReadAt {
        /// Where the picture starts.
        offset: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// The system could not write a file or folder.
    Write(io::Error),
    /// Nothing in the source has a picture's name.
    NoPictures {
        /// What it holds instead.
        left_out: Box<LeftOut>,
    },
    /// The folder or zip is that of a run, whose pictures are this program's own.
    RunFolder,
    /// The source holds more pictures, or other entries, than are accepted.
    TooManyFiles {
        /// How many it holds, or has so far.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// The file or folder is of a form that is read, but as a whole it cannot be.
    Container {
        /// The form, with its article.
        form: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// One entry makes the container unacceptable.
    Entry {
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The labels in a file cannot be used.
    Labels {
        /// The file's path inside the source.
        file: String,
        /// What is wrong with them.
        reason: String,
    },
    /// Folders are to be classes, but there are pictures in none.
    NoClassFolder {
        /// One of them.
        example: String,
    },
    /// The folders are no classes to train by.
    ClassFolders {
        /// What is wrong with them.
        reason: String,
    },
    /// The labels given are not those of the pictures.
    OtherLabels {
        /// What is wrong with them.
        reason: String,
    },
    /// The source has no list of checksums.
    NoChecksums,
    /// Pictures have other bytes than the list of checksums beside them says.
    WrongChecksums {
        /// Which, and in what they differ.
        wrong: Vec<Skipped>,
        /// How many were looked at.
        files: usize,
    },
    /// Too large a part of the source is unreadable.
    TooManyBad {
        /// The unreadable files found until it was given up.
        skipped: Vec<Skipped>,
        /// How many files were to be read.
        files: usize,
        /// The fraction that would have been accepted.
        max_bad_fraction: f64,
    },
    /// Pictures are smaller than the resolution they are to be packed at.
    TooSmall {
        /// How many pictures are smaller.
        count: usize,
        /// The smallest of them.
        example: String,
        /// Its width and height.
        size: Resolution,
        /// The resolution asked for.
        resolution: Resolution,
        /// The largest resolution of that ratio that nearly all pictures have the pixels for, if a network can have it.
        fitting: Option<Resolution>,
    },
    /// The resolution is none that a network can have.
    Resolution {
        /// The resolution asked for.
        resolution: Resolution,
    },
    /// The accepted fraction of unreadable files is no fraction.
    Fraction {
        /// The number given.
        fraction: f64,
    },
    /// The output exists and is not a pack.
    OutputExists,
    /// The output exists.
    OutputTaken,
    /// The output is a pack of something else.
    OutputDiffers {
        /// In what it differs from what was asked for.
        difference: String,
    },
    /// The folder is a pack, but a damaged one.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The pack was written by a newer version of this program.
    NewerFormat {
        /// The version it has.
        version: u64,
        /// The newest version that is understood.
        known: u64,
    },
    /// The pictures are transparent, which what they are to be written as is not.
    ExportTransparent,
    /// The pictures have 16 bits, which what they are to be written as has not.
    ExportSixteenBit,
    /// The pack cannot be joined with the others.
    Join {
        /// Why not.
        reason: String,
    },
    /// The part that was to be packed has no pictures.
    EmptyShard {
        /// Which part.
        shard: Shard,
        /// How many pictures there are for all parts.
        count: usize,
    },
    /// The folder is no pack.
    NotAPack,
    /// The pack's pictures are smaller than asked for, or of another ratio.
    PackTooSmall {
        /// The resolution of its pictures.
        resolution: Resolution,
        /// The resolution asked for.
        requested: Resolution,
    },
    /// The pack's pictures have other channels than asked for.
    PackChannels {
        /// Those of its pictures.
        found: Channels,
        /// Those asked for.
        requested: Channels,
    },
    /// The pack has no such level.
    NoSuchLevel {
        /// The level asked for.
        level: Resolution,
        /// The largest level.
        resolution: Resolution,
    },
    /// The pack has no picture of that number.
    NoSuchPicture {
        /// The number asked for, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A single picture that cannot be read.
    Picture {
        /// What is wrong with it.
        reason: String,
    },
}

impl ErrorKind {
    pub(crate) fn at(self, path: impl Into<PathBuf>) -> Error {
        Error { path: path.into(), kind: self }
    }
}

impl Error {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| ErrorKind::Read(source).at(path)
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| ErrorKind::Write(source).at(path)
    }

    /// What is at `path` is of that form, with its article, but cannot be read.
    pub(crate) fn container(path: &Path, form: &'static str, reason: &str) -> Self {
        ErrorKind::Container { form, reason: printable(reason) }.at(path)
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        ErrorKind::Damaged { reason: reason.into() }.at(path)
    }

    /// The same of a file inside a folder that is being written, by the name that the file was to have.
    pub(crate) fn inside(mut self, folder: &NewFolder) -> Self {
        if let Ok(name) = self.path.strip_prefix(folder.partial_path()) {
            self.path = folder.path().join(name);
        }
        self
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Read(source) | ErrorKind::Write(source) | ErrorKind::ReadAt { source, .. } => {
                Some(source)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            ErrorKind::NotFound => write!(f, "`{path}` does not exist"),
            ErrorKind::NotASource { kind: None } => write!(f, "`{path}` is no source of pictures"),
            ErrorKind::NotASource { kind: Some(kind) } => {
                write!(f, "`{path}` is {kind}, no source of pictures")
            }
            ErrorKind::Read(_) => write!(f, "cannot read `{path}`"),
            ErrorKind::ReadAt { offset, .. } => write!(f, "cannot read `{path}` at byte {offset}"),
            ErrorKind::Write(_) => write!(f, "cannot write `{path}`"),
            ErrorKind::NoPictures { left_out } => {
                write!(f, "`{path}` holds no {READ} pictures{}", instead(left_out))
            }
            ErrorKind::RunFolder => {
                write!(f, "`{path}` is the folder of a run; the pictures in it are its own")
            }
            ErrorKind::TooManyFiles { count, limit } => {
                write!(f, "`{path}` holds {count} files, more than the {limit} that are accepted")
            }
            ErrorKind::Container { form, reason } => {
                write!(f, "`{path}` is {form} that cannot be read: {reason}")
            }
            ErrorKind::Entry { entry, reason } => write!(f, "entry `{entry}` of `{path}` {reason}"),
            ErrorKind::Labels { file, reason } => write!(f, "`{file}` of `{path}` {reason}"),
            ErrorKind::NoClassFolder { example } => {
                write!(f, "`{path}` has no folder for each class: `{example}` lies in none")
            }
            ErrorKind::ClassFolders { reason } => write!(f, "the folders of `{path}` {reason}"),
            ErrorKind::OtherLabels { reason } => write!(f, "what was given to `{path}` {reason}"),
            ErrorKind::NoChecksums => write!(f, "`{path}` has no list of checksums"),
            ErrorKind::WrongChecksums { wrong, files } => write!(
                f,
                "{} of the {files} pictures in `{path}` are not those of its list of checksums: {}",
                wrong.len(),
                list(wrong)
            ),
            ErrorKind::TooManyBad { skipped, files, max_bad_fraction } => write!(
                f,
                "at least {} of the {files} pictures in `{path}` cannot be read, more than {} %: {}",
                skipped.len(),
                max_bad_fraction * 100.0,
                list(skipped)
            ),
            ErrorKind::TooSmall { count, example, size, resolution, .. } => write!(
                f,
                "{count} of the pictures in `{path}` are smaller than {resolution}, such as `{example}` with {size}"
            ),
            ErrorKind::Resolution { resolution } => {
                let violation = resolution.violation().unwrap_or_default();
                write!(f, "resolution {} {violation}", resolution.short())
            }
            ErrorKind::Fraction { fraction } => {
                write!(f, "`max_bad_fraction` is {fraction}, not a number from 0 to 1")
            }
            ErrorKind::OutputExists => {
                write!(f, "`{path}` exists and is not a packed data set; nothing was overwritten")
            }
            ErrorKind::OutputTaken => write!(f, "`{path}` exists; nothing was overwritten"),
            ErrorKind::OutputDiffers { difference } => {
                write!(f, "`{path}` is a packed data set, but {difference}; nothing was overwritten")
            }
            ErrorKind::Damaged { reason } => write!(f, "the packed data set `{path}` is damaged: {reason}"),
            ErrorKind::NewerFormat { version, known } => write!(
                f,
                "the packed data set `{path}` has format version {version}; this program reads up to version {known}"
            ),
            ErrorKind::ExportSixteenBit => {
                write!(f, "cannot write `{path}`: TFRecords of the original have 8 bits, not 16")
            }
            ErrorKind::ExportTransparent => {
                write!(f, "`{path}` is for programs that read no pictures with transparency")
            }
            ErrorKind::Join { reason } => write!(f, "cannot join `{path}`: {reason}"),
            ErrorKind::EmptyShard { shard, count } => {
                write!(f, "part {shard} of `{path}` is empty: there are {count} pictures")
            }
            ErrorKind::NotAPack => write!(f, "`{path}` is not a packed data set"),
            ErrorKind::PackTooSmall { resolution, requested } => {
                let (has, is_asked) = (resolution.short(), requested.short());
                let is_less = resolution.doublings_to(*requested).is_some();
                let so = if is_less { "less than" } else { "and no level of" };
                write!(f, "the packed data set `{path}` has resolution {has}, {so} {is_asked}")
            }
            ErrorKind::PackChannels { found, requested } => {
                write!(
                    f,
                    "the pictures of the packed data set `{path}` have {}, not {requested}",
                    found.counted()
                )
            }
            ErrorKind::NoSuchLevel { level, resolution } => {
                write!(f, "no level of {level} in a packed data set of {resolution}")
            }
            ErrorKind::NoSuchPicture { index, count } => {
                write!(f, "no picture {index} in a packed data set of {count}")
            }
            ErrorKind::Picture { reason } => write!(f, "`{path}` cannot be read as a picture: {reason}"),
        }
    }
}

/// What there is where no pictures are.
fn instead(LeftOut { other_pictures, other_files, runs, hidden, .. }: &LeftOut) -> String {
    let mut parts = vec![counted(other_pictures), counted(other_files)];
    parts.extend(runs.iter().take(1).map(|run| format!("a run, `{run}`")));
    parts.extend(hidden.iter().take(1).map(|folder| format!("a hidden folder, `{folder}`")));
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { String::new() } else { format!(", but {}", parts.join(", ")) }
}
