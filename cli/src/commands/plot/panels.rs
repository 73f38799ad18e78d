//! Which values share a panel, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use stylegan_metrics::{Better, Measure};
use stylegan_plots::{Band, Curve, Panel};
use stylegan_trainer::nearest;

use super::runs::{Points, Run};
use crate::report::{Refusal, note};

/// Values of `stats.jsonl` that are compared, by name, with what each is called beside the title.
struct Group {
    title: &'static str,
    values: &'static [(&'static str, &'static str)],
}

/// What people look at first, in their order.
const GROUPS: &[Group] = &[
    Group { title: "loss", values: &[("d_loss", "critic"), ("g_loss", "generator")] },
    Group {
        title: "loss",
        values: &[("loss", "total"), ("content_loss", "content"), ("style_loss", "style")],
    },
    Group { title: "score of the critic", values: &[("real_score", "reals"), ("fake_score", "fakes")] },
    Group { title: "norm of the scores' gradient", values: &[("gradient_norm", "")] },
    Group { title: "penalty", values: &[("penalty", "")] },
    Group {
        title: "distance between two pictures",
        values: &[("fake_distance", "fakes"), ("real_distance", "reals")],
    },
    Group { title: "distance of textures, few pictures", values: &[("texture_distance", "")] },
    Group { title: "images/s", values: &[("images_per_sec", "")] },
];
/// What few people look at.
const OFF_PAGE: &[&str] = &[
    "batch",
    "d_lrate",
    "data_wait_sec",
    "g_lrate",
    "lod",
    "maintenance_sec",
    "peak_memory_bytes",
    "rate_factor",
    "rollbacks",
    "sec_per_kimg",
    "sec_per_tick",
    "skipped_updates",
    "step",
    "tick",
    "w_avg_norm",
];
/// More panels than these could not be read.
const MOST_PANELS: usize = 24;
/// More levels than these are not told apart.
const MOST_BANDS: usize = 20;

/// A value of a run, or of each of several.
#[derive(Clone, PartialEq)]
struct Value {
    /// How `--values` names it.
    name: String,
    /// The title of its panel.
    title: String,
    /// What it is called beside that.
    called: String,
    origin: Origin,
}

/// Where a value stands in a [`Run`].
#[derive(Clone, PartialEq)]
enum Origin {
    Stats(String),
    Measure(String, String),
}

impl Value {
    fn points<'a>(&self, run: &'a Run) -> Option<&'a Points> {
        match &self.origin {
            Origin::Stats(name) => run.stats.get(name),
            Origin::Measure(measure, name) => run.measures.get(measure)?.get(name),
        }
    }

    fn is_of_stats(&self) -> bool {
        matches!(self.origin, Origin::Stats(_))
    }
}

/// Every value that any run has, in the order of the page; what is not on it comes last.
fn values(runs: &[Run]) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let stats = distinct(runs.iter().flat_map(|run| run.stats.keys()));
    for Group { title, values } in GROUPS {
        for (name, called) in values.iter().filter(|(name, _)| stats.contains(*name)) {
            found.push(Value {
                name: (*name).to_owned(),
                title: (*title).to_owned(),
                called: (*called).to_owned(),
                origin: Origin::Stats((*name).to_owned()),
            });
        }
    }
    let others = stats.iter().filter(|name| found.iter().all(|value| value.name != **name));
    let (off_page, others): (Vec<_>, Vec<_>) =
        others.map(|name| of_stats(name)).partition(|value| OFF_PAGE.contains(&value.name.as_str()));
    found.extend(others);
    let measures = distinct(runs.iter().flat_map(|run| run.measures.keys()));
    for measure in &measures {
        let names =
            distinct(runs.iter().filter_map(|run| run.measures.get(*measure)).flat_map(BTreeMap::keys));
        let mut names: Vec<&str> = names.into_iter().collect();
        // The one to look at first.
        let first = Measure::of(measure).and_then(|known| known.numbers.first());
        let first = first.map(|ending| format!("{measure}{ending}")).unwrap_or_default();
        names.sort_by_key(|name| *name != first);
        for name in names {
            // `swd` is both a measure and a statistic.
            let is_taken = stats.contains(name) || found.iter().any(|value| value.name == name);
            found.push(Value {
                name: if is_taken { format!("metric-{name}") } else { name.to_owned() },
                title: title_of(measure),
                called: name.to_owned(),
                origin: Origin::Measure((*measure).to_owned(), name.to_owned()),
            });
        }
    }
    found.extend(off_page);
    found
}

