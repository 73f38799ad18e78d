//! Files and folders that appear under their names whole or not at all.
//!
//! Each is written under another name beside where it will be, `.NAME.partial-PROCESS@HOST-XXXXXX`, flushed to the disk, and
//! renamed. Whoever looks sees what was there before or all of what is new. What a process leaves that was ended in the
//! middle is removed by the next that writes into the same folder.

mod leftovers;
mod refusal;
mod sync;

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, PathPersistError, TempDir, TempPath};

pub use leftovers::remove_leftovers;
use leftovers::{LOCK_FILE, prefix_of, sweep};
pub use refusal::is_refusal;
pub use sync::sync;
use sync::sync_folder;

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
        write(path, true, fill)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Writes a file all at once or not at all.
///
/// # Errors
/// Of the kind [`io::ErrorKind::AlreadyExists`] if it is there and `overwrite` is not set, or if it cannot be written; then
/// nothing is left behind.
pub fn write(path: &Path, overwrite: bool, fill: Fill<'_>) -> io::Result<()> {
    let mut file = NewFile::create(path, overwrite)?;
    fill(&mut file)?;
    file.finish()
}

/// A file being written beside where it will be, removed unless it is finished.
#[derive(Debug)]
pub struct NewFile {
    writer: BufWriter<File>,
    partial: TempPath,
    path: PathBuf,
    overwrite: bool,
}

impl NewFile {
    /// Begins the file `path`.
    ///
    /// # Errors
    /// Of the kind [`io::ErrorKind::AlreadyExists`] if it is there and `overwrite` is not set, or if its folder cannot be
    /// written to.
    pub fn create(path: &Path, overwrite: bool) -> io::Result<Self> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        sweep(folder_of(path));
        let (file, partial) = builder(&prefix_of(name), 0o666).tempfile_in(folder_of(path))?.into_parts();
        // Where the file system has no locks, the name alone tells that somebody is writing.
        let _ = file.try_lock();
        Ok(Self {
            writer: BufWriter::with_capacity(1 << 20, file),
            partial,
            path: path.to_owned(),
            overwrite,
        })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, once the disk has all of it.
    ///
    /// # Errors
    /// As [`NewFile::create`]: the name may have been taken meanwhile.
    pub fn finish(self) -> io::Result<()> {
        let Self { writer, partial, path, overwrite } = self;
        sync(&writer.into_inner().map_err(io::IntoInnerError::into_error)?, &path)?;
        if overwrite {
            partial.persist(&path).map_err(|e| e.error)?;
        } else {
            persist_new(partial, &path, |partial, path| partial.persist_noclobber(path))?;
        }
        sync_folder(folder_of(&path))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}

/// Gives a file its name, unless that is taken by now; `at_once` does it where the file system knows how.
fn persist_new(
    partial: TempPath,
    path: &Path,
    at_once: impl Fn(TempPath, &Path) -> Result<(), PathPersistError>,
) -> io::Result<()> {
    match at_once(partial, path) {
        Err(PathPersistError { error, path: partial }) if is_refusal(&error) => {
            // Without hard links: an empty file takes the name, and is replaced.
            drop(File::create_new(path)?);
            partial.persist(path).map_err(|e| {
                let _ = fs::remove_file(path);
                e.error
            })
        }
        result => result.map_err(|e| e.error),
    }
}

/// A folder being written beside where it will be, removed unless it is finished.
#[derive(Debug)]
pub struct NewFolder {
    folder: TempDir,
    /// Tells others that the folder is not a leftover.
    lock: File,
    path: PathBuf,
    /// Behind `folder`, so that they are empty when it is removed.
    _parents: Parents,
}

impl NewFolder {
    /// Begins the folder `path`, in folders that are made where they are missing.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let parent = folder_of(path);
        let parents = Parents::make(parent)?;
        sweep(parent);
        let prefix = prefix_of(path.file_name().unwrap_or_default());
        let folder = builder(&prefix, 0o777).tempdir_in(parent)?;
        let lock = File::create_new(folder.path().join(LOCK_FILE))?;
        // As with files.
        let _ = lock.try_lock();
        Ok(Self { folder, lock, path: path.to_owned(), _parents: parents })
    }

