//! Animated PNG, which loses nothing.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

use super::{FilmOptions, Frames};
use crate::error::Error;
use crate::file::NewFile;

pub(super) fn encode(file: &mut NewFile, options: FilmOptions, frames: &mut Frames) -> Result<(), Error> {
    write(file, options, frames).or_else(|error| match error {
        // Fewer frames than were announced: whoever counts them says so.
        EncodingError::Format(_) if frames.taken < options.frames as usize => Ok(()),
        error => Err(file.error(error)),
    })
}

fn write(file: &mut NewFile, options: FilmOptions, frames: &mut Frames) -> Result<(), EncodingError> {
    let mut encoder = Encoder::new(file, options.size.0, options.size.1);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_animated(options.frames, u32::from(!options.looping))?;
    encoder.set_frame_delay(1, options.fps as u16)?;
    let mut writer = encoder.write_header()?;
    for frame in frames {
        writer.write_image_data(&frame)?;
    }
    writer.finish()
}
