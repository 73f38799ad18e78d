//! `stylegan config`

use anyhow::Result;
use stylegan_trainer::TrainConfig;

use crate::args::ConfigArgs;
use crate::report::{Exit, data, note};

/// Print a configuration: every key with its value, meaning and unit
///
/// What is printed is a file for `train --config FILE`. Keys that stand in comments follow from others.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,

    /// Print only what differs, with the other values behind: from the defaults, or from another preset or file
    #[arg(long, value_name = "PRESET|FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "a flag whose value may be left out")]
    diff: Option<Option<String>>,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let config = args.config.load()?;
    let Some(other) = &args.diff else {
        data(&config.explained()?)?;
        return Ok(Exit::Done);
    };
    let text = config.diff(&TrainConfig::load(other.as_deref(), &[])?)?;
    let other = other.as_ref().map_or("the defaults".to_owned(), |name| format!("`{name}`"));
    if text.is_empty() {
        note(&format!("nothing differs from {other}"));
    } else {
        data(&format!("# behind each value: that of {other}\n\n{text}"))?;
    }
    Ok(Exit::Done)
}
