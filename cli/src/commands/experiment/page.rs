//! The page of an experiment: its table, plots, pictures and commands, in Markdown.

use std::fmt::Write as _;

use stylegan_metrics::{Better, Measure};

use super::file::Experiment;
use super::{RunOfRow, child};

/// The first line, by which a page that this program wrote is known.
pub(super) const MARK: &str = "<!-- Written by `stylegan experiment`, which writes it anew. -->";

/// A column: what stands above it, and which number of which command stands in it.
struct Column {
    title: String,
    number: String,
    measured: usize,
}

fn columns(experiment: &Experiment) -> Vec<Column> {
    let mut found = Vec::new();
    for (measured, block) in experiment.measures.iter().enumerate() {
        for measure in block.metrics.iter().filter_map(|name| Measure::of(name)) {
            for suffix in measure.numbers.iter().filter(|suffix| !suffix.ends_with("_std")) {
                let number = format!("{}{suffix}", measure.name);
                let mut title = format!("`{number}`{}", arrow(measure.better));
                if !block.title.is_empty() {
                    title = format!("{title}, {}", block.title);
                }
                found.push(Column { title, number, measured });
            }
        }
    }
    found
}

fn arrow(better: Better) -> &'static str {
    match better {
        Better::Lower => " ↓",
        Better::Higher => " ↑",
        Better::Neither => "",
    }
}

/// The page. `runs` are those of all rows, a list for each; `plots` and `pictures` are paths from the page's folder, the
/// latter with their rows' titles.
pub(super) fn page(
    experiment: &Experiment,
    command: &str,
    runs: &[Vec<RunOfRow>],
    plots: &[String],
    pictures: &[(String, String)],
) -> String {
    let mut page = format!("{MARK}\n\n# {}\n\n", experiment.title);
    if !experiment.text.is_empty() {
        let _ = writeln!(page, "{}\n", experiment.text.trim());
    }
    let _ = writeln!(page, "```console\n$ {command}\n```\n");
    page += &table(experiment, runs);
    let _ = writeln!(page, "\n{}", circumstances(experiment, runs));
    for plot in plots {
        let _ = writeln!(page, "\n![{}]({plot})", experiment.title);
    }
    for (title, picture) in pictures {
        let _ = writeln!(page, "\n{title}:\n\n![{title}]({picture})");
    }
    let _ = writeln!(page, "\n## Commands\n\n```console");
    for run in runs.iter().filter_map(|runs| runs.first()) {
        let _ = writeln!(page, "$ {}", child::shown(&run.train));
    }
    for measure in runs.iter().flatten().take(1).flat_map(|run| &run.measures) {
        let _ = writeln!(page, "$ {}", child::shown(measure));
    }
    page + "```\n"
}

fn table(experiment: &Experiment, runs: &[Vec<RunOfRow>]) -> String {
    let columns = columns(experiment);
    let mut papers: Vec<&String> = experiment.rows.iter().flat_map(|row| row.paper.keys()).collect();
    papers.sort();
    papers.dedup();
    let titles = columns.iter().map(|column| column.title.clone());
    let titles: Vec<String> = titles
        .chain(["minutes".to_owned()])
        .chain(papers.iter().map(|name| format!("{name} (paper)")))
        .collect();
    let mut table = format!("| | {} |\n|---|{}\n", titles.join(" | "), "--:|".repeat(titles.len()));
    for (row, runs) in experiment.rows.iter().zip(runs) {
        let mut cells = Vec::new();
        for Column { number, measured, .. } in &columns {
            let of_run = |run: &RunOfRow| {
                run.record.measured.get(&child::shown(&run.measures[*measured]))?.get(number).copied()
            };
            let values: Vec<f64> = runs.iter().filter_map(of_run).collect();
            let failed = runs.iter().find_map(|run| run.record.failed.clone());
            cells.push(if values.is_empty() { failed.unwrap_or_default() } else { spread(&values) });
        }
        let minutes: Vec<f64> = runs
            .iter()
            .filter(|run| run.record.is_trained())
            .map(|run| run.record.training_sec / 60.0)
            .collect();
        cells.push(if minutes.is_empty() { String::new() } else { format!("{:.1}", mean(&minutes)) });
        cells.extend(papers.iter().map(|name| row.paper.get(*name).map_or_else(String::new, f64::to_string)));
        let _ = writeln!(table, "| {} | {} |", row.title, cells.join(" | "));
    }
    table
}

