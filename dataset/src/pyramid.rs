//! A packed data set, mapped into memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::{Error, Skipped};
use crate::index::Index;
use crate::labels::Labels;
use crate::levels::sides;

/// A packed data set: every picture at every side, read without decoding.
///
/// A pack is a folder of `level-0064.bin`, `level-0032.bin`, … with the u8 pixels `[pictures, 3, side, side]`, and
/// of `index.json`, which says what they are. The files are mapped, not read: opening is instant, and the system
/// keeps in memory what is used.
#[derive(Debug)]
pub struct Pyramid {
    path: PathBuf,
    index: Index,
    /// From the largest side down.
    levels: Vec<Mmap>,
}

/// What the level of that side is called.
pub(crate) fn level_file_name(side: usize) -> String {
    format!("level-{side:04}.bin")
}

impl Pyramid {
    /// Opens the pack in the folder `path`.
    ///
    /// # Errors
    /// If there is none, it is damaged, or a newer version wrote it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        if !path.exists() {
            return Err(Error::NotFound { path });
        }
        match Index::find(&path)? {
            Some(index) => Self::with_index(path, index),
            None => Err(Error::NotAPack { path }),
        }
    }

    pub(crate) fn with_index(path: PathBuf, index: Index) -> Result<Self, Error> {
        let levels = sides(index.resolution)
            .map(|side| map_level(&path, index.count, side))
            .collect::<Result<_, _>>()?;
        Ok(Self { path, index, levels })
    }

    /// How many pictures there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a pack is never empty")]
    pub fn len(&self) -> usize {
        self.index.count
    }

    /// The side of the largest level; there is one for each power of two from 4 up to it.
    pub fn resolution(&self) -> usize {
        self.index.resolution
    }

    /// The folder it lies in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The fingerprint that the source had when it was packed, 64 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.index.fingerprint
    }

    /// The path of each picture inside the source.
    pub fn names(&self) -> &[String] {
        &self.index.pictures
    }

    /// The files of the source that could not be read when it was packed.
    pub fn skipped(&self) -> &[Skipped] {
        &self.index.skipped
    }

    /// The labels of the pictures, if the source had any.
    pub fn labels(&self) -> Option<&Labels> {
        self.index.labels.as_ref()
    }

    /// The pixels of one picture at one side, `[3, side, side]`.
    ///
    /// # Errors
    /// If there is no such level or picture.
    pub fn picture(&self, side: usize, index: usize) -> Result<&[u8], Error> {
        let Index { resolution, count, .. } = self.index;
        let level = sides(resolution)
            .position(|known| known == side)
            .map(|level| &self.levels[level])
            .ok_or(Error::NoSuchLevel { side, resolution })?;
        let length = 3 * side * side;
        if index >= count {
            return Err(Error::NoSuchPicture { index, count });
        }
        Ok(&level[index * length..(index + 1) * length])
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

fn map_level(folder: &Path, count: usize, side: usize) -> Result<Mmap, Error> {
    let name = level_file_name(side);
    let path = folder.join(&name);
    let length = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => return Err(Error::damaged(folder, format!("`{name}` is missing"))),
    };
    let expected = (count as u64).checked_mul(3 * (side * side) as u64);
    if expected != Some(length) {
        let expected = expected.map_or_else(|| "more".into(), |bytes| bytes.to_string());
        return Err(Error::damaged(folder, format!("`{name}` has {length} bytes instead of {expected}")));
    }
    let file = File::open(&path).map_err(Error::read(&path))?;
    // SAFETY: the mapping is read-only and its bytes are plain numbers, any of which is valid. This program writes a
    // level file only under a name that no mapping uses and never changes one afterwards. Should another program cut
    // the file off while it is mapped, the system ends the process; it cannot make it read other memory.
    #[expect(unsafe_code, reason = "reading without decoding or copying needs a memory map")]
    let mapping = unsafe { Mmap::map(&file) }.map_err(Error::read(&path))?;
    if mapping.len() as u64 != length {
        return Err(Error::damaged(folder, format!("`{name}` changed while it was opened")));
    }
    Ok(mapping)
}
