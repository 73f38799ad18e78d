//! What spans with a `total` tell of long work.

use std::fmt::Debug;
use std::sync::{Mutex, Once};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All that one span told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Progress {
    pub(crate) name: &'static str,
    pub(crate) total: u64,
    /// Each number that was recorded.
    pub(crate) done: Vec<u64>,
    pub(crate) resolution: Option<String>,
}

/// Every span of this process that there was while [`progress_of`] ran, and the thread that opened it.
static SPANS: Mutex<Vec<(ThreadId, Progress)>> = Mutex::new(Vec::new());
/// One listener for all threads: a place in the code where a span is opened remembers whether anybody listens.
static LISTENER: Once = Once::new();

/// What `work` returns, and the spans that it opened on this thread, in their order.
pub(crate) fn progress_of<T>(work: impl FnOnce() -> T) -> (T, Vec<Progress>) {
    LISTENER.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
    let before = SPANS.lock().unwrap().len();
    let result = work();
    let this_thread = thread::current().id();
    let spans = SPANS.lock().unwrap();
    let own = spans[before..].iter().filter(|(thread, _)| *thread == this_thread);
    (result, own.map(|(_, progress)| progress.clone()).collect())
}

struct Listener;

impl Visit for Progress {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "total" => self.total = value,
            "done" => self.done.push(value),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "resolution" {
            self.resolution = Some(format!("{value:?}"));
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut progress =
            Progress { name: span.metadata().name(), total: 0, done: Vec::new(), resolution: None };
        span.record(&mut progress);
        let mut spans = SPANS.lock().unwrap();
        spans.push((thread::current().id(), progress));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut SPANS.lock().unwrap()[span.into_u64() as usize - 1].1);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
