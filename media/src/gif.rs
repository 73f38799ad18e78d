//! Films that any browser shows.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use ::gif::{Encoder, EncodingError, Frame, Repeat};
use image::DynamicImage;

use crate::error::{Error, FileErrorKind};
use crate::file::NewFile;

/// Viewers slow down films that ask for less than two hundredths of a second a frame.
const MAX_FPS: u32 = 50;

/// How carefully colors are chosen, from 1 (best) to 30 (fastest).
const SPEED: i32 = 10;

/// A GIF that is written frame by frame, so that a film need not fit into memory.
///
/// Each frame has a palette of its own. The file is there as a whole after [`GifWriter::finish`], or not at all.
pub struct GifWriter {
    encoder: Encoder<NewFile>,
    path: PathBuf,
    fps: u32,
    size: (u32, u32),
    frames: usize,
}

impl fmt::Debug for GifWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, fps, size, frames, .. } = self;
        write!(formatter, "GifWriter({}, {size:?}, {fps} fps, {frames} frames)", path.display())
    }
}

impl GifWriter {
    /// Begins a film of frames of `width` and `height` pixels, of which `fps` are shown in a second, endlessly if
    /// `looping`.
    ///
    /// # Errors
    /// If the file exists and `overwrite` does not allow that, it cannot be written, or a GIF cannot be that large or
    /// that fast.
    pub fn create(
        path: &Path,
        (width, height): (u32, u32),
        fps: u32,
        looping: bool,
        overwrite: bool,
    ) -> Result<Self, Error> {
        Self::with_file(NewFile::create(path, overwrite)?, (width, height), fps, looping)
    }

    fn with_file(file: NewFile, size: (u32, u32), fps: u32, looping: bool) -> Result<Self, Error> {
        check_fps(fps)?;
        let path = file.path().to_path_buf();
        let (Ok(width @ 1..), Ok(height @ 1..)) = (u16::try_from(size.0), u16::try_from(size.1)) else {
            return Err(FileErrorKind::GifSize { width: size.0, height: size.1 }.at(path));
        };
        let failed = |e| failure(&path, e);
        let mut encoder = Encoder::new(file, width, height, &[]).map_err(failed)?;
        let repeat = if looping { Repeat::Infinite } else { Repeat::Finite(0) };
        encoder.set_repeat(repeat).map_err(failed)?;
        Ok(Self { encoder, path, fps, size, frames: 0 })
    }

    /// Adds one frame, in colors, on white where it is transparent.
    ///
    /// # Errors
    /// If it is of another size than the film, or cannot be written.
    pub fn add(&mut self, picture: &DynamicImage) -> Result<(), Error> {
        let size = (picture.width(), picture.height());
        if size != self.size {
            let (found, expected) = (size, self.size);
            return Err(FileErrorKind::FrameSize { frame: self.frames, found, expected }.at(&self.path));
        }
        // Both fit, as the film's do.
        let rgb = match picture {
            DynamicImage::ImageRgb8(rgb) => Cow::Borrowed(rgb.as_raw()),
            other => Cow::Owned(on_white(other)),
        };
        let mut frame = Frame::from_rgb_speed(self.size.0 as u16, self.size.1 as u16, &rgb, SPEED);
        frame.delay = delay(self.frames, self.fps);
        self.encoder.write_frame(&frame).map_err(|e| failure(&self.path, e))?;
        self.frames += 1;
        Ok(())
    }

    /// Ends the film and gives the file its name.
    ///
    /// # Errors
    /// If there are no frames, or the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        if self.frames == 0 {
            return Err(FileErrorKind::NoFrames.at(self.path));
        }
        let path = self.path;
        self.encoder.into_inner().map_err(|e| failure(&path, e))?.finish()
    }
}

/// Writes `frames` as a GIF, each as soon as it is there; see [`GifWriter`].
///
/// # Errors
/// As [`GifWriter`], and if there are no frames. The file is not touched before all frames are written.
pub fn save_gif(
    path: &Path,
    frames: impl IntoIterator<Item = DynamicImage>,
    fps: u32,
    looping: bool,
    overwrite: bool,
) -> Result<(), Error> {
    check_fps(fps)?;
    // Before the first frame, which may take a while to draw.
    let file = NewFile::create(path, overwrite)?;
    let mut frames = frames.into_iter();
    let Some(first) = frames.next() else {
        return Err(FileErrorKind::NoFrames.at(path));
    };
    let mut film = GifWriter::with_file(file, (first.width(), first.height()), fps, looping)?;
    film.add(&first)?;
    for frame in frames {
        film.add(&frame)?;
    }
    film.finish()
}

