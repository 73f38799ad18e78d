//! Who hears what a run says: its own files, and whoever started it.

mod append;
mod log;
mod stats;
mod tensorboard;

use std::io;
use std::path::Path;

use log::Log;
use stats::Stats;
pub(crate) use stats::last_elapsed;
pub use stats::read_stats;
use tensorboard::TensorBoard;

use crate::Event;

/// A window on a run. Closures that take an [`Event`] are some.
pub trait Listener {
    /// Takes notice of an event.
    ///
    /// # Errors
    /// If what it does with events failed. That is worth a warning and not the run, and it hears the next event all the
    /// same.
    fn hear(&mut self, event: &Event) -> io::Result<()>;

    /// What it writes, as the warning names it when that fails.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }
}

impl<F: FnMut(&Event)> Listener for F {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        self(event);
        Ok(())
    }
}

/// Everyone who hears the events of a run.
pub(crate) struct Audience<'a>(Vec<Subscriber<'a>>);

struct Subscriber<'a> {
    listener: Box<dyn Listener + 'a>,
    /// Whether the last event failed, which is said once.
    is_failing: bool,
}

impl<'a> Audience<'a> {
    /// `log.txt`, `stats.jsonl` and an event file for TensorBoard, all in `folder`, and after them `listeners`.
    ///
    /// # Errors
    /// If a file cannot be opened.
    pub(crate) fn new(folder: &Path, listeners: Vec<Box<dyn Listener + 'a>>) -> io::Result<Self> {
        let mut all: Vec<Box<dyn Listener + 'a>> = vec![
            Box::new(Log::open(folder)?),
            Box::new(Stats::open(folder)?),
            Box::new(TensorBoard::create(folder)?),
        ];
        all.extend(listeners);
        Ok(Self(all.into_iter().map(|listener| Subscriber { listener, is_failing: false }).collect()))
    }

    /// Tells everyone.
    pub(crate) fn tell(&mut self, event: &Event) {
        let mut warnings = Vec::new();
        for Subscriber { listener, is_failing } in &mut self.0 {
            let result = listener.hear(event);
            if let Err(error) = &result
                && !*is_failing
            {
                warnings.push(format!(
                    "cannot write `{}`: {error}; training goes on without it",
                    listener.name()
                ));
            }
            *is_failing = result.is_err();
        }
        for message in warnings {
            let warning = Event::Warning { message };
            for subscriber in self.0.iter_mut().filter(|subscriber| !subscriber.is_failing) {
                subscriber.is_failing = subscriber.listener.hear(&warning).is_err();
            }
        }
    }

    /// Tells everyone a sentence that they should know.
    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        self.tell(&Event::Warning { message: message.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Listener for Broken {
        fn hear(&mut self, _: &Event) -> io::Result<()> {
            Err(io::Error::other("nobody there"))
        }

        fn name(&self) -> &'static str {
            "dashboard"
        }
    }

    #[test]
    fn a_listener_that_fails_costs_one_warning() {
        let folder = tempfile::tempdir().unwrap();
        let mut heard = Vec::new();
        let listener = |event: &Event| heard.push(event.clone());
        let mut audience = Audience::new(folder.path(), vec![Box::new(Broken), Box::new(listener)]).unwrap();
        let note = || Event::Note { message: "a".to_owned() };
        audience.tell(&note());
        audience.tell(&note());
        drop(audience);
        let message = "cannot write `dashboard`: nobody there; training goes on without it".to_owned();
        assert_eq!(heard, [note(), Event::Warning { message: message.clone() }, note()]);
        let log = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert_eq!(log, format!("a\nwarning: {message}\na\n"));
    }
}
