//! What came of a measure.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use stylegan_base::{Moment, Resolution, Timeline};
use stylegan_metrics::Measure;

use crate::{Error, Result};

/// The longest file of results that is read back.
const MAX_BYTES: u64 = 1 << 26;

/// When a training measured itself, and what it drew by then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Its time, in kimg.
    pub kimg: f64,
    /// Of its pictures, which grow.
    pub resolution: Resolution,
}

/// What came of a measure.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The measure.
    pub measure: &'static Measure,
    /// Its numbers by their full names, the one to look at first.
    pub numbers: Vec<(String, f64)>,
    /// Reals that it took.
    pub reals: usize,
    /// Fakes that it took.
    pub fakes: usize,
    /// How long it took, looking through its network included, in seconds.
    pub elapsed_secs: f64,
}

impl Outcome {
    /// The number to look at.
    pub fn first(&self) -> f64 {
        self.numbers.first().map_or(f64::NAN, |(_, value)| *value)
    }

    /// What to know of its numbers, if there is something.
    pub fn caveat(&self) -> Option<String> {
        let Self { measure: Measure { name, biased_below, .. }, fakes, .. } = self;
        let least = (*biased_below)?;
        (*fakes < least).then(|| {
            format!(
                "`{name}` of {fakes} fakes is not that of more: it compares with that of as many others alone, and from \
                 {least} on with what papers say"
            )
        })
    }

    /// Its numbers by name.
    pub fn results(&self) -> Map<String, Value> {
        self.numbers.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
    }

    /// One line as stylegan2-ada-pytorch and stylegan3 write them, with the numbers of pictures; `stage` is that of a training
    /// that measures itself.
    pub fn json_line(&self, snapshot: Option<&str>, stage: Option<Stage>) -> String {
        let seconds = self.elapsed_secs.max(0.0) as u64;
        let time = match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => format!("{seconds}s"),
            (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
            (hours, minutes, seconds) => format!("{hours}h {minutes:02}m {seconds:02}s"),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        let mut line = json!({
            "results": self.results(),
            "metric": self.measure.name,
            "total_time": self.elapsed_secs,
            "total_time_str": time,
            "num_reals": self.reals,
            "num_fakes": self.fakes,
            "snapshot_pkl": snapshot,
            "timestamp": now,
        });
        if let Some(Stage { kimg, resolution }) = stage {
            line["kimg"] = json!(kimg);
            line["resolution"] = json!(resolution);
        }
        line.to_string()
    }

    /// Appends [`Outcome::json_line`] to `metric-NAME.jsonl` in a folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append_to(&self, folder: &Path, snapshot: Option<&str>, stage: Option<Stage>) -> Result<()> {
        let path = file_of(folder, self.measure);
        let line = format!("{}\n", self.json_line(snapshot, stage));
        // One write, so that lines of several processes do not mix.
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|source| Error::Write { path, source })
    }
}

/// What a training measured of itself before `stage` and at its resolution, as [`Outcome::append_to`] wrote it: the first numbers,
/// in their order.
///
/// Pictures of other sizes are other pictures, and their numbers do not compare. Lines of before resolutions were written are
/// taken to be of what `resolution_at` says of their time in kimg; lines that do not tell their time, and what cannot be
/// read, count as nothing.
pub fn past(
    folder: &Path,
    measure: &Measure,
    stage: Stage,
    resolution_at: impl Fn(f64) -> Resolution,
) -> Vec<f64> {
    let Ok(file) = File::open(file_of(folder, measure)) else { return Vec::new() };
    let mut text = String::new();
    if file.take(MAX_BYTES).read_to_string(&mut text).is_err() {
        return Vec::new();
    }
    let name = format!("{}{}", measure.name, measure.numbers.first().unwrap_or(&""));
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_comparable = |line: &Value| {
        let Some(kimg) = line["kimg"].as_f64().filter(|kimg| *kimg < stage.kimg) else { return false };
        match &line["resolution"] {
            Value::Null => resolution_at(kimg) == stage.resolution,
            resolution => *resolution == json!(stage.resolution),
        }
    };
    lines.filter(is_comparable).filter_map(|line| line["results"][&name].as_f64()).collect()
}

/// Reads the numbers of a `metric-NAME.jsonl`, as [`Outcome::append_to`] or stylegan2-ada-pytorch wrote it, by their full names.
///
/// Lines that do not tell their time are of that in the name of their snapshot.
///
/// # Errors
/// If it cannot be read, or is longer than any that is written.
pub fn read_results(path: &Path) -> io::Result<Timeline> {
    Timeline::read(path, moment)
}

fn moment(line: &str) -> Option<Moment> {
    let mut line: Value = serde_json::from_str(line).ok()?;
    let kimg = line["kimg"].as_f64().or_else(|| kimg_of(line["snapshot_pkl"].as_str()?))?;
    let Value::Object(results) = line["results"].take() else { return None };
    let numbers = results.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect();
    let resolution = serde_json::from_value(line["resolution"].take()).ok();
    Some(Moment { kimg, elapsed_sec: None, resolution, numbers })
}

/// The time in the name of a snapshot, such as `network-snapshot-000160.pkl` or `network-snapshot-000160.750.safetensors`.
fn kimg_of(snapshot: &str) -> Option<f64> {
    let (_, name) = snapshot.rsplit_once("network-snapshot-")?;
    let (time, _) = name.rsplit_once('.')?;
    let is_time = time.starts_with(|first: char| first.is_ascii_digit());
    is_time.then(|| time.parse().ok())?
}