    /// Where its files are written to.
    pub fn partial_path(&self) -> &Path {
        self.folder.path()
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its name; `false` if there is one of that name by now, which stays.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn finish(self) -> io::Result<bool> {
        let Self { folder, lock, path, _parents } = self;
        sync_folder(folder.path())?;
        if path.symlink_metadata().is_ok() {
            return Ok(false);
        }
        // Held until the name is there, as another process might take the folder for a leftover; but Windows renames
        // no folder with an open file.
        let lock = if cfg!(windows) { None } else { Some(lock) };
        match fs::rename(folder.path(), &path) {
            Ok(()) => {}
            Err(_) if path.symlink_metadata().is_ok() => return Ok(false),
            Err(error) => return Err(error),
        }
        drop(lock);
        // Nothing is left under the temporary name that could be removed.
        let _ = folder.keep();
        let _ = fs::remove_file(path.join(LOCK_FILE));
        sync_folder(folder_of(&path))?;
        Ok(true)
    }
}

/// The folders that had to be made on the way to another, outermost first; removed again if nothing is left in them.
#[derive(Debug)]
struct Parents(Vec<PathBuf>);

impl Parents {
    fn make(folder: &Path) -> io::Result<Self> {
        let mut missing: Vec<_> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && folder.symlink_metadata().is_err())
            .map(Path::to_path_buf)
            .collect();
        missing.reverse();
        // Made before anything can fail, so that what was made is removed.
        let parents = Self(missing);
        fs::create_dir_all(folder)?;
        Ok(parents)
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Fails where something was put into it, by this process or another.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Like any other new file or folder of the user's, not for its owner alone as temporary ones are.
fn builder(prefix: &OsStr, mode: u32) -> Builder<'_, '_> {
    let mut builder = Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    builder
}

/// The folder that a path is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, false, &mut |out| out.write_all(b"old")).unwrap();
        let full = Disk.write(&path, &mut |out| {
            out.write_all(&vec![0; 3 << 20])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        let taken = write(&path, false, &mut |out| out.write_all(b"new")).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
        Disk.write(&path, &mut |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_name_taken_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = NewFile::create(&path, false).unwrap();
        file.write_all(b"new").unwrap();
        assert!(names(folder.path())[0].starts_with(".a.partial-"));
        fs::write(&path, "old").unwrap();
        assert_eq!(file.finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn without_hard_links_a_name_that_is_taken_is_not_overwritten_either() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let persist = |text: &str, code| {
            let mut file = builder(OsStr::new("."), 0o666).tempfile_in(folder.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            persist_new(file.into_temp_path(), &path, |partial, _| {
                Err(PathPersistError { error: io::Error::from_raw_os_error(code), path: partial })
            })
        };
        let (refused, failed) = (1, 5);
        assert!(persist("new", failed).is_err());
        assert_eq!(names(folder.path()), [""; 0]);
        persist("new", refused).unwrap();
        assert_eq!(persist("newer", refused).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn unfinished_folders_are_removed_but_not_work_in_progress() {
        let parent = tempfile::tempdir().unwrap();
        // Of an earlier version, and of other pictures.
        let leftover = parent.path().join(".pack2.partial-old");
        fs::create_dir(&leftover).unwrap();
        fs::write(leftover.join("level-0008.bin"), [0; 8]).unwrap();
        fs::write(leftover.join(LOCK_FILE), []).unwrap();
        let other = parent.path().join(".notes.partial-old");
        fs::create_dir(&other).unwrap();

        let first = NewFolder::begin(&parent.path().join("pack")).unwrap();
        assert!(!leftover.exists() && other.exists());
        let second = NewFolder::begin(&parent.path().join("pack")).unwrap();
        assert!(first.partial_path().exists());
        assert!(second.finish().unwrap());
        assert!(!first.finish().unwrap(), "the second was faster");
        assert_eq!(names(parent.path()), [".notes.partial-old", "pack"]);
        assert_eq!(fs::read_dir(parent.path().join("pack")).unwrap().count(), 0);
    }

    #[test]
    fn folders_made_on_the_way_are_removed_again_if_nothing_came_of_them() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("runs/.cache/pack");
        drop(NewFolder::begin(&target).unwrap());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);

        let folder = NewFolder::begin(&target).unwrap();
        fs::write(parent.path().join("runs/notes"), "precious").unwrap();
        drop(folder);
        assert!(parent.path().join("runs/notes").exists() && !parent.path().join("runs/.cache").exists());

        assert!(NewFolder::begin(&target).unwrap().finish().unwrap());
        assert!(target.is_dir());
    }
}
