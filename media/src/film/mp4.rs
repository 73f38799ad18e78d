//! H.264 in MP4, by Cisco's library.

use std::io::{self, Seek, SeekFrom, Write};
use std::num::NonZeroU32;

use image::RgbImage;
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange,
    RateControlMode, VuiConfig,
};
use openh264::formats::{RgbSliceU8, YUVBuffer};
use shiguredo_mp4::boxes::{Avc1Box, AvccBox, SampleEntry, VisualSampleEntryFields};
use shiguredo_mp4::mux::{Mp4FileMuxer, Mp4FileMuxerOptions, Sample, estimate_maximum_moov_box_size};
use shiguredo_mp4::{TrackKind, Uint};

use super::{FilmOptions, Frames};
use crate::error::{Error, FileErrorKind};
use crate::file::NewFile;

/// The most pixels along the longer and along the shorter side that the encoder takes.
pub(super) const LARGEST: u32 = 3840;
const LARGEST_SHORTER: u32 = 2160;
/// A macroblock's side.
const SMALLEST: u32 = 16;

/// Quantizers of H.264, from 0 (best) to 51: differences that nobody sees.
const QUANTIZERS: QpRange = QpRange::new(12, 22);

/// Whether a film can have this size.
pub(super) fn is_possible((width, height): (u32, u32)) -> bool {
    width.min(height) >= SMALLEST && width.max(height) <= LARGEST && width.min(height) <= LARGEST_SHORTER
}

pub(super) fn encode(file: &mut NewFile, options: FilmOptions, frames: &mut Frames) -> Result<(), Error> {
    write(file, options, frames).map_err(|error| {
        match error {
            Failure::Io(error) => FileErrorKind::Write(error),
            Failure::Encoder(reason) => FileErrorKind::Video(reason),
        }
        .at(file.path())
    })
}

