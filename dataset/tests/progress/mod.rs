//! What spans with a `total` tell of long work.

use std::fmt::Debug;
use std::mem::take;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All that one span told.
#[derive(Debug, PartialEq)]
pub(crate) struct Progress {
    pub(crate) name: &'static str,
    pub(crate) total: u64,
    /// Each number that was recorded.
    pub(crate) done: Vec<u64>,
    pub(crate) side: Option<u64>,
}

/// What `work` returns, and the spans that it opened, in their order.
pub(crate) fn progress_of<T>(work: impl FnOnce() -> T) -> (T, Vec<Progress>) {
    let listener = Listener::default();
    let spans = listener.0.clone();
    let result = tracing::subscriber::with_default(listener, work);
    let spans = take(&mut *spans.lock().unwrap());
    (result, spans)
}

#[derive(Default)]
struct Listener(Arc<Mutex<Vec<Progress>>>);

impl Visit for Progress {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "total" => self.total = value,
            "done" => self.done.push(value),
            "side" => self.side = Some(value),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut progress = Progress { name: span.metadata().name(), total: 0, done: Vec::new(), side: None };
        span.record(&mut progress);
        let mut spans = self.0.lock().unwrap();
        spans.push(progress);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut self.0.lock().unwrap()[span.into_u64() as usize - 1]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
