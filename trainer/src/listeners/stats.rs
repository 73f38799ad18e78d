//! `stats.jsonl`: one JSON object a tick, for programs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use stylegan_base::files::{Disk, Files};
use stylegan_base::{Moment, Timeline};

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
    let stats = read_stats(&folder.join(FILE_NAME)).unwrap_or_default();
    let ticks = stats.kimg.iter().zip(stats.elapsed_sec);
    ticks.filter(|(at, secs)| **at <= kimg && secs.is_finite()).fold(0.0, |last, (_, secs)| secs.max(last))
}

/// Reads the numbers of a `stats.jsonl`, of this version of the program or another, by their names in it.
///
/// # Errors
/// If it cannot be read, or is longer than any that a training writes.
pub fn read_stats(path: &Path) -> io::Result<Timeline> {
    Timeline::read(path, moment)
}

fn moment(line: &str) -> Option<Moment> {
    let mut entries: Map<String, Value> = serde_json::from_str(line).ok()?;
    let kimg = entries.remove("kimg")?.as_f64()?;
    let elapsed_sec = entries.remove("elapsed_sec").and_then(|seconds| seconds.as_f64());
    let resolution = entries.remove("resolution").and_then(|value| serde_json::from_value(value).ok());
    let numbers = entries.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect();
    Some(Moment { kimg, elapsed_sec, resolution, numbers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_it_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let tick =
            crate::Tick { tick: 1, kimg: 2.5, elapsed_sec: 7.0, resolution: 8.into(), ..Default::default() };
        let lines = [
            &serde_json::to_string(&tick).unwrap(),
            r#"{"kimg": 3, "penalty": 0.5, "swd": null, "resolution": "8x6", "host": "a", "more": {"x": 1}, "is": true}"#,
            r#"{"kimg": 4, "penalty": NaN}"#,
            r#"{"kimg": 4, "penalty": 1e999}"#,
            r#"{"kimg": "5"}"#,
            "[]",
            "7",
            &"[".repeat(10_000),
            r#"{"kimg": 6, "resolution": -1, "elapsed_sec": "8"}"#,
            r#"{"kimg": 7, "pen"#,
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let timeline = read_stats(&path).unwrap();
        assert_eq!((timeline.kimg, timeline.unreadable), (vec![2.5, 3.0, 6.0], 6));
        assert_eq!((timeline.elapsed_sec[0], timeline.elapsed_sec[2].is_nan()), (7.0, true));
        let wide = stylegan_ops::Resolution { width: 8, height: 6 };
        assert_eq!(timeline.resolutions, [Some(8.into()), Some(wide), None]);
        assert_eq!(timeline.numbers["penalty"][1], 0.5);
        assert_eq!(timeline.numbers["images_per_sec"][0], 0.0);
        assert!(!timeline.numbers.keys().any(|name| ["swd", "host", "more", "is"].contains(&name.as_str())));
        assert!(read_stats(folder.path()).is_err() && read_stats(&folder.path().join("none")).is_err());
    }

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
