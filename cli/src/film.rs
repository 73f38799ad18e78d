//! Films as a command line asks for them.

use std::path::Path;

use anyhow::Result;
use stylegan_base::Hint;
use stylegan_media::{Error, FilmOptions, FilmWriter};

use crate::output::Force;
use crate::report::Refusal;

/// How a film is shown and encoded.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FilmArgs {
    /// Frames shown in a second, 1 to 240; a GIF has 50 at most
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub(crate) fps: u32,

    /// Have the program `ffmpeg` encode the film, which also writes `.webm`, `.mkv`, `.mov` and `.avi`
    #[arg(long)]
    pub(crate) ffmpeg: bool,
}

impl FilmArgs {
    /// Begins a film of frames of this width and height.
    pub(crate) fn create(
        self,
        path: &Path,
        size: (u32, u32),
        frames: u32,
        looping: bool,
        force: Force,
    ) -> Result<FilmWriter> {
        let options = FilmOptions { size, fps: self.fps, frames, looping, ffmpeg: self.ffmpeg };
        FilmWriter::create(path, options, force.force).map_err(|error| match error {
            Error::FramesPerSecond { .. } => {
                let refusal = Refusal::usage(format!("`--fps {}`: {error}", self.fps));
                refusal.hint(error.hint().unwrap_or_default()).into()
            }
            error => error.into(),
        })
    }
}
