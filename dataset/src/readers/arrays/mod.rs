//! Small data sets that are one array of pixels: MNIST and its kin, CIFAR-10 and CIFAR-100.
//!
//! They are held in memory as a whole. As in the original's `dataset_tool.py`, a folder stands for its training set, and
//! pictures of 28x28 pixels get two black ones at every edge.

mod cifar;
mod cifar_pickle;
mod idx;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use stylegan_base::Resolution;

use super::decode::Decoded;
use super::picture_files::{self, system_reason};
use super::{Candidate, Listing, Reader};
use crate::error::{Error, ErrorKind};
use crate::found_labels::LabelFile;
use crate::labels::Labels;
use crate::left_out::LeftOut;

/// The largest array that is read, unpacked: five times CIFAR's.
const MAX_BYTES: u64 = 1 << 30;

#[derive(Debug)]
pub(super) struct Arrays {
    /// Channels, height and width of each picture.
    shape: [u32; 3],
    /// `[pictures, channels, height, width]`
    planes: Vec<u8>,
    listing: Listing,
}

/// What a form of array is read into.
struct Found {
    shape: [u32; 3],
    planes: Vec<u8>,
    label_file: Option<LabelFile>,
    labels: Option<Labels>,
    /// What was read, by its name.
    used: Vec<PathBuf>,
}

impl Reader for Arrays {
    fn recognizes(candidate: &Candidate<'_>) -> bool {
        idx::find(candidate.path, &candidate.inside, &candidate.head).is_some()
            || cifar::find(candidate.path, &candidate.inside, &candidate.head).is_some()
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let Candidate { inside, head, .. } = Candidate::look(path)?;
        let found = match (idx::find(path, &inside, &head), cifar::find(path, &inside, &head)) {
            (Some(files), _) => idx::read(path, &files)?,
            (None, Some(files)) => cifar::read(files)?,
            (None, None) => return Err(ErrorKind::NotASource { kind: None }.at(path)),
        };
        let Found { shape, planes, label_file, labels, used } = found;
        let picture_bytes = shape.iter().map(|&size| size as usize).product::<usize>().max(1);
        let count = planes.len() / picture_bytes;
        if count > picture_files::MAX_FILES {
            return Err(ErrorKind::TooManyFiles { count, limit: picture_files::MAX_FILES }.at(path));
        }
        let mut left_out = LeftOut::default();
        for name in inside {
            let file = path.join(&name);
            if file.is_file() && !used.contains(&file) {
                left_out.add_file(&name);
            }
        }
        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan array of pictures v1");
        for size in shape {
            fingerprint.update(&size.to_le_bytes());
        }
        fingerprint.update(&planes);
        if let Some(Labels::Classes { indices, .. }) = &labels {
            for class in indices {
                fingerprint.update(&class.to_le_bytes());
            }
        }
        let listing = Listing::numbered(count, left_out, label_file, labels, &fingerprint);
        Ok(Self { shape, planes, listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        let length = self.shape.iter().map(|&size| size as usize).product::<usize>();
        let planes = self.planes.get(index * length..(index + 1) * length);
        planes.map(<[u8]>::to_vec).ok_or_else(|| "no such picture".into())
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = self.bytes(index)?;
        bytes.truncate(length.try_into().unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn dimensions(&self, _index: usize) -> Result<(u32, u32), String> {
        let [_, height, width] = self.shape;
        Ok((width, height))
    }

    fn decode(&self, index: usize, _resolution: Resolution) -> Result<Decoded, String> {
        Decoded::from_planes(self.shape, &self.bytes(index)?)
    }
}

/// All bytes of a file, unpacked if it is a gzip; no more than `limit`, whatever it says of itself.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let mut file = File::open(path).map_err(|e| system_reason(&e))?;
    let metadata = file.metadata().map_err(|e| system_reason(&e))?;
    // A pipe would be waited for without end.
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    let mut bytes = Vec::new();
    let mut mark = [0; 2];
    let marked = file.read(&mut mark).map_err(|e| system_reason(&e))?;
    let whole = mark[..marked].chain(file);
    let read = if &mark == GZIP {
        GzDecoder::new(whole).take(limit + 1).read_to_end(&mut bytes)
    } else {
        whole.take(limit + 1).read_to_end(&mut bytes)
    };
    read.map_err(|e| system_reason(&e))?;
    if bytes.len() as u64 > limit { Err(format!("it holds more than {limit} bytes")) } else { Ok(bytes) }
}

/// What a gzip begins with.
const GZIP: &[u8; 2] = b"\x1f\x8b";

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(GZIP)
}
