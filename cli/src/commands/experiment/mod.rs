//! `stylegan experiment`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result};
use stylegan_base::files;

use super::demo::unpack;
use super::doctor::Processor;
use crate::device::DeviceName;
use crate::output::{Output, make_folder};
use crate::report::{Exit, Refusal, data, note};
use stylegan_base::shell::quoted;

mod child;
mod file;
mod page;
mod record;

use child::{Commands, shown};
use file::{EXPERIMENTS, Experiment, Measured, Row};
use record::Record;

/// Train and measure a table of configurations
///
/// Every row is trained by every seed, measured and drawn, by commands of this program that anybody can type, one after the
/// other; `results.md` in the experiment's folder is written anew after each. What is done is not done again, so the same command
/// goes on after a stop. An experiment is a TOML file: `configs/experiments/` has those that come with the program.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Experiment by name, or a TOML file
    #[arg(value_name = "NAME|FILE", required_unless_present = "list")]
    experiment: Option<String>,

    /// Pictures to train on and to compare with, as for `train` [default: those that come with the program]
    #[arg(long, value_name = "SOURCE")]
    data: Option<PathBuf>,

    /// What the pictures show, for measures that ask for it, as for `metrics`
    #[arg(long, value_name = "FILE.jsonl")]
    attributes: Option<PathBuf>,

    /// Folder of the experiment [default: `experiments` and its name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Rows to train, by name, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    rows: Option<Vec<String>>,

    /// A share of the runs, such as `1/3`: several machines take a share each, and the copied-together folders make one page
    #[arg(long, value_name = "I/N", value_parser = share)]
    share: Option<(usize, usize)>,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    device: DeviceName,

    /// Print the commands that are left, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Say which experiments come with the program, and end
    #[arg(long)]
    list: bool,
}

/// One training of a row, by one seed.
#[derive(Clone)]
struct RunOfRow {
    /// Name in files and folders.
    name: String,
    /// The command that trains it, without the folder of runs.
    train: Vec<String>,
    /// The commands that measure it, without its checkpoint.
    measures: Vec<Vec<String>>,
    record: Record,
}

fn share(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parsed.filter(|(i, n)| (1..=*n).contains(i)).ok_or_else(|| "a share is I/N, such as `1/3`".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Some(name) = args.experiment.as_ref().filter(|_| !args.list) else {
        return list();
    };
    let experiment = Experiment::open(name)?;
    let stem = Path::new(name).file_stem().unwrap_or(name.as_ref());
    let folder = args.out.clone().unwrap_or_else(|| Path::new("experiments").join(stem));
    Output::check_is_folder(&folder)?;
    check_rows(args, &experiment)?;
    if args.attributes.is_none() && experiment.measures.iter().any(Measured::learns) {
        return Err(Refusal::usage(format!("`{name}` measures by what the pictures show"))
            .hint("`--attributes FILE.jsonl` has a line of JSON for each of them, its `name` and numbers")
            .into());
    }
    let work = Work { args, experiment: &experiment, folder: &folder, commands: Commands::new()? };
    work.run(name)
}

fn list() -> Result<Exit> {
    for (name, _) in EXPERIMENTS {
        let Experiment { title, rows, seeds, .. } = Experiment::open(name)?;
        data(&format!("{name:<10} {title} ({} runs)\n", rows.len() * seeds.len()))?;
    }
    Ok(Exit::Done)
}

fn check_rows(args: &Args, experiment: &Experiment) -> Result<()> {
    let known = |name: &&String| experiment.rows.iter().any(|row| row.name == **name);
    match args.rows.iter().flatten().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => {
            let names: Vec<&str> = experiment.rows.iter().map(|row| row.name.as_str()).collect();
            let hint = format!("the rows are `{}`", names.join("`, `"));
            Err(Refusal::usage(format!("the experiment has no row `{name}`")).hint(hint).into())
        }
    }
}

