//! Films: pictures one after the other, in one file.

mod apng;
mod ffmpeg;
mod gif;
mod mp4;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use image::{DynamicImage, RgbImage};

use crate::error::{Error, FileErrorKind};
use crate::file::NewFile;
use crate::film_format::FilmFormat;

/// Frames that wait to be encoded: enough that drawing seldom waits, and not too many for the memory.
const WAITING: usize = 8;

/// The fastest film of any format.
const MAX_FPS: u32 = 240;

/// What a film is, before its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilmOptions {
    /// Width and height of its frames in pixels.
    pub size: (u32, u32),
    /// Frames shown in a second.
    pub fps: u32,
    /// How many frames there will be.
    pub frames: u32,
    /// Whether viewers start anew at its end; a GIF and an animated PNG tell them.
    pub looping: bool,
    /// Whether the program `ffmpeg` encodes it, whatever the format.
    pub ffmpeg: bool,
}

/// A film that is written frame by frame, so that it need not fit into memory, and encoded beside whatever draws the frames.
///
/// The file is there as a whole after [`FilmWriter::finish`], or not at all.
pub struct FilmWriter {
    path: PathBuf,
    options: FilmOptions,
    added: usize,
    /// Both are there until the film ends.
    frames: Option<SyncSender<RgbImage>>,
    encoder: Option<JoinHandle<Result<(), Error>>>,
}

impl fmt::Debug for FilmWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilmWriter")
            .field("path", &self.path)
            .field("options", &self.options)
            .field("added", &self.added)
            .finish_non_exhaustive()
    }
}

impl FilmWriter {
    /// Begins a film in the format that the name of its file says.
    ///
    /// # Errors
    /// If the name is of no film, the file exists and `overwrite` does not allow that, it cannot be written, the format has no
    /// films of that size, speed or length, or `ffmpeg` is asked for and not there.
    pub fn create(path: &Path, options: FilmOptions, overwrite: bool) -> Result<Self, Error> {
        let at = |kind: FileErrorKind| kind.at(path);
        let format = FilmFormat::of(path).ok_or_else(|| at(FileErrorKind::NoFilm))?;
        let fastest = if format == FilmFormat::Gif { gif::MAX_FPS } else { MAX_FPS };
        if !(1..=fastest).contains(&options.fps) {
            return Err(Error::FramesPerSecond { format, fps: options.fps, fastest });
        }
        if options.frames == 0 {
            return Err(at(FileErrorKind::NoFrames));
        }
        let (width, height) = options.size;
        let largest = match format {
            FilmFormat::Gif => 65_535,
            FilmFormat::Apng | FilmFormat::Foreign => i32::MAX as u32,
            FilmFormat::Mp4 => mp4::LARGEST,
        };
        let is_possible = match format {
            FilmFormat::Mp4 if !options.ffmpeg => mp4::is_possible(options.size),
            _ => width.min(height) > 0 && width.max(height) <= largest,
        };
        if !is_possible {
            return Err(at(FileErrorKind::FilmSize { format, width, height }));
        }
        let encode: Encode = match format {
            _ if options.ffmpeg => ffmpeg::encode,
            FilmFormat::Gif => gif::encode,
            FilmFormat::Apng => apng::encode,
            FilmFormat::Mp4 => mp4::encode,
            FilmFormat::Foreign => return Err(at(FileErrorKind::NeedsFfmpeg)),
        };
        if options.ffmpeg {
            ffmpeg::check().map_err(at)?;
        }
        let mut file = NewFile::create(path, overwrite)?;
        let (sender, receiver) = sync_channel(WAITING);
        let encoder = move || {
            let mut frames = Frames { receiver, taken: 0 };
            encode(&mut file, options, &mut frames)?;
            // What drew them may have failed.
            let (found, expected) = (frames.taken, options.frames as usize);
            if found != expected {
                return Err(FileErrorKind::PictureCount { found, expected }.at(file.path()));
            }
            file.finish()
        };
        let encoder = thread::Builder::new().name("encoder".to_owned()).spawn(encoder);
        let encoder = encoder.map_err(|error| at(FileErrorKind::Write(error)))?;
        Ok(Self { path: path.to_owned(), options, added: 0, frames: Some(sender), encoder: Some(encoder) })
    }

