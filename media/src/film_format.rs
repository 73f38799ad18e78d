//! The formats of films.

use std::fmt;
use std::path::Path;

/// What a film is written as, which the ending of its file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilmFormat {
    /// 256 colors a frame, up to 50 frames a second; shown by everything
    Gif,
    /// Animated PNG, with all colors as they are; large
    Apng,
    /// H.264 in MP4; small
    Mp4,
    /// What `ffmpeg` alone writes, such as `.webm`
    Foreign,
}

impl FilmFormat {
    /// The format of a file of this name, if it is a film's.
    pub fn of(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "gif" => Self::Gif,
            "apng" => Self::Apng,
            "mp4" | "m4v" => Self::Mp4,
            "webm" | "mkv" | "mov" | "avi" | "mpg" => Self::Foreign,
            _ => return None,
        })
    }
}

impl fmt::Display for FilmFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gif => "a GIF",
            Self::Apng => "an animated PNG",
            Self::Mp4 => "an MP4",
            Self::Foreign => "a film",
        })
    }
}
