//! What clients send and what is made for them, as files in a folder that goes with the studio.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::{Error, Result};

/// A folder for files that nobody else names.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: TempDir,
    next: AtomicU64,
}

impl Kept {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("stylegan-studio-").tempdir().map_err(Error::Keep)?;
        Ok(Self { folder, next: AtomicU64::new(0) })
    }

    /// A path that no file has, for what a client calls so; no more of that is kept than can be shown.
    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{number}-{}", shown_name(name)))
    }

    /// What is said of files here, with the names that clients gave them.
    pub(crate) fn in_clients_words(&self, text: &str) -> String {
        let folder = format!("{}/", self.folder.path().display());
        let mut parts = text.split(&folder);
        let mut words = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let name = part.trim_start_matches(|c: char| c.is_ascii_digit());
            words += name.strip_prefix('-').unwrap_or(name);
        }
        words
    }
}

/// The last part of the name that a client gives a file, as it is shown: short, and without control characters.
pub(crate) fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    // A name on the disk has 255 bytes at most.
    let shown: String = last.chars().filter(|c| !c.is_control()).take(50).collect();
    if shown.is_empty() { "file".to_owned() } else { shown }
}

/// A file that a client sent, in the studio's own folder.
#[derive(Debug)]
pub(crate) struct Upload {
    /// As the client calls it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// What was sent goes when nobody needs it any more.
impl Drop for Upload {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_name_names_no_place() {
        for (name, shown) in [
            ("face.png", "face.png"),
            ("../../etc/passwd", "passwd"),
            (r"C:\x\net.pkl", "net.pkl"),
            ("a\u{7}b.\u{7}", "ab."),
            ("", "file"),
        ] {
            assert_eq!(shown_name(name), shown);
        }
        let kept = Kept::new().unwrap();
        let [first, second] = ["../me.png", ".."].map(|name| kept.fresh(name));
        assert_eq!((first.parent(), second.parent()), (Some(kept.folder.path()), Some(kept.folder.path())));
        let text = format!("`{}` is none, `{}` neither, 7-x", first.display(), second.display());
        assert_eq!(kept.in_clients_words(&text), "`me.png` is none, `..` neither, 7-x");
        std::fs::write(kept.fresh(&"\u{1f600}".repeat(1000)), "").unwrap();
    }
}
