//! Packing pictures with a word on the progress, shared by every command that reads them.

use std::path::Path;

use stylegan_base::units::grouped;
use stylegan_dataset::{Error, PackEvent, PackOptions, PackReport, Pyramid, Skipped};
use tracing::{Span, field, info_span};

use crate::report::{Refusal, note};

/// Runs `pack` with spans for its events, and says what was skipped.
pub(crate) fn with_progress(
    pack: impl FnOnce(&mut dyn FnMut(PackEvent)) -> Result<(Pyramid, PackReport), Error>,
) -> Result<(Pyramid, PackReport), Error> {
    let mut span = Span::none();
    let mut progress = |event: PackEvent| match event {
        PackEvent::Measured { done, total } => {
            if span.is_none() {
                span = info_span!("measuring", total, done = field::Empty);
            }
            span.record("done", done);
        }
        PackEvent::Started { total, .. } => span = info_span!("packing", total, done = field::Empty),
        PackEvent::Packed { done, .. } => {
            span.record("done", done);
        }
        PackEvent::Skipped(Skipped { name, reason }) => note(&format!("skipped `{name}`: {reason}")),
        _ => {}
    };
    pack(&mut progress)
}

/// The pictures of `source` for training, which may be packed already; otherwise packed inside `runs/.cache`.
pub(crate) fn open(
    source: &Path,
    runs: &Path,
    options: &PackOptions,
) -> anyhow::Result<(Pyramid, PackReport)> {
    with_progress(|progress| stylegan_dataset::open_or_pack(source, &runs.join(".cache"), options, progress))
        .map_err(|error| match training_hint(&error) {
            Some(hint) => Refusal::new(error.to_string()).hint(hint).into(),
            None => error.into(),
        })
}

/// Advice where that of the error names flags of `dataset pack` that training does not have.
fn training_hint(error: &Error) -> Option<String> {
    match error {
        Error::TooSmall { width, height, .. } => {
            let fitting = 1 << (*width).min(*height).max(1).ilog2();
            Some(if fitting < 8 {
                "remove the small ones, or enlarge them with `--allow-upscale`".to_owned()
            } else {
                format!(
                    "`--set generator.resolution={fitting}` fits all of them, `--allow-upscale` enlarges the small ones"
                )
            })
        }
        Error::TooManyBad { .. } => Some(
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
        "{} {} pictures of {resolution}x{resolution} in `{}`, {:.1} MiB",
        if report.is_reused { "found" } else { "packed" },
        grouped(count),
        report.path.display(),
        report.bytes as f64 / f64::from(1 << 20)
    )];
    let converted = report.converted;
    for (count, one, many) in [
        (
            converted.grey,
            "was grey and was given three equal channels",
            "were grey and were given three equal channels",
        ),
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
        (converted.alpha, "was transparent and was set on white", "were transparent and were set on white"),
        (report.skipped.len(), "could not be read and was left out", "could not be read and were left out"),
        (report.upscaled, "was smaller and was enlarged", "were smaller and were enlarged"),
        (
            report.ignored,
            "file is no picture by its name and was left out",
            "files are no pictures by their names and were left out",
        ),
    ] {
        if count > 0 {
            lines.push(format!("{} {}", grouped(count), if count == 1 { one } else { many }));
        }
    }
    lines.join("\n")
}
