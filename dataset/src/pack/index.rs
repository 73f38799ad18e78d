//! `index.json`, which says what a packed data set holds.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use stylegan_base::files;

use super::contents::DIGEST_DIGITS;
use super::fit::Fit;
use super::levels::{bytes_per_picture, is_resolution};
use crate::error::{Error, ErrorKind};
use crate::found_labels::LabelFile;
use crate::labels::Labels;
use crate::readers::Converted;
use crate::skipped::{Skipped, printable};

const FORMAT: &str = "stylegan-pyramid";
/// 2 has digests of the pictures; of 1, which has none, they are found from its pixels.
const VERSION: u64 = 2;
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
    /// The source's, of names, lengths and times, when it was packed.
    pub(crate) fingerprint: String,
    /// Where the source was, for people.
    pub(crate) source: String,
    /// Whether the resolution was found from the pictures, not asked for.
    pub(crate) automatic_resolution: bool,
    #[serde(default)]
    pub(crate) fit: Fit,
    pub(crate) upscaled: usize,
    #[serde(default)]
    pub(crate) not_square: usize,
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
    /// The path of each picture inside the source.
    pub(crate) pictures: Vec<String>,
    /// The digest of each picture's pixels at the largest side; empty if they were not taken yet.
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
            fit: Fit::default(),
            upscaled: 0,
            not_square: 0,
            converted: Converted::default(),
            skipped: Vec::new(),
            too_small: Vec::new(),
            label_file: None,
            labels: None,
            pictures: Vec::new(),
            digests: Vec::new(),
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
        let is_digest =
            |text: &String| text.len() == DIGEST_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if ![0, self.count].contains(&self.digests.len()) || !self.digests.iter().all(is_digest) {
            return Err("has digests that are none of its pictures".into());
        }
        self.labels.as_ref().map_or(Ok(()), |labels| labels.validate(self.count))
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