/// `[height, width, 3]`
fn on_white(picture: &DynamicImage) -> Vec<u8> {
    let rgba = picture.to_rgba8();
    let pixels = rgba.pixels().flat_map(|pixel| {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        [red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
    });
    pixels.collect()
}

fn check_fps(fps: u32) -> Result<(), Error> {
    if (1..=MAX_FPS).contains(&fps) { Ok(()) } else { Err(Error::FramesPerSecond { fps }) }
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
    use std::fs::{self, File};
    use std::io::BufReader;

    use image::codecs::gif::GifDecoder;
    use image::{AnimationDecoder, Rgb, RgbImage};

    use super::*;
    use crate::error::FileError;

    fn kind(error: Error) -> FileErrorKind {
        let Error::File(FileError { kind, .. }) = error else { panic!("{error}") };
        kind
    }

    fn frame(number: u32) -> DynamicImage {
        let frame = RgbImage::from_fn(20, 12, |x, y| {
            Rgb([(x * 9 + number * 5) as u8, (y * 20) as u8, (255 - x * 6 - number) as u8])
        });
        frame.into()
    }

    #[test]
    fn a_film_has_its_frames_and_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.gif");
        save_gif(&path, (0..30).map(frame), 30, true, false).unwrap();
        let decoder = GifDecoder::new(BufReader::new(File::open(&path).unwrap())).unwrap();
        let frames = decoder.into_frames().collect_frames().unwrap();
        assert_eq!(frames.len(), 30);
        let mut milliseconds = 0;
        for (number, shown) in frames.iter().enumerate() {
            milliseconds += shown.delay().numer_denom_ms().0;
            let expected = frame(number as u32).into_rgb8();
            assert_eq!(shown.buffer().dimensions(), expected.dimensions());
            let error: u32 = shown
                .buffer()
                .pixels()
                .zip(expected.pixels())
                .flat_map(|(shown, expected)| {
                    (0..3).map(move |c| u32::from(shown.0[c].abs_diff(expected.0[c])))
                })
                .sum();
            // Colors of 256, not quite the picture's.
            assert!(error / (20 * 12 * 3) < 3, "{error}");
        }
        assert_eq!(milliseconds, 1000);
        // The extension that makes viewers start anew.
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.windows(11).any(|window| window == b"NETSCAPE2.0"));
        save_gif(&path, (0..2).map(frame), 50, false, true).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"NETSCAPE2.0"));
    }

    #[test]
    fn the_same_frames_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["a.gif", "b.gif"].map(|name| folder.path().join(name));
        for path in [&first, &second] {
            save_gif(path, (0..3).map(frame), 7, true, false).unwrap();
        }
        assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    }

    #[test]
    fn what_is_no_film_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.gif");
        let error = save_gif(&path, [], 30, true, false).unwrap_err();
        assert!(matches!(kind(error), FileErrorKind::NoFrames));
        let error = save_gif(&path, [frame(0), DynamicImage::new_rgb8(20, 13)], 30, true, false).unwrap_err();
        let message = format!("frame 1 of `{}` is 20x13, not 20x12", path.display());
        assert_eq!(error.to_string(), message);
        for fps in [0, 51] {
            let error = save_gif(&path, [frame(0)], fps, true, false).unwrap_err();
            assert!(matches!(error, Error::FramesPerSecond { .. }), "{error}");
        }
        for (width, height) in [(0, 4), (65_536, 1)] {
            let error = save_gif(&path, [DynamicImage::new_rgb8(width, height)], 9, true, false).unwrap_err();
            assert!(matches!(kind(error), FileErrorKind::GifSize { .. }));
        }
        let unfinished = GifWriter::create(&path, (20, 12), 30, true, false).unwrap();
        drop(unfinished);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        fs::write(&path, "precious").unwrap();
        let never = std::iter::from_fn(|| -> Option<DynamicImage> { panic!("drawn in vain") });
        let error = save_gif(&path, never, 30, true, false).unwrap_err();
        assert!(matches!(kind(error), FileErrorKind::Exists));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