/// An experiment and where it is made.
struct Work<'a> {
    args: &'a Args,
    experiment: &'a Experiment,
    folder: &'a Path,
    commands: Commands,
}

impl Work<'_> {
    fn run(&self, name: &str) -> Result<Exit> {
        let page = self.folder.join("results.md");
        check_page(&page)?;
        let runs_folder = self.folder.join("runs");
        let source = match (&self.args.data, self.args.dry_run) {
            (Some(source), _) => source.clone(),
            (None, true) => runs_folder.join(".cache").join("demo-faces64.zip"),
            (None, false) => unpack(&runs_folder)?,
        };
        let runs = self.runs(&source)?;
        let mut left = self.wanted(&runs);
        left.retain(|(row, seed)| !runs[*row][*seed].is_complete());
        if self.args.dry_run {
            return self.tell(&runs, &left);
        }
        for (done, (row, seed)) in left.iter().enumerate() {
            // With what other processes did in this folder meanwhile.
            let mut runs = self.runs(&source)?;
            if done > 0 {
                self.write_page(&page, name, &runs)?;
            }
            let run = &mut runs[*row][*seed];
            if run.is_complete() {
                continue;
            }
            let place = format!(
                "{} of {}: row `{}`, seed {}",
                done + 1,
                left.len(),
                self.experiment.rows[*row].name,
                self.experiment.seeds[*seed]
            );
            if let Some(exit) = self.complete(run, &place)? {
                return Ok(exit);
            }
        }
        self.write_page(&page, name, &self.runs(&source)?)?;
        note(&format!("wrote `{}`", page.display()));
        Ok(Exit::Done)
    }

    /// The runs of every row, with what came of them so far.
    fn runs(&self, source: &Path) -> Result<Vec<Vec<RunOfRow>>> {
        let of_row = |row| self.experiment.seeds.iter().map(|seed| self.run_of(row, *seed, source)).collect();
        self.experiment.rows.iter().map(of_row).collect()
    }

    fn run_of(&self, row: &Row, seed: u64, source: &Path) -> Result<RunOfRow> {
        let name = format!("{}-seed{seed}", row.name);
        let source = source.to_string_lossy().into_owned();
        let device = || ["--device".to_owned(), self.args.device.to_string()];
        let (preset, assignments) = self.experiment.configured(row);
        let mut train = words(&["train", "--data", &source, "--config", preset]);
        for assignment in assignments.iter().chain([&format!("run.name={name}")]) {
            train.extend(words(&["--set", assignment]));
        }
        train.extend(words(&["--seed", &seed.to_string()]));
        train.extend(device());
        let measures = self.experiment.measures.iter().map(|block| {
            let fakes = block.fakes.to_string();
            let mut measure = words(&["metrics", "--metrics", &block.metrics.join(","), "--fakes", &fakes]);
            measure.extend(words(&["--reals", &source]));
            measure.extend(block.flags.iter().cloned());
            if let Some(attributes) = self.args.attributes.as_ref().filter(|_| block.learns()) {
                measure.extend(words(&["--attributes", &attributes.to_string_lossy()]));
            }
            measure.extend(device());
            measure
        });
        let measures: Vec<_> = measures.collect();
        let record = Record::of(&Record::path(self.folder, &name), &shown(&train))?;
        Ok(RunOfRow { name, train, measures, record })
    }

    /// Which runs are asked for: of which row, of which seed. The first seeds of all rows come first.
    fn wanted(&self, runs: &[Vec<RunOfRow>]) -> Vec<(usize, usize)> {
        let is_asked = |row: usize| {
            self.args.rows.as_ref().is_none_or(|names| names.contains(&self.experiment.rows[row].name))
        };
        let all =
            (0..self.experiment.seeds.len()).flat_map(|seed| (0..runs.len()).map(move |row| (row, seed)));
        let all = all.filter(|(row, _)| is_asked(*row)).enumerate();
        let (part, parts) = self.args.share.unwrap_or((1, 1));
        all.filter(|(index, _)| index % parts == part - 1).map(|(_, place)| place).collect()
    }

    /// Prints the commands that are left.
    fn tell(&self, runs: &[Vec<RunOfRow>], left: &[(usize, usize)]) -> Result<Exit> {
        for (row, seed) in left {
            let run = &runs[*row][*seed];
            if !run.record.is_trained() {
                data(&format!("{}\n", shown(&self.training(run))))?;
            }
            for measure in run.measures.iter().filter(|measure| !run.is_measured(measure)) {
                data(&format!("{}\n", shown(&self.measuring(run, measure))))?;
            }
        }
        Ok(Exit::Done)
    }

    fn training(&self, run: &RunOfRow) -> Vec<String> {
        let mut words = run.train.clone();
        words.extend(["--out".to_owned(), self.folder.join("runs").to_string_lossy().into_owned()]);
        words
    }

    fn measuring(&self, run: &RunOfRow, measure: &[String]) -> Vec<String> {
        let folder =
            if run.record.run.is_empty() { format!("NNNNN-{}", run.name) } else { run.record.run.clone() };
        let mut words = measure.to_vec();
        let checkpoint = self.folder.join("runs").join(folder).to_string_lossy().into_owned();
        words.extend(["--checkpoint".to_owned(), checkpoint, "--json".to_owned()]);
        words
    }

    /// Does what is left of a run; returns how the program ends, if it does.
    fn complete(&self, run: &mut RunOfRow, place: &str) -> Result<Option<Exit>> {
        let path = Record::path(self.folder, &run.name);
        if !run.record.is_trained() {
            note(&format!("{place}: training"));
            let status = self.commands.run(&self.training(run))?;
            if self.commands.are_stopped() || is_stopped(status) {
                return Ok(Some(Exit::Stopped));
            }
            run.record.failed = match status.code() {
                Some(0) => None,
                Some(4) => Some("diverged".to_owned()),
                _ => return Err(ended_badly(&self.training(run), status)),
            };
            run.record.training_ended(&self.folder.join("runs"), &run.name)?;
            run.record.machine = Processor::look().to_string();
            env!("CARGO_PKG_VERSION").clone_into(&mut run.record.version);
            run.record.save(&path)?;
        }
        if run.record.failed.is_some() {
            return Ok(None);
        }
        for measure in run.measures.clone() {
            if run.is_measured(&measure) {
                continue;
            }
            note(&format!("{place}: measuring"));
            let words = self.measuring(run, &measure);
            let output = self.commands.output(&words)?;
            if self.commands.are_stopped() {
                return Ok(Some(Exit::Stopped));
            }
            if !output.status.success() {
                return Err(ended_badly(&words, output.status));
            }
            let numbers = serde_json::from_slice(&output.stdout)
                .with_context(|| format!("`{}` said no numbers", shown(&words)))?;
            run.record.measured.insert(shown(&measure), numbers);
            run.record.save(&path)?;
        }
        Ok(None)
    }

    fn write_page(&self, path: &Path, name: &str, runs: &[Vec<RunOfRow>]) -> Result<()> {
        let pictures = self.draw(runs)?;
        let plots = self.plot(runs)?;
        let flag = |name: &str, path: Option<&Path>| {
            path.map_or_else(String::new, |path| format!(" {name} {}", quoted(path)))
        };
        let command = [
            format!("stylegan experiment {}", quoted(Path::new(name))),
            flag("--data", self.args.data.as_deref()),
            flag("--attributes", self.args.attributes.as_deref()),
            flag("--out", Some(self.folder)),
        ]
        .concat();
        let text = page::page(self.experiment, &command, runs, &plots, &pictures);
        files::write(path, true, &mut |file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Draws each row that was trained, by its first seed, unless that was done; returns titles and files.
    fn draw(&self, runs: &[Vec<RunOfRow>]) -> Result<Vec<(String, String)>> {
        let mut drawn = Vec::new();
        for (row, runs) in self.experiment.rows.iter().zip(runs) {
            let Some(run) = runs.first().filter(|run| run.record.is_trained() && run.record.failed.is_none())
            else {
                continue;
            };
            for (index, command) in self.experiment.draws_of(row).iter().enumerate() {
                let file = format!("pictures/{}-{index}.png", run.record.run);
                let path = self.folder.join(&file);
                if !path.exists() {
                    make_folder(&self.folder.join("pictures"))?;
                    let mut words = split(command)?;
                    let checkpoint = self.run_folder(run);
                    words.extend(["--checkpoint".to_owned(), checkpoint.to_string_lossy().into_owned()]);
                    words.extend(["--out".to_owned(), path.to_string_lossy().into_owned()]);
                    words.extend(["--device".to_owned(), self.args.device.to_string()]);
                    let status = self.commands.run(&words)?;
                    if !status.success() {
                        return Err(ended_badly(&words, status));
                    }
                }
                drawn.push((row.title.clone(), file));
            }
        }
        Ok(drawn)
    }

    /// Plots the first seeds of all rows, unless their folders are elsewhere; returns the files that are there.
    fn plot(&self, runs: &[Vec<RunOfRow>]) -> Result<Vec<String>> {
        let trained = runs.iter().filter_map(|runs| runs.first()).filter(|run| run.record.is_trained());
        let folders: Vec<PathBuf> = trained.map(|run| self.run_folder(run)).collect();
        let is_here = !folders.is_empty() && folders.iter().all(|folder| folder.is_dir());
        let mut files = Vec::new();
        for (index, flags) in self.experiment.plot.iter().enumerate() {
            let file = format!("plots/{index}.svg");
            let path = self.folder.join(&file);
            if is_here {
                make_folder(&self.folder.join("plots"))?;
                let mut words = words(&["plot", "--force"]);
                words.extend(folders.iter().map(|folder| folder.to_string_lossy().into_owned()));
                words.extend(split(flags)?);
                words.extend(["--out".to_owned(), path.to_string_lossy().into_owned()]);
                let status = self.commands.run(&words)?;
                if !status.success() {
                    return Err(ended_badly(&words, status));
                }
            }
            if path.exists() {
                files.push(file);
            }
        }
        Ok(files)
    }

    fn run_folder(&self, run: &RunOfRow) -> PathBuf {
        self.folder.join("runs").join(&run.record.run)
    }
}

impl RunOfRow {
    /// Whether there is nothing left to do.
    fn is_complete(&self) -> bool {
        self.record.is_trained() && self.measures.iter().all(|measure| self.is_measured(measure))
    }

    fn is_measured(&self, measure: &[String]) -> bool {
        self.record.failed.is_some() || self.record.measured.contains_key(&shown(measure))
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn split(command: &str) -> Result<Vec<String>> {
    shlex::split(command).with_context(|| format!("a quote is missing in `{command}`"))
}

fn is_stopped(status: ExitStatus) -> bool {
    status.code() == Some(3)
}

fn ended_badly(words: &[String], status: ExitStatus) -> anyhow::Error {
    let how = status
        .code()
        .map_or_else(|| "was ended by a signal".to_owned(), |code| format!("ended with code {code}"));
    Refusal::new(format!("`{}` {how}", shown(words)))
        .hint("once its reason is gone, the same command goes on")
        .into()
}

/// Makes sure that what is written over is a page of this program.
fn check_page(path: &Path) -> Result<()> {
    match fs::read_to_string(path) {
        Ok(text) if !text.starts_with(page::MARK) => {
            Err(Refusal::new(format!("`{}` exists and was not written by an experiment", path.display()))
                .hint("give another folder, `--out DIR`")
                .into())
        }
        _ => Ok(()),
    }
}
