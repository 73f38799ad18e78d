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
use tensorboard::TensorBoard;

use crate::Event;

/// A window on a run.
trait Listener {
    /// Takes notice of an event.
    ///
    /// # Errors
    /// If it writes files and the system refuses. It hears the next event all the same.
    fn hear(&mut self, event: &Event) -> io::Result<()>;
}

/// Everyone who hears the events of a run.
pub(crate) struct Audience<'a> {
    files: Vec<Seat>,
    on_event: &'a mut dyn FnMut(&Event),
}

struct Seat {
    file_name: &'static str,
    listener: Box<dyn Listener>,
    /// Whether the last event could not be written, which is said once.
    is_failing: bool,
}

impl<'a> Audience<'a> {
    /// `log.txt`, `stats.jsonl`, an event file for TensorBoard, all in `folder`, and `on_event`.
    ///
    /// # Errors
    /// If a file cannot be opened.
    pub(crate) fn new(folder: &Path, on_event: &'a mut dyn FnMut(&Event)) -> io::Result<Self> {
        let seat = |file_name, listener| Seat { file_name, listener, is_failing: false };
        Ok(Self {
            files: vec![
                seat("log.txt", Box::new(Log::open(folder)?)),
                seat("stats.jsonl", Box::new(Stats::open(folder)?)),
                seat("events.out.tfevents.*", Box::new(TensorBoard::create(folder)?)),
            ],
            on_event,
        })
    }

    /// Tells everyone. A file that cannot be written is worth a warning, not the run.
    pub(crate) fn tell(&mut self, event: &Event) {
        let mut warnings = Vec::new();
        for Seat { file_name, listener, is_failing } in &mut self.files {
            let result = listener.hear(event);
            if let Err(error) = &result
                && !*is_failing
            {
                warnings.push(format!("cannot write `{file_name}`: {error}; training goes on without it"));
            }
            *is_failing = result.is_err();
        }
        (self.on_event)(event);
        for message in warnings {
            let warning = Event::Warning { message };
            for seat in self.files.iter_mut().filter(|seat| !seat.is_failing) {
                seat.is_failing = seat.listener.hear(&warning).is_err();
            }
            (self.on_event)(&warning);
        }
    }

    /// Tells everyone a sentence that they should know.
    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        self.tell(&Event::Warning { message: message.into() });
    }
}
