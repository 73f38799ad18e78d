//! What the presets say, held against the papers.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use stylegan_trainer::{LossKind, PerSide, Schedule, TrainConfig, TrainPlan, preset_names};
use toml::{Table, Value};

fn load(name: &str) -> TrainConfig {
    TrainConfig::load(Some(name), &[]).unwrap()
}

/// Every number of a configuration by its path.
fn numbers(config: &TrainConfig) -> BTreeMap<String, Value> {
    fn collect(path: &str, table: Table, into: &mut BTreeMap<String, Value>) {
        for (key, value) in table {
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            match value {
                Value::Table(table) => collect(&path, table, into),
                value => drop(into.insert(path, value)),
            }
        }
    }
    let mut all = BTreeMap::new();
    collect("", toml::from_str(&config.to_toml().unwrap()).unwrap(), &mut all);
    all.remove("run.name");
    all
}

/// What differs between two presets, as `path: before -> after`.
fn differences(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (numbers(&load(before)), numbers(&load(after)));
    let text = |all: &BTreeMap<String, Value>, path| all.get(path).map_or("-".to_owned(), Value::to_string);
    before
        .keys()
        .chain(after.keys().filter(|path| !before.contains_key(*path)))
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| format!("{path}: {} -> {}", text(&before, path), text(&after, path)))
        .collect()
}

/// Karras et al. 2019, Table 1 and appendix C: what each row changes, and nothing else.
#[test]
fn each_row_of_table_1_changes_what_the_paper_says() {
    assert_eq!(
        differences("ablation/a", "ablation/b"),
        [
            "discriminator.blur: false -> true",
            "generator.blur: false -> true",
            r#"loss.kind: "wgan_gp" -> "logistic_r1""#,
            "schedule.initial_resolution: 4 -> 8",
            "schedule.total_kimg: 12000.0 -> 25000.0",
        ]
    );
    assert_eq!(
        differences("ablation/b", "ablation/c"),
        [
            "generator.mapping_layers: 0 -> 8",
            r#"generator.norm: "pixel" -> "instance""#,
            "generator.styles: false -> true",
        ]
    );
    assert_eq!(differences("ablation/c", "ablation/d"), ["generator.const_input: false -> true"]);
    assert_eq!(differences("ablation/d", "ablation/e"), ["generator.noise: false -> true"]);
    assert_eq!(differences("ablation/e", "ablation/f"), ["training.style_mixing_prob: 0.0 -> 0.9"]);
    assert_eq!(differences("ablation/f", "ffhq-1024-r1"), [""; 0]);
}

/// WGAN-GP is trained at 0.002 at most, but for Progressive GAN's own run; R1 on FFHQ at 0.003 from 512 on.
#[test]
fn learning_rates_go_with_the_loss() {
    let (original, careful) = (
        PerSide::from_sides([(4, 0.001), (128, 0.0015), (256, 0.002), (512, 0.003)]),
        PerSide::from_sides([(4, 0.001), (128, 0.0015), (256, 0.002)]),
    );
    let default = TrainConfig::default();
    assert_eq!(default.loss.kind, LossKind::WganGp);
    assert_eq!((&default.schedule.g_lrate, &default.schedule.d_lrate), (&careful, &careful));
    for name in preset_names().filter(|name| name.starts_with("ffhq") || name.starts_with("ablation")) {
        let TrainConfig { loss, schedule, .. } = load(name);
        let expected = match (name, loss.kind) {
            ("ablation/a", LossKind::WganGp) | (_, LossKind::LogisticR1) => &original,
            _ => &careful,
        };
        assert_eq!((&schedule.g_lrate, &schedule.d_lrate), (expected, expected), "{name}");
        assert_eq!((loss.wgan_gp.gp_lambda, loss.logistic_r1.r1_gamma), (10.0, 10.0), "{name}");
        assert_eq!(schedule.batch, Schedule::default().batch, "{name}");
    }
    for name in ["faces-64", "demo"] {
        let Schedule { g_lrate, d_lrate, .. } = load(name).schedule;
        assert!(g_lrate.values().chain(d_lrate.values()).all(|rate| rate <= 0.002), "{name}");
    }
}

/// Every preset's head says what it is, how to run it, what it costs and what came out.
#[test]
fn every_preset_introduces_itself() {
    for name in preset_names() {
        let path = format!("{}/../configs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with(&format!("# {name}: ")), "{name}");
        let line = |what: &str| {
            let start = format!("# {what:<9}");
            text.lines()
                .find_map(|line| line.strip_prefix(&start))
                .unwrap_or_else(|| panic!("{name}: {what}"))
        };
        let command = line("command");
        assert!(
            if name == "demo" {
                command == "stylegan demo"
            } else {
                command.starts_with("stylegan train --data ")
                    && command.ends_with(&format!(" --config {name}"))
            },
            "{name}: {command}"
        );
        line("cost");
        assert!(!name.starts_with("ablation") || line("result").starts_with("not measured here"), "{name}");
        line("result");
    }
}

#[test]
fn times_of_a_plan_have_no_tails() {
    let sets = ["schedule.steady_kimg=0.4", "schedule.fade_kimg=0.2", "schedule.total_kimg=3.0"];
    let config = TrainConfig::load(Some("demo"), &sets.map(str::to_owned)).unwrap();
    let plan = TrainPlan::new(&config).unwrap().to_string();
    assert!(plan.contains("0.4 kimg          0.6 kimg          1 kimg"), "{plan}");
}
