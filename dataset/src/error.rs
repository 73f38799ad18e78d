//! What can go wrong between a person's pictures and the training step, and what to do about it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stylegan_base::files::NewFolder;

/// A file of a source that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The path inside the source, with `/` between its parts.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What can go wrong with a source of pictures, a pack or a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at the path.
    #[error("`{}` does not exist", path.display())]
    NotFound {
        /// Where pictures were expected.
        path: PathBuf,
    },
    /// The path is a file of another kind.
    #[error("`{}` is neither a folder nor a zip of pictures", path.display())]
    NotASource {
        /// Where pictures were expected.
        path: PathBuf,
    },
    /// The system could not read a file or folder.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A level of a pack could not be read where a picture should be.
    #[error("cannot read `{}` at byte {offset}", path.display())]
    ReadAt {
        /// The level's file.
        path: PathBuf,
        /// Where the picture starts.
        offset: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// The system could not write a file or folder.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Nothing in the source has a picture's name.
    #[error("`{}` holds no PNG, JPEG or WebP pictures{}", path.display(), others(*ignored))]
    NoPictures {
        /// The source.
        path: PathBuf,
        /// How many files of other kinds it holds.
        ignored: usize,
    },
    /// The source holds more pictures, or the zip more entries, than are accepted.
    #[error("`{}` holds {count} files, more than the {limit} that are accepted", path.display())]
    TooManyFiles {
        /// The source.
        path: PathBuf,
        /// How many it holds, or has so far.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// The zip as a whole cannot be read.
    #[error("`{}` is not a readable zip: {reason}", path.display())]
    Zip {
        /// The zip.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// One entry makes the zip unacceptable.
    #[error("entry `{entry}` of `{}` {reason}", path.display())]
    ZipEntry {
        /// The zip.
        path: PathBuf,
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The labels cannot be used.
    #[error("`dataset.json` of `{}` {reason}", path.display())]
    Labels {
        /// The source.
        path: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
    /// Too large a part of the source is unreadable.
    #[error(
        "at least {} of the {files} pictures in `{}` cannot be read, more than {} %: {}",
        skipped.len(), path.display(), max_bad_fraction * 100.0, list(skipped)
    )]
    TooManyBad {
        /// The source.
        path: PathBuf,
        /// The unreadable files found until it was given up.
        skipped: Vec<Skipped>,
        /// How many files were to be read.
        files: usize,
        /// The fraction that would have been accepted.
        max_bad_fraction: f64,
    },
    /// Pictures are smaller than the side they are to be packed at.
    #[error(
        "{count} of the pictures in `{}` are smaller than {side}x{side}, such as `{example}` with \
         {width}x{height}",
        path.display()
    )]
    TooSmall {
        /// The source.
        path: PathBuf,
        /// How many pictures are smaller.
        count: usize,
        /// The smallest of them.
        example: String,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
        /// The side asked for.
        side: usize,
    },
    /// The side is none that a network can have.
    #[error("resolution {resolution} is not a power of two from 8 to 1024")]
    Resolution {
        /// The side asked for.
        resolution: usize,
    },
    /// The accepted fraction of unreadable files is no fraction.
    #[error("`max_bad_fraction` is {fraction}, not a number from 0 to 1")]
    Fraction {
        /// The number given.
        fraction: f64,
    },
    /// The output exists and is not a pack.
    #[error("`{}` exists and is not a packed data set; nothing was overwritten", path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },
    /// The output is a pack of something else.
    #[error("`{}` is a packed data set, but {difference}; nothing was overwritten", path.display())]
    OutputDiffers {
        /// The output.
        path: PathBuf,
        /// In what it differs from what was asked for.
        difference: String,
    },
    /// The folder is a pack, but a damaged one.
    #[error("the packed data set `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The pack.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The pack was written by a newer version of this program.
    #[error(
        "the packed data set `{}` has format version {version}; this program reads up to version {known}",
        path.display()
    )]
    NewerFormat {
        /// The pack.
        path: PathBuf,
        /// The version it has.
        version: u64,
        /// The newest version that is understood.
        known: u64,
    },
    /// The folder is no pack.
    #[error("`{}` is not a packed data set", path.display())]
    NotAPack {
        /// The folder.
        path: PathBuf,
    },
    /// The pack's pictures are smaller than asked for.
    #[error("the packed data set `{}` has resolution {resolution}, less than {requested}", path.display())]
    PackTooSmall {
        /// The pack.
        path: PathBuf,
        /// The side of its pictures.
        resolution: usize,
        /// The side asked for.
        requested: usize,
    },
    /// The pack has no level of that side.
    #[error("no level of side {side} in a packed data set of resolution {resolution}")]
    NoSuchLevel {
        /// The side asked for.
        side: usize,
        /// The side of the largest level.
        resolution: usize,
    },
    /// The pack has no picture of that number.
    #[error("no picture {index} in a packed data set of {count}")]
    NoSuchPicture {
        /// The number asked for, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
}

