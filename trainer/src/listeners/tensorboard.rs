//! Event files as TensorBoard reads them: records of protobuf messages.
//!
//! The messages are those of TensorFlow's `event.proto` and `summary.proto`, as far as they are written here.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use prost::Message;

use super::Listener;
use super::append::AppendFile;
use crate::Event;

/// `tensorflow.Event`
#[derive(Message)]
struct Record {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    /// Real pictures shown.
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// `tensorflow.Summary`
#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

/// `tensorflow.Summary.Value`
#[derive(Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Shown", tags = "2, 4")]
    shown: Option<Shown>,
}

#[derive(prost::Oneof)]
enum Shown {
    #[prost(float, tag = "2")]
    Scalar(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

/// `tensorflow.Summary.Image`
#[derive(Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// 3 for RGB.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    png: Vec<u8>,
}

/// `tensorflow.SessionLog`: status 1 makes TensorBoard forget what an earlier file says about this step and later ones.
#[derive(Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

const START: i32 = 1;

/// Writes one event file for each time that the run is started.
#[derive(Debug)]
pub(super) struct TensorBoard(AppendFile);

impl TensorBoard {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let host = gethostname::gethostname();
        let name = format!(
            "events.out.tfevents.{:010}.{}.{}",
            now().floor(),
            host.to_string_lossy().replace('/', "_"),
            std::process::id()
        );
        let mut file = AppendFile::open(&folder.join(name))?;
        file.append(&framed(0, What::FileVersion("brain.Event:2".to_owned())))?;
        Ok(Self(file))
    }

    fn write(&mut self, kimg: f64, what: What) -> io::Result<()> {
        self.0.append(&framed((kimg * 1000.0).round() as i64, what))
    }
}

impl Listener for TensorBoard {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started { kimg, .. } | Event::RolledBack { kimg, .. } => {
                // What was written at this very time is good.
                self.write(kimg + 0.001, What::SessionLog(SessionLog { status: START }))
            }
            Event::Tick(tick) => {
                let values = match serde_json::to_value(tick)? {
                    serde_json::Value::Object(fields) => fields
                        .into_iter()
                        .filter_map(|(tag, number)| {
                            Some(Value { tag, shown: Some(Shown::Scalar(number.as_f64()? as f32)) })
                        })
                        .collect(),
                    _ => Vec::new(),
                };
                self.write(tick.kimg, What::Summary(Summary { values }))
            }
            Event::Grid { name, path, kimg } if name != "reals" => {
                let png = fs::read(path)?;
                let Some((width, height)) = png_size(&png) else {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("`{}` is no PNG", path.display()),
                    ));
                };
                let shown = Some(Shown::Image(Image { height, width, colorspace: 3, png }));
                let tag = name.clone();
                self.write(*kimg, What::Summary(Summary { values: vec![Value { tag, shown }] }))
            }
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        "events.out.tfevents.*"
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Width and height, from the first chunk of every PNG.
fn png_size(png: &[u8]) -> Option<(i32, i32)> {
    let number = |at: usize| Some(i32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

/// A `TFRecord`: length and its checksum, the message and its checksum.
fn framed(step: i64, what: What) -> Vec<u8> {
    let message = Record { wall_time: now(), step, what: Some(what) }.encode_to_vec();
    let length = (message.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked_crc32c(&length).to_le_bytes());
    let crc = masked_crc32c(&message);
    record.extend(message);
    record.extend(crc.to_le_bytes());
    record
}

/// Rotated and shifted, as a checksum of data that holds checksums would be weak.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_frames_it() {
        let record = framed(7, What::FileVersion("brain.Event:2".to_owned()));
        let length = u64::from_le_bytes(record[..8].try_into().unwrap()) as usize;
        assert_eq!(record.len(), 8 + 4 + length + 4);
        let message = Record::decode(&record[12..12 + length]).unwrap();
        assert_eq!(message.step, 7);
        assert!(matches!(message.what, Some(What::FileVersion(version)) if version == "brain.Event:2"));
        // TensorFlow's own files start with these bytes: 24 of length, and the checksum of that.
        assert_eq!(masked_crc32c(&24u64.to_le_bytes()).to_le_bytes(), [0xa3, 0x7f, 0x4b, 0x22]);
    }
}
