//! Configurations by name, and how one is put together.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use stylegan_base::{Hint, Resolution};
use stylegan_dataset::LabelMode;
use thiserror::Error;
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Spanned, Table, Value};

use crate::keys::{Keyed, Keys};
use crate::{TrainConfig, TransferConfig};

/// Every preset in the binary: its name and its file.
const PRESETS: [(&str, &str); 14] = [
    ("demo", include_str!("../../configs/demo.toml")),
    ("faces-64", include_str!("../../configs/faces-64.toml")),
    ("ffhq-128", include_str!("../../configs/ffhq-128.toml")),
    ("ffhq-256", include_str!("../../configs/ffhq-256.toml")),
    ("ffhq-256-r1", include_str!("../../configs/ffhq-256-r1.toml")),
    ("ffhq-512", include_str!("../../configs/ffhq-512.toml")),
    ("ffhq-1024", include_str!("../../configs/ffhq-1024.toml")),
    ("ffhq-1024-r1", include_str!("../../configs/ffhq-1024-r1.toml")),
    ("ablation/a", include_str!("../../configs/ablation/a.toml")),
    ("ablation/b", include_str!("../../configs/ablation/b.toml")),
    ("ablation/c", include_str!("../../configs/ablation/c.toml")),
    ("ablation/d", include_str!("../../configs/ablation/d.toml")),
    ("ablation/e", include_str!("../../configs/ablation/e.toml")),
    ("ablation/f", include_str!("../../configs/ablation/f.toml")),
];

/// The same of trainings of a style transfer's decoder.
const TRANSFER_PRESETS: [(&str, &str); 1] = [("transfer", include_str!("../../configs/transfer.toml"))];

/// A configuration that cannot be used, and why.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Neither a preset nor a file has this name.
    #[error("there is no preset and no file `{name}`")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// Those that there are.
        presets: Vec<&'static str>,
    },
    /// A file that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Text that is no TOML, or values of the wrong kind.
    #[error("{place}: {message}")]
    Syntax {
        /// The preset, file or argument.
        place: String,
        /// What the parser says.
        message: String,
    },
    /// A key that no configuration has.
    #[error("{place}: unknown key `{key}`")]
    UnknownKey {
        /// The preset, file or argument.
        place: String,
        /// Path of the key.
        key: String,
        /// The key that was meant, if one is like it.
        nearest: Option<&'static str>,
    },
    /// A `--set` without an equals sign.
    #[error("`--set {argument}` is not of the form KEY=VALUE")]
    NoAssignment {
        /// The argument.
        argument: String,
    },
    /// Values that do not go together.
    #[error("{}", list(violations))]
    Impossible {
        /// One sentence each.
        violations: Vec<String>,
    },
}

