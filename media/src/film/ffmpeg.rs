//! Whatever the program `ffmpeg` writes.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::{FilmOptions, Frames};
use crate::error::{Error, FileErrorKind};
use crate::file::NewFile;

/// What it complains about is told up to this length.
const MAX_WORDS: u64 = 2_000;

/// Makes sure that it can be run.
pub(super) fn check() -> Result<(), FileErrorKind> {
    let version = Command::new("ffmpeg")
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match version {
        Ok(status) if status.success() => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileErrorKind::Write(error)),
        _ => Err(FileErrorKind::NoFfmpeg),
    }
}

pub(super) fn encode(file: &mut NewFile, options: FilmOptions, frames: &mut Frames) -> Result<(), Error> {
    let path = file.path().to_path_buf();
    let failed = |error| FileErrorKind::Write(error).at(&path);
    // It writes a file of its own, of which it goes back to the beginning.
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut name = OsString::from("film.");
    name.push(path.extension().unwrap_or_default());
    let written = folder.path().join(name);
    run(&written, options, frames).map_err(|error| match error {
        Failure::Io(error) => failed(error),
        Failure::Words(words) => FileErrorKind::Video(words).at(&path),
    })?;
    let mut written = File::open(written).map_err(failed)?;
    io::copy(&mut written, file).map_err(failed)?;
    Ok(())
}

enum Failure {
    Io(io::Error),
    Words(String),
}

fn run(written: &Path, options: FilmOptions, frames: &mut Frames) -> Result<(), Failure> {
    let (width, height) = options.size;
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"])
        .args(["-s", &format!("{width}x{height}"), "-r", &options.fps.to_string(), "-i", "pipe:0"])
        // Colors at half the size, which all players know, ask for even sides.
        .args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"])
        .arg(written)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::Io)?;
    let (input, complaints) = (ffmpeg.stdin.take(), ffmpeg.stderr.take());
    // Read beside, or both would wait for one another.
    let listener = thread::spawn(move || {
        let mut words = Vec::new();
        if let Some(complaints) = complaints {
            let _ = complaints.take(MAX_WORDS).read_to_end(&mut words);
        }
        words
    });
    let mut sent = Ok(());
    if let Some(mut input) = input {
        sent = frames.by_ref().try_for_each(|frame| input.write_all(&frame));
    }
    let status = ffmpeg.wait().map_err(Failure::Io)?;
    let words = listener.join().unwrap_or_default();
    if !status.success() {
        let words: String =
            String::from_utf8_lossy(&words).chars().filter(|c| !c.is_control() || *c == '\n').collect();
        return Err(Failure::Words(format!("`ffmpeg` says: {}", words.trim())));
    }
    sent.map_err(Failure::Io)
}
