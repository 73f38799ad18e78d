//! Writing a checkpoint.

use std::io::{self, Write};
use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_base::files::{self, Files};
use stylegan_ops::Parameters;

use crate::tensors::expected;
use crate::{Error, Meta, Network, Result, header};

/// Writes a checkpoint to `path`: all at once or not at all.
///
/// The file is written under another name in the same folder, flushed to the disk, and renamed; whoever looks sees
/// the old file or the whole new one. The same state gives the same bytes.
///
/// A `meta` with a critic goes with all three networks, one without with `g_ema` alone.
///
/// # Errors
/// If the networks are not those that `meta` describes, the file exists and `overwrite` is not set, or it cannot be
/// written; then nothing is left behind.
pub fn save(path: &Path, meta: &Meta, networks: &[(Network, &Parameters)], overwrite: bool) -> Result<()> {
    if !overwrite && path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let tensors =
        collect(networks).into_iter().map(|(name, tensor)| Ok((name, tensor.to_device(&Device::Cpu)?)));
    let encoded = Encoded::new(path, meta, tensors.collect::<Result<_>>()?)?;
    files::write(path, overwrite, &mut |out| encoded.write(out))
        .map_err(|source| Error::writing(path, source))
}

/// The numbers of networks as they were at one moment, in main memory, to be written while the networks go on.
#[derive(Debug)]
pub struct Copied(Vec<(String, Tensor)>);

impl Copied {
    /// Copies the networks.
    ///
    /// # Errors
    /// If there is no memory for the copy.
    pub fn of(networks: &[(Network, &Parameters)]) -> Result<Self> {
        let copy = |(name, tensor): (String, Tensor)| Ok((name, copied(&tensor)?));
        Ok(Self(collect(networks).into_iter().map(copy).collect::<candle_core::Result<_>>()?))
    }

    /// Writes the copy as a checkpoint, as [`save`] does with `overwrite`; returns its checksum.
    ///
    /// # Errors
    /// As [`save`].
    pub fn save(self, files: &dyn Files, path: &Path, meta: &Meta) -> Result<String> {
        let encoded = Encoded::new(path, meta, self.0)?;
        files.write(path, &mut |out| encoded.write(out)).map_err(|source| Error::writing(path, source))?;
        Ok(encoded.checksum)
    }
}

/// The values of a tensor in main memory, whatever happens to the tensor.
pub(crate) fn copied(tensor: &Tensor) -> candle_core::Result<Tensor> {
    // On the CPU `to_device` hands out the same storage again.
    if tensor.device().is_cpu() { tensor.copy() } else { tensor.to_device(&Device::Cpu) }
}

/// A file about to be written.
pub(crate) struct Encoded {
    header: Vec<u8>,
    tensors: Vec<(String, Tensor)>,
    pub(crate) checksum: String,
}

impl Encoded {
    fn new(path: &Path, meta: &Meta, tensors: Vec<(String, Tensor)>) -> Result<Self> {
        let violations = meta.violations();
        if !violations.is_empty() {
            return Err(Error::Config { path: path.to_owned(), violations });
        }
        check(path, meta, &tensors)?;
        let texts =
            header::texts_of(meta).map_err(|e| Error::Write { path: path.to_owned(), source: e.into() })?;
        Self::with_texts(texts, tensors)
    }

    pub(crate) fn with_texts(texts: header::Texts, tensors: Vec<(String, Tensor)>) -> Result<Self> {
        let (header, checksum) = header::encode(texts, &tensors)?;
        Ok(Self { header, tensors, checksum })
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = out;
        out.write_all(&self.header)?;
        for (_, tensor) in &self.tensors {
            match tensor.write_bytes(&mut out) {
                Ok(()) => {}
                Err(candle_core::Error::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(())
    }
}

/// The tensors by their names in the file: larger types first, so that each stands at a multiple of its size, then
/// by name.
fn collect(networks: &[(Network, &Parameters)]) -> Vec<(String, Tensor)> {
    let mut tensors: Vec<(String, Tensor)> = networks
        .iter()
        .flat_map(|(network, parameters)| {
            let vars = parameters.vars().into_iter();
            vars.map(move |(name, var)| (format!("{network}.{name}"), var.as_detached_tensor()))
        })
        .collect();
    tensors.sort_by(|(name, tensor), (other_name, other)| {
        let (size, other_size) = (tensor.dtype().size_in_bytes(), other.dtype().size_in_bytes());
        other_size.cmp(&size).then_with(|| name.cmp(other_name))
    });
    tensors
}

/// A file that could not be opened again is not written in the first place.
fn check(path: &Path, meta: &Meta, tensors: &[(String, Tensor)]) -> Result<()> {
    let wrong = |reason| Err(Error::NotAsDescribed { path: path.to_owned(), reason });
    let mut missing = expected(meta)?;
    for (name, tensor) in tensors {
        match missing.remove(name) {
            None => return wrong(format!("there is no place for `{name}`, or it is given twice")),
            Some(shape) if shape != tensor.dims() => {
                return wrong(format!("`{name}` has shape {:?} where {shape:?} is expected", tensor.dims()));
            }
            Some(_) if header::file_type(tensor.dtype()).is_none() => {
                return wrong(format!("`{name}` is of type {:?}", tensor.dtype()));
            }
            Some(_) => {}
        }
    }
    match missing.keys().next() {
        Some(name) => wrong(format!("`{name}` is missing")),
        None => Ok(()),
    }
}
