//! The header of a checkpoint or a training state: eight bytes of length, then JSON.
//!
//! safetensors' own writer takes the metadata as a hash map and writes them in its order, which differs from run to
//! run; this one writes keys and tensors in the order they are given. Reading leaves the checks of offsets and
//! lengths to safetensors.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use candle_core::{DType, Tensor};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::de::DeserializeOwned;
use serde_json::json;
use stylegan_generator::SeedStyle;

use crate::state::FORMAT as STATE_FORMAT;
use crate::{Error, Meta, Result};

/// No checkpoint's header comes near this; the largest network's takes about 60 KiB.
pub(crate) const LIMIT_BYTES: u64 = 16 << 20;
/// Bytes before the JSON, which hold its length.
pub(crate) const LENGTH_BYTES: usize = 8;

pub(crate) const FORMAT: &str = "stylegan";
/// Version 1 had no checksum.
const VERSION: u64 = 2;
pub(crate) const CHECKSUM: &str = "checksum";
pub(crate) const WRITTEN_BY: &str = concat!("stylegan ", env!("CARGO_PKG_VERSION"));

/// The metadata of a file.
pub(crate) type Texts = BTreeMap<String, String>;

/// The bytes of the header, for tensors that follow it in this order, and the file's checksum.
pub(crate) fn encode(mut texts: Texts, tensors: &[(String, Tensor)]) -> Result<(Vec<u8>, String)> {
    let mut places = Vec::new();
    let mut start = 0;
    for (name, tensor) in tensors {
        let end = start + tensor.elem_count() * tensor.dtype().size_in_bytes();
        let dtype = file_type(tensor.dtype()).unwrap_or(Dtype::U8);
        places.push(Place { name, dtype, shape: tensor.dims(), offsets: (start, end) });
        start = end;
    }
    let mut sum = Checksum::of_header(&texts, places.clone());
    let mut buffered = BufWriter::with_capacity(1 << 16, &mut sum);
    for (_, tensor) in tensors {
        tensor.write_bytes(&mut buffered)?;
    }
    buffered.flush().map_err(candle_core::Error::from)?;
    drop(buffered);
    let sum = sum.finish();
    texts.insert(CHECKSUM.to_owned(), sum.clone());

    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!(texts))]);
    for Place { name, dtype, shape, offsets: (start, end) } in places {
        header.insert(
            name.to_owned(),
            json!({ "dtype": dtype.to_string(), "shape": shape, "data_offsets": [start, end] }),
        );
    }
    let mut json = serde_json::to_vec(&header).map_err(candle_core::Error::wrap)?;
    // The tensors start at a multiple of the largest type.
    json.resize(json.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    Ok((bytes, sum))
}

/// The metadata of a checkpoint.
pub(crate) fn texts_of(meta: &Meta) -> serde_json::Result<Texts> {
    let mut texts = BTreeMap::from([
        ("format", FORMAT.to_owned()),
        ("format_version", VERSION.to_string()),
        ("written_by", WRITTEN_BY.to_owned()),
        ("generator", serde_json::to_string(&meta.generator)?),
        ("progress", serde_json::to_string(&meta.progress)?),
    ]);
    if let Some(critic) = &meta.critic {
        texts.insert("discriminator", serde_json::to_string(critic)?);
    }
    if let Some(config) = &meta.config {
        texts.insert("config", config.clone());
    }
    if meta.seed_style != SeedStyle::default() {
        texts.insert("seed_style", meta.seed_style.to_string());
    }
    if let Some(source) = &meta.source {
        texts.insert("source", source.clone());
    }
    Ok(texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect())
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

/// Reads the header of a file of `have` bytes from what it starts with, at least its header; returns it and where the
/// tensors start.
pub(crate) fn decode(bytes: &[u8], have: u64, path: &Path) -> Result<(Metadata, usize)> {
    let path = || path.to_owned();
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

/// One of the metadata of a header.
pub(crate) fn text<'a>(header: &'a Metadata, key: &str) -> Option<&'a str> {
    header.metadata().as_ref()?.get(key).map(String::as_str)
}

