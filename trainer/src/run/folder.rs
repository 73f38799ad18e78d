//! The folder of one run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use stylegan_base::files::{self, Files};
use stylegan_dataset::Contents;

use super::configuration::Configuration;
use super::error::RunError;
use super::lock::RunLock;

/// The file that lists the pictures of a run by their digests.
pub(super) const PICTURES: &str = "pictures.json";

/// `runs/00003-NAME`, where everything of one run lies, and the right to write there.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Whether every name tells thousandths of a kimg.
    thousandths: bool,
    lock: RunLock,
}

impl RunFolder {
    /// Makes the next free folder in `runs` with its `config.toml`.
    pub(crate) fn create(
        runs: &Path,
        config: &impl Configuration,
        files: &dyn Files,
    ) -> Result<Self, RunError> {
        fs::create_dir_all(runs).map_err(|source| RunError::File { path: runs.to_owned(), source })?;
        let path = claim(runs, &config.run().name)?;
        let lock = RunLock::take(&path)?;
        write_text(files, &path.join("config.toml"), &config.whole_toml()?)?;
        Ok(Self { path, thousandths: needs_thousandths(config), lock })
    }

    /// A folder that exists, to go on in it. What writers left that were ended in the middle of a file is removed.
    pub(crate) fn open(path: &Path, config: &impl Configuration) -> Result<Self, RunError> {
        let lock = RunLock::take(path)?;
        files::remove_leftovers(path).map_err(|source| RunError::File { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), thousandths: needs_thousandths(config), lock })
    }

    /// What to know where the file system keeps no other process out.
    pub(crate) fn caveat(&self) -> Option<String> {
        let path = self.path.display();
        (!self.lock.is_held()).then(|| {
            format!("the file system of `{path}` has no locks: a second training in this folder would not be noticed")
        })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces `config.toml`, and keeps the old one as `config.NNNNNN.toml`, unless both are the same.
    pub(crate) fn replace_config(
        &self,
        files: &dyn Files,
        config: &impl Configuration,
        nimg: u64,
    ) -> Result<(), RunError> {
        let path = self.path.join("config.toml");
        let text = config.whole_toml()?;
        match fs::read_to_string(&path) {
            Ok(old) if old == text => return Ok(()),
            Ok(old) => write_text(files, &self.file_at("config.", nimg, false, "toml"), &old)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(RunError::File { path, source }),
        }
        write_text(files, &path, &text)
    }

    /// Lists the pictures of the run, so that what differs can be told when it goes on.
    pub(super) fn list_pictures(
        &self,
        files: &dyn Files,
        name: &str,
        contents: &Contents,
    ) -> Result<(), RunError> {
        let text = contents.to_json().map_err(candle_core::Error::wrap)?;
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(old) if old == text => Ok(()),
            _ => write_text(files, &path, &text),
        }
    }

    /// A file name that tells the time, such as `fakes000160.png` or `fakes000160.750.png`.
    ///
    /// A name is a function of the configuration and the time, so that a run that goes on writes the same names again.
    /// Ticks are told apart by full kimg, unless they are shorter than that. With `exact`, for what is written between
    /// ticks, the thousandths are there in any case.
    pub(crate) fn file_at(&self, stem: &str, nimg: u64, exact: bool, extension: &str) -> PathBuf {
        let (kimg, rest) = (nimg / 1000, nimg % 1000);
        self.path.join(if exact || self.thousandths {
            format!("{stem}{kimg:06}.{rest:03}.{extension}")
        } else {
            format!("{stem}{kimg:06}.{extension}")
        })
    }
}

/// The newest folder `NNNNN-name` in `runs`, if there is one.
///
/// # Errors
/// If `runs` is there and cannot be read.
pub fn newest_run(runs: &Path, name: &str) -> Result<Option<PathBuf>, RunError> {
    let entries = match fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RunError::File { path: runs.to_owned(), source }),
    };
    let numbered = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let file_name = entry.file_name();
        let (number, rest) = file_name.to_str()?.split_once('-')?;
        let is_run = rest == name && entry.file_type().ok()?.is_dir();
        Some((number.parse::<u32>().ok().filter(|_| is_run)?, entry.path()))
    });
    Ok(numbered.max().map(|(_, path)| path))
}

