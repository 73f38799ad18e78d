//! A folder that appears under its name only when it is complete.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use crate::error::Error;

const LOCK_FILE: &str = "in-progress.lock";

/// A sibling `.<name>.partial-…` of a folder to come, removed unless it is finished.
pub(crate) struct Partial {
    folder: TempDir,
    /// Tells others that the folder is not a leftover.
    lock: File,
    target: PathBuf,
    /// Behind `folder`, so that they are empty when it is removed.
    _parents: Parents,
}

/// The folders that had to be made on the way to another, outermost first; removed again if nothing is left in them.
struct Parents(Vec<PathBuf>);

impl Parents {
    fn make(folder: &Path) -> Result<Self, Error> {
        let mut missing: Vec<_> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && fs::symlink_metadata(folder).is_err())
            .map(Path::to_path_buf)
            .collect();
        missing.reverse();
        // Made before anything can fail, so that what was made is removed.
        let parents = Self(missing);
        fs::create_dir_all(folder).map_err(Error::write(folder))?;
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

impl Partial {
    /// Begins the folder `target`, and removes what interrupted attempts at it left.
    pub(crate) fn begin(target: &Path) -> Result<Self, Error> {
        let parent = parent_of(target);
        let parents = Parents::make(parent)?;
        let mut prefix = OsString::from(".");
        prefix.push(target.file_name().unwrap_or_default());
        prefix.push(".partial-");
        remove_leftovers(parent, &prefix);

        let mut builder = Builder::new();
        builder.prefix(&prefix);
        #[cfg(unix)]
        {
            // As any folder of the user's, not private as temporary ones are.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let folder = builder.tempdir_in(parent).map_err(Error::write(parent))?;
        let lock_path = folder.path().join(LOCK_FILE);
        let lock = File::create_new(&lock_path).map_err(Error::write(&lock_path))?;
        // Where the file system has no locks, leftovers stay, which costs space and nothing else.
        let _ = lock.lock();
        Ok(Self { folder, lock, target: target.to_path_buf(), _parents: parents })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// An error of writing inside this folder, by the name that the file was to have.
    pub(crate) fn rename(&self, error: Error) -> Error {
        match error {
            Error::Write { path, source } => match path.strip_prefix(self.path()) {
                Ok(name) => Error::Write { path: self.target.join(name), source },
                Err(_) => Error::Write { path, source },
            },
            error => error,
        }
    }

    /// Gives the folder its name. `false` if another process was faster.
    pub(crate) fn finish(self) -> Result<bool, Error> {
        let Self { folder, lock, target, _parents } = self;
        sync_folder(folder.path());
        if fs::symlink_metadata(&target).is_ok() {
            return Ok(false);
        }
        // Held until the name is there, as another process might take the folder for a leftover; but Windows renames
        // no folder with an open file.
        let lock = if cfg!(windows) { None } else { Some(lock) };
        match fs::rename(folder.path(), &target) {
            Ok(()) => {}
            Err(_) if fs::symlink_metadata(&target).is_ok() => return Ok(false),
            Err(e) => return Err(Error::write(&target)(e)),
        }
        drop(lock);
        // Nothing is left under the temporary name that could be removed.
        let _ = folder.keep();
        let _ = fs::remove_file(target.join(LOCK_FILE));
        sync_folder(parent_of(&target));
        Ok(true)
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder outlast a power cut, where the system can.
fn sync_folder(path: &Path) {
    if let Ok(folder) = File::open(path) {
        let _ = folder.sync_all();
    }
}

/// Removes the folders that begin with `prefix` and that no process is writing.
///
/// What cannot be removed only takes space, so nothing here is an error.
fn remove_leftovers(parent: &Path, prefix: &OsString) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_leftover = name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_leftover {
            continue;
        }
        if let Ok(lock) = File::open(entry.path().join(LOCK_FILE))
            && let Err(TryLockError::WouldBlock | TryLockError::Error(_)) = lock.try_lock()
        {
            continue;
        }
        let _ = fs::remove_dir_all(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_removed_but_not_work_in_progress() {
        let parent = tempfile::tempdir().unwrap();
        let leftover = parent.path().join(".pack.partial-old");
        fs::create_dir(&leftover).unwrap();
        fs::write(leftover.join("level-0008.bin"), [0; 8]).unwrap();
        fs::write(leftover.join(LOCK_FILE), []).unwrap();
        let other = parent.path().join(".pack2.partial-old");
        fs::create_dir(&other).unwrap();

        let first = Partial::begin(&parent.path().join("pack")).unwrap();
        assert!(!leftover.exists() && other.exists());
        let second = Partial::begin(&parent.path().join("pack")).unwrap();
        assert!(first.path().exists());
        assert!(second.finish().unwrap());
        assert!(!first.finish().unwrap(), "the second was faster");
        let mut names: Vec<_> =
            fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".pack2.partial-old", "pack"]);
        assert_eq!(fs::read_dir(parent.path().join("pack")).unwrap().count(), 0);
    }

    #[test]
    fn folders_made_on_the_way_are_removed_again_if_nothing_came_of_them() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("runs/.cache/pack");
        drop(Partial::begin(&target).unwrap());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);

        let partial = Partial::begin(&target).unwrap();
        fs::write(parent.path().join("runs/notes"), "precious").unwrap();
        drop(partial);
        assert!(parent.path().join("runs/notes").exists() && !parent.path().join("runs/.cache").exists());

        assert!(Partial::begin(&target).unwrap().finish().unwrap());
        assert!(target.is_dir());
    }
}