/// How many runs there are, of which length, and on which machines.
fn circumstances(experiment: &Experiment, runs: &[Vec<RunOfRow>]) -> String {
    let all = || runs.iter().flatten().filter(|run| run.record.is_trained());
    let mut machines: Vec<String> =
        all().map(|run| format!("{}, stylegan {}", run.record.machine, run.record.version)).collect();
    machines.sort();
    machines.dedup();
    let kimg: Vec<f64> = all().map(|run| run.record.kimg).collect();
    let least = kimg.iter().copied().fold(f64::INFINITY, f64::min);
    let most = kimg.iter().copied().fold(0.0, f64::max);
    let shown = if least < most { format!("{least} to {most}") } else { most.to_string() };
    let wanted: usize = runs.iter().map(Vec::len).sum();
    let seeds = match experiment.seeds.len() {
        1 => "one seed a row".to_owned(),
        count => format!("{count} seeds a row, means and half of the range"),
    };
    format!("{} of {wanted} runs, {seeds}; {shown} kimg each; {}.", kimg.len(), machines.join("; "))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A mean, and half of the range if there are several.
fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = mean(values);
    match values {
        [_] => significant(mean, mean),
        _ => format!("{} ± {}", significant(mean, mean), significant((most - least) / 2.0, mean)),
    }
}

/// A number with as many digits behind the point as `like` has at four significant ones.
fn significant(value: f64, like: f64) -> String {
    let magnitude = if like == 0.0 || !like.is_finite() { 0 } else { like.abs().log10().floor() as i32 };
    let digits = usize::try_from((2 - magnitude).clamp(0, 8)).unwrap_or_default();
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;

    fn run(measures: &[&str], numbers: &[(&str, f64)]) -> RunOfRow {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let measures: Vec<_> = measures.iter().map(|text| words(text)).collect();
        let measured = numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let record = Record {
            run: "00000-a-seed0".to_owned(),
            kimg: 20.0,
            training_sec: 90.0,
            machine: "M, 2 cores".to_owned(),
            version: "1.0".to_owned(),
            measured: [(child::shown(&measures[0]), measured)].into(),
            ..Record::default()
        };
        RunOfRow { name: "a-seed0".to_owned(), train: words("train --seed 0"), measures, record }
    }

    #[test]
    fn a_page_has_means_of_seeds_and_the_papers_numbers() {
        let experiment: Experiment = toml::from_str(
            "title = 'T'\ntext = 'Why.'\nseeds = [0, 1]\n[[measure]]\nmetrics = ['kid-small', 'swd']\nfakes = 9\n\
             [[row]]\nname = 'a'\ntitle = 'A'\npaper = { 'FID' = 8.04 }\n[[row]]\nname = 'b'\ntitle = 'B'\n",
        )
        .unwrap();
        let of_a = [
            run(&["metrics"], &[("kid-small", 0.11), ("swd", 20.0)]),
            run(&["metrics"], &[("kid-small", 0.13), ("swd", 24.0)]),
        ];
        let mut of_b = run(&["metrics"], &[]);
        of_b.record.failed = Some("diverged".to_owned());
        let runs = [of_a.to_vec(), vec![of_b]];
        let pictures = [("A".to_owned(), "pictures/a.png".to_owned())];
        let page = page(&experiment, "stylegan experiment t", &runs, &["plots/0.svg".to_owned()], &pictures);
        for line in [
            MARK,
            "# T",
            "Why.",
            "$ stylegan experiment t",
            "| | `kid-small` ↓ | `swd` ↓ | minutes | FID (paper) |",
            "|---|--:|--:|--:|--:|",
            "| A | 0.120 ± 0.010 | 22.0 ± 2.0 | 1.5 | 8.04 |",
            "| B | diverged | diverged | 1.5 |  |",
            "3 of 3 runs, 2 seeds a row, means and half of the range; 20 kimg each; M, 2 cores, stylegan 1.0.",
            "![T](plots/0.svg)",
            "![A](pictures/a.png)",
            "$ stylegan train --seed 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        let cases = [
            (0.1234, "0.123"),
            (12.34, "12.3"),
            (1234.5, "1234"),
            (0.0, "0.00"),
            (0.000_012_34, "0.0000123"),
        ];
        for (value, expected) in cases {
            assert_eq!(significant(value, value), expected);
        }
    }
}
