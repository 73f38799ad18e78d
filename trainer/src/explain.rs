//! A configuration as a person reads it: every key with its meaning, or what differs from another configuration.

use std::fmt::Write as _;

use toml::{Table, Value};

use crate::keys::{Key, keys};
use crate::presets::values;
use crate::{Difference, PartialCriticConfig, TrainConfig};

/// Columns of text.
const WIDTH: usize = 100;

impl TrainConfig {
    /// The whole configuration as TOML, each key with what it says. What a file need not say, since it follows from the
    /// rest, stands in comments.
    ///
    /// # Errors
    /// If a number has no form in TOML.
    pub fn explained(&self) -> Result<String, toml::ser::Error> {
        let (written, whole) = (values(&Table::try_from(self)?), values(&self.whole()?));
        let mut text = String::new();
        for table in &keys().tables {
            explain(&mut text, &table.doc);
            let _ = writeln!(text, "[{}]", table.path);
            for (Key { doc, .. }, path, name) in keys_of(&table.path) {
                let Some(value) = find(&whole, path) else { continue };
                text.push('\n');
                explain(&mut text, doc);
                let comment = if find(&written, path).is_some() { "" } else { "# " };
                let _ = writeln!(text, "{comment}{name} = {value}");
            }
            text.push('\n');
        }
        Ok(text.trim_end().to_owned() + "\n")
    }

    /// TOML of the keys whose values are not those of `before`, which stand behind them.
    ///
    /// # Errors
    /// If a number has no form in TOML.
    pub fn diff(&self, before: &Self) -> Result<String, toml::ser::Error> {
        let differences = self.all_differences(before)?;
        let mut text = String::new();
        for table in &keys().tables {
            let mut lines = String::new();
            for (_, path, name) in keys_of(&table.path) {
                let Some(Difference { before, now, .. }) = differences.iter().find(|found| found.key == path)
                else {
                    continue;
                };
                let before = before.as_deref().unwrap_or("not given");
                let _ = match now {
                    Some(now) => writeln!(lines, "{name} = {now}  # {before}"),
                    None => writeln!(lines, "# {name} is not given  # {before}"),
                };
            }
            if !lines.is_empty() {
                let gap = if text.is_empty() { "" } else { "\n" };
                let _ = write!(text, "{gap}[{}]\n{lines}", table.path);
            }
        }
        Ok(text)
    }

    /// The configuration with what is written only where it differs from what would hold anyway.
    fn whole(&self) -> Result<Table, toml::ser::Error> {
        let discriminator = PartialCriticConfig::from(&self.critic());
        let mut table = Table::try_from(Self { discriminator, ..self.clone() })?;
        let generator = &self.generator;
        if let Some(Value::Table(table)) = table.get_mut("generator") {
            table
                .insert("num_channels".to_owned(), i64::try_from(generator.num_channels).unwrap_or(3).into());
            table.insert("norm_epsilon".to_owned(), generator.norm_epsilon.into());
            table.insert("bias_before_blur".to_owned(), generator.bias_before_blur.into());
            table.insert("noise_per_block".to_owned(), generator.noise_per_block.into());
        }
        Ok(table)
    }
}

/// The keys of a table, with their paths and their names in it.
fn keys_of(table: &str) -> impl Iterator<Item = (&'static Key, &'static str, &'static str)> {
    keys().keys.iter().filter_map(move |key| {
        let name = key.path.strip_prefix(table)?.strip_prefix('.')?;
        Some((key, key.path.as_str(), name))
    })
}

fn find<'a>(values: &'a [(String, Value)], path: &str) -> Option<&'a Value> {
    values.iter().find(|(key, _)| key == path).map(|(_, value)| value)
}

/// Adds a comment, in lines of no more than [`WIDTH`] columns.
fn explain(text: &mut String, doc: &str) {
    let mut column = usize::MAX;
    for word in doc.split(' ') {
        let length = word.chars().count();
        if column.saturating_add(1 + length) > WIDTH {
            text.push_str(if column == usize::MAX { "#" } else { "\n#" });
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset_names;

    fn config(preset: Option<&str>, assignments: &[&str]) -> TrainConfig {
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        TrainConfig::load(preset, &assignments).unwrap()
    }

    #[test]
    fn what_is_explained_is_the_configuration() {
        let own =
            config(None, &["generator.norm_epsilon=1e-5", "discriminator.fmap_max=9", "run.name=a\nb\"c"]);
        let presets = preset_names().map(|name| config(Some(name), &[]));
        for config in presets.chain([own]) {
            let text = config.explained().unwrap();
            assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config, "{text}");
            assert!(
                text.lines().all(|line| !line.starts_with("# ") || line.chars().count() <= WIDTH),
                "{text}"
            );
            for key in &keys().keys {
                let (_, name) = key.path.split_once('.').unwrap();
                let is_there = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
                assert!(text.lines().any(is_there), "{}: {text}", key.path);
            }
        }
    }

    #[test]
    fn what_follows_from_the_rest_is_a_comment() {
        let text = config(None, &["generator.fmap_max=33"]).explained().unwrap();
        assert!(text.contains("\nfmap_max = 33\n") && text.contains("\n# fmap_max = 33\n"), "{text}");
        assert!(text.contains("\n# bias_before_blur = false\n"), "{text}");
        assert!(
            text.contains("\n# Length of the whole training, in kimg.\ntotal_kimg = 25000.0\n"),
            "{text}"
        );
    }

    #[test]
    fn a_diff_makes_one_of_the_other() {
        for name in preset_names() {
            let preset = config(Some(name), &[]);
            let text = preset.diff(&TrainConfig::default()).unwrap();
            assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), preset, "{text}");
        }
        let before = config(None, &["discriminator.fmap_max=64", "run.keep_last=3"]);
        let now = config(None, &["run.keep_last=4", "schedule.batch={8=16,64=8}"]);
        assert_eq!(
            now.diff(&before).unwrap(),
            "[run]\nkeep_last = 4  # 3\n\n[discriminator]\n# fmap_max is not given  # 64\n\n\
             [schedule]\nbatch = { 8 = 16, 64 = 8 }  # { 4 = 128, 32 = 64, 64 = 32, 128 = 16, 256 = 8, 512 = 4 }\n"
        );
        assert_eq!(now.diff(&now).unwrap(), "");
    }
}