/// A text for people, without what could upset a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// The version of a file of the format `format`, and what wrote it.
pub(crate) fn version(header: &Metadata, format: &str, known: u64, path: &Path) -> Result<(u64, String)> {
    let wrong =
        |reason: String| Err(Error::Metadata { path: path.to_owned(), key: "format_version", reason });
    match text(header, "format") {
        Some(found) if found == format => {}
        Some(STATE_FORMAT) => return Err(Error::IsState { path: path.to_owned() }),
        _ => return Err(Error::OtherKind { path: path.to_owned() }),
    }
    let Some(version) = text(header, "format_version") else { return wrong("is missing".to_owned()) };
    let Ok(found) = version.parse::<u64>() else { return wrong(format!("is `{version}`, not a number")) };
    let written_by = printable(text(header, "written_by").unwrap_or("unknown"));
    if found > known {
        return Err(Error::NewerFormat { path: path.to_owned(), found, known, written_by });
    }
    if found == 0 {
        return wrong("is 0, but the first version is 1".to_owned());
    }
    Ok((found, written_by))
}

/// Reads the metadata of a checkpoint out of its header; returns them and what wrote the file.
pub(crate) fn meta(header: &Metadata, path: &Path) -> Result<(Meta, String)> {
    let wrong = |key, reason: String| Error::Metadata { path: path.to_owned(), key, reason };
    let (version, written_by) = version(header, FORMAT, VERSION, path)?;
    if version > 1 && text(header, CHECKSUM).is_none() {
        return Err(wrong(CHECKSUM, "is missing".to_owned()));
    }
    let text = |key| text(header, key);
    let meta = Meta {
        generator: required(text("generator")).map_err(|reason| wrong("generator", reason))?,
        critic: text("discriminator")
            .map(|json| required(Some(json)))
            .transpose()
            .map_err(|reason| wrong("discriminator", reason))?,
        progress: required(text("progress")).map_err(|reason| wrong("progress", reason))?,
        config: text("config").map(str::to_owned),
        seed_style: text("seed_style")
            .map_or(Ok(SeedStyle::default()), |name| required(Some(&json!(name).to_string())))
            .map_err(|reason| wrong("seed_style", reason))?,
        source: text("source").map(printable),
    };
    let violations = meta.violations();
    if violations.is_empty() {
        Ok((meta, written_by))
    } else {
        Err(Error::Config { path: path.to_owned(), violations })
    }
}

/// Whether the file holds what was written: its checksum, if it has one, is that of the rest of its header and of its
/// tensors, `data`.
pub(crate) fn verify(header: &Metadata, data: &[u8], path: &Path) -> Result<()> {
    let Some(expected) = text(header, CHECKSUM) else { return Ok(()) };
    let texts: Texts = header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let tensors = header.tensors();
    let places = tensors.iter().map(|(name, info)| Place {
        name,
        dtype: info.dtype,
        shape: &info.shape,
        offsets: info.data_offsets,
    });
    let mut sum = Checksum::of_header(&texts, places.collect());
    sum.0.update(data);
    if sum.finish() == expected { Ok(()) } else { Err(Error::Checksum { path: path.to_owned() }) }
}

/// Where a tensor lies in a file.
#[derive(Clone)]
struct Place<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: &'a [usize],
    offsets: (usize, usize),
}

/// BLAKE3 over everything that a file says: each of the metadata but the checksum itself, the name, type, shape and
/// place of each tensor, and the tensors' bytes.
struct Checksum(blake3::Hasher);

impl Checksum {
    fn of_header(texts: &Texts, mut places: Vec<Place<'_>>) -> Self {
        let mut sum = Self(blake3::Hasher::new_derive_key("stylegan checkpoint, checksum of version 2"));
        for (key, text) in texts.iter().filter(|(key, _)| *key != CHECKSUM) {
            sum.text(key);
            sum.text(text);
        }
        places.sort_by_key(|place| place.name);
        sum.number(places.len());
        for Place { name, dtype, shape, offsets: (start, end) } in places {
            sum.text(name);
            sum.text(&dtype.to_string());
            sum.number(shape.len());
            for &number in shape.iter().chain([&start, &end]) {
                sum.number(number);
            }
        }
        sum
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_le_bytes());
    }

    fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn required<T: DeserializeOwned>(json: Option<&str>) -> std::result::Result<T, String> {
    let json = json.ok_or("is missing")?;
    serde_json::from_str(json).map_err(|error| format!("cannot be understood: {error}"))
}
