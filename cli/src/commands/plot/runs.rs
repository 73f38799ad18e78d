//! What the files of runs tell.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stylegan_base::{Resolution, Timeline, printable};
use stylegan_evaluation::read_results;
use stylegan_trainer::read_stats;

use crate::report::{Refusal, note};
use stylegan_base::shell::quoted;

const STATS: &str = "stats.jsonl";
/// The most files of measures that are read in one folder.
const MOST_MEASURES: usize = 100;

/// The values of a run.
pub(super) struct Run {
    /// The name of its folder, or how it was named where that is not enough.
    pub(super) name: String,
    /// The values of `stats.jsonl` by name.
    pub(super) stats: BTreeMap<String, Points>,
    /// The values of each measure by name, by the name of the measure.
    pub(super) measures: BTreeMap<String, BTreeMap<String, Points>>,
    /// Where the resolution changes: x up to which each lasts.
    pub(super) resolutions: Vec<(f64, Resolution)>,
}

/// x and y.
pub(super) type Points = Vec<(f64, f64)>;

/// Files of one run.
struct Files {
    /// Its folder, by whatever way it was named.
    folder: PathBuf,
    /// What was named first.
    named: PathBuf,
    paths: Vec<PathBuf>,
}

/// Reads runs, over kimg or over seconds of training. Those that have nothing yet are left out.
pub(super) fn read(paths: &[PathBuf], over_seconds: bool) -> Result<Vec<Run>> {
    let mut found: Vec<Files> = Vec::new();
    for path in paths {
        let files = files_of(path)?;
        match found.iter_mut().find(|other| other.folder == files.folder) {
            Some(other) => other.paths.extend(files.paths),
            None => found.push(files),
        }
    }
    let name = |files: &Files| {
        let name = |files: &Files| {
            files.folder.file_name().unwrap_or(files.folder.as_os_str()).to_string_lossy().into_owned()
        };
        let alike = found.iter().filter(|other| name(other) == name(files)).count();
        printable(&if alike > 1 { files.named.display().to_string() } else { name(files) })
    };
    let names: Vec<String> = found.iter().map(name).collect();
    let mut runs = Vec::new();
    for (files, name) in found.iter().zip(names) {
        let run = read_run(files, name, over_seconds)?;
        if run.stats.is_empty() && run.measures.is_empty() {
            note(&format!("`{}` has nothing to plot yet", files.named.display()));
        } else {
            runs.push(run);
        }
    }
    if runs.is_empty() {
        return Err(Refusal::new("there is nothing to plot")
            .hint("a run writes its first line after a tick")
            .into());
    }
    Ok(runs)
}

fn files_of(path: &Path) -> Result<Files> {
    let missing = || {
        Refusal::new(format!("there is no run `{}`", path.display()))
            .hint(format!("give the folder of a run, such as `runs/00000-NAME`, or its file `{STATS}`"))
    };
    let whole = path.canonicalize().map_err(|_| missing())?;
    if !whole.is_dir() {
        if !is_stats(path) && measure_of(path).is_none() {
            return Err(Refusal::new(format!("`{}` is no file of curves", path.display()))
                .hint(format!("give a file `{STATS}` or `metric-NAME.jsonl`, or the folder of a run"))
                .into());
        }
        let folder = whole.parent().unwrap_or(&whole).to_owned();
        return Ok(Files { folder, named: path.to_owned(), paths: vec![path.to_owned()] });
    }
    let failed = || format!("cannot read the folder `{}`", path.display());
    let entries = fs::read_dir(path).with_context(failed)?;
    let mut files: Vec<PathBuf> = Vec::new();
    let mut run_inside = None;
    for entry in entries {
        let entry = entry.with_context(failed)?.path();
        if is_stats(&entry) || measure_of(&entry).is_some() {
            files.push(entry);
        } else if run_inside.is_none() && entry.join(STATS).is_file() {
            run_inside = Some(entry);
        }
    }
    if files.is_empty() {
        let refusal = Refusal::new(format!("`{}` holds no `{STATS}`", path.display()));
        let run_inside = run_inside.as_deref().and_then(Path::file_name);
        return Err(match run_inside {
            Some(inside) => {
                refusal.hint(format!("it holds runs: `stylegan plot {}`", quoted(&path.join(inside))))
            }
            None => refusal.hint("give the folder of a run, such as `runs/00000-NAME`"),
        }
        .into());
    }
    // Statistics first.
    files.sort_by_key(|file| (!is_stats(file), file.clone()));
    files.truncate(MOST_MEASURES);
    Ok(Files { folder: whole, named: path.to_owned(), paths: files })
}

