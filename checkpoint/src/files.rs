//! How files reach the disk.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::{Error, Result};

/// Writes the contents of a file.
pub type Fill<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// The two things that a run does to its files.
///
/// [`Disk`] is the one there is; tests put one in its place that fills up, or fails in the middle of a file.
pub trait Files: Debug + Send + Sync {
    /// Writes a file all at once or not at all, replacing the one of that name.
    ///
    /// # Errors
    /// If the system refuses; then the old file is there as it was.
    fn write(&self, path: &Path, fill: Fill<'_>) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// If the system refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn write(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        write_whole(path, true, fill)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Removes from `folder` what writers left that were ended in the middle of a file.
///
/// Nobody may be writing there.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes()) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

const SUFFIX: &str = ".part";

/// Writes a file of any kind all at once or not at all.
///
/// # Errors
/// If it exists and `overwrite` is not set, or it cannot be written; then nothing is left behind.
pub fn write_file(path: &Path, overwrite: bool, fill: Fill<'_>) -> Result<()> {
    match write_whole(path, overwrite, fill) {
        Err(error) if !overwrite && error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::Exists { path: path.to_owned() })
        }
        result => result.map_err(|source| Error::Write { path: path.to_owned(), source }),
    }
}

/// Writes under another name in the same folder, flushes to the disk, renames, and flushes the folder: whoever looks
/// sees the old file or the whole new one.
fn write_whole(path: &Path, overwrite: bool, fill: Fill<'_>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut file = temporary(folder, &name.to_string_lossy())?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    if overwrite { file.persist(path) } else { file.persist_noclobber(path) }.map_err(|error| error.error)?;
    sync_folder(folder)
}

fn temporary(folder: &Path, name: &str) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Like any other new file, not for its owner alone as temporary files are.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Makes the new name itself durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        Disk.write(&path, &mut |out| out.write_all(b"old")).unwrap();
        let full = Disk.write(&path, &mut |out| {
            out.write_all(&vec![0; 3 << 20])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
        Disk.write(&path, &mut |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn leftovers_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".network-snapshot-000001.safetensors.x7Gk2p.part", "b.part", ".c", "d"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join(".e.part")).unwrap();
        remove_leftovers(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [".c", ".e.part", "b.part", "d"]);
    }
}
