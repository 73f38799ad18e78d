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
mod inspect;
mod interpolate;
mod layout;
mod memory;
mod mix;
mod network;
mod output;
mod painter;
mod pictures;
mod report;
mod sample;
mod seeds;
mod signals;
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

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network on your pictures
    Train(train::Args),
    /// Draw the pictures of seeds
    Sample(sample::Args),
    /// Draw the style-mixing figure of two sets of seeds
    Mix(mix::Args),
    /// Draw a walk through latent space
    Interpolate(interpolate::Args),
    /// Say what a checkpoint holds
    Inspect(inspect::Args),
    /// Write a checkpoint anew: of another program's, for sampling alone, or in half the size
    Convert(convert::Args),
    /// Prepare pictures for training
    #[command(subcommand)]
    Dataset(dataset::Command),
    /// Measure how fast this machine trains and draws
    #[command(subcommand)]
    Bench(bench::Command),
    /// Train a small network on the pictures that come with the program, and draw with it
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