    /// Adds one frame, in colors, on white where it is transparent; waits where the encoder is behind.
    ///
    /// # Errors
    /// If it is of another size than the film, there are more than were announced, or an earlier one cannot be encoded or
    /// written.
    pub fn add(&mut self, picture: &DynamicImage) -> Result<(), Error> {
        let (found, expected) = ((picture.width(), picture.height()), self.options.size);
        if found != expected {
            return Err(FileErrorKind::FrameSize { frame: self.added, found, expected }.at(&self.path));
        }
        let sent = self.frames.as_ref().map(|frames| frames.send(in_colors(picture)));
        if !matches!(sent, Some(Ok(()))) {
            // The encoder has ended, and says why.
            return self.end();
        }
        self.added += 1;
        Ok(())
    }

    /// Ends the film and gives the file its name.
    ///
    /// # Errors
    /// If there are fewer frames than were announced, or the file cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.end()
    }

    /// Waits for the encoder, which has all frames then.
    fn end(&mut self) -> Result<(), Error> {
        self.frames = None;
        match self.encoder.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(FileErrorKind::Video("the encoder stopped".to_owned()).at(&self.path)),
        }
    }
}

impl Drop for FilmWriter {
    /// Waits until the unfinished file is gone.
    fn drop(&mut self) {
        if self.encoder.is_some() {
            let _ = self.end();
        }
    }
}

/// What encodes all frames into a file, and stops where they end.
type Encode = fn(&mut NewFile, FilmOptions, &mut Frames) -> Result<(), Error>;

/// The frames of a film, as they come; each of its size.
struct Frames {
    receiver: Receiver<RgbImage>,
    taken: usize,
}

impl Iterator for Frames {
    type Item = RgbImage;

    fn next(&mut self) -> Option<RgbImage> {
        let frame = self.receiver.recv().ok()?;
        self.taken += 1;
        Some(frame)
    }
}

