//! Writing a checkpoint.

use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_base::files::{self, Files};
use stylegan_ops::Parameters;

use super::shapes::expected_shapes;
use super::{Meta, texts};
use crate::container::{Encoded, copied};
use crate::{Error, ErrorKind, Network, Result};

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
        return Err(Error::new(path, ErrorKind::Exists));
    }
    let encoded = collect(networks, |tensor| tensor.to_device(&Device::Cpu))
        .map_err(ErrorKind::from)
        .and_then(|tensors| encode(meta, tensors))
        .map_err(Error::at(path))?;
    files::write(path, overwrite, &mut |out| encoded.write(out))
        .map_err(|source| Error::new(path, ErrorKind::writing(source)))
}

/// The numbers of networks as they were at one moment, in main memory, to be written while the networks go on.
#[derive(Debug)]
pub struct Copied(Vec<(String, Tensor)>);

impl Copied {
    /// Copies the networks.
    ///
    /// # Errors
    /// If there is no memory for the copy.
    pub fn of(networks: &[(Network, &Parameters)]) -> candle_core::Result<Self> {
        Ok(Self(collect(networks, copied)?))
    }

    /// Writes the copy as a checkpoint, as [`save`] does with `overwrite`; returns its checksum.
    ///
    /// # Errors
    /// As [`save`].
    pub fn save(self, files: &dyn Files, path: &Path, meta: &Meta) -> Result<String> {
        let encoded = encode(meta, self.0).map_err(Error::at(path))?;
        files
            .write(path, &mut |out| encoded.write(out))
            .map_err(|source| Error::new(path, ErrorKind::writing(source)))?;
        Ok(encoded.checksum)
    }
}

fn encode(meta: &Meta, tensors: Vec<(String, Tensor)>) -> Result<Encoded, ErrorKind> {
    let violations = meta.violations();
    if !violations.is_empty() {
        return Err(ErrorKind::Config { violations });
    }
    check(meta, tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
    Encoded::new(texts::encode(meta).map_err(|error| ErrorKind::Write(error.into()))?, tensors)
}

/// The tensors, in main memory, by their names in the file.
fn collect(
    networks: &[(Network, &Parameters)],
    fetch: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
) -> candle_core::Result<Vec<(String, Tensor)>> {
    let vars = networks.iter().flat_map(|(network, parameters)| {
        parameters.vars().into_iter().map(|(name, var)| (network.full_name(&name), var))
    });
    vars.map(|(name, var)| Ok((name, fetch(&var.as_detached_tensor())?))).collect()
}

/// Whether the tensors are exactly those of the networks that `meta` describes.
///
/// A file that could not be opened again is not written in the first place.
pub(super) fn check<'a>(
    meta: &Meta,
    tensors: impl Iterator<Item = (&'a str, &'a Tensor)>,
) -> Result<(), ErrorKind> {
    let wrong = |reason| Err(ErrorKind::NotAsDescribed { reason });
    let mut missing = expected_shapes(meta)?;
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by_key(|(name, _)| *name);
    for (name, tensor) in tensors {
        match missing.remove(name) {
            None => return wrong(format!("there is no place for `{name}`, or it is given twice")),
            Some(shape) if shape != tensor.dims() => {
                return wrong(format!("`{name}` has shape {:?} where {shape:?} is expected", tensor.dims()));
            }
            Some(_) => {}
        }
    }
    match missing.keys().next() {
        Some(name) => wrong(format!("`{name}` is missing")),
        None => Ok(()),
    }
}
