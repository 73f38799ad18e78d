//! What came of a run, kept so that nothing is done twice.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stylegan_base::files;
use stylegan_trainer::{newest_run, read_stats};

use crate::report::Refusal;

/// What came of one run: `results/ROW-seedN.json` in the folder of the experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    /// The command that trained it.
    pub(super) train: String,
    /// The run's folder, in that of the runs.
    pub(super) run: String,
    /// How the training ended, if it did not come to its end.
    pub(super) failed: Option<String>,
    /// Pictures shown, in thousands.
    pub(super) kimg: f64,
    /// How long the training took, in seconds.
    pub(super) training_sec: f64,
    /// The machine, as `stylegan doctor` says it.
    pub(super) machine: String,
    /// Version of the program.
    pub(super) version: String,
    /// Numbers by name, by the command that measured them.
    pub(super) measured: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Record {
    pub(super) fn path(folder: &Path, name: &str) -> PathBuf {
        folder.join("results").join(format!("{name}.json"))
    }

    /// What came of the run so far; nothing, if it was not trained by this command.
    pub(super) fn of(path: &Path, train: &str) -> Result<Self> {
        let anew = || Self { train: train.to_owned(), ..Self::default() };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(anew()),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        };
        let found: Self = serde_json::from_str(&text).map_err(|error| {
            Refusal::new(format!("`{}` is damaged: {error}", path.display()))
                .hint("without that file, the run is measured again, and trained again if it had ended")
        })?;
        Ok(if found.train == train { found } else { anew() })
    }

    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let failed = || format!("cannot write `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(failed)?;
        }
        let text = serde_json::to_string_pretty(self)?;
        files::write(path, true, &mut |file| writeln!(file, "{text}")).with_context(failed)
    }

    /// Whether there is nothing left to be trained.
    pub(super) fn is_trained(&self) -> bool {
        !self.run.is_empty()
    }

    /// Notes that the training of the newest run of this name has ended.
    pub(super) fn training_ended(&mut self, runs: &Path, name: &str) -> Result<()> {
        let newest =
            newest_run(runs, name)?.with_context(|| format!("`{}` holds no run `{name}`", runs.display()))?;
        let stats = newest.join("stats.jsonl");
        let ticks = read_stats(&stats).with_context(|| format!("cannot read `{}`", stats.display()))?;
        self.kimg = ticks.kimg.last().copied().unwrap_or_default();
        self.training_sec =
            ticks.elapsed_sec.last().copied().filter(|secs| secs.is_finite()).unwrap_or_default();
        self.run = newest.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_the_command_that_trained() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = Record::path(folder.path(), "a-seed0");
        let mut record = Record::of(&path, "stylegan train a")?;
        assert!(!record.is_trained());
        let runs = folder.path().join("runs");
        for (run, kimg) in [("00000-a-seed0", 1.0), ("00012-a-seed0", 2.5), ("00013-b-seed0", 4.0)] {
            fs::create_dir_all(runs.join(run))?;
            let lines = format!(
                "{{\"kimg\": 0.5, \"elapsed_sec\": 1.0}}\n{{\"kimg\": {kimg}, \"elapsed_sec\": 9.5}}\n{{\"ki"
            );
            fs::write(runs.join(run).join("stats.jsonl"), lines)?;
        }
        record.training_ended(&runs, "a-seed0")?;
        assert_eq!((record.run.as_str(), record.kimg, record.training_sec), ("00012-a-seed0", 2.5, 9.5));
        record.measured.insert("stylegan metrics".to_owned(), [("swd".to_owned(), 12.5)].into());
        record.save(&path)?;
        assert_eq!(Record::of(&path, "stylegan train a")?, record);
        assert!(!Record::of(&path, "stylegan train b")?.is_trained());
        assert!(record.training_ended(&runs, "c-seed0").is_err());

        fs::write(&path, "{\"train\": 3}")?;
        let damaged = Record::of(&path, "stylegan train a").unwrap_err().to_string();
        assert!(damaged.contains("is damaged"), "{damaged}");
        Ok(())
    }
}
