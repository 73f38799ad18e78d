//! The binary `stylegan`.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::report::Exit;

mod bench;
mod console;
mod convert;
mod dataset;
mod demo;
mod device;
#[cfg(test)]
mod documented;
mod events;
mod export;
mod hints;
mod inspect;
mod interpolate;
mod latents;
mod layout;
mod like;
mod memory;
mod mix;
mod network;
mod output;
mod painter;
mod pictures;
mod recipe;
mod report;
mod sample;
mod seeds;
mod signals;
mod source;
mod style;
mod threads;
mod train;

/// Train StyleGAN on your pictures, and draw new ones.
#[derive(Debug, Parser)]
#[command(
    name = "stylegan",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped by a signal after saving, 4 diverged.\n\
                  RUST_LOG=info tells more on stderr; NO_COLOR=1 turns colors off."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// What each does stands at its arguments, at length.
#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Args),
    Sample(sample::Args),
    Mix(mix::Args),
    Interpolate(interpolate::Args),
    Inspect(inspect::Args),
    Convert(convert::Args),
    Export(export::Args),
    #[command(subcommand)]
    Dataset(dataset::Command),
    #[command(subcommand)]
    Bench(bench::Command),
    Demo(demo::Args),
}

impl Command {
    fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Train(args) => return train::run_train(&args),
            Self::Demo(args) => return demo::run(&args),
            Self::Sample(args) => sample::run(&args),
            Self::Mix(args) => mix::run(&args),
            Self::Interpolate(args) => interpolate::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Convert(args) => convert::run(&args),
            Self::Export(args) => export::run(&args),
            Self::Dataset(command) => command.run(),
            Self::Bench(command) => command.run(),
        }
        .map(|()| Exit::Done)
    }
}

/// Runs the command that a person would type after `stylegan`.
fn run_arguments(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Exit> {
    Cli::try_parse_from(std::iter::once("stylegan".into()).chain(arguments))?.command.run()
}

fn main() -> ExitCode {
    memory::keep_pages();
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(stderr)
        .with_ansi(report::is_colored(stderr().is_terminal()))
        .with_target(false)
        .without_time()
        .init();
    let threads = if let Command::Bench(command) = &cli.command { command.threads() } else { None };
    match threads::start(threads).and_then(|()| cli.command.run()) {
        Ok(exit) => exit.code(),
        Err(error) => report::failure(&error).code(),
    }
}
