//! Packing pictures with a word on what came of it, shared by every command that reads them.

use std::path::Path;

use stylegan_base::units::grouped;
use stylegan_dataset::{
    Bits, Channels, Error, ErrorKind, Fit, LeftOut, PackOptions, PackReport, Pyramid, Skipped,
};
use stylegan_ops::Resolution;

use crate::cache;
use crate::report::{Refusal, note};

/// Says that a picture is left out, and why.
pub(crate) fn note_skipped(Skipped { name, reason }: &Skipped) {
    note(&format!("skipped `{name}`: {reason}"));
}

/// The pictures of `source` for training, which may be packed already; otherwise packed inside `runs/.cache`.
pub(crate) fn open(
    source: &Path,
    runs: &Path,
    options: &PackOptions,
) -> anyhow::Result<(Pyramid, PackReport)> {
    let opened = open_beside(source, runs, options)?;
    cache::clean(runs, &[&opened.0])?;
    Ok(opened)
}

/// The same beside others, which are to stay until [`cache::clean`] knows of all of them.
pub(crate) fn open_beside(
    source: &Path,
    runs: &Path,
    options: &PackOptions,
) -> anyhow::Result<(Pyramid, PackReport)> {
    let opened = stylegan_dataset::open_or_pack(source, &cache::folder(runs), options, &mut note_skipped);
    opened.map_err(|error| match training_hint(&error) {
        Some(hint) => anyhow::Error::from(Refusal::new(error.to_string()).hint(hint)),
        None => error.into(),
    })
}

/// Advice where that of the error names flags of `dataset pack` that training does not have.
fn training_hint(error: &Error) -> Option<String> {
    match &error.kind {
        ErrorKind::TooSmall { fitting: Some(fitting), .. } => Some(format!(
            "`--resolution {}` fits, `--allow-upscale` enlarges the small ones",
            fitting.short()
        )),
        ErrorKind::TooSmall { fitting: None, .. } => {
            Some("remove the small ones, or enlarge them with `--allow-upscale`".to_owned())
        }
        ErrorKind::TooManyBad { .. } => Some(
            "mend or remove these files, or let more of them be left out, `--set data.max_bad_fraction=0.1`"
                .to_owned(),
        ),
        _ => None,
    }
}

/// One line for what was done, and one for each thing that a person may not expect.
pub(crate) fn summary(report: &PackReport) -> String {
    let PackReport { resolution, count, .. } = report;
    let mut lines = vec![format!(
        "{} {} pictures of {resolution}{} in `{}`{}, {:.1} MiB",
        if report.is_reused { "found" } else { "packed" },
        grouped(count),
        if report.bits == Bits::Sixteen { " and 16 bits" } else { "" },
        report.path.display(),
        report.shard.map_or_else(String::new, |shard| format!(", part {shard}")),
        report.bytes as f64 / f64::from(1 << 20)
    )];
    let converted = report.converted;
    let is_square = report.resolution.is_square();
    let [was, were] = if is_square { ["was not square", "were not square"] } else { ["had", "had"] };
    let other = if is_square { String::new() } else { format!(" another ratio than {resolution}") };
    let [one, many] = match report.fit {
        Fit::Crop => ["its middle was taken", "their middle was taken"],
        Fit::Pad(_) => ["it was padded", "they were padded"],
        Fit::Stretch => ["it was stretched", "they were stretched"],
    };
    let ratio = [format!("{was}{other}: {one}"), format!("{were}{other}: {many}")];
    for (count, one, many) in [
        (
            converted.grey,
            "was grey and was given three equal channels",
            "were grey and were given three equal channels",
        ),
        (converted.color, "had colors and was made grey", "had colors and were made grey"),
        (
            converted.palette,
            "had a palette and was given its colors",
            "had a palette and were given their colors",
        ),
        (
            converted.sixteen_bit,
            "had 16 bits a channel and was rounded to 8",
            "had 16 bits a channel and were rounded to 8",
        ),
        (
            converted.eight_bit,
            "had 8 bits a channel and was made 16",
            "had 8 bits a channel and were made 16",
        ),
        (converted.alpha, "was transparent and was set on white", "were transparent and were set on white"),
        (report.other_ratio, &*ratio[0], &*ratio[1]),
        (report.skipped.len(), "could not be read and was left out", "could not be read and were left out"),
        (report.upscaled, "was smaller and was enlarged", "were smaller and were enlarged"),
    ] {
        if count > 0 {
            lines.push(format!("{} {}", grouped(count), if count == 1 { one } else { many }));
        }
    }
    if report.other_ratio > 0
        && report.fit == Fit::Crop
        && let Some(line) = lines.iter_mut().find(|line| line.ends_with("middle was taken"))
    {
        line.push_str(" (`--fit pad` or `--fit stretch` keeps all of a picture)");
    }
    lines.extend(proposals(report));
    lines.extend(too_small(report));
    lines.extend(left_out(&report.left_out));
    lines.join("\n")
}

