//! Events for people: a bar on a terminal, and lines.

use indicatif::ProgressBar;
use stylegan_trainer::{Event, StepProgress};

use crate::output;
use crate::report::note;

/// The console as a listener of a training. Without a terminal there is no bar, and the lines are the same.
pub(crate) struct Console {
    bar: ProgressBar,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self { bar: output::training_bar() }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Started { run_dir, resumed_from, kimg, .. } => {
                self.line(&format!("run       `{}`", run_dir.display()));
                if let Some(path) = resumed_from {
                    self.line(&format!("resumed   `{}` at {kimg} kimg", path.display()));
                }
            }
            Event::Step(progress) => self.advance(progress),
            Event::Tick(tick) => self.line(&tick.line()),
            Event::Snapshot { path, .. } => self.line(&format!("saved     `{}`", path.display())),
            Event::Note { message } => self.line(message),
            Event::Warning { .. } | Event::RolledBack { .. } => {
                self.line(&format!("warning: {}", event.sentence().unwrap_or_default()));
            }
            Event::Stopped { finished, kimg } => {
                let how = if *finished { "finished" } else { "stopped" };
                self.line(&format!("{how:<9} at {kimg} kimg"));
            }
            Event::Grid { .. } => {}
        }
    }

    fn advance(&self, progress: &StepProgress) {
        let StepProgress { nimg, total_nimg, resolution, fade, images_per_sec, .. } = *progress;
        if self.bar.length() != Some(total_nimg) {
            self.bar.set_length(total_nimg);
            // The time left is judged by what is trained from here on.
            self.bar.reset_eta();
        }
        self.bar.set_position(nimg);
        let fading =
            if fade > 0.0 { format!(" fade-in {:.0}%", 100.0 * (1.0 - fade)) } else { String::new() };
        self.bar.set_message(format!(
            "{:.1}/{:.0} kimg {resolution}x{resolution}{fading} {images_per_sec:.0} img/s",
            nimg as f64 / 1000.0,
            total_nimg as f64 / 1000.0,
        ));
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
