//! `stylegan transfer`

use anyhow::Result;

use crate::report::Exit;

mod apply;
mod train;

/// Draw pictures in the style of others, and train what does
///
/// Style transfer by adaptive instance normalization (Huang and Belongie 2017), from which `StyleGAN` has its AdaIN: VGG19 sees
/// what is in a picture, its features take the means and deviations that they have in another, and a decoder draws what has
/// such features.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Train(Box<train::Args>),
    Apply(Box<apply::Args>),
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.command {
        Command::Train(args) => train::run(args),
        Command::Apply(args) => apply::run(args),
    }
}
