//! The header of a file: eight bytes of length, then JSON.
//!
//! safetensors' own writer takes the metadata as a hash map and writes them in its order, which differs from run to
//! run; this one writes keys and tensors in the order they are given. Reading leaves the checks of offsets and
//! lengths to safetensors.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::json;
use stylegan_base::FileKind;

use crate::ErrorKind;

/// No network's header comes near this; the largest takes about 60 KiB.
pub(super) const LIMIT_BYTES: u64 = 16 << 20;
/// Bytes before the JSON, which hold its length.
pub(super) const LENGTH_BYTES: usize = 8;

/// The metadata of a file.
pub(crate) type Texts = BTreeMap<String, String>;

/// What the header says of a tensor.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) dtype: Dtype,
    pub(super) shape: &'a [usize],
    /// Where its bytes start and end, counted from the first tensor's.
    pub(super) offsets: (usize, usize),
}

/// The bytes of a header, padded so that the tensors start at a multiple of the largest type.
pub(super) fn encode(texts: &Texts, entries: &[Entry<'_>]) -> serde_json::Result<Vec<u8>> {
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!(texts))]);
    for Entry { name, dtype, shape, offsets: (start, end) } in entries {
        header.insert(
            (*name).to_owned(),
            json!({ "dtype": dtype.to_string(), "shape": shape, "data_offsets": [start, end] }),
        );
    }
    let mut json = serde_json::to_vec(&header)?;
    json.resize(json.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    Ok(bytes)
}

/// The header of a file that is read.
pub(crate) struct Header {
    metadata: Metadata,
    /// Where the tensors start in the file.
    pub(super) data_start: usize,
}

impl Header {
    /// Reads the header of a file of `have` bytes from what it starts with, at least its header.
    pub(super) fn decode(bytes: &[u8], have: u64) -> Result<Self, ErrorKind> {
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
            return Err(ErrorKind::NotSafetensors { found: FileKind::of(bytes) });
        };
        let length = u64::from_le_bytes(*length);
        if rest.first().is_some_and(|&byte| byte != b'{') || length < 2 {
            return Err(ErrorKind::NotSafetensors { found: FileKind::of(bytes) });
        }
        if length > LIMIT_BYTES {
            return Err(ErrorKind::HeaderTooLarge { bytes: length, limit: LIMIT_BYTES });
        }
        let data_start = LENGTH_BYTES + length as usize;
        let Some(json) = bytes.get(LENGTH_BYTES..data_start) else {
            return Err(ErrorKind::Truncated { have, need: data_start as u64 });
        };
        let metadata: Metadata =
            serde_json::from_slice(json).map_err(|error| ErrorKind::Header { reason: error.to_string() })?;
        let need = (data_start as u64).saturating_add(metadata.data_len() as u64);
        if have < need {
            return Err(ErrorKind::Truncated { have, need });
        }
        if have > need {
            return Err(ErrorKind::TooLong { have, need });
        }
        Ok(Self { metadata, data_start })
    }

    /// One of the metadata.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// All of the metadata.
    pub(super) fn texts(&self) -> Texts {
        self.metadata.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// Bytes of all tensors.
    pub(super) fn data_len(&self) -> usize {
        self.metadata.data_len()
    }

    /// The tensors' names in the order of their bytes.
    pub(crate) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// Type, shape and offsets of a tensor.
    pub(crate) fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.metadata.info(name)
    }
}
