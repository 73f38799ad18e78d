//! What a running training may be asked from outside.

use std::sync::atomic::{AtomicBool, Ordering};

/// Wishes of a person or a cluster, looked at between two iterations.
#[derive(Debug, Default)]
pub struct Signals {
    stop: AtomicBool,
    save: AtomicBool,
    pause: AtomicBool,
}

impl Signals {
    /// Asks the run to finish its iteration, save and stop; returns whether that was asked for before.
    pub fn stop(&self) -> bool {
        self.stop.swap(true, Ordering::Relaxed)
    }

    /// Asks the run to save and go on.
    pub fn save(&self) {
        self.save.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    pub fn wants_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the run was asked to save since the last call.
    /// Asks it to wait before the next iteration, or to go on.
    pub fn pause(&self, is_paused: bool) {
        self.pause.store(is_paused, Ordering::Relaxed);
    }

    /// Whether it was asked to wait.
    pub fn is_paused(&self) -> bool {
        self.pause.load(Ordering::Relaxed)
    }

    pub(super) fn take_save(&self) -> bool {
        self.save.swap(false, Ordering::Relaxed)
    }
}
