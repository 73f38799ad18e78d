//! The header of a checkpoint: eight bytes of length, then JSON.
//!
//! safetensors' own writer takes the metadata as a hash map and writes them in its order, which differs from run to
//! run; this one writes keys and tensors in the order they are given. Reading leaves the checks of offsets and
//! lengths to safetensors.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::DType;
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{Error, Meta, Result};

/// No checkpoint's header comes near this; the largest network's takes about 60 KiB.
pub(crate) const LIMIT_BYTES: u64 = 16 << 20;
/// Bytes before the JSON, which hold its length.
pub(crate) const LENGTH_BYTES: usize = 8;

const FORMAT: &str = "stylegan";
const VERSION: u64 = 1;
const WRITTEN_BY: &str = concat!("stylegan ", env!("CARGO_PKG_VERSION"));

/// A tensor to be written.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
}

/// The bytes of the header, for tensors that follow it in this order.
pub(crate) fn encode(meta: &Meta, entries: &[Entry]) -> serde_json::Result<Vec<u8>> {
    let mut metadata = BTreeMap::from([
        ("format", FORMAT.to_owned()),
        ("format_version", VERSION.to_string()),
        ("written_by", WRITTEN_BY.to_owned()),
        ("generator", serde_json::to_string(&meta.generator)?),
        ("progress", serde_json::to_string(&meta.progress)?),
    ]);
    if let Some(discriminator) = &meta.discriminator {
        metadata.insert("discriminator", serde_json::to_string(discriminator)?);
    }
    if let Some(config) = &meta.config {
        metadata.insert("config", config.clone());
    }
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!(metadata))]);
    let mut start = 0;
    for Entry { name, dtype, shape } in entries {
        let end = start + shape.iter().product::<usize>() * dtype.size_in_bytes();
        let dtype = format!("{:?}", file_type(*dtype).unwrap_or(Dtype::U8));
        header.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] }));
        start = end;
    }
    let mut json = serde_json::to_vec(&header)?;
    // The tensors start at a multiple of the largest type.
    json.resize(json.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    Ok(bytes)
}

/// The type of floating point numbers in the file, if it is one.
pub(crate) fn file_type(dtype: DType) -> Option<Dtype> {
    TYPES.iter().find(|(ours, _)| *ours == dtype).map(|(_, file)| *file)
}

/// The same the other way round.
pub(crate) fn tensor_type(dtype: Dtype) -> Option<DType> {
    TYPES.iter().find(|(_, file)| *file == dtype).map(|(ours, _)| *ours)
}

const TYPES: [(DType, Dtype); 4] = [
    (DType::F64, Dtype::F64),
    (DType::F32, Dtype::F32),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
];

/// Reads the header of a whole file; returns it and where the tensors start.
pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<(Metadata, usize)> {
    let path = || path.to_owned();
    let have = bytes.len() as u64;
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(Error::NotSafetensors { path: path(), looks_like: looks_like(bytes) });
    };
    let length = u64::from_le_bytes(*length);
    if rest.first().is_some_and(|&byte| byte != b'{') || length < 2 {
        return Err(Error::NotSafetensors { path: path(), looks_like: looks_like(bytes) });
    }
    if length > LIMIT_BYTES {
        return Err(Error::HeaderTooLarge { path: path(), bytes: length, limit: LIMIT_BYTES });
    }
    let start = LENGTH_BYTES + length as usize;
    let Some(json) = bytes.get(LENGTH_BYTES..start) else {
        return Err(Error::Truncated { path: path(), have, need: start as u64 });
    };
    let header: Metadata = serde_json::from_slice(json)
        .map_err(|error| Error::Header { path: path(), reason: error.to_string() })?;
    let need = (start as u64).saturating_add(header.data_len() as u64);
    if have < need {
        return Err(Error::Truncated { path: path(), have, need });
    }
    if have > need {
        return Err(Error::TooLong { path: path(), have, need });
    }
    Ok((header, start))
}

/// What the first bytes of a file that is no safetensors file say about it.
fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 6] = [
        (b"PK\x03\x04", "a zip archive, as PyTorch writes them, not a safetensors file"),
        (b"\x80\x02", "a Python pickle, not a safetensors file"),
        (b"\x80\x03", "a Python pickle, not a safetensors file"),
        (b"\x80\x04", "a Python pickle, not a safetensors file"),
        (b"\x80\x05", "a Python pickle, not a safetensors file"),
        (b"\x89PNG", "a PNG picture, not a safetensors file"),
    ];
    if bytes.is_empty() {
        return Some("empty");
    }
    SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, name)| *name)
}

/// Reads the metadata of this program out of a header; returns them and what wrote the file.
pub(crate) fn meta(header: &Metadata, path: &Path) -> Result<(Meta, String)> {
    let text = |key: &str| header.metadata().as_ref().and_then(|all| all.get(key)).map(String::as_str);
    let wrong = |key, reason: String| Error::Metadata { path: path.to_owned(), key, reason };
    if text("format") != Some(FORMAT) {
        return Err(Error::OtherKind { path: path.to_owned() });
    }
    let version = text("format_version").ok_or_else(|| wrong("format_version", "is missing".to_owned()))?;
    let version: u64 =
        version.parse().map_err(|_| wrong("format_version", format!("is `{version}`, not a number")))?;
    let written_by: String =
        text("written_by").unwrap_or("unknown").chars().filter(|c| !c.is_control()).take(80).collect();
    if version > VERSION {
        return Err(Error::NewerFormat { path: path.to_owned(), found: version, known: VERSION, written_by });
    }
    if version == 0 {
        return Err(wrong("format_version", "is 0, but the first version is 1".to_owned()));
    }
    let meta = Meta {
        generator: required(text("generator")).map_err(|reason| wrong("generator", reason))?,
        discriminator: text("discriminator")
            .map(|json| required(Some(json)))
            .transpose()
            .map_err(|reason| wrong("discriminator", reason))?,
        progress: required(text("progress")).map_err(|reason| wrong("progress", reason))?,
        config: text("config").map(str::to_owned),
    };
    let violations = meta.violations();
    if violations.is_empty() {
        Ok((meta, written_by))
    } else {
        Err(Error::Config { path: path.to_owned(), violations })
    }
}

fn required<T: DeserializeOwned>(json: Option<&str>) -> std::result::Result<T, String> {
    let json = json.ok_or("is missing")?;
    serde_json::from_str(json).map_err(|error| format!("cannot be understood: {error}"))
}
