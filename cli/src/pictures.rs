//! Packing pictures with a word on the progress, shared by every command that reads them.

use std::path::Path;

use stylegan_dataset::{Error, PackEvent, PackOptions, PackReport, Pyramid, Skipped};

use crate::output::progress_bar;
use crate::report::note;
use crate::seeds::grouped;

/// Runs `pack` with a bar for its events, and says what was skipped.
pub(crate) fn with_progress(
    pack: impl FnOnce(&mut dyn FnMut(PackEvent)) -> Result<(Pyramid, PackReport), Error>,
) -> Result<(Pyramid, PackReport), Error> {
    let bar = progress_bar("packing", 0);
    let mut progress = |event: PackEvent| match event {
        PackEvent::Measured { done, total } => {
            bar.set_message("measuring");
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        PackEvent::Started { total, .. } => {
            bar.set_message("packing");
            bar.set_length(total as u64);
            bar.set_position(0);
        }
        PackEvent::Packed { done, .. } => bar.set_position(done as u64),
        PackEvent::Skipped(Skipped { name, reason }) => {
            bar.suspend(|| note(&format!("skipped `{name}`: {reason}")));
        }
        _ => {}
    };
    let result = pack(&mut progress);
    bar.finish_and_clear();
    result
}

/// The pictures of `source`, which may be packed already; otherwise packed inside `runs/.cache`.
pub(crate) fn open(
    source: &Path,
    runs: &Path,
    options: &PackOptions,
) -> Result<(Pyramid, PackReport), Error> {
    with_progress(|progress| stylegan_dataset::open_or_pack(source, &runs.join(".cache"), options, progress))
}

/// One line for what was done, and one for each thing that a person may not expect.
pub(crate) fn summary(report: &PackReport) -> String {
    let PackReport { resolution, count, .. } = report;
    let mut lines = vec![format!(
        "{} {} pictures of {resolution}x{resolution} in `{}`, {:.1} MiB",
        if report.is_reused { "found" } else { "packed" },
        grouped(count),
        report.path.display(),
        report.bytes as f64 / f64::from(1 << 20)
    )];
    let converted = report.converted;
    for (count, what) in [
        (converted.grey, "were grey and were given three equal channels"),
        (converted.palette, "had a palette and were given their colors"),
        (converted.sixteen_bit, "had 16 bits a channel and were rounded to 8"),
        (converted.alpha, "were transparent and were set on white"),
        (report.skipped.len(), "could not be read and were left out"),
        (report.upscaled, "were smaller and were enlarged"),
        (report.ignored, "files are no pictures by their name and were left out"),
    ] {
        if count > 0 {
            lines.push(format!("{} {what}", grouped(count)));
        }
    }
    lines.join("\n")
}
