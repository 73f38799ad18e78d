//! `stylegan dataset`

use std::path::Path;

use anyhow::Result;

use crate::output::{Force, Output};
use crate::report::{Exit, Refusal};

mod align;
mod cache;
mod check;
mod join;
mod pack;

/// Prepare pictures for training
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Align(align::Args),
    Pack(pack::Args),
    Join(join::Args),
    Cache(cache::Args),
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Align(args) => align::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Join(args) => join::run(args),
        Command::Cache(args) => cache::run(args),
    }
}

/// Makes sure that a sheet of pictures can be written.
fn check_sheet(sheet: &Path, force: Force) -> Result<()> {
    match Output::parse(sheet)? {
        Output::Png(_) => Output::check_file(sheet, force),
        _ => Err(Refusal::usage(format!("`--sheet {}` is no PNG by its name", sheet.display()))
            .hint("a sheet is a picture, `--sheet NAME.png`")
            .into()),
    }
}
