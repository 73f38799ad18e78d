//! `log.txt`: what a person who was not there wants to read.

use std::io;
use std::path::Path;

use super::Listener;
use super::append::AppendFile;
use crate::Event;

const FILE_NAME: &str = "log.txt";

#[derive(Debug)]
pub(super) struct Log(AppendFile);

impl Log {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        AppendFile::open(&folder.join(FILE_NAME)).map(Self)
    }
}

impl Listener for Log {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        let line = match event {
            Event::Started { kimg, total_kimg, resumed_from: Some(path), .. } => {
                format!("resumed from `{}` at {kimg} of {total_kimg} kimg", path.display())
            }
            Event::Started { total_kimg, .. } => format!("started, {total_kimg} kimg to go"),
            Event::Tick(tick) => tick.line(),
            Event::Snapshot { path, kimg } => format!("saved `{}` at {kimg} kimg", path.display()),
            Event::RolledBack { .. } => format!("warning: {}", event.sentence().unwrap_or_default()),
            Event::Note { message } => message.clone(),
            Event::Warning { message } => format!("warning: {message}"),
            Event::Stopped { finished: true, kimg } => format!("finished at {kimg} kimg"),
            Event::Stopped { finished: false, kimg } => format!("stopped at {kimg} kimg"),
            Event::Step(_) | Event::Grid { .. } => return Ok(()),
        };
        self.0.append(format!("{line}\n").as_bytes())
    }

    fn name(&self) -> &'static str {
        FILE_NAME
    }
}
