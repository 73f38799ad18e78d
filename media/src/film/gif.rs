//! GIF, each frame with a palette of its own.

use std::path::Path;

use ::gif::{Encoder, EncodingError, Frame, Repeat};

use super::{FilmOptions, Frames};
use crate::error::{Error, FileErrorKind};
use crate::file::NewFile;

/// Viewers slow down films that ask for less than two hundredths of a second a frame.
pub(super) const MAX_FPS: u32 = 50;

/// How carefully colors are chosen, from 1 (best) to 30 (fastest).
const SPEED: i32 = 10;

pub(super) fn encode(file: &mut NewFile, options: FilmOptions, frames: &mut Frames) -> Result<(), Error> {
    let path = file.path().to_path_buf();
    let failed = |error| failure(&path, error);
    // The film's size was looked at.
    let (width, height) = (options.size.0 as u16, options.size.1 as u16);
    let mut encoder = Encoder::new(file, width, height, &[]).map_err(failed)?;
    let repeat = if options.looping { Repeat::Infinite } else { Repeat::Finite(0) };
    encoder.set_repeat(repeat).map_err(failed)?;
    for (number, picture) in frames.enumerate() {
        let mut frame = Frame::from_rgb_speed(width, height, &picture, SPEED);
        frame.delay = delay(number, options.fps);
        encoder.write_frame(&frame).map_err(failed)?;
    }
    encoder.into_inner().map_err(failed)?;
    Ok(())
}

/// How many hundredths of a second a frame is shown, such that the whole film takes as long as it should.
fn delay(frame: usize, fps: u32) -> u16 {
    let starts_at = |frame: usize| (frame as u64 * 200 + u64::from(fps)) / (2 * u64::from(fps));
    (starts_at(frame + 1) - starts_at(frame)) as u16
}

fn failure(path: &Path, error: EncodingError) -> Error {
    let error = match error {
        EncodingError::Io(error) => error,
        other => std::io::Error::other(other),
    };
    FileErrorKind::Write(error).at(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::DynamicImage;

    use super::*;
    use crate::film::FilmWriter;

    #[test]
    fn viewers_are_told_to_start_anew() {
        let folder = tempfile::tempdir().unwrap();
        for looping in [true, false] {
            let path = folder.path().join(format!("{looping}.gif"));
            let options = FilmOptions { size: (9, 5), fps: 50, frames: 2, looping, ffmpeg: false };
            let mut film = FilmWriter::create(&path, options, false).unwrap();
            (0..2).try_for_each(|_| film.add(&DynamicImage::new_rgb8(9, 5))).unwrap();
            film.finish().unwrap();
            let bytes = fs::read(&path).unwrap();
            assert_eq!(bytes.windows(11).any(|window| window == b"NETSCAPE2.0"), looping);
        }
    }

    #[test]
    fn frames_take_as_long_as_they_should() {
        for fps in [1, 7, 24, 30, 50] {
            let second: u16 = (0..fps as usize).map(|frame| delay(frame, fps)).sum();
            assert_eq!(second, 100, "{fps} frames a second");
        }
    }
}