/// Makes `NNNNN-name` with the first number above those in use.
fn claim(runs: &Path, name: &str) -> Result<PathBuf, RunError> {
    let failed = |path: &Path, source| RunError::File { path: path.to_owned(), source };
    let in_use = fs::read_dir(runs)
        .map_err(|source| failed(runs, source))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.split_once('-')?.0.parse::<u32>().ok());
    let mut number = in_use.max().map_or(0, |number| number.saturating_add(1));
    loop {
        let path = runs.join(format!("{number:05}-{name}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            // Another run started at the same time.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
            Err(source) => return Err(failed(&path, source)),
        }
    }
}

/// Two ticks fall into one kimg only if they are shorter than one or not in step with them.
fn needs_thousandths(config: &impl Configuration) -> bool {
    config.run().tick_kimg.values().any(|kimg| kimg < 1.0 || kimg.fract() != 0.0)
}

fn write_text(files: &dyn Files, path: &Path, text: &str) -> Result<(), RunError> {
    files
        .write(path, &mut |out: &mut dyn Write| out.write_all(text.as_bytes()))
        .map_err(|source| RunError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use stylegan_base::files::Disk;

    use super::*;
    use crate::TrainConfig;

    fn config(assignments: &[&str]) -> TrainConfig {
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        TrainConfig::load(None, &assignments).unwrap()
    }

    #[test]
    fn numbers_go_up_and_nothing_is_reused() {
        let runs = tempfile::tempdir().unwrap();
        fs::create_dir(runs.path().join("00007-old")).unwrap();
        fs::create_dir(runs.path().join("notes")).unwrap();
        let config = config(&["run.name=x"]);
        let first = RunFolder::create(runs.path(), &config, &Disk).unwrap();
        let second = RunFolder::create(runs.path(), &config, &Disk).unwrap();
        assert_eq!(first.path().file_name().unwrap(), "00008-x");
        assert_eq!(second.path().file_name().unwrap(), "00009-x");
        assert_eq!(fs::read_to_string(first.path().join("config.toml")).unwrap(), config.to_toml().unwrap());
        assert_eq!(newest_run(runs.path(), "x").unwrap().unwrap(), second.path());
        assert_eq!(newest_run(runs.path(), "old").unwrap().unwrap().file_name().unwrap(), "00007-old");
        assert_eq!(newest_run(runs.path(), "y").unwrap(), None);
        assert_eq!(newest_run(&runs.path().join("missing"), "x").unwrap(), None);
    }

    #[test]
    fn names_tell_thousandths_where_ticks_need_them() {
        let runs = tempfile::tempdir().unwrap();
        for (tick_kimg, plain) in
            [("4", true), ("{4=160,8=1}", true), ("0.5", false), ("{4=160,8=1.5}", false)]
        {
            let config = config(&[&format!("run.tick_kimg={tick_kimg}")]);
            let folder = RunFolder::create(runs.path(), &config, &Disk).unwrap();
            let expected = if plain { "fakes000160.png" } else { "fakes000160.050.png" };
            assert!(folder.file_at("fakes", 160_050, false, "png").ends_with(expected), "{tick_kimg}");
            assert!(folder.file_at("fakes", 160_050, true, "png").ends_with("fakes000160.050.png"));
        }
    }

    #[test]
    fn a_changed_configuration_keeps_the_old_one() {
        let runs = tempfile::tempdir().unwrap();
        let (old, new) = (config(&[]), config(&["schedule.total_kimg=7.0"]));
        let folder = RunFolder::create(runs.path(), &old, &Disk).unwrap();
        folder.replace_config(&Disk, &old, 1000).unwrap();
        assert!(!folder.path().join("config.000001.toml").exists());
        folder.replace_config(&Disk, &new, 12_000).unwrap();
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text("config.toml"), new.to_toml().unwrap());
        assert_eq!(text("config.000012.toml"), old.to_toml().unwrap());
    }
}