/// In colors, on white.
fn in_colors(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let mut rgb = picture.to_rgb8();
    for (rgb, rgba) in rgb.pixels_mut().zip(picture.to_rgba8().pixels()) {
        let [red, green, blue, alpha] = rgba.0.map(u32::from);
        rgb.0 = [red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    rgb
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::BufReader;

    use image::codecs::gif::GifDecoder;
    use image::codecs::png::PngDecoder;
    use image::{AnimationDecoder, Rgb};

    use super::*;
    use crate::error::FileError;

    const OPTIONS: FilmOptions =
        FilmOptions { size: (36, 20), fps: 30, frames: 30, looping: true, ffmpeg: false };

    fn frame(number: u32) -> DynamicImage {
        // Of fewer than 256 colors.
        let frame = RgbImage::from_fn(36, 20, |x, y| {
            let (x, y) = (x / 2, y / 2);
            Rgb([(x * 10 + number * 2) as u8, (y * 24) as u8, (255 - x * 8 - number) as u8])
        });
        frame.into()
    }

    fn save(path: &Path, options: FilmOptions) -> Result<(), Error> {
        let mut film = FilmWriter::create(path, options, true)?;
        (0..options.frames).try_for_each(|number| film.add(&frame(number)))?;
        film.finish()
    }

    /// The mean difference of colors.
    fn off(shown: &RgbImage, expected: &RgbImage) -> f64 {
        assert_eq!(shown.dimensions(), expected.dimensions());
        let differences =
            shown.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b)));
        differences.sum::<f64>() / shown.as_raw().len() as f64
    }

    fn kind(error: Error) -> FileErrorKind {
        let Error::File(FileError { kind, .. }) = error else { panic!("{error}") };
        kind
    }

    #[test]
    fn a_film_has_its_frames_and_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| BufReader::new(File::open(folder.path().join(name)).unwrap());
        let shown = |name: &str| {
            save(&folder.path().join(name), OPTIONS).unwrap();
            match name {
                "film.gif" => GifDecoder::new(open(name)).unwrap().into_frames().collect_frames(),
                _ => PngDecoder::new(open(name)).unwrap().apng().unwrap().into_frames().collect_frames(),
            }
            .unwrap()
        };
        // Colors of 256, not quite the picture's; all of them.
        for (name, most_off) in [("film.gif", 3.0), ("film.apng", 0.0)] {
            let shown = shown(name);
            assert_eq!(shown.len(), 30);
            let mut milliseconds = 0.0;
            for (number, shown) in shown.iter().enumerate() {
                let (numerator, denominator) = shown.delay().numer_denom_ms();
                milliseconds += f64::from(numerator) / f64::from(denominator);
                let shown = DynamicImage::from(shown.buffer().clone()).to_rgb8();
                let off = off(&shown, &frame(number as u32).to_rgb8());
                assert!(off <= most_off, "frame {number} of {name} is {off} off");
            }
            assert!((milliseconds - 1000.0).abs() < 1.0, "{name} lasts {milliseconds} ms");
        }
    }

    #[test]
    fn the_same_frames_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["gif", "apng", "mp4"] {
            let [first, second] = ["a", "b"].map(|name| folder.path().join(name).with_extension(ending));
            for path in [&first, &second] {
                save(path, FilmOptions { frames: 5, fps: 7, ..OPTIONS }).unwrap();
            }
            assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap(), "{ending}");
        }
    }

    #[test]
    fn what_is_transparent_is_on_white() {
        let half = image::Rgba([0, 100, 200, 102]);
        let picture = DynamicImage::from(image::RgbaImage::from_pixel(3, 2, half));
        assert_eq!(in_colors(&picture), RgbImage::from_pixel(3, 2, Rgb([153, 193, 233])));
        let grey = DynamicImage::from(image::GrayImage::from_pixel(3, 2, image::Luma([7])));
        assert_eq!(in_colors(&grey), RgbImage::from_pixel(3, 2, Rgb([7; 3])));
    }

    #[test]
    fn what_is_no_film_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["gif", "apng", "mp4"] {
            let path = folder.path().join("film").with_extension(ending);
            let refused = |options| FilmWriter::create(&path, options, false).unwrap_err();
            let error = refused(FilmOptions { frames: 0, ..OPTIONS });
            assert!(matches!(kind(error), FileErrorKind::NoFrames));
            for fps in [0, 241] {
                let error = refused(FilmOptions { fps, ..OPTIONS });
                assert!(matches!(error, Error::FramesPerSecond { .. }), "{error}");
            }
            let error = refused(FilmOptions { size: (0, 4), ..OPTIONS });
            assert!(matches!(kind(error), FileErrorKind::FilmSize { .. }));

            let mut film = FilmWriter::create(&path, OPTIONS, false).unwrap();
            film.add(&frame(0)).unwrap();
            let error = film.add(&DynamicImage::new_rgb8(20, 13)).unwrap_err();
            let message = format!("frame 1 of `{}` is 20x13, not 36x20", path.display());
            assert_eq!(error.to_string(), message);
            let error = film.finish().unwrap_err();
            assert!(
                matches!(kind(error), FileErrorKind::PictureCount { found: 1, expected: 30 }),
                "{ending}"
            );
            drop(FilmWriter::create(&path, OPTIONS, false).unwrap());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{ending}");
        }
        let error = save(&folder.path().join("film.gif"), FilmOptions { fps: 51, ..OPTIONS }).unwrap_err();
        assert_eq!(error.to_string(), "a GIF shows 1 to 50 frames a second, not 51");
        let error = save(&folder.path().join("film.webm"), OPTIONS).unwrap_err();
        assert!(matches!(kind(error), FileErrorKind::NeedsFfmpeg));
        let error = save(&folder.path().join("film.txt"), OPTIONS).unwrap_err();
        assert!(matches!(kind(error), FileErrorKind::NoFilm));

        let path = folder.path().join("film.gif");
        fs::write(&path, "precious").unwrap();
        let error = FilmWriter::create(&path, OPTIONS, false).unwrap_err();
        assert!(matches!(kind(error), FileErrorKind::Exists));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
