//! Features of reals, kept so that they are computed once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use stylegan_base::files::NewFile;
use stylegan_features::FeatureNetwork;

/// Bytes of the header of every file, its length included; filled up with spaces.
const HEADER: usize = 4096;
/// Rows that are read at a time.
const ROWS: usize = 1024;

/// What features are of: whose pictures, how many of them, through which network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeatureKey {
    pictures: String,
    count: usize,
    network: String,
    network_fingerprint: String,
    width: usize,
}

impl FeatureKey {
    pub(crate) fn new(pictures: String, count: usize, network: &dyn FeatureNetwork) -> Self {
        Self {
            pictures,
            count,
            network: network.name().to_owned(),
            network_fingerprint: network.fingerprint(),
            width: network.width(),
        }
    }

    /// The file of these features.
    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        let hash = stylegan_base::short_hash(self.text().as_bytes());
        folder.join(format!("features-{}-{hash}.safetensors", self.network))
    }

    /// All that it says, in a fixed order.
    fn text(&self) -> String {
        let Self { pictures, count, network, network_fingerprint, width } = self;
        json!({
            "pictures": pictures,
            "count": count,
            "network": network,
            "network_fingerprint": network_fingerprint,
            "width": width,
        })
        .to_string()
    }
}

/// Features that are written while they are computed.
pub(crate) struct FeatureWriter {
    file: NewFile,
    key: FeatureKey,
    rows: usize,
}

impl FeatureWriter {
    pub(crate) fn create(key: FeatureKey, folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut file = NewFile::create(&key.path(folder), true)?;
        file.write_all(&[b' '; HEADER])?;
        Ok(Self { file, key, rows: 0 })
    }

    /// Takes in `[rows, width]`.
    pub(crate) fn add(&mut self, rows: &Tensor) -> io::Result<()> {
        let values = rows.flatten_all().and_then(|rows| rows.to_vec1::<f32>()).map_err(io::Error::other)?;
        self.rows += values.len() / self.key.width.max(1);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.file.write_all(&bytes)
    }

    /// Gives the file its header and its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let bytes = self.rows * self.key.width * 4;
        let header = json!({
            "__metadata__": { "features_of": self.key.text() },
            "features": { "dtype": "F32", "shape": [self.rows, self.key.width], "data_offsets": [0, bytes] },
        })
        .to_string();
        let length = HEADER - 8;
        if header.len() > length {
            return Err(io::Error::other("the names of pictures and network are too long"));
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&(length as u64).to_le_bytes())?;
        self.file.write_all(header.as_bytes())?;
        self.file.finish()
    }
}

/// Features that were kept.
pub(crate) struct FeatureReader {
    file: File,
    rows: usize,
    width: usize,
}

impl FeatureReader {
    /// The file of this key; none if there is none, or it is not what this room writes.
    pub(crate) fn open(key: &FeatureKey, folder: &Path) -> Option<Self> {
        let path = key.path(folder);
        let mut file = File::open(&path).ok()?;
        let mut start = [0; HEADER];
        file.read_exact(&mut start).ok()?;
        let (length, header) = start.split_first_chunk::<8>()?;
        let rows = rows_of(key, header).filter(|_| u64::from_le_bytes(*length) == (HEADER - 8) as u64);
        let expected = |rows: usize| (HEADER + rows * key.width * 4) as u64;
        let is_whole = |rows: usize| file.metadata().is_ok_and(|found| found.len() == expected(rows));
        let rows = rows.filter(|rows| *rows <= key.count && is_whole(*rows));
        if rows.is_none() {
            tracing::warn!(path = %path.display(), "features that cannot be read are computed anew");
        }
        Some(Self { file, rows: rows?, width: key.width })
    }

    /// Shows all rows in order, `[rows, width]`.
    pub(crate) fn each<E: From<candle_core::Error>>(
        mut self,
        mut visit: impl FnMut(&Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        for first in (0..self.rows).step_by(ROWS) {
            let rows = ROWS.min(self.rows - first);
            let mut bytes = vec![0; rows * self.width * 4];
            self.file.read_exact(&mut bytes).map_err(candle_core::Error::wrap)?;
            let values: Vec<f32> =
                bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            visit(&Tensor::from_vec(values, (rows, self.width), &Device::Cpu)?)?;
        }
        Ok(())
    }
}

/// The number of rows that a header of this key tells.
fn rows_of(key: &FeatureKey, header: &[u8]) -> Option<usize> {
    let header: Value = serde_json::from_slice(header).ok()?;
    if header["__metadata__"]["features_of"].as_str()? != key.text() {
        return None;
    }
    let shape = header["features"]["shape"].as_array()?;
    let [rows, width] = shape.as_slice() else { return None };
    let is_width = width.as_u64() == Some(key.width as u64);
    rows.as_u64().and_then(|rows| usize::try_from(rows).ok()).filter(|_| is_width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Means;

    fn read(key: &FeatureKey, folder: &Path) -> Option<Vec<Vec<f32>>> {
        let mut all = Vec::new();
        FeatureReader::open(key, folder)?
            .each(|rows| {
                all.extend(rows.to_vec2::<f32>()?);
                Ok::<(), candle_core::Error>(())
            })
            .ok()?;
        Some(all)
    }

    #[test]
    fn what_is_kept_comes_back_and_nothing_else() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let key = |count| FeatureKey::new("abc".to_owned(), count, &Means);
        let rows = Tensor::arange(0f32, (ROWS as f32 + 6.0) * 3.0, &Device::Cpu)?.reshape((ROWS + 6, 3))?;
        assert!(FeatureReader::open(&key(2000), folder.path()).is_none());
        let mut writer = FeatureWriter::create(key(2000), folder.path())?;
        for (first, count) in [(0, 5), (5, ROWS + 1)] {
            writer.add(&rows.narrow(0, first, count)?)?;
        }
        // Nothing is there until it is whole.
        assert!(FeatureReader::open(&key(2000), folder.path()).is_none());
        writer.finish()?;
        assert_eq!(read(&key(2000), folder.path()), Some(rows.to_vec2()?));
        assert!(read(&key(1999), folder.path()).is_none());

        // Whoever reads safetensors reads it.
        let path = key(2000).path(folder.path());
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)?;
        assert_eq!(tensors["features"].dims(), [ROWS + 6, 3]);

        let bytes = std::fs::read(&path)?;
        for damaged in [&bytes[..bytes.len() - 1], &bytes[..HEADER - 1], &[], &[&bytes[..], &[0]].concat()] {
            std::fs::write(&path, damaged)?;
            assert!(read(&key(2000), folder.path()).is_none());
        }
        for at in [0, 7, 8, 60, 200] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            std::fs::write(&path, &damaged)?;
            assert!(read(&key(2000), folder.path()).is_none_or(|read| read.len() == ROWS + 6), "{at}");
        }
        Ok(())
    }
}