impl Error {
    /// What to do about it, for those errors that have advice.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotASource { .. } => {
                "give a folder, a `.zip` as stylegan2-ada writes it, or a data set packed before".into()
            }
            Self::Write { source, .. } if is_full(source) => {
                "free some space or write to another disk; nothing half-written was left behind".into()
            }
            Self::NoPictures { .. } => {
                "pictures are found by their extension, `.png`, `.jpg`, `.jpeg` or `.webp`, in folders of any depth"
                    .into()
            }
            Self::Labels { .. } => {
                "it must read {\"labels\": null} or {\"labels\": [[\"name.png\", 0], …]} with a label for every \
                 picture"
                    .into()
            }
            Self::TooManyBad { .. } => {
                "mend or remove these files, or let more of them be left out, `--max-bad-fraction F`".into()
            }
            Self::TooSmall { width, height, side, .. } => match floor_power_of_two((*width).min(*height)) {
                Some(fitting) if fitting < *side => {
                    format!("`--resolution {fitting}` fits all of them, `--allow-upscale` enlarges the small ones")
                }
                _ => "remove the small ones, or enlarge them with `--allow-upscale`".into(),
            },
            Self::Resolution { resolution } => {
                let below = floor_power_of_two((*resolution).clamp(8, 1024)).unwrap_or(8);
                let above = (below * 2).min(1024);
                if *resolution > below && above > below {
                    format!("the nearest are {below} and {above}")
                } else {
                    format!("the nearest is {below}")
                }
            }
            Self::ReadAt { path, source, .. } if source.kind() == io::ErrorKind::UnexpectedEof => format!(
                "the file was cut short: delete `{}`, pack the pictures anew and start the same command again",
                path.parent().unwrap_or(path).display()
            ),
            Self::OutputExists { .. } => "choose a folder that does not exist yet".into(),
            Self::OutputDiffers { path, .. } => {
                format!("choose another folder, or delete `{}` to pack it anew", path.display())
            }
            Self::Damaged { path, .. } => format!("delete `{}` and pack it anew", path.display()),
            Self::NewerFormat { .. } => "update this program, or pack the pictures anew".into(),
            Self::NotAPack { path } => {
                format!("`stylegan dataset pack {} --out DIR` makes one", path.display())
            }
            Self::PackTooSmall { resolution, .. } => {
                format!("pack the original pictures anew at that resolution, or train at {resolution}")
            }
            _ => return None,
        })
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Write { path, source }
    }

    /// The same of a file inside a folder that is being written, by the name that the file was to have.
    pub(crate) fn inside(self, folder: &NewFolder) -> Self {
        match self {
            Self::Write { path, source } => match path.strip_prefix(folder.partial_path()) {
                Ok(name) => Self::Write { path: folder.path().join(name), source },
                Err(_) => Self::Write { path, source },
            },
            error => error,
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), reason: reason.into() }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The largest power of two that is at most `number`, if a network can have that side.
pub(crate) fn floor_power_of_two(number: usize) -> Option<usize> {
    (number >= 8).then(|| 1 << number.ilog2())
}

fn others(ignored: usize) -> String {
    match ignored {
        0 => String::new(),
        1 => " (1 file of another kind)".into(),
        _ => format!(" ({ignored} files of other kinds)"),
    }
}

/// The first few names and reasons, for a message.
fn list(skipped: &[Skipped]) -> String {
    let mut text = String::new();
    for (i, Skipped { name, reason }) in skipped.iter().take(3).enumerate() {
        let _ = write!(text, "{}`{name}` ({reason})", if i == 0 { "" } else { ", " });
    }
    if skipped.len() > 3 {
        text.push_str(", …");
    }
    text
}

/// A name or reason from a stranger's file as it may be shown: without control characters, which a terminal
/// would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_names_the_file_and_has_advice() {
        let path = Path::new("cache/level-0064.bin");
        let error = Error::write(path)(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.to_string(), "cannot write `cache/level-0064.bin`");
        assert!(error.hint().unwrap().contains("free some space"));
        assert!(Error::write(path)(io::Error::from(io::ErrorKind::PermissionDenied)).hint().is_none());
    }

    #[test]
    fn the_nearest_resolutions_are_suggested() {
        let hint = |resolution| Error::Resolution { resolution }.hint().unwrap();
        assert_eq!(hint(100), "the nearest are 64 and 128");
        assert_eq!(hint(0), "the nearest is 8");
        assert_eq!(hint(2048), "the nearest is 1024");
    }

    #[test]
    fn a_message_names_three_bad_files() {
        let skipped = |n: usize| {
            (0..n).map(|i| Skipped { name: format!("{i}.png"), reason: "r".into() }).collect::<Vec<_>>()
        };
        assert_eq!(list(&skipped(2)), "`0.png` (r), `1.png` (r)");
        assert_eq!(list(&skipped(9)), "`0.png` (r), `1.png` (r), `2.png` (r), …");
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\u{fffd}[31mb");
    }
}
