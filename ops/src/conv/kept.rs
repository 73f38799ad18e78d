//! Ways to convolve that were found by measuring, kept for the next start.
//!
//! A file is that of one card with one driver and one version of the library; what it says is a hint, which its reader
//! checks before use, and one that cannot be read counts as empty.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stylegan_base::{files, short_hash};

/// Bytes of a file that is looked at; a hundred convolutions take a tenth of it.
const MOST_BYTES: u64 = 1 << 20;

/// What was found for one convolution, in cuDNN's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptPlan {
    pub(super) algorithm: u32,
    pub(super) math: u32,
    pub(super) is_deterministic: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    machine: String,
    plans: BTreeMap<String, KeptPlan>,
}

/// What is known of one machine.
pub(super) struct KeptPlans {
    path: PathBuf,
    contents: Contents,
}

impl KeptPlans {
    /// Those of a machine that is described so, in this folder.
    pub(super) fn open(folder: &Path, machine: &str) -> Self {
        let name = format!("convolutions-{}.json", short_hash(machine.as_bytes()));
        let path = folder.join(name);
        let contents = read(&path, machine)
            .unwrap_or_else(|| Contents { machine: machine.to_owned(), ..Contents::default() });
        Self { path, contents }
    }

    pub(super) fn get(&self, problem: &str) -> Option<KeptPlan> {
        self.contents.plans.get(problem).copied()
    }

    /// Takes in what was found, with what another process may have written meanwhile.
    pub(super) fn insert(&mut self, problem: String, plan: KeptPlan) {
        if let Some(others) = read(&self.path, &self.contents.machine) {
            for (problem, plan) in others.plans {
                self.contents.plans.entry(problem).or_insert(plan);
            }
        }
        self.contents.plans.insert(problem, plan);
        if let Err(error) = self.write() {
            // Then the next start measures again.
            tracing::debug!(path = %self.path.display(), %error, "ways to convolve are not kept");
        }
    }

    fn write(&self) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        files::write(&self.path, true, &mut |file| Ok(serde_json::to_writer_pretty(file, &self.contents)?))
    }
}

/// What a file says of this machine.
fn read(path: &Path, machine: &str) -> Option<Contents> {
    if fs::metadata(path).ok()?.len() > MOST_BYTES {
        return None;
    }
    let contents: Contents = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (contents.machine == machine).then_some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: KeptPlan = KeptPlan { algorithm: 1, math: 3, is_deterministic: true };

    fn file_of(folder: &Path) -> PathBuf {
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }

    #[test]
    fn what_was_found_is_there_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache/stylegan");
        let (mut first, mut second) = (KeptPlans::open(&folder, "card"), KeptPlans::open(&folder, "card"));
        assert_eq!(first.get("a"), None);
        first.insert("a".into(), PLAN);
        // Another process does not know of the first, and keeps what it found.
        let other = KeptPlan { algorithm: 0, ..PLAN };
        second.insert("b".into(), other);
        let again = KeptPlans::open(&folder, "card");
        assert_eq!((again.get("a"), again.get("b"), again.get("c")), (Some(PLAN), Some(other), None));
        assert_eq!(KeptPlans::open(&folder, "another card").get("a"), None);
    }

    #[test]
    fn a_file_that_is_not_ours_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let mut plans = KeptPlans::open(folder.path(), "card");
        plans.insert("a".into(), PLAN);
        let path = file_of(folder.path());
        let text = fs::read_to_string(&path).unwrap();
        let huge = " ".repeat(2 << 20) + &text;
        let foreign = text.replace("\"card\"", "\"other\"");
        for damaged in [&text[..text.len() / 2], "", "[]", "\0\u{7f}", &foreign, &huge] {
            fs::write(&path, damaged).unwrap();
            let mut plans = KeptPlans::open(folder.path(), "card");
            assert_eq!(plans.get("a"), None, "{damaged:.40}");
            // It is replaced when something is found.
            plans.insert("b".into(), PLAN);
            assert_eq!(KeptPlans::open(folder.path(), "card").get("b"), Some(PLAN));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut plans = KeptPlans::open(&file.join("below"), "card");
        plans.insert("a".into(), PLAN);
        assert_eq!(plans.get("a"), Some(PLAN));
    }
}