fn of_stats(name: &str) -> Value {
    Value {
        name: name.to_owned(),
        title: name.to_owned(),
        called: String::new(),
        origin: Origin::Stats(name.to_owned()),
    }
}

fn title_of(measure: &str) -> String {
    match Measure::of(measure).map(|measure| measure.better) {
        Some(Better::Lower) => format!("{measure}, lower is better"),
        Some(Better::Higher) => format!("{measure}, higher is better"),
        Some(Better::Neither) | None => measure.to_owned(),
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<&'a str> {
    names.map(String::as_str).collect()
}

/// What people look at first, where there is something to see.
pub(super) fn page(runs: &[Run]) -> Vec<Panel> {
    let mut shown = values(runs);
    shown.retain(|value| {
        let is_off = value.is_of_stats() && OFF_PAGE.contains(&value.name.as_str());
        let mut points = runs.iter().filter_map(|run| value.points(run)).flatten();
        // Zero is what statistics say that do not apply.
        !is_off && (!value.is_of_stats() || points.any(|(_, y)| y.is_finite() && *y != 0.0))
    });
    if runs.len() > 1 {
        // The first number of a measure is the one to look at.
        let mut measures = Vec::new();
        shown.retain(|value| match &value.origin {
            Origin::Stats(_) => true,
            Origin::Measure(measure, _) if measures.contains(measure) => false,
            Origin::Measure(measure, _) => {
                measures.push(measure.clone());
                true
            }
        });
    }
    let mut panels = joined(runs, &shown);
    if panels.len() > MOST_PANELS {
        note(&format!("{} further panels are left out: `--values` names them", panels.len() - MOST_PANELS));
        panels.truncate(MOST_PANELS);
    }
    panels
}

/// The values of these names.
pub(super) fn panels_of(runs: &[Run], names: &[String]) -> Result<Vec<Panel>> {
    let known = values(runs);
    let mut chosen: Vec<Value> = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let Some(value) = known.iter().find(|value| value.name == name) else {
            let all: Vec<String> = known.iter().map(|value| format!("`{}`", value.name)).collect();
            let all = all.join(", ");
            let hint = match nearest(name, known.iter().map(|value| value.name.as_str())) {
                Some(near) => format!("did you mean `{near}`? the values are {all}"),
                None => format!("the values are {all}"),
            };
            return Err(Refusal::usage(format!("`--values {name}`: no run has a value of this name"))
                .hint(hint)
                .into());
        };
        if !chosen.contains(value) {
            chosen.push(value.clone());
        }
    }
    let panels = joined(runs, &chosen);
    if panels.len() > MOST_PANELS {
        return Err(Refusal::usage(format!("`--values` names {} panels", panels.len()))
            .hint(format!("a plot has room for {MOST_PANELS}"))
            .into());
    }
    Ok(panels)
}

/// Panels of values: of one run, those under one title share one.
fn joined(runs: &[Run], values: &[Value]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for value in values {
        let curves = runs.iter().filter_map(|run| {
            Some(Curve {
                run: run.name.clone(),
                name: value.called.clone(),
                points: value.points(run)?.clone(),
                // What is measured is rare and meant as it is.
                smooth: usize::from(!value.is_of_stats()),
            })
        });
        let alone = match value.called.as_str() {
            "" => value.title.clone(),
            called if value.is_of_stats() => format!("{}, {called}", value.title),
            called => value.title.replacen(called_in(&value.title), called, 1),
        };
        let is_joined =
            runs.len() == 1 && values.iter().filter(|other| other.title == value.title).count() > 1;
        let title = if is_joined { value.title.clone() } else { alone };
        match panels.iter_mut().find(|panel| is_joined && panel.title == title) {
            Some(panel) => panel.curves.extend(curves),
            None => panels.push(Panel { title, log: false, curves: curves.collect() }),
        }
    }
    panels
}

/// The name of the measure in a title of its panel.
fn called_in(title: &str) -> &str {
    title.split(',').next().unwrap_or(title)
}

/// The sides of the pictures over the time of one run, where they grow.
pub(super) fn bands(runs: &[Run]) -> Vec<Band> {
    let [Run { resolutions, .. }] = runs else { return Vec::new() };
    if !(2..=MOST_BANDS).contains(&resolutions.len()) {
        return Vec::new();
    }
    let begins = [0.0].into_iter().chain(resolutions.iter().map(|(until, _)| *until));
    let bands = begins.zip(resolutions);
    bands.map(|(from, (to, resolution))| Band { from, to: *to, label: resolution.to_string() }).collect()
}
