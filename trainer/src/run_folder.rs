//! The folder of one run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Tick;

/// `runs/00003-NAME`, where everything of one run lies.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    log: File,
    stats: File,
}

impl RunFolder {
    /// Makes the next free folder in `runs` and starts its `config.toml`, `log.txt` and `stats.jsonl`.
    ///
    /// # Errors
    /// If the file system refuses; the path is in the message.
    pub fn create(runs: &Path, name: &str, config_toml: &str) -> io::Result<Self> {
        fs::create_dir_all(runs).map_err(|e| named(runs, &e))?;
        let path = Self::claim(runs, name)?;
        let file = |file_name: &str| {
            let path = path.join(file_name);
            OpenOptions::new().append(true).create_new(true).open(&path).map_err(|e| named(&path, &e))
        };
        let write_config = || file("config.toml")?.write_all(config_toml.as_bytes());
        write_config()?;
        Ok(Self { log: file("log.txt")?, stats: file("stats.jsonl")?, path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line to `log.txt`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn log(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.log, "{line}").map_err(|e| named(&self.path.join("log.txt"), &e))
    }

    /// Adds a tick to `stats.jsonl` and its line to `log.txt`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        let line = serde_json::to_string(tick).map_err(io::Error::other)?;
        writeln!(self.stats, "{line}").map_err(|e| named(&self.path.join("stats.jsonl"), &e))?;
        self.log(&tick.line())
    }

    /// A file name that tells the time, such as `fakes000160.png`, and that nothing in the folder has yet.
    ///
    /// Where two fall into the same kimg, the later one says its thousandths too: `fakes000160.750.png`.
    pub fn file_at(&self, stem: &str, nimg: u64, extension: &str) -> PathBuf {
        let (kimg, rest) = (nimg / 1000, nimg % 1000);
        let plain = self.path.join(format!("{stem}{kimg:06}.{extension}"));
        if plain.exists() { self.path.join(format!("{stem}{kimg:06}.{rest:03}.{extension}")) } else { plain }
    }

    /// Makes `NNNNN-name` with the first number above those in use.
    fn claim(runs: &Path, name: &str) -> io::Result<PathBuf> {
        let in_use = fs::read_dir(runs)
            .map_err(|e| named(runs, &e))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.split_once('-')?.0.parse::<u32>().ok());
        let mut number = in_use.max().map_or(0, |number| number.saturating_add(1));
        loop {
            let path = runs.join(format!("{number:05}-{name}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(path),
                // Another run started at the same time.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
                Err(e) => return Err(named(&path, &e)),
            }
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_nothing_is_reused() {
        let runs = tempfile::tempdir().unwrap();
        fs::create_dir(runs.path().join("00007-old")).unwrap();
        fs::create_dir(runs.path().join("notes")).unwrap();
        let first = RunFolder::create(runs.path(), "x", "a = 1\n").unwrap();
        let second = RunFolder::create(runs.path(), "x", "").unwrap();
        assert_eq!(first.path().file_name().unwrap(), "00008-x");
        assert_eq!(second.path().file_name().unwrap(), "00009-x");
        assert_eq!(fs::read_to_string(first.path().join("config.toml")).unwrap(), "a = 1\n");
    }

    #[test]
    fn files_of_one_kimg_get_different_names() {
        let runs = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(runs.path(), "x", "").unwrap();
        let first = folder.file_at("fakes", 160_100, "png");
        assert!(first.ends_with("fakes000160.png"));
        fs::write(&first, "").unwrap();
        assert!(folder.file_at("fakes", 160_900, "png").ends_with("fakes000160.900.png"));
    }
}
