//! What an experiment is: rows of a table that differ in their configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use stylegan_metrics::{LooksAt, Measure};
use stylegan_trainer::{MOST_SEED, TrainConfig, nearest};
use toml::Table;

use crate::report::Refusal;

/// Every experiment in the binary: its name and its file.
pub(super) const EXPERIMENTS: [(&str, &str); 8] = [
    ("quick", include_str!("../../../../configs/experiments/quick.toml")),
    ("table-1", include_str!("../../../../configs/experiments/table-1.toml")),
    ("table-2", include_str!("../../../../configs/experiments/table-2.toml")),
    ("table-4", include_str!("../../../../configs/experiments/table-4.toml")),
    ("losses", include_str!("../../../../configs/experiments/losses.toml")),
    ("norms", include_str!("../../../../configs/experiments/norms.toml")),
    ("growing", include_str!("../../../../configs/experiments/growing.toml")),
    ("classes", include_str!("../../../../configs/experiments/classes.toml")),
];

/// The longest file of an experiment.
const MAX_BYTES: u64 = 1 << 20;
/// The most rows, and the most seeds.
const MOST: usize = 1000;

/// A table of configurations, each trained by each seed and measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Experiment {
    /// Heading of the page.
    pub(super) title: String,
    /// What stands below it, in Markdown.
    #[serde(default)]
    pub(super) text: String,
    /// Preset of the rows that name none.
    preset: Option<String>,
    /// What differs from the preset in every row.
    #[serde(default)]
    config: Table,
    /// Seeds of the runs of each row.
    #[serde(default = "first_seed")]
    pub(super) seeds: Vec<u64>,
    /// Columns of the table.
    #[serde(default, rename = "measure")]
    pub(super) measures: Vec<Measured>,
    /// Its rows.
    #[serde(rename = "row")]
    pub(super) rows: Vec<Row>,
    /// Commands that draw a picture of each row, without their checkpoint and file: `sample --seeds 0-7 --grid 8x1`.
    #[serde(default)]
    pub(super) draw: Vec<String>,
    /// Plots of the first seed of all rows, as flags of `stylegan plot`.
    #[serde(default)]
    pub(super) plot: Vec<String>,
}

/// A row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// Name in files and folders.
    pub(super) name: String,
    /// Name on the page.
    pub(super) title: String,
    preset: Option<String>,
    #[serde(default)]
    config: Table,
    /// Commands that draw it, in the place of those of all rows.
    draw: Option<Vec<String>>,
    /// Numbers of others to stand beside, by the name of their column.
    #[serde(default)]
    pub(super) paper: BTreeMap<String, f64>,
}

/// Measures taken at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measured {
    /// What tells their columns from those of the same measures taken otherwise, such as "2 latents".
    #[serde(default)]
    pub(super) title: String,
    /// Measures by name.
    pub(super) metrics: Vec<String>,
    /// How many fakes are drawn.
    pub(super) fakes: usize,
    /// Further flags of `stylegan metrics`.
    #[serde(default)]
    pub(super) flags: Vec<String>,
}

impl Measured {
    /// Whether one of the measures needs to know what the pictures show.
    pub(super) fn learns(&self) -> bool {
        let learns = |name: &String| {
            Measure::of(name)
                .is_some_and(|found| matches!(found.looks_at, LooksAt::Classes | LooksAt::Factors))
        };
        self.metrics.iter().any(learns)
    }
}

fn first_seed() -> Vec<u64> {
    vec![0]
}

impl Experiment {
    /// The commands that draw a row.
    pub(super) fn draws_of<'a>(&'a self, row: &'a Row) -> &'a [String] {
        row.draw.as_ref().unwrap_or(&self.draw)
    }

    /// The experiment of this name, or in this file.
    pub(super) fn open(name: &str) -> Result<Self> {
        let (place, text) = match EXPERIMENTS.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (format!("experiment `{name}`"), (*text).to_owned()),
            None => (format!("`{name}`"), read(name)?),
        };
        let found: Self = toml::from_str(&text)
            .map_err(|error| Refusal::new(format!("{place}: {}", error.to_string().trim_end())))?;
        found.check().map_err(|problem| Refusal::new(format!("{place}: {problem}")))?;
        for row in &found.rows {
            found
                .configuration(row)
                .with_context(|| format!("{place}: row `{}` cannot be trained", row.name))?;
        }
        Ok(found)
    }

    fn check(&self) -> Result<(), String> {
        let (rows, seeds) = (self.rows.len(), self.seeds.len());
        if !(1..=MOST).contains(&rows) || !(1..=MOST).contains(&seeds) {
            return Err(format!("{rows} rows and {seeds} seeds, but there must be 1 to {MOST} of each"));
        }
        if let Some(seed) = self.seeds.iter().find(|seed| **seed > MOST_SEED) {
            return Err(format!("the seed {seed} is above {MOST_SEED}"));
        }
        let mut names = BTreeSet::new();
        for Row { name, .. } in &self.rows {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty()
                || name.len() > 64
                || name.starts_with(['.', '-'])
                || !name.chars().all(is_plain)
            {
                return Err(format!(
                    "the row `{name}` cannot be a file's name: letters, digits, `-`, `_` and `.`"
                ));
            }
            if !names.insert(name) {
                return Err(format!("two rows are called `{name}`"));
            }
        }
        let unknown = self
            .measures
            .iter()
            .flat_map(|measured| &measured.metrics)
            .find(|name| Measure::of(name).is_none());
        match unknown {
            Some(name) => Err(format!("there is no measure `{name}`")),
            None => Ok(()),
        }
    }

    /// The preset of a row, and what is set after it: `section.key=value`.
    pub(super) fn configured<'a>(&'a self, row: &'a Row) -> (&'a str, Vec<String>) {
        let preset = row.preset.as_deref().or(self.preset.as_deref()).unwrap_or("faces-64");
        let assignments = [&self.config, &row.config].into_iter().flat_map(assignments).collect();
        (preset, assignments)
    }

    fn configuration(&self, row: &Row) -> Result<TrainConfig> {
        let (preset, assignments) = self.configured(row);
        Ok(TrainConfig::load(Some(preset), &assignments)?)
    }
}

