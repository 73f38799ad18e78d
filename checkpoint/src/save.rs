//! Writing a checkpoint.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use candle_core::{Device, Tensor};
use stylegan_ops::Parameters;

use crate::header::{self, Entry};
use crate::tensors::expected;
use crate::{Error, Meta, Network, Result};

/// Writes a checkpoint to `path`: all at once or not at all.
///
/// The file is written under another name in the same folder, flushed to the disk, and renamed; whoever looks sees
/// the old file or the whole new one. Tensors are copied one at a time. The same state gives the same bytes.
///
/// A `meta` with a critic goes with all three networks, one without with `g_ema` alone.
///
/// # Errors
/// If the networks are not those that `meta` describes, the file exists and `overwrite` is not set, or it cannot be
/// written; then nothing is left behind.
pub fn save(path: &Path, meta: &Meta, networks: &[(Network, &Parameters)], overwrite: bool) -> Result<()> {
    let violations = meta.violations();
    if !violations.is_empty() {
        return Err(Error::Config { path: path.to_owned(), violations });
    }
    if !overwrite && path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let tensors = collect(networks);
    check(path, meta, &tensors)?;
    let entries: Vec<Entry> = tensors
        .iter()
        .map(|(name, tensor)| Entry {
            name: name.clone(),
            dtype: tensor.dtype(),
            shape: tensor.dims().to_vec(),
        })
        .collect();
    let written = |source| Error::Write { path: path.to_owned(), source };
    let header = header::encode(meta, &entries).map_err(|error| written(error.into()))?;

    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| written(io::ErrorKind::InvalidFilename.into()))?;
    let mut file = temporary(folder, &name.to_string_lossy()).map_err(written)?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    out.write_all(&header).map_err(written)?;
    for (_, tensor) in &tensors {
        match tensor.to_device(&Device::Cpu)?.write_bytes(&mut out) {
            Ok(()) => {}
            Err(candle_core::Error::Io(source)) => return Err(written(source)),
            Err(error) => return Err(error.into()),
        }
    }
    out.flush().map_err(written)?;
    drop(out);
    file.as_file().sync_all().map_err(written)?;
    let persisted = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    match persisted {
        Ok(_) => {}
        Err(error) if !overwrite && error.error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::Exists { path: path.to_owned() });
        }
        Err(error) => return Err(written(error.error)),
    }
    sync_folder(folder).map_err(written)
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

fn temporary(folder: &Path, name: &str) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Like any other new file, not for its owner alone as temporary files are.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Makes the new name itself durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
