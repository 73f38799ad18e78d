//! What a run may change when it goes on, and what it may not.

use std::fmt;

use serde::Serialize;
use toml::{Table, Value};

use crate::TrainConfig;
use crate::presets::values;

/// Keys whose values may change without a word when a run goes on, since no later snapshot depends on them.
///
/// They say where and how often files are written and how many are kept, how batches are fetched, and what a source of
/// pictures must be like to be packed at all. `run.snapshot_ticks` also says how far back a rollback goes.
const FREE: [&str; 13] = [
    "device.graphs",
    "run.name",
    "run.snapshot_ticks",
    "run.snapshot_minutes",
    "run.grid",
    "run.keep_last",
    "run.keep_every_kimg",
    "run.keep_snapshots",
    "run.keep_all_snapshots",
    "run.max_rollbacks",
    "data.allow_upscale",
    "data.max_bad_fraction",
    "data.prefetch",
];

/// The end of the schedule. Nothing before it depends on it, but whether a run is finished does: states hold it.
const END: &str = "schedule.total_kimg";

/// A key of the configuration with two values.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Path of the key.
    pub key: String,
    /// The value that the run has been trained with, TOML; none if it had none.
    pub before: Option<String>,
    /// The value asked for, TOML; none if it has none.
    pub now: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not given".to_owned());
        write!(f, "`{}` is {}, but was {}", self.key, text(&self.now), text(&self.before))
    }
}

impl TrainConfig {
    /// The configuration as TOML, without the keys that no snapshot depends on: what snapshots and states hold.
    ///
    /// # Errors
    /// If a number has no form in TOML.
    pub fn lasting_toml(&self) -> Result<String, toml::ser::Error> {
        lasting_toml(&self.lasting())
    }

    /// With `auto` spelled out, so that runs go on from before there was one.
    fn lasting(&self) -> Self {
        let mut config = self.clone();
        config.device.precision = config.device.precision.lasting();
        config.device.layout = config.device.layout.lasting();
        config
    }

    /// Every key, but the free ones and the end of the schedule, whose value is another than in `before`.
    ///
    /// # Errors
    /// If a number has no form in TOML.
    pub fn differences(&self, before: &Self) -> Result<Vec<Difference>, toml::ser::Error> {
        lasting_differences(&self.lasting(), &before.lasting())
    }

    /// Every key whose value is another than in `before`.
    pub(crate) fn all_differences(&self, before: &Self) -> Result<Vec<Difference>, toml::ser::Error> {
        all_differences(&self.lasting(), &before.lasting())
    }
}

/// A configuration as TOML, without the keys that no snapshot depends on.
pub(crate) fn lasting_toml(config: &impl Serialize) -> Result<String, toml::ser::Error> {
    let mut table = Table::try_from(config)?;
    for key in FREE {
        if let Some((outer, inner)) = key.split_once('.')
            && let Some(Value::Table(table)) = table.get_mut(outer)
        {
            table.remove(inner);
        }
    }
    toml::to_string(&table)
}

/// Every key, but the free ones and the end of the schedule, whose value is another than in `before`.
pub(crate) fn lasting_differences<C: Serialize>(
    now: &C,
    before: &C,
) -> Result<Vec<Difference>, toml::ser::Error> {
    let mut found = all_differences(now, before)?;
    found.retain(|Difference { key, .. }| !FREE.contains(&key.as_str()) && key != END);
    Ok(found)
}

fn all_differences<C: Serialize>(now: &C, before: &C) -> Result<Vec<Difference>, toml::ser::Error> {
    let all = |config: &C| Table::try_from(config).map(|table| values(&table));
    let (before, now) = (all(before)?, all(now)?);
    let text = |all: &[(String, Value)], key: &str| {
        all.iter().find(|(known, _)| known == key).map(|(_, value)| value.to_string())
    };
    let mut keys: Vec<&String> = now.iter().chain(&before).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    Ok(keys
        .into_iter()
        .map(|key| Difference { key: key.clone(), before: text(&before, key), now: text(&now, key) })
        .filter(|difference| difference.before != difference.now)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(assignments: &[&str]) -> TrainConfig {
        let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
        TrainConfig::load(None, &assignments).unwrap()
    }

    #[test]
    fn differences_are_named_with_both_values() {
        let before = config(&["schedule.batch={8=16,64=4}", "loss.r1_gamma=5.0"]);
        let now = config(&["schedule.batch={8=16,64=8}", "loss.r1_gamma=5.0", "discriminator.fmap_max=64"]);
        let found: Vec<String> =
            now.differences(&before).unwrap().iter().map(Difference::to_string).collect();
        assert_eq!(
            found,
            [
                "`discriminator.fmap_max` is 64, but was not given",
                "`schedule.batch` is { 8 = 16, 64 = 8 }, but was { 8 = 16, 64 = 4 }"
            ]
        );
        assert!(before.differences(&before).unwrap().is_empty());
    }

    #[test]
    fn auto_stands_for_what_it_was_before_it_had_a_name() {
        let [auto, tf32, bf16] =
            ["auto", "tf32", "bf16"].map(|name| config(&[&format!("device.precision={name}")]));
        assert_eq!(auto, config(&[]));
        assert!(auto.differences(&config(&["device.layout=nchw"])).unwrap().is_empty());
        assert_eq!(auto.differences(&config(&["device.layout=nhwc"])).unwrap()[0].key, "device.layout");
        assert_eq!(auto.lasting_toml().unwrap(), tf32.lasting_toml().unwrap());
        assert!(auto.differences(&tf32).unwrap().is_empty());
        assert_eq!(auto.differences(&bf16).unwrap()[0].key, "device.precision");
    }

    #[test]
    fn the_end_is_no_difference_but_is_kept() {
        let (short, long) = (config(&["schedule.total_kimg=7.0"]), config(&["schedule.total_kimg=9.0"]));
        assert!(long.differences(&short).unwrap().is_empty());
        assert_ne!(long.lasting_toml().unwrap(), short.lasting_toml().unwrap());
    }

    #[test]
    fn free_keys_exist_and_leave_no_trace() {
        let plain = config(&[]);
        let other = config(&[
            "device.graphs=false",
            "run.name=x",
            "run.snapshot_ticks=3",
            "run.snapshot_minutes=1.5",
            "run.grid=[1,2]",
            "run.keep_last=7",
            "run.keep_every_kimg=9.0",
            "run.keep_snapshots=3",
            "run.keep_all_snapshots=true",
            "run.max_rollbacks=9",
            "data.allow_upscale=true",
            "data.max_bad_fraction=0.5",
            "data.prefetch=2",
        ]);
        assert!(other.differences(&plain).unwrap().is_empty());
        assert_eq!(other.lasting_toml().unwrap(), plain.lasting_toml().unwrap());
        let all = values(&Table::try_from(&plain).unwrap());
        for key in FREE {
            assert!(all.iter().any(|(known, _)| known == key), "{key}");
        }
        // What is left is a configuration still.
        let read: TrainConfig =
            toml::from_str(&config(&["loss.r1_gamma=5.0"]).lasting_toml().unwrap()).unwrap();
        assert_eq!(read.loss.logistic_r1.r1_gamma, 5.0);
    }
}
