//! Events for people: a bar on a terminal, and lines.

use std::time::Duration;

use stylegan_base::units::format_duration;
use stylegan_trainer::{Event, StepProgress};

use crate::progress::Bar;
use crate::report::note;

/// The console as a listener of a training. Without a terminal there is no bar, and the lines are the same.
pub(crate) struct Console {
    bar: Bar,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self { bar: Bar::new("{msg} [{bar:20}] {prefix}", |_| {}) }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Started { run_dir, resumed_from, kimg, .. } => {
                note(&format!("run       `{}`", run_dir.display()));
                if let Some(path) = resumed_from {
                    note(&format!("resumed   `{}` at {kimg} kimg", path.display()));
                }
            }
            Event::Step(progress) => self.advance(progress),
            Event::Tick(tick) => note(&tick.line()),
            Event::Snapshot { path, .. } => note(&format!("saved     `{}`", path.display())),
            Event::Note { message } => note(message),
            Event::Warning { .. } | Event::RolledBack { .. } => {
                note(&format!("warning: {}", event.sentence().unwrap_or_default()));
            }
            Event::Stopped { finished, kimg } => {
                let how = if *finished { "finished" } else { "stopped" };
                note(&format!("{how:<9} at {kimg} kimg"));
            }
            Event::Grid { .. } => {}
        }
    }

    fn advance(&self, progress: &StepProgress) {
        let StepProgress { nimg, total_nimg, resolution, fade, images_per_sec, .. } = *progress;
        let fading =
            if fade > 0.0 { format!(" fade-in {:.0}%", 100.0 * (1.0 - fade)) } else { String::new() };
        let message = format!(
            "{:.1}/{:.0} kimg {resolution}{fading} {images_per_sec:.0} img/s",
            nimg as f64 / 1000.0,
            total_nimg as f64 / 1000.0,
        );
        let duration = |secs| format_duration(Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX));
        let left = progress.left_sec.map(|secs| format!("{} left", duration(secs)));
        let snapshot = progress.next_snapshot_sec.map(|secs| format!("snapshot in {}", duration(secs)));
        self.bar.update(|bar| {
            bar.set_length(total_nimg);
            bar.set_position(nimg);
            bar.set_message(message);
            bar.set_prefix(left.into_iter().chain(snapshot).collect::<Vec<_>>().join(", "));
        });
    }
}
