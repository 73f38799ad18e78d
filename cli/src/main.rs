//! The binary `stylegan`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

mod args;
mod cache;
mod commands;
mod console;
mod device;
#[cfg(test)]
mod documented;
mod events;
mod figure;
mod film;
mod hints;
mod labels;
mod latents;
mod launcher;
mod logging;
mod memory;
mod output;
mod painter;
mod peers;
mod pictures;
mod pretrained;
mod progress;
mod report;
mod signals;
mod threads;

/// Train StyleGAN on your pictures, and draw new ones.
#[derive(Debug, Parser)]
#[command(
    name = "stylegan",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped by a signal after saving, 4 diverged.\n\
                  RUST_LOG=stylegan=info tells more on stderr; NO_COLOR=1 turns colors off."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Add a line of JSON to this file for whatever is done and how long it took, as much as `RUST_LOG` says [default:
    /// info]
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
}

fn run(cli: &Cli) -> anyhow::Result<report::Exit> {
    logging::start(cli.log_file.as_deref())?;
    threads::start(cli.command.threads())?;
    cli.command.run()
}

fn main() -> ExitCode {
    memory::keep_pages();
    #[cfg(feature = "nccl")]
    peers::name_meeting_point();
    match run(&Cli::parse()) {
        // Whose exit code counts is the first's, and one that is not 0 would end it.
        Ok(report::Exit::Stopped) if !report::is_first() => ExitCode::SUCCESS,
        Ok(exit) => exit.code(),
        Err(error) => report::failure(&error).code(),
    }
}
