//! Reading a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::{Device, Tensor, bail};
use stylegan_base::short_hash;

use super::checksum::{CHECKSUM, Checksum};
use super::dtype::tensor_type;
use super::header::{Entry, Header, LENGTH_BYTES, LIMIT_BYTES};
use crate::{Error, ErrorKind, Result};

/// A file in memory.
///
/// It is read as a whole and then closed, so that it may be changed, cut short or deleted meanwhile, and what was
/// checked is what is used.
pub(crate) struct Container {
    bytes: Vec<u8>,
    pub(crate) header: Header,
}

impl Container {
    /// Reads a file whose header passes `check`; only then is the rest of it read, and its checksum verified.
    ///
    /// A hostile file gets an error, whatever it holds, and no more memory than its length.
    pub(crate) fn read<T>(
        path: &Path,
        check: impl FnOnce(&Header) -> Result<T, ErrorKind>,
    ) -> Result<(Self, T)> {
        let read = || {
            let reading = ErrorKind::reading;
            // Opening a pipe would wait for its writer.
            if !path.metadata().map_err(reading)?.is_file() {
                return Err(ErrorKind::NotAFile);
            }
            let file = File::open(path).map_err(reading)?;
            let have = file.metadata().map_err(reading)?.len();
            Self::read_from(file, have, check)
        };
        read().map_err(Error::at(path))
    }

    /// The same of a file's bytes.
    pub(crate) fn of_bytes<T>(
        bytes: &[u8],
        check: impl FnOnce(&Header) -> Result<T, ErrorKind>,
    ) -> Result<(Self, T), ErrorKind> {
        Self::read_from(bytes, bytes.len() as u64, check)
    }

    /// Reads what is `have` bytes long.
    fn read_from<T>(
        mut file: impl Read,
        have: u64,
        check: impl FnOnce(&Header) -> Result<T, ErrorKind>,
    ) -> Result<(Self, T), ErrorKind> {
        let mut bytes = Vec::new();
        let mut take = |limit: u64, bytes: &mut Vec<u8>| {
            (&mut file).take(limit).read_to_end(bytes).map_err(ErrorKind::reading)
        };
        take(LENGTH_BYTES as u64, &mut bytes)?;
        if let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(bytes.as_slice()) {
            // One byte more, so that a file of another kind can be told by its first bytes.
            take(u64::from_le_bytes(length).clamp(1, LIMIT_BYTES), &mut bytes)?;
        }
        let header = Header::decode(&bytes, have)?;
        let checked = check(&header)?;
        bytes.reserve_exact(header.data_len());
        take(header.data_len() as u64, &mut bytes)?;
        let need = (header.data_start + header.data_len()) as u64;
        if bytes.len() as u64 != need {
            // Cut short since its length was asked for.
            return Err(ErrorKind::Truncated { have: bytes.len() as u64, need });
        }
        verify(&header, &bytes[header.data_start..])?;
        Ok((Self { bytes, header }, checked))
    }

    /// Its checksum; none if it was written before there was one.
    pub(crate) fn checksum(&self) -> Option<&str> {
        self.header.text(CHECKSUM)
    }

    /// Length of the file in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The first 16 hexadecimal digits of the file's BLAKE3 hash.
    pub(crate) fn hash(&self) -> String {
        short_hash(&self.bytes)
    }

    /// A tensor in the file's type.
    pub(crate) fn tensor(&self, name: &str, device: &Device) -> candle_core::Result<Tensor> {
        let Some(info) = self.header.tensor(name) else { bail!("there is no tensor `{name}`") };
        let ((from, to), start) = (info.data_offsets, self.header.data_start);
        match (tensor_type(info.dtype), self.bytes.get(start + from..start + to)) {
            (Some(dtype), Some(bytes)) => Tensor::from_raw_buffer(bytes, dtype, &info.shape, device),
            _ => bail!("the tensor `{name}` cannot be read"),
        }
    }
}

/// Whether the file holds what was written: its checksum, if it has one, is that of the rest of its header and of its
/// tensors, `data`.
fn verify(header: &Header, data: &[u8]) -> Result<(), ErrorKind> {
    let Some(expected) = header.text(CHECKSUM) else { return Ok(()) };
    let names = header.names();
    let entries = names.iter().filter_map(|name| {
        let info = header.tensor(name)?;
        Some(Entry { name, dtype: info.dtype, shape: &info.shape, offsets: info.data_offsets })
    });
    let sum = Checksum::of_header(&header.texts(), entries.collect());
    if sum.finish_with(data) == expected { Ok(()) } else { Err(ErrorKind::Checksum) }
}
