//! Where spans and events go: bars and lines on stderr, lines of JSON in a file.

use std::fmt::{self, Debug};
use std::fs::OpenOptions;
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use stylegan_peers::Seat;
use tracing::Level;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{DefaultVisitor, FmtSpan, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields};
use tracing_subscriber::prelude::*;

use crate::progress::{SpanBars, Stderr};
use crate::report;

/// Starts it all. Bars are there whatever `RUST_LOG` says.
pub(crate) fn start(file: Option<&Path>) -> Result<()> {
    let asked_for = |otherwise: Level| {
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise.as_str()))
    };
    let span_events = FmtSpan::NEW | FmtSpan::CLOSE;
    // Of several processes at a terminal, the first has bars.
    let is_first = Seat::from_environment().is_ok_and(|seat| seat.rank == 0);
    let is_terminal = is_first && stderr().is_terminal();
    let bars = is_terminal.then(|| {
        SpanBars.with_filter(filter_fn(SpanBars::is_counted).with_max_level_hint(LevelFilter::INFO))
    });
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(WithoutDone)
        .with_span_events(span_events.clone())
        .with_writer(|| Stderr)
        .with_ansi(report::is_colored(is_terminal))
        .event_format(tracing_subscriber::fmt::format().with_target(false).without_time())
        .with_filter(asked_for(Level::WARN));
    let json = match file {
        Some(path) => {
            // A training that goes on adds to what it said before.
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            let json = tracing_subscriber::fmt::layer().json().with_span_events(span_events);
            Some(json.with_writer(Mutex::new(file)).with_filter(asked_for(Level::INFO)))
        }
        None => None,
    };
    tracing_subscriber::registry().with(bars).with(lines).with(json).init();
    Ok(())
}

/// Fields of spans as text, without the counts that move bars: every new one would be added to the text.
struct WithoutDone;

impl<'writer> FormatFields<'writer> for WithoutDone {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Skip(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut text = String::new();
        self.format_fields(Writer::new(&mut text), fields)?;
        if !text.is_empty() {
            if !current.fields.is_empty() {
                current.fields.push(' ');
            }
            current.fields.push_str(&text);
        }
        Ok(())
    }
}

struct Skip<'a>(DefaultVisitor<'a>);

impl Visit for Skip<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.record_str(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.record_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() != "done" {
            self.0.record_debug(field, value);
        }
    }
}
