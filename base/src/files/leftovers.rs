//! What writers leave that are ended in the middle, and whose it is.
//!
//! An unfinished file or folder is called `.NAME.partial-PROCESS@HOST-XXXXXX`, and is locked for as long as somebody writes
//! there. So a leftover can be told from what another process is writing at the moment, and a person sees which process.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What stands between a name and what tells attempts at it apart.
const PARTIAL: &str = ".partial-";
/// What earlier versions gave their unfinished files at the end: `.NAME.XXXXXX.part`.
const EARLIER_SUFFIX: &str = ".part";
/// In an unfinished folder, locked for as long as somebody writes there.
pub(super) const LOCK_FILE: &str = "in-progress.lock";
/// Most bytes of a name in that of its unfinished file: what is added must fit beside it.
const NAME_BYTES: usize = 120;

/// `.NAME.partial-PROCESS@HOST-`
pub(super) fn prefix_of(name: &OsStr) -> OsString {
    let name = name.to_string_lossy();
    format!(".{}{PARTIAL}{}@{}-", &name[..name.floor_char_boundary(NAME_BYTES)], std::process::id(), *HOST)
        .into()
}

/// This machine, as it stands in names.
static HOST: LazyLock<String> = LazyLock::new(|| {
    let host = gethostname::gethostname();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    host.to_string_lossy().chars().map(plain).take(40).collect()
});

/// Removes from `folder` the files that writers left which were ended in the middle, of this version or an earlier one.
///
/// Those that a process is writing stay. What does not tell whose it is goes: nobody of an earlier version may be writing
/// there.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_file()
            && (Owner::of(&name).is_some() && is_abandoned(&entry) || is_of_earlier_version(&name))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes from `folder` the files and folders that processes left which tell by their names whose they are; once for each
/// folder, since this may be asked before each of many files.
///
/// What cannot be removed only takes space, so nothing here is an error.
pub(super) fn sweep(folder: &Path) {
    static SWEPT: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if !swept.get_or_insert_default().insert(folder.to_owned()) {
        return;
    }
    drop(swept);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let is_ours = Owner::of(&name).is_some() || is_partial(&name) && path.join(LOCK_FILE).is_file();
        if is_ours && is_abandoned(&entry) {
            let _ = match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(path),
                _ => fs::remove_file(path),
            };
        }
    }
}

/// Whether nobody is writing an unfinished file or folder any more.
fn is_abandoned(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let owner = Owner::of(&name).filter(|owner| owner.host == *HOST);
    let is_here = owner.is_some();
    if owner.is_some_and(|owner| is_alive(owner.process)) {
        // It may not have locked it yet.
        return false;
    }
    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
    let locked = if is_folder { entry.path().join(LOCK_FILE) } else { entry.path() };
    match File::open(locked).map(|file| file.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock)) => false,
        // Without locks only the name tells.
        Ok(Err(TryLockError::Error(_))) | Err(_) => is_here,
    }
}

/// Who is writing, as the name tells.
struct Owner<'a> {
    process: i32,
    host: &'a str,
}

impl<'a> Owner<'a> {
    fn of(name: &'a OsStr) -> Option<Self> {
        let (_, owner) = name.to_str()?.strip_prefix('.')?.rsplit_once(PARTIAL)?;
        let (process, rest) = owner.split_once('@')?;
        let (host, _) = rest.rsplit_once('-')?;
        Some(Self { process: process.parse().ok().filter(|&process| process > 0)?, host })
    }
}

fn is_partial(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with('.') && name.contains(PARTIAL))
}

/// Whether an unfinished file does not tell whose it is.
fn is_of_earlier_version(name: &OsStr) -> bool {
    let is_older = |name: &str| name.starts_with('.') && name.ends_with(EARLIER_SUFFIX);
    name.to_str().is_some_and(is_older) || is_partial(name) && Owner::of(name).is_none()
}

/// Whether a process of this machine is running.
#[cfg(unix)]
fn is_alive(process: i32) -> bool {
    #[expect(unsafe_code, reason = "the standard library does not tell whether a process is there")]
    // SAFETY: signal 0 is none; it only asks whether one could be sent.
    let is_told = unsafe { libc::kill(process, 0) } == 0;
    is_told || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether a process of this machine is running: elsewhere nobody removes a file that is open.
#[cfg(not(unix))]
fn is_alive(_: i32) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::files::tests::names;

    /// The number of a process that has ended.
    fn ended() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn names_tell_whose_they_are() {
        let long = "ä".repeat(100);
        for name in ["walk.gif", "a.partial-b", long.as_str()] {
            let prefix = prefix_of(OsStr::new(name)).into_string().unwrap();
            assert!(prefix.len() < 220);
            let name = OsString::from(format!("{prefix}x7Gk2p"));
            let owner = Owner::of(&name).unwrap();
            assert_eq!((owner.process, owner.host), (std::process::id() as i32, HOST.as_str()));
        }
        for name in [".a.partial-x7Gk2p", "a.partial-1@b-x", ".partial-0@b-x", ".a.partial-1@b"] {
            assert!(Owner::of(OsStr::new(name)).is_none(), "{name}");
        }
    }

    #[test]
    fn leftovers_of_the_dead_go_and_work_of_the_living_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (ended, host) = (ended(), HOST.as_str());
        let own = std::process::id();
        let dead = format!(".a.gif.partial-{ended}@{host}-aaaaaa");
        let dead_folder = format!(".pack.partial-{ended}@{host}-aaaaaa");
        let alive = format!(".a.gif.partial-{own}@{host}-aaaaaa");
        let locked = ".a.gif.partial-1@elsewhere-aaaaaa";
        let unlocked = ".a.gif.partial-2@elsewhere-aaaaaa";
        let others = [".a.gif.partial-aaaaaa", "a.gif", ".hidden"];
        for name in others.into_iter().chain([&dead[..], &alive, locked, unlocked]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join(&dead_folder)).unwrap();
        fs::write(folder.path().join(&dead_folder).join(LOCK_FILE), "").unwrap();
        let lock = File::open(folder.path().join(locked)).unwrap();
        lock.lock().unwrap();
        sweep(folder.path());
        let mut left: Vec<&str> = vec![".a.gif.partial-aaaaaa", ".hidden", "a.gif", &alive, locked];
        left.sort_unstable();
        assert_eq!(names(folder.path()), left);
        // Once is enough.
        fs::write(folder.path().join(&dead), "").unwrap();
        sweep(folder.path());
        assert!(folder.path().join(&dead).exists());
        remove_leftovers(folder.path()).unwrap();
        let mut left: Vec<&str> = vec![".hidden", "a.gif", &alive, locked];
        left.sort_unstable();
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn what_earlier_versions_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let leftovers = [
            ".network-snapshot-000001.safetensors.x7Gk2p.part",
            ".partial-x7Gk2p",
            ".fakes.png.partial-x7Gk2p",
        ];
        for name in leftovers.into_iter().chain(["b.part", ".c", "d", "e.partial-f"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join(".e.part")).unwrap();
        remove_leftovers(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [".c", ".e.part", "b.part", "d", "e.partial-f"]);
    }
}
