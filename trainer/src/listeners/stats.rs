//! `stats.jsonl`: one JSON object a tick, for programs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stylegan_base::files::{Disk, Files};

use super::Listener;
use super::append::AppendFile;
use crate::Event;

const FILE_NAME: &str = "stats.jsonl";

#[derive(Debug)]
pub(super) struct Stats {
    path: PathBuf,
    file: AppendFile,
}

/// What is read back of a line.
#[derive(Deserialize)]
struct Line {
    kimg: f64,
    elapsed_sec: f64,
}

impl Stats {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE_NAME);
        Ok(Self { file: AppendFile::open(&path)?, path })
    }

    /// Drops the lines of ticks after `kimg`, which are about to come again, and a line that was cut off.
    fn go_back_to(&mut self, kimg: f64) -> io::Result<()> {
        let text = fs::read_to_string(&self.path)?;
        let kept: Vec<&str> = text
            .split_inclusive('\n')
            .filter(|line| {
                line.ends_with('\n') && serde_json::from_str(line).is_ok_and(|line: Line| line.kimg <= kimg)
            })
            .collect();
        if kept.concat() != text {
            Disk.write(&self.path, &mut |out: &mut dyn Write| out.write_all(kept.concat().as_bytes()))?;
            self.file = AppendFile::open(&self.path)?;
        }
        Ok(())
    }
}

impl Listener for Stats {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started { kimg, .. } | Event::RolledBack { kimg, .. } => self.go_back_to(*kimg),
            Event::Tick(tick) => {
                let mut line = serde_json::to_vec(tick)?;
                line.push(b'\n');
                self.file.append(&line)
            }
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        FILE_NAME
    }
}

/// Seconds that the run in `folder` had taken at its last tick up to `kimg`.
pub(crate) fn last_elapsed(folder: &Path, kimg: f64) -> f64 {
    let text = fs::read_to_string(folder.join(FILE_NAME)).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(|line| line.kimg <= kimg && line.elapsed_sec.is_finite())
        .fold(0.0, |last, line| line.elapsed_sec.max(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_that_come_again_are_dropped_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let line = |kimg: f64| format!("{{\"kimg\":{kimg},\"elapsed_sec\":{}}}\n", kimg * 10.0);
        fs::write(&path, format!("{}{}{}{{\"kimg\":4.0,\"ela", line(1.5), line(2.0), line(3.0))).unwrap();
        assert_eq!(last_elapsed(folder.path(), 2.5), 20.0);
        let mut stats = Stats::open(folder.path()).unwrap();
        stats.go_back_to(2.0).unwrap();
        stats.file.append(line(2.5).as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), line(1.5) + &line(2.0) + &line(2.5));
    }
}
