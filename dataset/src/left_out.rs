//! What a source holds beside its pictures.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use stylegan_base::printable;

/// The kinds of pictures that are read.
pub(crate) const READ: &str = "PNG, JPEG, WebP, BMP or TIFF";

/// What a source holds beside its pictures, and is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Pictures of kinds that are not read, counted by the endings of their names, in lower case.
    pub other_pictures: BTreeMap<String, usize>,
    /// Files that are no pictures, counted likewise; those without an ending by "".
    pub other_files: BTreeMap<String, usize>,
    /// Folders of runs of this program, whose pictures are its own.
    pub runs: Vec<String>,
    /// Hidden folders, and those that systems put beside a person's own.
    pub hidden: Vec<String>,
    /// Folders beside those that a source of a special form is made of.
    pub beside: Vec<String>,
}

/// Endings of pictures that cameras and programs make and that are not read.
const OTHER_PICTURES: [&str; 25] = [
    "arw", "avif", "cr2", "cr3", "dng", "exr", "gif", "hdr", "heic", "heif", "ico", "jp2", "jxl", "nef",
    "orf", "pcx", "pgm", "ppm", "psd", "raf", "raw", "rw2", "svg", "tga", "xcf",
];

/// Folders that systems and programs put beside a person's own, apart from those whose names begin with a dot.
const OF_SYSTEMS: [&str; 8] = [
    "@eaDir",
    "@Recycle",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "__MACOSX",
    "lost+found",
    "System Volume Information",
];

/// Files that systems put beside a person's own.
const FILES_OF_SYSTEMS: [&str; 3] = ["desktop.ini", "ehthumbs.db", "Thumbs.db"];

impl LeftOut {
    /// Whether there is nothing else.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another part of the source holds.
    pub(crate) fn add(&mut self, other: Self) {
        for (counts, others) in
            [(&mut self.other_pictures, other.other_pictures), (&mut self.other_files, other.other_files)]
        {
            for (ending, count) in others {
                *counts.entry(ending).or_default() += count;
            }
        }
        self.runs.extend(other.runs);
        self.hidden.extend(other.hidden);
        self.beside.extend(other.beside);
    }

    /// Counts a file that is no picture by its name.
    pub(crate) fn add_file(&mut self, name: &str) {
        let file_name = name.rsplit('/').next().unwrap_or(name);
        if is_of_system(file_name) {
            return;
        }
        let ending = Path::new(file_name).extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_picture = OTHER_PICTURES.contains(&ending.as_str());
        *if is_picture { &mut self.other_pictures } else { &mut self.other_files }
            .entry(ending)
            .or_default() += 1;
    }
}

/// Whether a file is one that a system put there.
pub(crate) fn is_of_system(file_name: &str) -> bool {
    file_name.starts_with("._")
        || file_name == ".DS_Store"
        || FILES_OF_SYSTEMS.iter().any(|known| known.eq_ignore_ascii_case(file_name))
}

/// Whether a folder is hidden or one that a system put there.
pub(crate) fn is_hidden(folder_name: &str) -> bool {
    (folder_name.starts_with('.') && !matches!(folder_name, "." | ".."))
        || OF_SYSTEMS.iter().any(|known| known.eq_ignore_ascii_case(folder_name))
}

/// Whether a folder is that of a run, by asking which files it holds.
pub(crate) fn is_run(mut holds: impl FnMut(&str) -> bool) -> bool {
    holds("config.toml") && (holds("run.lock") || holds("stats.jsonl"))
}

/// Counts by endings as they are said, most first: "3 `.heic`, 1 `.gif`".
pub(crate) fn counted(endings: &BTreeMap<String, usize>) -> String {
    let mut all: Vec<_> = endings.iter().collect();
    all.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut parts: Vec<String> = all
        .iter()
        .take(5)
        .map(|(ending, count)| match ending.as_str() {
            "" => format!("{count} without an ending"),
            ending => format!("{count} `.{}`", printable(ending)),
        })
        .collect();
    if all.len() > 5 {
        parts.push("…".to_owned());
    }
    parts.join(", ")
}

impl LeftOut {
    /// Pictures of kinds that are not read as they are said: "3 `.heic`, 1 `.gif`".
    pub fn counted_pictures(&self) -> String {
        counted(&self.other_pictures)
    }

    /// The same of files that are no pictures.
    pub fn counted_files(&self) -> String {
        counted(&self.other_files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_their_endings() {
        let mut left_out = LeftOut::default();
        for name in [
            "a.HEIC",
            "b/c.heic",
            "d.gif",
            "e.txt",
            "README",
            "b/Thumbs.db",
            "._x.png",
            "desktop.ini",
            ".DS_Store",
        ] {
            left_out.add_file(name);
        }
        assert_eq!(left_out.counted_pictures(), "2 `.heic`, 1 `.gif`");
        assert_eq!(left_out.counted_files(), "1 without an ending, 1 `.txt`");
    }

    #[test]
    fn folders_are_told_by_name_and_runs_by_what_is_in_them() {
        for name in [".thumbnails", ".Trash-1000", "@eadir", "__MACOSX", ".git"] {
            assert!(is_hidden(name), "{name}");
        }
        for name in [".", "..", "photos", "2024.01", "runs"] {
            assert!(!is_hidden(name), "{name}");
        }
        assert!(is_run(|name| ["config.toml", "run.lock"].contains(&name)));
        assert!(!is_run(|name| ["config.toml", "reals.png"].contains(&name)));
        assert!(!is_run(|name| name == "run.lock"));
    }
}
