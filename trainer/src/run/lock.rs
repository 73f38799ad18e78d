//! One process a run folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use stylegan_base::files::is_refusal;

use super::error::RunError;

const FILE_NAME: &str = "run.lock";

/// The right to write in a run folder, held while it lives; the system takes it back when the process ends.
#[derive(Debug)]
pub(crate) struct RunLock {
    /// None where the file system has no locks.
    file: Option<File>,
}

impl RunLock {
    /// Takes the folder and leaves the process and host in `run.lock`.
    ///
    /// # Errors
    /// If another process has it, or the file system refuses.
    pub(crate) fn take(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(FILE_NAME);
        let failed = |source| RunError::File { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.take(1000).read_to_string(&mut holder);
                return Err(RunError::Locked { folder: folder.to_owned(), holder: holder.trim().to_owned() });
            }
            // Better without a lock than not at all.
            Err(TryLockError::Error(error)) if is_refusal(&error) => return Ok(Self { file: None }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let host = gethostname::gethostname();
        let holder = format!("process {} on {}\n", std::process::id(), host.to_string_lossy());
        file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(failed)?;
        Ok(Self { file: Some(file) })
    }

    /// Whether another process would be kept out.
    pub(crate) fn is_held(&self) -> bool {
        self.file.is_some()
    }
}

/// Whether the process that `run.lock` names, on this machine, is still there. Other machines cannot be asked.
pub fn is_being_trained(folder: &Path) -> bool {
    let mut holder = String::new();
    let read =
        File::open(folder.join(FILE_NAME)).and_then(|file| file.take(1000).read_to_string(&mut holder));
    let named = holder.trim().strip_prefix("process ").and_then(|rest| rest.split_once(" on "));
    let (Ok(_), Some((process, host))) = (read, named) else { return false };
    let is_here = host == gethostname::gethostname().to_string_lossy();
    is_here
        && process.parse::<u32>().is_ok_and(|process| Path::new("/proc").join(process.to_string()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::take(folder.path()).unwrap();
        let error = RunLock::take(folder.path()).unwrap_err();
        let RunError::Locked { holder, .. } = &error else { panic!("{error:?}") };
        assert!(holder.starts_with(&format!("process {} on ", std::process::id())), "{holder}");
        drop(first);
        RunLock::take(folder.path()).unwrap();
    }
}