fn list(violations: &[String]) -> String {
    match violations {
        [one] => one.clone(),
        many => format!("the configuration has {} errors:\n  {}", many.len(), many.join("\n  ")),
    }
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownPreset { name, presets } => {
                let all = presets.join("`, `");
                Some(match nearest(name, presets.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`? the presets are `{all}`"),
                    None => format!("the presets are `{all}`"),
                })
            }
            Self::UnknownKey { nearest, .. } => nearest.map(|nearest| format!("did you mean `{nearest}`?")),
            Self::NoAssignment { .. } => Some("for instance `schedule.total_kimg=5000`".to_owned()),
            _ => None,
        }
    }
}

/// The names of the presets.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The preset for pictures of this resolution: the largest that is no larger, of small pictures the smallest.
///
/// Those of the demo and of the paper's Table 1 are for nothing else.
pub fn preset_for(resolution: Resolution) -> &'static str {
    let side = |name| Some(TrainConfig::load(Some(name), &[]).ok()?.generator.resolution.side());
    let names = preset_names().filter(|name| *name != "demo" && !name.starts_with("ablation/"));
    let known: Vec<(usize, &str)> = names.filter_map(|name| Some((side(name)?, name))).collect();
    // Of several of one side the first in the list.
    let fitting =
        known.iter().rev().filter(|(side, _)| *side <= resolution.side()).max_by_key(|(side, _)| *side);
    fitting.or(known.first()).map_or("faces-64", |(_, name)| name)
}

impl TrainConfig {
    /// A configuration from the defaults, a preset or file of this name, and assignments `a.b=value`, in this order.
    ///
    /// A preset's name wins over a file of the same name; `./demo` is the file.
    ///
    /// # Errors
    /// If there is no such preset or file, a key is unknown, a value is of the wrong kind, or values do not go
    /// together.
    pub fn load(preset_or_file: Option<&str>, assignments: &[String]) -> Result<Self, ConfigError> {
        let table = table_of::<Self>(&PRESETS, preset_or_file, assignments)?;
        let gives =
            |section: &str, key: &str| table.get(section).is_some_and(|table| table.get(key).is_some());
        let decides = gives("generator", "label_dim") && !gives("data", "labels");
        let mut config: Self = table.try_into().map_err(|e| syntax("configuration", &e))?;
        if decides && config.generator.label_dim == 0 {
            config.data.labels = LabelMode::Off;
        }
        config.checked()
    }

    /// Itself, if its values go together.
    ///
    /// # Errors
    /// All violations at once.
    pub fn checked(self) -> Result<Self, ConfigError> {
        match self.violations() {
            violations if violations.is_empty() => Ok(self),
            violations => Err(ConfigError::Impossible { violations }),
        }
    }

    /// The whole configuration as TOML, as the run folder keeps it.
    ///
    /// # Errors
    /// If a number has no form in TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

impl TransferConfig {
    /// A configuration from the defaults, a preset or file of this name, and assignments, as [`TrainConfig::load`] has it.
    ///
    /// # Errors
    /// As [`TrainConfig::load`].
    pub fn load(preset_or_file: Option<&str>, assignments: &[String]) -> Result<Self, ConfigError> {
        let table = table_of::<Self>(&TRANSFER_PRESETS, preset_or_file, assignments)?;
        let config: Self = table.try_into().map_err(|e| syntax("configuration", &e))?;
        config.checked()
    }

    /// Itself, if its values go together.
    ///
    /// # Errors
    /// All violations at once.
    pub fn checked(self) -> Result<Self, ConfigError> {
        match self.violations() {
            violations if violations.is_empty() => Ok(self),
            violations => Err(ConfigError::Impossible { violations }),
        }
    }
}

/// What a preset or file says, and the assignments after it.
fn table_of<C: DeserializeOwned + Keyed>(
    presets: &[(&'static str, &'static str)],
    preset_or_file: Option<&str>,
    assignments: &[String],
) -> Result<Table, ConfigError> {
    let mut table = Table::new();
    if let Some(name) = preset_or_file {
        let (place, text) = find(presets, name)?;
        let parsed: Table = toml::from_str(&text).map_err(|e| syntax(&place, &e))?;
        check_keys::<C>(&parsed, &place)?;
        // Kinds are checked here as well, so that the message names the file and its line.
        check_kinds::<C>(&text).map_err(|e| syntax(&place, &e))?;
        merge(&mut table, parsed);
    }
    for argument in assignments {
        let place = format!("`--set {argument}`");
        let assigned = parse_assignment(argument)?;
        check_keys::<C>(&assigned, &place)?;
        if let Err(error) = assigned.clone().try_into::<C>() {
            let key = keys(&assigned).concat();
            let message = format!("{}\nin `{key}`", error.message());
            return Err(ConfigError::Syntax { place, message });
        }
        merge(&mut table, assigned);
    }
    Ok(table)
}

fn find(presets: &[(&'static str, &'static str)], name: &str) -> Result<(String, String), ConfigError> {
    if let Some((_, text)) = presets.iter().find(|(preset, _)| *preset == name) {
        return Ok((format!("preset `{name}`"), (*text).to_owned()));
    }
    let path = Path::new(name);
    if !path.exists() {
        let presets = presets.iter().map(|(name, _)| *name).collect();
        return Err(ConfigError::UnknownPreset { name: name.to_owned(), presets });
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((format!("`{name}`"), text)),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

fn syntax(place: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError::Syntax { place: place.to_owned(), message: error.to_string().trim_end().to_owned() }
}

/// `a.b=value` as the table `{ a = { b = value } }`; what is no TOML value is a text.
fn parse_assignment(argument: &str) -> Result<Table, ConfigError> {
    let no_assignment = || ConfigError::NoAssignment { argument: argument.to_owned() };
    let (key, text) = argument.split_once('=').ok_or_else(no_assignment)?;
    if text.trim().parse::<i128>().is_ok_and(|number| i64::try_from(number).is_err()) {
        let message = format!("whole numbers are {} to {}", i64::MIN, i64::MAX);
        return Err(ConfigError::Syntax { place: format!("`--set {argument}`"), message });
    }
    let value = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| if table.len() == 1 { table.remove("value") } else { None })
        .unwrap_or_else(|| Value::String(text.to_owned()));
    let mut names = key.trim().rsplit('.');
    let last = names.next().filter(|name| !name.is_empty()).ok_or_else(no_assignment)?;
    let mut table = Table::from_iter([(last.to_owned(), value)]);
    for name in names {
        table = Table::from_iter([(name.to_owned(), Value::Table(table))]);
    }
    Ok(table)
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            // A table by side replaces the one before it as a whole: the sides it does not list follow from those it
            // does.
            (Some(Value::Table(old)), Value::Table(new)) if !is_per_side(&new) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn is_per_side(table: &Table) -> bool {
    !table.is_empty() && table.keys().all(|key| key.parse::<usize>().is_ok())
}

fn check_keys<C: Keyed>(table: &Table, place: &str) -> Result<(), ConfigError> {
    match keys(table).into_iter().find(|key| !C::keys().has(key)) {
        Some(key) => {
            let nearest = nearest_key(&key, C::keys());
            Err(ConfigError::UnknownKey { place: place.to_owned(), key, nearest })
        }
        None => Ok(()),
    }
}

/// Refuses a value of the wrong kind.
///
/// Each value goes through the configuration alone: where a struct is flattened into another, serde knows no more than
/// that an error is in the table, and so that table ends up with the value's position in the text.
fn check_kinds<C: DeserializeOwned>(text: &str) -> Result<(), toml::de::Error> {
    let whole = DeTable::parse(text)?;
    for (section, table) in whole.get_ref() {
        for (key, value) in table.get_ref().as_table().into_iter().flatten() {
            let inner = DeValue::Table(DeTable::from_iter([(key.clone(), value.clone())]));
            let alone = DeTable::from_iter([(section.clone(), Spanned::new(value.span(), inner))]);
            let alone = Deserializer::from(Spanned::new(value.span(), alone));
            if let Err(mut error) = C::deserialize(alone) {
                error.set_input(Some(text));
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The path of every value.
fn keys(table: &Table) -> Vec<String> {
    values(table).into_iter().map(|(key, _)| key).collect()
}

/// The path of every value, and the value.
pub(crate) fn values(table: &Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if !is_per_side(inner) => {
                found.extend(values(inner).into_iter().map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            _ => found.push((key.clone(), value.clone())),
        }
    }
    found
}

/// The key that was meant: one of the same name in another section, as sections are easily left out or mixed up; else
/// one that is written alike.
fn nearest_key(key: &str, keys: &'static Keys) -> Option<&'static str> {
    let name = |key: &'static str| key.rsplit('.').next();
    let likeness = |candidate: &str| strsim::jaro_winkler(key, candidate);
    let known = || keys.keys.iter().map(|key| key.path.as_str());
    known()
        .filter(|candidate| name(candidate) == key.rsplit('.').next())
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .or_else(|| nearest(key, known()))
}

/// The candidate most like `name` but for upper case, if one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(list: &[&str]) -> Vec<String> {
        list.iter().map(|&s| s.to_owned()).collect()
    }

    #[test]
    fn every_preset_is_possible_and_survives_a_round_trip() {
        for name in preset_names() {
            let config = TrainConfig::load(Some(name), &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
            let text = config.to_toml().unwrap();
            assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config, "{name}");
        }
    }

    #[test]
    fn there_is_a_preset_for_every_resolution() {
        for (resolution, expected) in [
            ("8", "faces-64"),
            ("32", "faces-64"),
            ("64", "faces-64"),
            ("128x96", "ffhq-128"),
            ("256", "ffhq-256"),
            ("384x512", "ffhq-512"),
            ("640x512", "ffhq-512"),
            ("1024x576", "ffhq-1024"),
            ("1024", "ffhq-1024"),
        ] {
            let resolution: Resolution = resolution.parse().unwrap();
            assert_eq!(preset_for(resolution), expected);
            let mut config = TrainConfig::load(Some(expected), &[]).unwrap();
            config.generator.resolution = resolution;
            assert_eq!(config.violations(), [""; 0], "{resolution}");
        }
    }

    #[test]
    fn what_is_written_only_where_it_differs_is_known_all_the_same() {
        let other = [
            "generator.norm_epsilon=1e-5",
            "generator.bias_before_blur=true",
            "generator.noise_per_block=true",
        ];
        let config = TrainConfig::load(None, &sets(&other)).unwrap();
        let text = config.to_toml().unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config);
        let keys = ["norm_epsilon", "bias_before_blur", "noise_per_block"];
        assert!(keys.iter().all(|key| text.contains(key)), "{text}");
        let text = TrainConfig::default().to_toml().unwrap();
        assert!(!keys.iter().any(|key| text.contains(key)), "{text}");
    }

    #[test]
    fn no_labels_by_number_are_no_labels() {
        let labels = |list: &[&str]| TrainConfig::load(None, &sets(list)).unwrap().data.labels;
        assert_eq!(labels(&[]), LabelMode::Auto);
        assert_eq!(labels(&["generator.label_dim=0"]), LabelMode::Off);
        assert_eq!(labels(&["generator.label_dim=3"]), LabelMode::Auto);
        assert_eq!(labels(&["generator.label_dim=0", "data.labels=folders"]), LabelMode::Folders);
    }

    #[test]
    fn every_key_is_written_as_it_always_was() {
        let text = include_str!("../tests/fixtures/every_key.toml");
        let config: TrainConfig = toml::from_str(text).unwrap();
        assert_eq!(config.to_toml().unwrap(), text);
        let mut all = keys(&toml::from_str(text).unwrap());
        let mut known: Vec<String> = crate::keys::keys().keys.iter().map(|key| key.path.clone()).collect();
        all.sort();
        known.sort();
        assert_eq!(all, known);
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_shown_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let refusal = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let error = TrainConfig::load(path.to_str(), &[]).unwrap_err();
            error.to_string().split_once("`: ").unwrap().1.to_owned()
        };
        for (line, column, value, reason) in [
            (
                "resolution = ",
                14,
                "\"large\"",
                "invalid value: string \"large\", expected a side such as 512, or a width and a height such as \"512x384\"",
            ),
            ("fmap_base = ", 13, "\"large\"", "invalid type: string \"large\", expected usize"),
            ("fmap_max = ", 12, "1.5", "invalid type: floating point `1.5`, expected usize"),
        ] {
            let (gap, marker) = (" ".repeat(column - 1), "^".repeat(value.len()));
            assert_eq!(
                refusal(&format!("[run]\nseed = 3\n\n[generator]\n{line}{value}\nz_dim = 8\n")),
                format!(
                    "TOML parse error at line 5, column {column}\n  |\n5 | {line}{value}\n  | {gap}{marker}\n{reason}"
                )
            );
        }
        for (assignment, reason) in [
            ("generator.fmap_base=large", "invalid type: string \"large\", expected usize"),
            ("discriminator.fmap_decay=[1]", "invalid type: sequence, expected f64"),
            ("discriminator.blur=3", "invalid type: integer `3`, expected a boolean"),
            ("discriminator.fmap_base=-3", "invalid value: integer `-3`, expected usize"),
        ] {
            let error = TrainConfig::load(None, &sets(&[assignment])).unwrap_err();
            let key = assignment.split_once('=').unwrap().0;
            assert_eq!(error.to_string(), format!("`--set {assignment}`: {reason}\nin `{key}`"));
        }
    }

    #[test]
    fn assignments_win_over_presets() {
        let config = TrainConfig::load(
            Some("faces-64"),
            &sets(&[
                "schedule.total_kimg=0.5",
                "run.tick_kimg=0.25",
                "loss.kind=logistic_r1",
                "run.name=x y",
                "schedule.batch={8=16,64=4}",
            ]),
        )
        .unwrap();
        assert_eq!(config.schedule.total_kimg, 0.5);
        assert_eq!(config.run.tick_kimg, crate::PerSide::same(0.25));
        assert_eq!(config.loss.kind, crate::LossKind::LogisticR1);
        assert_eq!(config.run.name, "x y");
        assert_eq!([4, 32, 64].map(|side| config.schedule.batch.get(side).unwrap()), [16, 16, 4]);
    }

    #[test]
    fn the_critic_follows_the_generators_widths() {
        let config =
            TrainConfig::load(None, &sets(&["generator.fmap_max=64", "discriminator.fmap_base=99"])).unwrap();
        let widths = config.critic().widths;
        assert_eq!((widths.fmap_max, widths.fmap_base), (64, 99));
    }

    #[test]
    fn errors_name_the_place_and_the_nearest_name() {
        let error = TrainConfig::load(Some("fhq-256"), &[]).unwrap_err();
        assert_eq!(error.to_string(), "there is no preset and no file `fhq-256`");
        assert!(error.hint().unwrap().starts_with("did you mean `ffhq-256`?"), "{:?}", error.hint());

        let error = TrainConfig::load(None, &sets(&["schedule.total_kimgs=3"])).unwrap_err();
        assert_eq!(error.to_string(), "`--set schedule.total_kimgs=3`: unknown key `schedule.total_kimgs`");
        assert_eq!(error.hint().unwrap(), "did you mean `schedule.total_kimg`?");
        for (key, meant) in [
            ("resolution", "generator.resolution"),
            ("generator.batch", "schedule.batch"),
            ("critic.fmap_max", "discriminator.fmap_max"),
            ("gnerator.resolution", "generator.resolution"),
        ] {
            let error = TrainConfig::load(None, &sets(&[&format!("{key}=3")])).unwrap_err();
            assert_eq!(error.hint().unwrap(), format!("did you mean `{meant}`?"));
        }

        for (name, meant) in [("kid_small", "; did you mean `kid-small`?"), ("zzz", "")] {
            let error = TrainConfig::load(None, &sets(&[&format!("run.metrics=['{name}']")])).unwrap_err();
            let expected = format!("`run.metrics` has `{name}`, which is no measure{meant}");
            assert!(error.to_string().ends_with(&expected), "{error}");
        }

        let error = TrainConfig::load(None, &sets(&["nonsense"])).unwrap_err();
        assert!(matches!(error, ConfigError::NoAssignment { .. }), "{error}");

        let error = TrainConfig::load(None, &sets(&["generator.resolution=huge"])).unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { .. }), "{error}");

        let error =
            TrainConfig::load(None, &sets(&["generator.resolution=100", "loss.gp_lambda=-1"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the configuration has 2 errors:\n  `generator.resolution` is 100, but must be a power of two from 8 to \
             1024, or a width and a height such as 512x384 that are one power of two times up to 16 each\n  `loss.gp_lambda` is -1, but must be 0 to 1000000000"
        );
    }
}
