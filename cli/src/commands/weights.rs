//! `stylegan weights`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use stylegan_base::units::Bytes;
use stylegan_features::{KNOWN, KnownWeights, Places};

use crate::output::{Force, Output};
use crate::report::{Exit, Refusal, data, note};

/// Say which weights of others' networks are known, which are there, and where they are looked for
///
/// Measures and some tools look at pictures through networks that others trained. Their weights are files: of the folders and
/// files that `--weights` names, then `$STYLEGAN_WEIGHTS`, then `~/.cache/stylegan/weights`, the first that has them counts.
/// `scripts/fetch-weights NAME` brings most of them there. When they are first used they are converted, once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    weights: WeightsArgs,

    /// Write one JSON object instead of lines
    #[arg(long, global = true)]
    json: bool,
}

/// Where weights are looked for first.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct WeightsArgs {
    /// File that holds weights, or folder of such files, to be looked at first; may be given several times
    #[arg(long = "weights", value_name = "FILE|DIR", global = true)]
    given: Vec<PathBuf>,
}

impl WeightsArgs {
    /// All places in their order.
    pub(crate) fn places(&self) -> Places {
        Places::of_user(&self.given)
    }
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read a file whole and say what it is
    Check {
        /// File of weights, in any of the forms that are read
        file: PathBuf,
    },
    /// Write a file's weights as safetensors, under the names that this program gives its layers
    Convert {
        /// File of weights, in any of the forms that are read
        file: PathBuf,
        /// File to write
        #[arg(value_name = "OUT.safetensors")]
        output: PathBuf,
        #[command(flatten)]
        force: Force,
    },
}

/// What there is to say, under the names of the JSON.
#[derive(Serialize)]
struct Facts {
    /// In which weights are looked for, one after the other.
    places: Vec<PathBuf>,
    weights: Vec<Fact>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    what: &'static str,
    license: &'static str,
    /// None if they are not there.
    file: Option<PathBuf>,
    size_bytes: Option<u64>,
    /// Whether the file was written by this program.
    is_converted: bool,
    /// What brings them.
    fetch: String,
}

/// What a file is, under the names of the JSON.
#[derive(Serialize)]
struct Checked<'a> {
    file: &'a Path,
    name: &'static str,
    sha256: String,
    /// Where the file is from, if its hash is known.
    known_as: Option<&'static str>,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.action {
        None => list(args),
        Some(Action::Check { file }) => {
            let known = recognized(file)?;
            let sha256 = known.check(file)?;
            let known_as = known.file_of(&sha256).map(|file| file.from);
            let checked = Checked { file, name: known.name, sha256, known_as };
            data(&if args.json { serde_json::to_string_pretty(&checked)? + "\n" } else { checked.lines() })?;
            Ok(Exit::Done)
        }
        Some(Action::Convert { file, output, force }) => {
            let known = recognized(file)?;
            Output::check_file(output, *force)?;
            known.convert(file, output)?;
            note(&format!("wrote the weights of `{}` to `{}`", known.name, output.display()));
            Ok(Exit::Done)
        }
    }
}

fn list(args: &Args) -> Result<Exit> {
    let places = args.weights.places();
    let weights = KNOWN.iter().map(|known| {
        let found = places.find(known);
        let file = found.as_ref().map(|found| found.path.clone());
        Fact {
            name: known.name,
            what: known.what,
            license: known.license,
            size_bytes: file.as_ref().and_then(|file| Some(file.metadata().ok()?.len())),
            file,
            is_converted: found.is_some_and(|found| found.is_converted),
            fetch: fetch(known),
        }
    });
    let facts = Facts { weights: weights.collect(), places: places.all().cloned().collect() };
    data(&if args.json { serde_json::to_string_pretty(&facts)? + "\n" } else { facts.lines() })?;
    Ok(Exit::Done)
}

/// What brings weights.
fn fetch(known: &KnownWeights) -> String {
    match known.files.first() {
        Some(file) if !known.is_fetched => format!("download {}", file.from),
        _ => format!("scripts/fetch-weights {}", known.name),
    }
}

/// Whose weights a file holds.
fn recognized(file: &Path) -> Result<&'static KnownWeights> {
    if let Some(known) = KnownWeights::in_file(file)? {
        return Ok(known);
    }
    let names: Vec<_> = KNOWN.iter().map(|known| format!("`{}`", known.name)).collect();
    let message = format!("`{}` holds the weights of no network that is known", file.display());
    Err(Refusal::new(message).hint(format!("known are those of {}", names.join(", "))).into())
}

impl Facts {
    /// For people.
    fn lines(&self) -> String {
        let mut text = String::new();
        let width = self.weights.iter().map(|fact| fact.name.len()).max().unwrap_or(0);
        for Fact { name, what, license, file, size_bytes, is_converted, fetch } in &self.weights {
            let _ = writeln!(text, "{name:<width$} {what}\n{:<width$} {license}", "");
            let _ = match file {
                Some(file) => {
                    let size = Bytes(size_bytes.unwrap_or(0));
                    let converted = if *is_converted { ", converted" } else { "" };
                    writeln!(text, "{:<width$} `{}`, {size}{converted}\n", "", file.display())
                }
                None => writeln!(text, "{:<width$} not there: {fetch}\n", ""),
            };
        }
        let places: Vec<_> = self.places.iter().map(|place| format!("`{}`", place.display())).collect();
        let _ = writeln!(text, "looked for in {}", places.join(", then "));
        text
    }
}

impl Checked<'_> {
    /// For people.
    fn lines(&self) -> String {
        let Self { file, name, sha256, known_as } = self;
        let known = known_as
            .map_or("of an unknown file, whose layers fit".to_owned(), |from| format!("known: {from}"));
        format!("`{}` holds the weights of `{name}`\nSHA-256 {sha256}, {known}\n", file.display())
    }
}
