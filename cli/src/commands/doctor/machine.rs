//! Processor, memory and disk.

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use serde::Serialize;
use stylegan_ops::vector_unit;
use stylegan_trainer::machine_memory_bytes;

/// The processor, and how much of it computes.
#[derive(Serialize)]
pub(in crate::commands) struct Processor {
    /// None where the system does not say.
    name: Option<String>,
    /// Those that this process may use.
    cores: usize,
    /// Threads that compute.
    threads: usize,
    /// None if convolutions use no vectors of their own.
    vector_unit: Option<&'static str>,
}

impl Processor {
    pub(in crate::commands) fn look() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            name: value(&info, "model name"),
            cores: available_parallelism().map_or(1, NonZeroUsize::get),
            threads: rayon::current_num_threads(),
            vector_unit: vector_unit(),
        }
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cores, threads, vector_unit } = self;
        write!(f, "{}, {cores} cores, ", name.as_deref().unwrap_or(std::env::consts::ARCH))?;
        if threads != cores {
            write!(f, "{threads} threads by `RAYON_NUM_THREADS`, ")?;
        }
        match vector_unit {
            Some(unit) => write!(f, "convolutions by {unit}"),
            None => f.write_str("convolutions without AVX2 or Neon, so several times as slow"),
        }
    }
}

/// Main memory in bytes.
#[derive(Serialize)]
pub(super) struct Memory {
    pub(super) total_bytes: u64,
    pub(super) available_bytes: u64,
}

impl Memory {
    pub(super) fn look() -> Option<Self> {
        let (total_bytes, available_bytes) = machine_memory_bytes()?;
        Some(Self { total_bytes, available_bytes })
    }
}

/// The disk that a folder is on, or would be made on.
#[derive(Serialize)]
pub(super) struct Disk {
    /// The folder, or the nearest above that is there.
    pub(super) folder: PathBuf,
    pub(super) free_bytes: u64,
}

impl Disk {
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let is_there = |path: &&Path| path.as_os_str().is_empty() || path.exists();
        let nearest = folder.ancestors().find(is_there)?;
        let folder = if nearest.as_os_str().is_empty() { Path::new(".") } else { nearest };
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(Self { folder: folder.to_owned(), free_bytes: disk.f_bavail * disk.f_frsize })
    }
}

/// What stands behind the first `name : ` of a text.
fn value(text: &str, name: &str) -> Option<String> {
    let of_line = |line: &str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_once() {
        let info = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu\n\nprocessor\t: 1\nmodel name\t: X\n";
        assert_eq!(value(info, "model name").as_deref(), Some("AMD EPYC 9R14"));
        assert_eq!(value(info, "Model"), None);
    }

    #[test]
    fn the_disk_of_a_folder_is_known_before_the_folder_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(&folder.path().join("a/b")).unwrap();
        assert_eq!(disk.folder, folder.path());
        assert!(disk.free_bytes > 0);
        assert_eq!(Disk::of(Path::new("no-such-folder")).unwrap().folder, Path::new("."));
    }
}
