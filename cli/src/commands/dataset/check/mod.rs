//! `stylegan dataset check`

use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use stylegan_dataset::{CheckReport, SheetRow, check};
use stylegan_media::{DynamicImage, RgbImage, grid, save_png};

use super::check_sheet;
use crate::output::Force;
use crate::report::{Exit, data};
use next::Next;

mod findings;
mod lines;
mod next;
mod words;

/// A picture on the sheet is no wider and no higher, in pixels.
const CELL_SIDE: u32 = 160;

/// Look at all pictures before training: duplicates, broken and empty ones, what packing makes of them, and what to type next
///
/// One pass over all of them, in which nothing is written. What is worth a look stands first; nothing of it is an error.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of pictures or another source of them, as `train --data` takes it, or one that `dataset pack` made
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// Also draw the darkest, brightest, flattest and longest pictures, and those that look alike, a row each
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,

    #[command(flatten)]
    force: Force,

    /// Write one JSON object with the names of all pictures concerned, instead of a page of text
    #[arg(long)]
    json: bool,
}

/// What there is to say, under the names of the JSON.
#[derive(Serialize)]
struct Facts<'a> {
    #[serde(flatten)]
    report: &'a CheckReport,
    /// None where packing would refuse the pictures.
    next: Option<Next>,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Args { source, sheet, force, json } = args;
    if let Some(sheet) = sheet {
        check_sheet(sheet, *force)?;
    }
    let report = check(source, sheet.as_ref().map(|_| CELL_SIDE))?;
    // Where no picture could be read, there is nothing to show.
    if let Some(sheet) = sheet
        && !report.sheet.is_empty()
    {
        save_png(sheet, &drawn(&report.sheet), force.force)?;
    }
    let next = Next::of(&report, source);
    data(&if *json {
        serde_json::to_string_pretty(&Facts { report: &report, next })? + "\n"
    } else {
        words::page(&report, next.as_ref(), sheet.as_deref())
    })?;
    Ok(Exit::Done)
}

/// A row below the other; those that are shorter end in white.
fn drawn(rows: &[SheetRow]) -> DynamicImage {
    let columns = rows.iter().map(|row| row.pictures.len()).max().unwrap_or(0);
    let nothing = DynamicImage::from(RgbImage::new(0, 0));
    let cells = |row: &SheetRow| {
        let mut cells: Vec<_> = row.pictures.iter().cloned().map(DynamicImage::from).collect();
        cells.resize(columns, nothing.clone());
        cells
    };
    grid(&rows.iter().flat_map(cells).collect::<Vec<_>>(), columns, rows.len())
}
