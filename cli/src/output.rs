//! Where results go: checked before any work, so that nothing is overwritten or drawn in vain.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use stylegan_drawing::{Error, Layout, Painter};
use stylegan_media::FilmFormat;

use crate::report::Refusal;
use stylegan_base::shell::quoted;

/// Endings of files that are not written; no folder has one unless it is there already or ends in a slash.
const NUMBERS: [&str; 7] = ["npy", "npz", "pt", "pth", "pkl", "h5", "csv"];
const OTHERS: [&str; 24] = [
    "flv", "wmv", "jpg", "jpeg", "jfif", "webp", "bmp", "tif", "tiff", "avif", "heic", "svg", "pdf", "zip",
    "tar", "gz", "tgz", "7z", "rar", "json", "txt", "toml", "html", "onnx",
];

/// Whether files that exist are overwritten.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Force {
    /// Overwrite files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `--out` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Png(PathBuf),
    Film(PathBuf),
    Numbers(PathBuf),
    Folder(PathBuf),
}

impl Output {
    /// Tells a file from a folder by the name's extension; a folder may have one if it exists or ends in a slash.
    pub(crate) fn parse(path: &Path) -> Result<Self> {
        let extension =
            path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let ends_in_slash =
            path.as_os_str().to_str().is_some_and(|text| text.ends_with(std::path::is_separator));
        if ends_in_slash || path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        match extension.as_deref() {
            Some("png") => Ok(Self::Png(path.to_owned())),
            Some(_) if FilmFormat::of(path).is_some() => Ok(Self::Film(path.to_owned())),
            Some("safetensors") => Ok(Self::Numbers(path.to_owned())),
            Some(extension) if is_of_a_file(extension) => {
                Err(Refusal::usage(format!("`--out {}` is of a kind that is not written", path.display()))
                    .hint(hint_of(path, extension))
                    .into())
            }
            _ => Ok(Self::Folder(path.to_owned())),
        }
    }

    /// Refuses the name of a file for a folder that a command makes.
    pub(crate) fn check_is_folder(path: &Path) -> Result<()> {
        match Self::parse(path) {
            Ok(Self::Folder(_)) => Ok(()),
            _ => {
                Err(Refusal::usage(format!("`--out {}` is a file by its name, not a folder", path.display()))
                    .hint(format!("a folder of that name is `--out {}`", quoted(&path.join(""))))
                    .into())
            }
        }
    }

    /// Makes sure that the file can be written.
    pub(crate) fn check_file(path: &Path, force: Force) -> Result<()> {
        check_parent(path)?;
        if !force.force && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        Ok(())
    }

    /// Makes sure that these files can be written in the folder, which is made by [`make_folder`] later.
    pub(crate) fn check_folder<'a>(
        folder: &Path,
        names: impl IntoIterator<Item = &'a String>,
        force: Force,
    ) -> Result<()> {
        if folder.symlink_metadata().is_ok() && !folder.is_dir() {
            return Err(Refusal::new(format!("`{}` is a file, not a folder", folder.display()))
                .hint(
                    "pictures are written as PNG, `--out NAME.png`, or one by one into a folder, `--out DIR`",
                )
                .into());
        }
        check_parent(folder)?;
        if force.force {
            return Ok(());
        }
        match names.into_iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => Err(exists(&path)),
            None => Ok(()),
        }
    }
}

fn is_of_a_file(extension: &str) -> bool {
    NUMBERS.iter().chain(&OTHERS).any(|known| *known == extension)
}

/// What is written in place of a file of this kind.
fn hint_of(path: &Path, extension: &str) -> String {
    let with = |extension: &str| quoted(&path.with_extension(extension));
    if NUMBERS.contains(&extension) {
        format!("`stylegan sample` writes numbers as safetensors, `--out {}`", with("safetensors"))
    } else {
        "pictures are written as PNG, `--out NAME.png`, or one by one into a folder, `--out DIR`".to_owned()
    }
}

/// Makes sure that a picture of several is not too large; `hint` is what to do instead.
pub(crate) fn check_pixels(layout: Layout, painter: &Painter, hint: &str) -> Result<()> {
    layout.check_size(painter.resolution()).map_err(|error| or_too_large(error, hint))
}

/// The error, with what to do instead of so large a picture if it is that.
pub(crate) fn or_too_large(error: Error, hint: &str) -> anyhow::Error {
    match error {
        Error::TooManyPixels { .. } | Error::FigureTooLarge { .. } => {
            Refusal::new(error.to_string()).hint(hint).into()
        }
        other => other.into(),
    }
}

/// Makes the folder unless it is there.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Err(_) if folder.is_dir() => Ok(()),
        result => result.with_context(|| format!("cannot create the folder `{}`", folder.display())),
    }
}

fn exists(path: &Path) -> anyhow::Error {
    Refusal::new(format!("`{}` exists; nothing was overwritten", path.display()))
        .hint("give another name, or `--force` to overwrite it")
        .into()
}

fn check_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if parent.exists() && !parent.is_dir() => {
            Err(Refusal::new(format!("`{}` is no folder", parent.display())).into())
        }
        Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
            Err(Refusal::new(format!("the folder `{}` does not exist", parent.display()))
                .hint(format!("`mkdir -p {}` makes it", quoted(parent)))
                .into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_written() {
        let parse = |text: &str| Output::parse(Path::new(text)).unwrap();
        assert_eq!(parse("a/b.PNG"), Output::Png("a/b.PNG".into()));
        for name in ["b.gif", "b.MP4", "b.apng", "b.webm"] {
            assert_eq!(parse(name), Output::Film(name.into()));
        }
        assert_eq!(parse("b.safetensors"), Output::Numbers("b.safetensors".into()));
        assert_eq!(parse("faces"), Output::Folder("faces".into()));
        assert_eq!(parse("faces-0.7"), Output::Folder("faces-0.7".into()));
        assert_eq!(parse("faces.png/"), Output::Folder("faces.png/".into()));
        assert_eq!(parse("faces.zip/"), Output::Folder("faces.zip/".into()));
        for name in ["a.jpg", "x.npy", "x.ZIP", "x.flv", "x.pt"] {
            assert!(Output::parse(Path::new(name)).is_err(), "{name}");
            assert!(Output::check_is_folder(Path::new(name)).is_err(), "{name}");
        }
        assert!(Output::check_is_folder(Path::new("a.png")).is_err());
        assert!(Output::check_is_folder(Path::new("runs.zip/")).is_ok());
        assert!(Output::check_is_folder(Path::new("ffhq-0.7")).is_ok());
    }
}
