//! `stylegan dataset`

use anyhow::Result;

use crate::report::Exit;

mod align;
mod cache;
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
    Align(align::Args),
    Pack(pack::Args),
    Join(join::Args),
    Cache(cache::Args),
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.command {
        Command::Align(args) => align::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Join(args) => join::run(args),
        Command::Cache(args) => cache::run(args),
    }
}
