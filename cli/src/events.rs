//! Events for programs: one JSON object a line.

use stylegan_trainer::Event;

use crate::report::data;

/// Prints an event on stdout.
pub(crate) fn print(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        // A reader that is gone is no reason to stop a training.
        let _ = data(&format!("{line}\n"));
    }
}
