//! The commands, a file each: `Args`, whose documentation is the command's help, and `run`.

use anyhow::Result;

use crate::report::Exit;

mod bench;
mod config;
mod convert;
mod dataset;
mod demo;
mod doctor;
mod experiment;
mod export;
mod figure;
mod film;
mod inspect;
mod interpolate;
mod latent;
mod launch;
mod metrics;
mod mix;
mod plot;
mod project;
mod sample;
mod studio;
mod train;
mod transfer;
mod weights;

macro_rules! commands {
    ($($command:ident: $module:ident),+ $(,)?) => {
        /// What the program is asked to do.
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $($command($module::Args)),+
        }

        impl Command {
            pub(crate) fn run(&self) -> Result<Exit> {
                match self {
                    $(Self::$command(args) => $module::run(args)),+
                }
            }
        }
    };
}

// In the order of `--help`.
commands! {
    Train: train,
    Launch: launch,
    Sample: sample,
    Mix: mix,
    Interpolate: interpolate,
    Latent: latent,
    Figure: figure,
    Film: film,
    Project: project,
    Transfer: transfer,
    Metrics: metrics,
    Experiment: experiment,
    Plot: plot,
    Studio: studio,
    Inspect: inspect,
    Convert: convert,
    Export: export,
    Dataset: dataset,
    Weights: weights,
    Config: config,
    Bench: bench,
    Doctor: doctor,
    Demo: demo,
}

impl Command {
    /// Threads to compute on, if there is a wish.
    pub(crate) fn threads(&self) -> Option<usize> {
        match self {
            Self::Bench(args) => args.threads(),
            _ => None,
        }
    }
}
