//! `index.json`, which says what a packed data set holds.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use stylegan_base::{Resolution, files, printable};

use super::contents::DIGEST_DIGITS;
use super::fit::Fit;
use super::format::Format;
use super::pixels::Converted;
use super::shard::ShardOfPack;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::{Error, ErrorKind};
use crate::found_labels::{FoundLabels, LabelFile};
use crate::labels::Labels;
use crate::skipped::Skipped;

const FORMAT: &str = "stylegan-pyramid";
/// 4 has 16 bits, 3 a height or channels of its own, and each is written where it has; 2 has digests of the pictures; of 1,
/// which has none, they are found from its pixels.
const VERSION: u64 = 4;
const VERSION_OF_EIGHT_BITS: u64 = 3;
const VERSION_OF_RGB_SQUARES: u64 = 2;
const FILE_NAME: &str = "index.json";

/// More than the names of five million pictures take.
const MAX_BYTES: u64 = 1 << 30;

/// A packed data set, all but its pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Index {
    format: String,
    version: u64,
    /// Width and height of the largest level.
    pub(crate) resolution: Resolution,
    #[serde(default, skip_serializing_if = "is_rgb")]
    pub(crate) channels: Channels,
    #[serde(default, skip_serializing_if = "is_eight")]
    pub(crate) bits: Bits,
    /// How many pictures each level holds.
    pub(crate) count: usize,
    /// The source's, of names, lengths and times, when it was packed.
    pub(crate) fingerprint: String,
    /// Where the source was, for people.
    pub(crate) source: String,
    /// Whether the resolution was found from the pictures, not asked for.
    pub(crate) automatic_resolution: bool,
    #[serde(default)]
    pub(crate) fit: Fit,
    pub(crate) upscaled: usize,
    /// Pictures of another ratio than the resolution.
    #[serde(default, rename = "not_square")]
    pub(crate) other_ratio: usize,
    /// Pictures without colors, where there could be some.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) colorless: usize,
    /// The largest resolution at which nearly nothing would be cut off, if the pictures have a ratio of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uncropped: Option<Resolution>,
    pub(crate) converted: Converted,
    /// What could not be read.
    pub(crate) skipped: Vec<Skipped>,
    /// What was left out since it is smaller than the resolution.
    #[serde(default)]
    pub(crate) too_small: Vec<Skipped>,
    /// Where labels were looked for; packs of earlier versions do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label_file: Option<LabelFile>,
    pub(crate) labels: Option<Labels>,
    /// Which part of the source it is, if it is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<ShardOfPack>,
    /// The path of each picture inside the source.
    pub(crate) pictures: Vec<String>,
    /// The digest of each picture's pixels at the largest level; empty if they were not taken yet.
    #[serde(default)]
    pub(crate) digests: Vec<String>,
}

/// What any version of the format says first.
#[derive(Deserialize)]
struct Version {
    format: String,
    #[serde(default)]
    version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_rgb(channels: &Channels) -> bool {
    *channels == Channels::Rgb
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_eight(bits: &Bits) -> bool {
    *bits == Bits::Eight
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Index {
    pub(crate) fn new(format: Format, fingerprint: &str, source: &Path) -> Self {
        let Format { resolution, channels, bits } = format;
        let Resolution { width, .. } = resolution;
        let is_rgb_square = resolution.is_square() && width.is_power_of_two() && channels == Channels::Rgb;
        Self {
            format: FORMAT.into(),
            version: match bits {
                Bits::Sixteen => VERSION,
                Bits::Eight if is_rgb_square => VERSION_OF_RGB_SQUARES,
                Bits::Eight => VERSION_OF_EIGHT_BITS,
            },
            resolution,
            channels,
            bits,
            count: 0,
            fingerprint: fingerprint.into(),
            source: source.display().to_string(),
            automatic_resolution: false,
            fit: Fit::default(),
            upscaled: 0,
            other_ratio: 0,
            colorless: 0,
            uncropped: None,
            converted: Converted::default(),
            skipped: Vec::new(),
            too_small: Vec::new(),
            label_file: None,
            labels: None,
            shard: None,
            pictures: Vec::new(),
            digests: Vec::new(),
        }
    }

    /// What its pictures are like.
    pub(crate) fn format(&self) -> Format {
        Format { resolution: self.resolution, channels: self.channels, bits: self.bits }
    }

    /// How many bytes the levels take together.
    pub(crate) fn pixel_bytes(&self) -> u64 {
        self.count as u64 * self.format().bytes() as u64
    }

    /// The index of the pack in `folder`; `None` if it is no pack.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE_NAME);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= MAX_BYTES => {}
            _ => return Ok(None),
        }
        let mut json = Vec::new();
        let file = File::open(&path).map_err(Error::read(&path))?;
        file.take(MAX_BYTES).read_to_end(&mut json).map_err(Error::read(&path))?;
        match serde_json::from_slice(&json) {
            Ok(Version { format, version }) if format == FORMAT => {
                if version > VERSION {
                    return Err(ErrorKind::NewerFormat { version, known: VERSION }.at(folder));
                }
            }
            // Cut off or overwritten, but once one of ours.
            Err(_) if contains(&json, FORMAT.as_bytes()) => {
                return Err(Error::damaged(folder, "`index.json` cannot be understood"));
            }
            _ => return Ok(None),
        }
        let index: Self = serde_json::from_slice(&json).map_err(|e| {
            Error::damaged(
                folder,
                format!("`index.json` cannot be understood: {}", printable(&e.to_string())),
            )
        })?;
        index.validate().map_err(|reason| Error::damaged(folder, format!("`index.json` {reason}")))?;
        Ok(Some(index))
    }

    fn validate(&self) -> Result<(), String> {
        if self.resolution.violation().is_some() {
            return Err(format!("gives the resolution {}", self.resolution.short()));
        }
        if self.count == 0 || u32::try_from(self.count).is_err() {
            return Err(format!("gives {} pictures", self.count));
        }
        if let Some(ShardOfPack { shard, .. }) = &self.shard
            && !shard.is_valid()
        {
            return Err(format!("is part {shard}"));
        }
        if self.pictures.len() != self.count {
            return Err(format!("names {} of {} pictures", self.pictures.len(), self.count));
        }
        if self.fingerprint.len() != 64 || !self.fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("has no fingerprint".into());
        }
        let is_digest =
            |text: &String| text.len() == DIGEST_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if ![0, self.count].contains(&self.digests.len()) || !self.digests.iter().all(is_digest) {
            return Err("has digests that are none of its pictures".into());
        }
        self.labels.as_ref().map_or(Ok(()), |labels| labels.validate(self.count))
    }

    /// What labels there are.
    pub(crate) fn found_labels(&self) -> FoundLabels<'_> {
        let Self { source, pictures, label_file, labels, .. } = self;
        FoundLabels {
            source: Path::new(source),
            names: pictures,
            file: label_file.as_ref(),
            labels: labels.as_ref(),
        }
    }

    /// Writes `index.json` into `folder` and waits until the disk has it.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE_NAME);
        files::write(&path, false, &mut |out| self.fill(out)).map_err(Error::write(&path))
    }

    /// Writes it in place of the one that is there, if that can be.
    pub(crate) fn rewrite(&self, folder: &Path) {
        // What it says more than before is found again where it cannot be kept.
        if let Err(error) = files::write(&folder.join(FILE_NAME), true, &mut |out| self.fill(out)) {
            tracing::debug!(%error, folder = %folder.display(), "digests not kept");
        }
    }

    fn fill(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// Whether it was written before packs had digests.
    pub(crate) fn is_early(&self) -> bool {
        self.version < 2
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