fn is_stats(path: &Path) -> bool {
    path.file_name() == Some(OsStr::new(STATS))
}

/// The name of a measure in that of its file.
fn measure_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_prefix("metric-")?.strip_suffix(".jsonl")
}

fn read_run(files: &Files, name: String, over_seconds: bool) -> Result<Run> {
    let read = |path: &Path| {
        let timeline = if is_stats(path) { read_stats(path) } else { read_results(path) };
        timeline.with_context(|| format!("cannot read `{}`", path.display()))
    };
    let shown = files.paths.iter().find(|path| is_stats(path));
    // It also tells at which seconds measures were taken.
    let beside = Some(files.folder.join(STATS)).filter(|path| over_seconds && path.is_file());
    let stats = match shown.or(beside.as_ref()) {
        Some(path) => read(path)?,
        None => Timeline::default(),
    };
    let clock = stats.clock();
    let x = |kimg: f64| if over_seconds { clock(kimg).unwrap_or(f64::NAN) } else { kimg };
    let mut run = Run { name, stats: BTreeMap::new(), measures: BTreeMap::new(), resolutions: Vec::new() };
    let mut lines = 0;
    if let Some(path) = shown {
        lines += stats.kimg.len();
        note_unreadable(path, &stats);
        run.stats = points(&stats, &x, false);
        run.resolutions = resolutions(&stats, &x);
    }
    for path in &files.paths {
        let Some(measure) = measure_of(path) else { continue };
        let measured = read(path)?;
        lines += measured.kimg.len();
        note_unreadable(path, &measured);
        let values = points(&measured, &x, true);
        if !values.is_empty() {
            run.measures.insert(printable(measure), values);
        }
    }
    if over_seconds && lines > 0 && run.stats.is_empty() && run.measures.is_empty() {
        return Err(Refusal::new(format!("`{}` does not tell its seconds", files.named.display()))
            .hint(format!("they stand in `{STATS}` of the run; `--over kimg` does without"))
            .into());
    }
    Ok(run)
}

fn note_unreadable(path: &Path, timeline: &Timeline) {
    let lines = match timeline.unreadable {
        0 => return,
        1 => "1 line".to_owned(),
        count => format!("{count} lines"),
    };
    note(&format!("`{}`: {lines} could not be read", path.display()));
}

/// The values of each name that has any. Pictures of other sizes are other pictures: measures of them are not joined.
fn points(timeline: &Timeline, x: &impl Fn(f64) -> f64, is_measured: bool) -> BTreeMap<String, Points> {
    let mut found = BTreeMap::new();
    for (name, values) in &timeline.numbers {
        let mut points = Points::new();
        let mut resolution = None;
        for ((kimg, value), drawn) in timeline.kimg.iter().zip(values).zip(&timeline.resolutions) {
            // What a measure has no number for was not measured then.
            if is_measured && value.is_nan() {
                continue;
            }
            if is_measured && resolution.is_some_and(|before| before != drawn) {
                points.push((f64::NAN, f64::NAN));
            }
            resolution = Some(drawn);
            points.push((x(*kimg), *value));
        }
        if points.iter().any(|(x, y)| x.is_finite() && y.is_finite()) {
            found.insert(printable(name), points);
        }
    }
    found
}

/// How far each resolution goes.
fn resolutions(timeline: &Timeline, x: &impl Fn(f64) -> f64) -> Vec<(f64, Resolution)> {
    let mut found: Vec<(f64, Resolution)> = Vec::new();
    for (kimg, resolution) in timeline.kimg.iter().zip(&timeline.resolutions) {
        let (x, Some(resolution)) = (x(*kimg), *resolution) else { continue };
        match found.last_mut() {
            Some((until, last)) if *last == resolution => *until = x,
            _ => found.push((x, resolution)),
        }
    }
    found
}

/// Seconds in minutes or hours, if they are many; the label of their axis.
pub(super) fn in_long_units(runs: &mut [Run]) -> &'static str {
    let all = runs
        .iter()
        .flat_map(|run| run.stats.values().chain(run.measures.values().flat_map(BTreeMap::values)));
    let longest = all.flatten().map(|(x, _)| *x).fold(0.0, f64::max);
    let (unit, label) = match longest {
        7200.0.. => (3600.0, "hours of training"),
        180.0.. => (60.0, "minutes of training"),
        _ => return "seconds of training",
    };
    for run in runs {
        let values = run.stats.values_mut().chain(run.measures.values_mut().flat_map(BTreeMap::values_mut));
        for (x, _) in values.flatten() {
            *x /= unit;
        }
        for (until, _) in &mut run.resolutions {
            *until /= unit;
        }
    }
    label
}