/// A table of sections as `--set` takes it; a table in a section is one value.
fn assignments(config: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (section, values) in config {
        match values.as_table() {
            Some(values) => {
                found.extend(values.iter().map(|(key, value)| format!("{section}.{key}={value}")));
            }
            None => found.push(format!("{section}={values}")),
        }
    }
    found
}

fn read(name: &str) -> Result<String> {
    let path = Path::new(name);
    if !path.exists() {
        let names = EXPERIMENTS.map(|(name, _)| name);
        let all = format!("the experiments are `{}`", names.join("`, `"));
        let hint = match nearest(name, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`? {all}"),
            None => all,
        };
        return Err(Refusal::usage(format!("there is no experiment and no file `{name}`")).hint(hint).into());
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    read.with_context(|| format!("cannot read `{name}`"))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Refusal::new(format!("`{name}` is larger than any experiment, {MAX_BYTES} bytes")).into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, text).unwrap();
        let error = Experiment::open(&path.to_string_lossy()).unwrap_err();
        let text = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
        text.replace(&*folder.path().to_string_lossy(), "F")
    }

    #[test]
    fn those_in_the_binary_can_be_trained() {
        for (name, _) in EXPERIMENTS {
            let experiment = Experiment::open(name).unwrap();
            assert!(!experiment.measures.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_row_goes_after_what_all_have_and_that_after_the_preset() {
        let text = r#"
            title = "Norms"
            preset = "demo"
            [config.generator]
            resolution = 16
            fmap_max = 8
            [config.schedule]
            batch = { 4 = 8 }
            [[row]]
            name = "a"
            title = "A"
            preset = "ablation/a"
            config.generator.fmap_max = 4
            [[row]]
            name = "f"
            title = "F"
        "#;
        let experiment: Experiment = toml::from_str(text).unwrap();
        let (preset, set) = experiment.configured(&experiment.rows[0]);
        let expected = [
            "generator.resolution=16",
            "generator.fmap_max=8",
            "schedule.batch={ 4 = 8 }",
            "generator.fmap_max=4",
        ];
        assert_eq!((preset, set.as_slice()), ("ablation/a", expected.map(str::to_owned).as_slice()));
        assert_eq!(experiment.configuration(&experiment.rows[0]).unwrap().generator.widths.fmap_max, 4);
        assert_eq!(experiment.configured(&experiment.rows[1]).0, "demo");
        assert_eq!(experiment.configuration(&experiment.rows[1]).unwrap().generator.widths.fmap_max, 8);
        assert_eq!(experiment.seeds, [0]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let with = |rows: &str| problem(&format!("title = 'T'\n{rows}"));
        let row = |name: &str, rest: &str| format!("[[row]]\nname = '{name}'\ntitle = 't'\n{rest}\n");
        assert!(with("").contains("missing field `row`"), "{}", with(""));
        assert!(with("row = []").contains("0 rows and 1 seeds"));
        let twice = with(&(row("a", "") + &row("a", "")));
        assert_eq!(twice, "`F/own.toml`: two rows are called `a`");
        assert!(with(&row("../a", "")).contains("the row `../a` cannot be a file's name"));
        let unknown = with(&row("a", "config.generator.fmapmax = 3"));
        assert!(
            unknown.contains("row `a` cannot be trained") && unknown.contains("unknown key"),
            "{unknown}"
        );
        let measure = with(&("[[measure]]\nmetrics = ['fid']\nfakes = 9\n".to_owned() + &row("a", "")));
        assert_eq!(measure, "`F/own.toml`: there is no measure `fid`");
        assert!(with("rows = 3").contains("unknown field `rows`"));
        let missing = Experiment::open("quik").unwrap_err();
        assert_eq!(missing.to_string(), "there is no experiment and no file `quik`");
    }
}
