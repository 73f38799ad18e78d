//! `stylegan plot`

mod panels;
mod runs;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use stylegan_base::{Resolution, files};
use stylegan_media::save_png;
use stylegan_plots::{Figure, LEAST_SIDE, MOST_RUNS, MOST_SIDE};
use tracing::info;

use crate::output::{Force, Output};
use crate::report::{Exit, Refusal, note};
use stylegan_base::shell::quoted;

use panels::{bands, page, panels_of};

/// Plot the curves of runs
///
/// Draws the numbers of `stats.jsonl` and `metric-NAME.jsonl` in the folders of runs: a page with losses, scores of reals and
/// fakes, norms of gradients, distances, images/s and measures, or the values that `--values` names. Of one run, values that are
/// compared share a panel; of several runs, each value has one, and each run a color.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of runs, or single files `stats.jsonl` and `metric-NAME.jsonl`
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Values to plot by their names in the files, separated by commas, such as `d_loss,fid50k_full` [default: a page of what
    /// people look at first]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    values: Vec<String>,

    /// What the x axis shows
    #[arg(long, value_enum, value_name = "AXIS", default_value_t = Over::Kimg)]
    over: Over,

    /// Draw logarithmic y axes, on which zeros are gaps, for panels without values below 0
    #[arg(long)]
    log: bool,

    /// Draw the median over N ticks, with each tick in pale behind it, 1 to 1001; measures stay as they are
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1001))]
    smooth: u16,

    /// Width and height in pixels, 240 to 8192 each
    #[arg(long, value_name = "WxH", default_value = "1200x800", value_parser = size, allow_hyphen_values = true)]
    size: Resolution,

    /// What stands on top [default: the name of the run, if it is one]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Picture, by its ending
    #[arg(long, value_name = "FILE.png|FILE.svg")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Over {
    /// Real pictures shown, in thousands
    Kimg,
    /// Time of training, in minutes or hours where it is long
    Seconds,
}

#[derive(Clone, Copy)]
enum Format {
    Png,
    Svg,
}

fn size(text: &str) -> Result<Resolution, String> {
    let sides = LEAST_SIDE..=MOST_SIDE;
    let size: Option<Resolution> = text.contains(['x', 'X']).then(|| text.parse().ok()).flatten();
    size.filter(|size| sides.contains(&size.width) && sides.contains(&size.height)).ok_or_else(|| {
        format!("a size is a width and a height from {LEAST_SIDE} to {MOST_SIDE} pixels, such as 1200x800")
    })
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let format = format_of(&args.out)?;
    Output::check_file(&args.out, args.force)?;
    let mut runs = runs::read(&args.runs, args.over == Over::Seconds)?;
    if runs.len() > MOST_RUNS {
        return Err(Refusal::usage(format!("{} runs are more than can be told apart", runs.len()))
            .hint(format!("a plot has room for {MOST_RUNS}"))
            .into());
    }
    let x_label = match args.over {
        Over::Kimg => "kimg",
        Over::Seconds => runs::in_long_units(&mut runs),
    };
    let mut panels = if args.values.is_empty() { page(&runs) } else { panels_of(&runs, &args.values)? };
    for curve in panels.iter_mut().flat_map(|panel| &mut panel.curves).filter(|curve| curve.smooth == 0) {
        curve.smooth = usize::from(args.smooth);
    }
    if args.log {
        for panel in &mut panels {
            let mut values = panel.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y);
            panel.log = !values.any(|value| value < 0.0);
            if !panel.log {
                note(&format!("`{}` stays linear: it has values below 0", panel.title));
            }
        }
    }
    let title = match (&args.title, runs.as_slice()) {
        (Some(title), _) => title.clone(),
        (None, [run]) => run.name.clone(),
        (None, _) => String::new(),
    };
    let figure = Figure { title, x_label: x_label.to_owned(), bands: bands(&runs), panels };
    write(&figure, format, args)?;
    Ok(Exit::Done)
}

/// The format that the ending of a file names.
fn format_of(path: &Path) -> Result<Format> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        _ if path.is_dir() => Err(Refusal::new(format!("`--out {}` is a folder", path.display()))
            .hint(format!("name a file in it: `--out {}`", quoted(&path.join("plot.png"))))
            .into()),
        Some("png") => Ok(Format::Png),
        Some("svg") => Ok(Format::Svg),
        _ => Err(Refusal::usage(format!("`--out {}` is of a kind that is not written", path.display()))
            .hint(format!("plots are written as PNG or SVG: `--out {}`", quoted(&path.with_extension("png"))))
            .into()),
    }
}

fn write(figure: &Figure, format: Format, args: &Args) -> Result<()> {
    let Args { out, size, force: Force { force }, .. } = args;
    match format {
        Format::Png => save_png(out, &figure.picture(*size)?.into(), *force)?,
        Format::Svg => {
            let document = figure.svg(*size)?;
            files::write(out, *force, &mut |file| file.write_all(document.as_bytes()))
                .with_context(|| format!("cannot write `{}`", out.display()))?;
        }
    }
    let panels = figure.panels.len();
    info!(panels, %size, path = %out.display(), "wrote a plot");
    let panels = if panels == 1 { "1 panel".to_owned() } else { format!("{panels} panels") };
    note(&format!("wrote {panels} of {size} to `{}`", out.display()));
    Ok(())
}
