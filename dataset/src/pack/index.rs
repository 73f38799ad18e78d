//! `index.json`, which says what a packed data set holds.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::levels::{bytes_per_picture, is_resolution};
use crate::error::{Error, ErrorKind};
use crate::labels::Labels;
use crate::readers::Converted;
use crate::skipped::{Skipped, printable};

const FORMAT: &str = "stylegan-pyramid";
const VERSION: u64 = 1;
const FILE_NAME: &str = "index.json";

/// More than the names of five million pictures take.
const MAX_BYTES: u64 = 1 << 30;

/// A packed data set, all but its pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Index {
    format: String,
    version: u64,
    /// The side of the largest level.
    pub(crate) resolution: usize,
    /// How many pictures each level holds.
    pub(crate) count: usize,
    /// The source's, when it was packed.
    pub(crate) fingerprint: String,
    /// Where the source was, for people.
    pub(crate) source: String,
    /// Whether the resolution was found from the pictures, not asked for.
    pub(crate) automatic_resolution: bool,
    pub(crate) upscaled: usize,
    pub(crate) converted: Converted,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) labels: Option<Labels>,
    /// The path of each picture inside the source.
    pub(crate) pictures: Vec<String>,
}

/// What any version of the format says first.
#[derive(Deserialize)]
struct Version {
    format: String,
    #[serde(default)]
    version: u64,
}

impl Index {
    pub(crate) fn new(resolution: usize, fingerprint: &str, source: &Path) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            resolution,
            count: 0,
            fingerprint: fingerprint.into(),
            source: source.display().to_string(),
            automatic_resolution: false,
            upscaled: 0,
            converted: Converted::default(),
            skipped: Vec::new(),
            labels: None,
            pictures: Vec::new(),
        }
    }

    /// How many bytes the levels take together.
    pub(crate) fn pixel_bytes(&self) -> u64 {
        self.count as u64 * bytes_per_picture(self.resolution) as u64
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
        if !is_resolution(self.resolution) {
            return Err(format!("gives the resolution {}", self.resolution));
        }
        if self.count == 0 || u32::try_from(self.count).is_err() {
            return Err(format!("gives {} pictures", self.count));
        }
        if self.pictures.len() != self.count {
            return Err(format!("names {} of {} pictures", self.pictures.len(), self.count));
        }
        if self.fingerprint.len() != 64 || !self.fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("has no fingerprint".into());
        }
        self.labels.as_ref().map_or(Ok(()), |labels| labels.validate(self.count))
    }

    /// Writes `index.json` into `folder` and waits until the disk has it.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE_NAME);
        let file = File::create_new(&path).map_err(Error::write(&path))?;
        let mut writer = BufWriter::new(file);
        serde_json::to_writer(&mut writer, self).map_err(|e| Error::write(&path)(e.into()))?;
        writer.write_all(b"\n").map_err(Error::write(&path))?;
        let file = writer.into_inner().map_err(|e| Error::write(&path)(e.into_error()))?;
        file.sync_all().map_err(Error::write(&path))
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