fn file_of(folder: &Path, measure: &Measure) -> PathBuf {
    folder.join(format!("metric-{}.jsonl", measure.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_other_programs() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let outcome = Outcome {
            measure: Measure::of("fid50k_full").unwrap(),
            numbers: vec![("fid50k_full".to_owned(), 5.25)],
            reals: 70_000,
            fakes: 9_999,
            elapsed_secs: 3_723.5,
        };
        outcome.append_to(folder.path(), Some("network-snapshot-000160.safetensors"), None)?;
        let stage = |kimg, resolution: usize| Stage { kimg, resolution: resolution.into() };
        outcome.append_to(folder.path(), None, Some(stage(160.0, 64)))?;
        let text = std::fs::read_to_string(folder.path().join("metric-fid50k_full.jsonl"))?;
        let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert_eq!(lines[0]["results"], json!({ "fid50k_full": 5.25 }));
        assert_eq!(lines[0]["metric"], "fid50k_full");
        assert_eq!(lines[0]["total_time_str"], "1h 02m 03s");
        assert_eq!(lines[0]["snapshot_pkl"], "network-snapshot-000160.safetensors");
        assert!(lines[0]["timestamp"].as_f64().is_some_and(|seconds| seconds > 1e9));
        assert_eq!((lines.len(), &lines[1]["snapshot_pkl"]), (2, &Value::Null));
        assert_eq!((&lines[0]["kimg"], &lines[1]["kimg"]), (&Value::Null, &json!(160.0)));
        assert_eq!((&lines[0]["resolution"], &lines[1]["resolution"]), (&Value::Null, &json!(64)));
        assert!(outcome.caveat().is_some_and(|caveat| caveat.contains("9999 fakes")));
        assert!(Outcome { fakes: 10_000, ..outcome.clone() }.caveat().is_none());
        let of = |name| Outcome { measure: Measure::of(name).unwrap(), ..outcome.clone() };
        assert!(of("ls").caveat().is_some() && of("kid50k_full").caveat().is_none());
        Ok(())
    }

    #[test]
    fn results_are_read_back_with_their_time() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let measure = Measure::of("fid50k_full").unwrap();
        let numbers = vec![("fid50k_full".to_owned(), 5.25), ("more".to_owned(), 1.0)];
        let outcome = Outcome { measure, numbers, reals: 9, fakes: 9, elapsed_secs: 0.0 };
        outcome.append_to(folder.path(), None, Some(Stage { kimg: 160.0, resolution: 64.into() }))?;
        outcome.append_to(folder.path(), Some("network-snapshot-000080.500.safetensors"), None)?;
        outcome.append_to(folder.path(), Some("by hand"), None)?;
        let file = file_of(folder.path(), measure);
        let mut text = std::fs::read_to_string(&file)?;
        text += "{\"results\": {\"fid50k_full\": 9, \"more\": null}, \"snapshot_pkl\": \"a/network-snapshot-000040.pkl\"}\n";
        text += "{\"results\": [], \"kimg\": 1}\n{\"kimg\": 1}\n[]\n{\"resu";
        std::fs::write(&file, text)?;
        let timeline = read_results(&file)?;
        assert_eq!((timeline.kimg, timeline.unreadable), (vec![40.0, 80.5, 160.0], 4));
        assert_eq!(timeline.numbers["fid50k_full"], [9.0, 5.25, 5.25]);
        assert!(timeline.numbers["more"][0].is_nan());
        assert_eq!(timeline.resolutions, [None, None, Some(64.into())]);
        for name in ["network-snapshot-inf.pkl", "network-snapshot-1", "000160.pkl", "network-snapshot-.pkl"]
        {
            assert_eq!(kimg_of(name), None, "{name}");
        }
        Ok(())
    }

    #[test]
    fn the_past_is_what_was_measured_before_at_the_same_resolution() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let measure = Measure::of("swd").unwrap();
        let outcome = |value| Outcome {
            measure,
            numbers: vec![("swd".to_owned(), value)],
            reals: 9,
            fakes: 9,
            elapsed_secs: 0.0,
        };
        let wide = Resolution { width: 64, height: 48 };
        let stage = |kimg, resolution| Stage { kimg, resolution };
        for (kimg, resolution, value) in
            [(10.0, 32.into(), 1.0), (20.0, wide, 4.0), (30.0, 64.into(), 5.0), (40.0, 64.into(), 3.0)]
        {
            outcome(value).append_to(folder.path(), None, Some(stage(kimg, resolution)))?;
        }
        outcome(0.5).append_to(folder.path(), Some("by hand"), None)?;
        let file = file_of(folder.path(), measure);
        let mut text = std::fs::read_to_string(&file)?;
        // As lines were before they told their resolution, and what was cut off while it was written.
        text += "{\"results\": {\"swd\": 7.0}, \"kimg\": 35.0}\n{\"results\": {\"swd\": 8.0}, \"kimg\": 5.0}\n{\"resu";
        std::fs::write(&file, text)?;
        let grown = |kimg| Resolution::square(if kimg < 15.0 { 32 } else { 64 });
        let past = |kimg, resolution| past(folder.path(), measure, stage(kimg, resolution), grown);
        assert_eq!(past(40.0, 64.into()), [5.0, 7.0]);
        assert_eq!(past(41.0, 64.into()), [5.0, 3.0, 7.0]);
        assert_eq!((past(99.0, 32.into()), past(99.0, wide)), (vec![1.0, 8.0], vec![4.0]));
        assert!(past(10.0, 128.into()).is_empty() && past(1.0, 32.into()).is_empty());
        std::fs::remove_file(&file)?;
        assert!(super::past(folder.path(), measure, stage(99.0, wide), grown).is_empty());
        Ok(())
    }
}