enum Failure {
    Io(io::Error),
    Encoder(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<openh264::Error> for Failure {
    fn from(error: openh264::Error) -> Self {
        Self::Encoder(error.to_string())
    }
}

impl From<shiguredo_mp4::mux::MuxError> for Failure {
    fn from(error: shiguredo_mp4::mux::MuxError) -> Self {
        Self::Encoder(error.to_string())
    }
}

fn write(file: &mut NewFile, options: FilmOptions, frames: &mut Frames) -> Result<(), Failure> {
    let (width, height) = (options.size.0.next_multiple_of(2), options.size.1.next_multiple_of(2));
    let fps = NonZeroU32::new(options.fps).unwrap_or(NonZeroU32::MIN);
    let mut encoder =
        Encoder::with_api_config(OpenH264API::from_source(), config(width * height, fps.get()))?;
    let muxer_options = Mp4FileMuxerOptions {
        // Players show the film before they have all of it.
        reserved_moov_box_size: estimate_maximum_moov_box_size(&[options.frames as usize]),
        ..Mp4FileMuxerOptions::default()
    };
    let mut muxer = Mp4FileMuxer::with_options(muxer_options)?;
    file.write_all(muxer.initial_boxes_bytes())?;
    let mut data_offset = muxer.initial_boxes_bytes().len() as u64;
    let mut pixels = YUVBuffer::new(width as usize, height as usize);
    let mut sample_entry = None;
    for (number, frame) in frames.enumerate() {
        let frame = even(frame);
        pixels.read_rgb8(RgbSliceU8::new(&frame, (width as usize, height as usize)));
        let encoded = encoder.encode(&pixels)?;
        let keyframe = matches!(encoded.frame_type(), FrameType::IDR | FrameType::I);
        let (parameters, data) = taken_apart(&encoded.to_vec());
        if number == 0 {
            sample_entry = Some(parameters.entry(width as u16, height as u16)?);
        }
        file.write_all(&data)?;
        muxer.append_sample(&Sample {
            track_kind: TrackKind::Video,
            // Told once.
            sample_entry: sample_entry.take(),
            keyframe,
            timescale: fps,
            duration: 1,
            composition_time_offset: None,
            data_offset,
            data_size: data.len(),
        })?;
        data_offset += data.len() as u64;
    }
    for (offset, bytes) in muxer.finalize()?.offset_and_bytes_pairs() {
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
    }
    Ok(())
}

fn config(pixels: u32, fps: u32) -> EncoderConfig {
    EncoderConfig::new()
        .debug(false)
        .max_frame_rate(FrameRate::from_hz(fps as f32))
        // More than is needed within the quantizers, which decide.
        .bitrate(BitRate::from_bps(pixels.saturating_mul(8 * fps).clamp(10_000_000, 400_000_000)))
        .rate_control_mode(RateControlMode::Bufferbased)
        .qp(QUANTIZERS)
        .complexity(Complexity::High)
        // Where players can jump to.
        .intra_frame_period(IntraFramePeriod::from_num_frames(2 * fps))
        // Otherwise frames would be left out where the bitrate is exceeded.
        .skip_frames(false)
        .scene_change_detect(false)
        // What moves slowly would be left as it was.
        .background_detection(false)
        .adaptive_quantization(false)
        // The same bytes on every machine.
        .num_threads(1)
        // The crate's conversion.
        .vui(VuiConfig::bt601())
}

/// With even sides, as colors at half the size ask for; the last column and row are repeated.
fn even(frame: RgbImage) -> RgbImage {
    let (width, height) = frame.dimensions();
    let (even_width, even_height) = (width.next_multiple_of(2), height.next_multiple_of(2));
    if (width, height) == (even_width, even_height) {
        return frame;
    }
    RgbImage::from_fn(even_width, even_height, |x, y| *frame.get_pixel(x.min(width - 1), y.min(height - 1)))
}

/// What a decoder needs before the first frame, each without a start code.
#[derive(Debug, Default)]
struct Parameters {
    sequence: Vec<u8>,
    picture: Vec<u8>,
}

impl Parameters {
    fn entry(self, width: u16, height: u16) -> Result<SampleEntry, Failure> {
        let &[_, profile, compatibility, level, ..] = self.sequence.as_slice() else {
            return Err(Failure::Encoder("it begins without parameters".to_owned()));
        };
        Ok(SampleEntry::Avc1(Avc1Box {
            visual: VisualSampleEntryFields {
                data_reference_index: VisualSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
                width,
                height,
                horizresolution: VisualSampleEntryFields::DEFAULT_HORIZRESOLUTION,
                vertresolution: VisualSampleEntryFields::DEFAULT_VERTRESOLUTION,
                frame_count: VisualSampleEntryFields::DEFAULT_FRAME_COUNT,
                compressorname: VisualSampleEntryFields::NULL_COMPRESSORNAME,
                depth: VisualSampleEntryFields::DEFAULT_DEPTH,
            },
            avcc_box: AvccBox {
                avc_profile_indication: profile,
                profile_compatibility: compatibility,
                avc_level_indication: level,
                // Lengths have four bytes.
                length_size_minus_one: Uint::new(3),
                sps_list: vec![self.sequence],
                pps_list: vec![self.picture],
                // Those of `High` alone have these.
                chroma_format: None,
                bit_depth_luma_minus8: None,
                bit_depth_chroma_minus8: None,
                sps_ext_list: Vec::new(),
            },
            unknown_boxes: Vec::new(),
        }))
    }
}

/// A frame as the encoder writes it, units behind start codes, as MP4 has it, units behind their lengths; parameters apart.
fn taken_apart(encoded: &[u8]) -> (Parameters, Vec<u8>) {
    const SEQUENCE: u8 = 7;
    const PICTURE: u8 = 8;
    let mut parameters = Parameters::default();
    let mut data = Vec::with_capacity(encoded.len());
    for unit in units(encoded) {
        match unit[0] & 31 {
            SEQUENCE => parameters.sequence = unit.to_vec(),
            PICTURE => parameters.picture = unit.to_vec(),
            _ => {
                data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                data.extend_from_slice(unit);
            }
        }
    }
    (parameters, data)
}

/// What stands between start codes, `00 00 01` or `00 00 00 01`; none is empty.
fn units(encoded: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts: Vec<usize> = (0..encoded.len().saturating_sub(2))
        .filter(|&at| encoded[at..at + 3] == [0, 0, 1])
        .map(|at| at + 3)
        .collect();
    let ends = starts.iter().skip(1).map(|start| start - 3).chain([encoded.len()]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| {
        // A unit never ends in zeros: they belong to the next one's start code.
        let unit = &encoded[start..end];
        let end = unit.iter().rposition(|&byte| byte != 0)?;
        Some(&unit[..=end])
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{DynamicImage, Rgb};
    use openh264::decoder::Decoder;
    use openh264::formats::YUVSource;
    use shiguredo_mp4::demux::{Input, Mp4FileDemuxer};

    use super::*;
    use crate::film::FilmWriter;

    fn frame((width, height): (u32, u32), number: u32) -> RgbImage {
        // Smooth, as colors at half the size ask for.
        let wave = |at: u32| (127.5 + 100.0 * (f64::from(at) / 20.0).sin()) as u8;
        RgbImage::from_fn(width, height, |x, y| Rgb([wave(x + number), wave(y), wave(x + y + 2 * number)]))
    }

    /// Reads it back, and compares what another program would see.
    #[test]
    fn frames_come_back() {
        let folder = tempfile::tempdir().unwrap();
        // An odd size as well.
        for size in [(64, 48), (33, 17)] {
            let path = folder.path().join("film.mp4");
            let options = FilmOptions { size, fps: 25, frames: 60, looping: false, ffmpeg: false };
            let mut film = FilmWriter::create(&path, options, true).unwrap();
            (0..60).try_for_each(|number| film.add(&DynamicImage::from(frame(size, number)))).unwrap();
            film.finish().unwrap();

            let bytes = fs::read(&path).unwrap();
            let mut demuxer = Mp4FileDemuxer::new();
            demuxer.handle_input(Input { position: 0, data: &bytes });
            let track = demuxer.tracks().unwrap()[0].clone();
            assert_eq!(track.duration, 60);
            assert_eq!(track.timescale.get(), 25);
            let mut decoder = Decoder::new().unwrap();
            let mut keyframes = Vec::new();
            for number in 0..60 {
                let sample = demuxer.next_sample().unwrap().unwrap();
                let mut encoded = Vec::new();
                if let Some(SampleEntry::Avc1(entry)) = sample.sample_entry {
                    for unit in entry.avcc_box.sps_list.iter().chain(&entry.avcc_box.pps_list) {
                        encoded.extend_from_slice(&[0, 0, 0, 1]);
                        encoded.extend_from_slice(unit);
                    }
                }
                let data = &bytes[sample.data_offset as usize..][..sample.data_size];
                let mut rest = data;
                while let Some((length, units)) = rest.split_first_chunk::<4>() {
                    let length = u32::from_be_bytes(*length) as usize;
                    encoded.extend_from_slice(&[0, 0, 0, 1]);
                    encoded.extend_from_slice(&units[..length]);
                    rest = &units[length..];
                }
                if sample.keyframe {
                    keyframes.push(number);
                }
                let decoded = decoder.decode(&encoded).unwrap().unwrap();
                let (width, height) = decoded.dimensions();
                assert_eq!(
                    (width, height),
                    (size.0.next_multiple_of(2) as usize, size.1.next_multiple_of(2) as usize)
                );
                let mut rgb = vec![0; width * height * 3];
                decoded.write_rgb8(&mut rgb);
                let shown = RgbImage::from_raw(width as u32, height as u32, rgb).unwrap();
                let expected = frame(size, number);
                let mut squares = 0.0;
                for (x, y, pixel) in expected.enumerate_pixels() {
                    let found = shown.get_pixel(x, y);
                    squares +=
                        (0..3).map(|c| (f64::from(pixel[c]) - f64::from(found[c])).powi(2)).sum::<f64>();
                }
                let mean_square = squares / expected.as_raw().len() as f64;
                let psnr = 10.0 * (255.0 * 255.0 / mean_square).log10();
                assert!(psnr > 28.0, "frame {number} of {size:?}: {psnr} dB");
            }
            assert_eq!(keyframes, [0, 50]);
        }
    }

    #[test]
    fn units_stand_between_start_codes() {
        let encoded = [0, 0, 0, 1, 7, 5, 0, 0, 0, 1, 8, 6, 0, 0, 1, 9, 0, 7, 0, 0, 1];
        assert_eq!(units(&encoded).collect::<Vec<_>>(), [&[7, 5][..], &[8, 6], &[9, 0, 7]]);
        assert_eq!(units(&[1, 2]).count(), 0);
    }

    #[test]
    fn sizes_that_the_encoder_takes() {
        for size in [(16, 16), (3840, 2160), (2160, 3840), (1024, 1024)] {
            assert!(is_possible(size), "{size:?}");
        }
        for size in [(8, 16), (3841, 16), (2161, 2161), (0, 0)] {
            assert!(!is_possible(size), "{size:?}");
        }
    }
}
