//! `stylegan launch`

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use crate::launcher::{Ended, Launch};
use crate::report::{Exit, Refusal, note};

/// Train by several processes on this machine: one for each GPU, or several on the CPU
///
/// They train together what one would train alone. Ctrl-C or SIGTERM asks them once to save and stop; a process that fails
/// ends the others. Across machines, `mpirun` and Slurm do the same: docs/distributed.md.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For instance: stylegan launch --gpus 8 -- train --data photos.sgd --config ffhq-1024-r1"
)]
pub(crate) struct Args {
    /// Processes that compute on a GPU each, `cuda:0` the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), allow_negative_numbers = true, required_unless_present = "ranks", conflicts_with = "ranks")]
    gpus: Option<u32>,

    /// Processes that share the cores of the CPU
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), allow_negative_numbers = true)]
    ranks: Option<u32>,

    /// How often to start again from the last snapshot after a process has failed
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000), allow_negative_numbers = true)]
    restarts: u32,

    /// Start again with half the processes after each failure, as long as there are so many [default: as many as before]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), allow_negative_numbers = true, requires = "restarts")]
    min_ranks: Option<u32>,

    /// `train` and its flags
    #[arg(last = true, required = true, value_name = "train …")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    if args.command.first().is_none_or(|command| command != "train") {
        return Err(Refusal::usage("`launch` starts trainings alone")
            .hint("`launch --ranks 2 -- train …`")
            .into());
    }
    let mut command = args.command.clone();
    if args.gpus.is_some() && !names(&command, "--device") {
        command.extend(["--device".into(), "cuda:auto".into()]);
    }
    let program = program()?;
    let mut world = args.gpus.or(args.ranks).unwrap_or(1);
    let mut left = args.restarts;
    loop {
        let launch = Launch { program: &program, command: &command, world, on_gpus: args.gpus.is_some() };
        let Ended { exit, was_stopped } = launch.run()?;
        // What is wrong with what was asked for, and numbers that go bad, would be so again.
        if exit != Exit::Failed || was_stopped || left == 0 {
            return Ok(exit);
        }
        left -= 1;
        world = args.min_ranks.map_or(world, |least| fewer(world, least));
        command = from_the_last(command);
        note(&format!(
            "starting again with {world} processes, from the last snapshot; {left} restarts are left"
        ));
    }
}

/// Half as many processes, if so many are left: they can share the groups that all could.
fn fewer(world: u32, least: u32) -> u32 {
    if world / 2 >= least { world / 2 } else { world }
}

/// This program.
fn program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|source| Refusal::new(format!("cannot find this program: {source}")).into())
}

/// Whether a flag is among the words.
fn names(command: &[OsString], flag: &str) -> bool {
    command.iter().any(|word| is_flag(word, flag))
}

fn is_flag(word: &OsString, flag: &str) -> bool {
    word.to_string_lossy().strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The same command without what it was to go on from at first: now there is a newer snapshot.
fn from_the_last(command: Vec<OsString>) -> Vec<OsString> {
    let mut words = command.into_iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == "--resume" {
            words.next();
        } else if !is_flag(&word, "--resume") {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_halved_as_long_as_enough_are_left() {
        let after = |least| [8, 4, 2, 1].map(|world| fewer(world, least));
        assert_eq!(after(1), [4, 2, 1, 1]);
        assert_eq!(after(2), [4, 2, 2, 1]);
        assert_eq!(after(9), [8, 4, 2, 1]);
        assert_eq!(fewer(3, 2), 3);
    }

    #[test]
    fn a_restart_goes_on_from_the_newest() {
        let of = |text: &str| {
            from_the_last(text.split(' ').map(OsString::from).collect()).join(&OsString::from(" "))
        };
        assert_eq!(of("train --data x --resume no --kimg 3"), "train --data x --kimg 3");
        assert_eq!(of("train --resume=a/b --data x"), "train --data x");
        assert_eq!(of("train --data x --resume"), "train --data x");
        assert_eq!(of("train --data --resumes"), "train --data --resumes");
    }
}