/// The level of `largest` that is about as large as pictures are packed, which the length of the training depends on.
pub(crate) fn about_as_large(largest: Resolution, resolution: Resolution) -> Option<Resolution> {
    let is_as_large = |level: &Resolution| level.side().ilog2() <= resolution.side().ilog2();
    largest.levels().rev().filter(|level| level.violation().is_none()).find(is_as_large)
}

/// What would suit these pictures better than what they were packed as.
fn proposals(report: &PackReport) -> Vec<String> {
    let PackReport { resolution, uncropped, colorless, count, converted, channels, .. } = *report;
    let mut lines = Vec::new();
    let proposed = uncropped.and_then(|largest| about_as_large(largest, resolution));
    let is_cut = report.other_ratio > 0 && report.fit == Fit::Crop;
    if let Some(proposed) = proposed.filter(|_| is_cut) {
        let Resolution { width, height } = proposed.start();
        lines.push(format!(
            "nearly all have a ratio of {width}:{height}: `--resolution {proposed}` takes them as they are"
        ));
    }
    if channels == Channels::Rgb && colorless == count && count > 0 {
        lines.push("none has colors: `--channels 1` makes networks of grey pictures".to_owned());
    } else if channels == Channels::Rgb && converted.alpha * 2 > count {
        lines.push("`--channels 4` keeps what is transparent".to_owned());
    }
    if converted.sixteen_bit == count && count > 0 {
        lines.push("`--bits 16` keeps what their 16 bits tell apart".to_owned());
    }
    lines
}

/// The pictures that are smaller than the rest.
fn too_small(PackReport { too_small, resolution, .. }: &PackReport) -> Option<String> {
    let mut names: Vec<String> =
        too_small.iter().take(3).map(|Skipped { name, reason }| format!("`{name}` ({reason})")).collect();
    if too_small.len() > 3 {
        names.push("…".to_owned());
    }
    let were = if too_small.len() == 1 { "was" } else { "were" };
    (!names.is_empty()).then(|| {
        format!(
            "{} {were} smaller than {resolution} and {were} left out: {} (`--allow-upscale` enlarges them)",
            grouped(too_small.len()),
            names.join(", ")
        )
    })
}

/// What else there is beside the pictures.
fn left_out(left_out: &LeftOut) -> Vec<String> {
    let mut lines = Vec::new();
    if !left_out.other_pictures.is_empty() {
        lines.push(format!(
            "pictures of kinds that are not read were left out: {} (convert them to PNG or JPEG)",
            left_out.counted_pictures()
        ));
    }
    if !left_out.other_files.is_empty() {
        lines.push(format!(
            "files that are no pictures by their names were left out: {}",
            left_out.counted_files()
        ));
    }
    for (folders, one, many) in [
        (&left_out.runs, "the folder of a run was left out", "folders of runs were left out"),
        (&left_out.hidden, "a hidden folder was left out", "hidden folders were left out"),
        (
            &left_out.beside,
            "a folder beside the pictures was left out",
            "folders beside the pictures were left out",
        ),
    ] {
        let mut names: Vec<String> = folders.iter().take(4).map(|name| format!("`{name}`")).collect();
        if folders.len() > 4 {
            names.push("…".to_owned());
        }
        match folders.len() {
            0 => {}
            1 => lines.push(format!("{one}: {}", names[0])),
            count => lines.push(format!("{} {many}: {}", grouped(count), names.join(", "))),
        }
    }
    lines
}
