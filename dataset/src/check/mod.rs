//! Looking at pictures before they are trained on: one pass over all of them, and nothing written.

mod alike;
mod bars;
mod classes;
mod forecast;
mod light;
mod look;
mod pictures;
mod report;
mod shapes;
mod sheet;
mod thumbnail;

use std::path::Path;
use std::time::Instant;

use fast_image_resize::Resizer;
use rayon::prelude::*;
use tracing::field::Empty;

pub use classes::{ClassCount, Classes};
pub use forecast::Forecast;
pub use light::Fault;
pub use report::{CheckReport, Colors, Faulty, Group, Odd};
pub use shapes::{RatioCount, Shapes, SideCount};
pub use sheet::{Oddity, SheetRow};

use crate::error::Error;
use crate::skipped::Skipped;
use alike::{Likeness, alike, same};
use look::Look;
use pictures::Pictures;
use report::{Counts, groups};

/// Looks at all pictures of a source, or of a pack, and says what is worth knowing before they are trained on.
///
/// Of each picture about a hundred bytes and its name are kept. With `sheet_side`, the oddest are drawn as well, no wider and
/// no higher than that.
///
/// # Errors
/// If the source is none, or a damaged pack. What is wrong with single pictures is in the report.
pub fn check(path: &Path, sheet_side: Option<u32>) -> Result<CheckReport, Error> {
    let start = Instant::now();
    let pictures = Pictures::open(path)?;
    let opened = Instant::now();
    let (looks, mut unreadable) = look_at_all(&pictures);
    let secs_per_picture = opened.elapsed().as_secs_f64() / looks.len().max(1) as f64;
    if let Pictures::Pack(pyramid) = &pictures {
        unreadable.extend_from_slice(pyramid.skipped());
    }

    let names = pictures.names();
    let mut counts = Counts::default();
    for (name, look) in names.iter().zip(&looks) {
        if let Some(look) = look {
            counts.add(name, look);
        }
    }
    let same = same(&looks);
    let alike = alike(&looks, &same);
    let same: Vec<_> =
        same.iter().map(|first| first.map(|earlier| Likeness { earlier, difference: 0.0 })).collect();
    let sizes: Vec<_> = looks.iter().map(|look| look.as_ref().map(Look::size)).collect();
    let report = CheckReport {
        source: path.display().to_string(),
        is_pack: matches!(pictures, Pictures::Pack(_)),
        pictures: names.len(),
        readable: looks.iter().flatten().count(),
        shapes: Shapes::of(sizes.iter().copied().flatten()),
        classes: Classes::of(&pictures.found_labels()),
        duplicates: groups(names, &same),
        near_duplicates: groups(names, &alike.as_they_are),
        mirrored: groups(names, &alike.mirrored),
        is_compared: alike.is_complete,
        left_out: pictures.left_out(),
        pack: Forecast::new(&pictures, sizes, &unreadable, secs_per_picture),
        sheet: sheet_side.map_or_else(Vec::new, |side| sheet::sheet(&pictures, &looks, &alike, side)),
        unreadable,
        formats: counts.formats,
        colors: counts.colors,
        bits: counts.bits,
        faults: counts.faults,
        bars: counts.bars,
        elongated: counts.elongated,
        elapsed_secs: start.elapsed().as_secs_f64(),
        pictures_per_sec: 1.0 / secs_per_picture.max(f64::EPSILON),
    };
    tracing::info!(
        path = %path.display(),
        pictures = report.pictures,
        readable = report.readable,
        duplicates = report.duplicates.len(),
        near_duplicates = report.near_duplicates.len(),
        elapsed_secs = report.elapsed_secs,
        "pictures checked"
    );
    Ok(report)
}

/// Decodes all pictures, and forgets each but for a [`Look`]; those that cannot be read are none.
fn look_at_all(pictures: &Pictures) -> (Vec<Option<Look>>, Vec<Skipped>) {
    let names = pictures.names();
    let span = tracing::info_span!("checking", total = names.len() as u64, done = Empty).entered();
    let (mut looks, mut unreadable) = (Vec::with_capacity(names.len()), Vec::new());
    let all: Vec<usize> = (0..names.len()).collect();
    for chunk in all.chunks(32 * rayon::current_num_threads()) {
        let results: Vec<_> = chunk
            .par_iter()
            .map_init(Resizer::new, |resizer, &number| Look::at(pictures.decode(number)?, resizer))
            .collect();
        for (&number, result) in chunk.iter().zip(results) {
            match result {
                Ok(look) => looks.push(Some(look)),
                Err(reason) => {
                    tracing::debug!(name = names[number], reason, "picture unreadable");
                    unreadable.push(Skipped { name: names[number].clone(), reason });
                    looks.push(None);
                }
            }
        }
        span.record("done", looks.len() as u64);
    }
    (looks, unreadable)
}
