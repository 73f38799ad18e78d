//! Progress bars on stderr, made of spans.
//!
//! A span with a field `total` has a bar while it is open, moved by `span.record("done", …)` and named after the span; a
//! field `resolution` stands beside the name. So libraries say how far they are, and nothing of bars.

use std::io::{self, Write, stderr};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

static SCREEN: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));

/// The bars on the screen. Who holds the lock is the only one that writes to the terminal.
static SHOWN: Mutex<Vec<ProgressBar>> = Mutex::new(Vec::new());

fn shown() -> MutexGuard<'static, Vec<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to the terminal while the bars are off it.
pub(crate) fn suspended<T>(write: impl FnOnce() -> T) -> T {
    let shown = shown();
    if shown.is_empty() {
        return write();
    }
    // `MultiProgress::suspend` panics if the terminal is gone; a training goes on then.
    let _ = SCREEN.clear();
    let result = write();
    shown.iter().for_each(ProgressBar::tick);
    result
}

/// Stderr for lines that do not tear bars.
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        suspended(|| stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

/// A bar on stderr, if that is a terminal; it goes when it is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar by indicatif's template, drawn for the first time when it is updated.
    pub(crate) fn new(template: &str, begin: impl FnOnce(&ProgressBar)) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        begin(&bar);
        let mut shown = shown();
        let bar = SCREEN.add(bar);
        shown.push(bar.clone());
        Self(bar)
    }

    pub(crate) fn update(&self, update: impl FnOnce(&ProgressBar)) {
        let _shown = shown();
        update(&self.0);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let mut shown = shown();
        self.0.finish_and_clear();
        shown.retain(|bar| !bar.is_finished());
        SCREEN.remove(&self.0);
    }
}

/// Gives every span that has a `total` a bar.
pub(crate) struct SpanBars;

impl SpanBars {
    /// Whether this is such a span.
    pub(crate) fn is_counted(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.fields().field("total").is_some()
    }
}

/// What a span says about its progress.
#[derive(Default)]
struct Counts {
    total: Option<u64>,
    done: Option<u64>,
    resolution: Option<String>,
}

impl Visit for Counts {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "total" => self.total = Some(value),
            "done" => self.done = Some(value),
            _ => {}
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, value.try_into().unwrap_or(0));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "resolution" {
            self.resolution = Some(format!("{value:?}"));
        }
    }
}

impl Counts {
    fn show(&self, bar: &ProgressBar, name: &str) {
        if let Some(resolution) = &self.resolution {
            bar.set_message(format!("{name} {resolution}"));
        }
        if let Some(total) = self.total {
            bar.set_length(total);
        }
        if let Some(done) = self.done {
            bar.set_position(done);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanBars {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut counts = Counts::default();
        attributes.record(&mut counts);
        let bar = Bar::new("{msg} [{bar:40}] {pos}/{len}, {eta} left", |bar| {
            bar.set_message(span.name());
            counts.show(bar, span.name());
        });
        bar.update(ProgressBar::tick);
        span.extensions_mut().insert(bar);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut counts = Counts::default();
        values.record(&mut counts);
        if let Some(bar) = span.extensions().get::<Bar>() {
            bar.update(|bar| counts.show(bar, span.name()));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id) {
            drop(span.extensions_mut().remove::<Bar>());
        }
    }
}
