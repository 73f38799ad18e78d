//! Reading a checkpoint.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use safetensors::tensor::Metadata;
use stylegan_base::short_hash;
use stylegan_discriminator::Critic;
use stylegan_generator::Generator;

use crate::header::{self, LENGTH_BYTES, LIMIT_BYTES, tensor_type};
use crate::run_folder::newest_snapshot;
use crate::tensors::{distinct, expected};
use crate::{Error, Meta, Network, Result};

/// A checkpoint, read and checked.
///
/// The file is read as a whole and then closed, so that it may be changed, cut short or deleted meanwhile, and what was
/// checked is what is used.
#[derive(Clone)]
pub struct Checkpoint {
    path: PathBuf,
    file: Arc<Contents>,
    meta: Meta,
    written_by: String,
}

/// A safetensors file in memory.
pub(crate) struct Contents {
    bytes: Vec<u8>,
    pub(crate) header: Metadata,
    /// Where the tensors start.
    start: usize,
}

impl Checkpoint {
    /// Opens a checkpoint: a file, or the newest `network-snapshot-*.safetensors` of a run's folder.
    ///
    /// The configurations must be possible, the file must have exactly the tensors that they ask for, and its checksum
    /// must be that of its contents. A hostile file gets an error, whatever it holds, and no more memory than its
    /// length.
    ///
    /// # Errors
    /// If there is no such file, or it is not a whole checkpoint of this program.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path.is_dir() {
            return Self::open(newest_snapshot(path)?);
        }
        let mut meta = None;
        let file = Contents::read(path, |header| {
            let found = header::meta(header, path)?;
            check(header, &found.0, path)?;
            meta = Some(found);
            Ok(())
        })?;
        let Some((meta, written_by)) = meta else { return Err(Error::OtherKind { path: path.to_owned() }) };
        Ok(Self { path: path.to_owned(), file: Arc::new(file), meta, written_by })
    }

    /// The checksum of its metadata and tensors, 64 hexadecimal digits; none in files of format version 1.
    pub fn checksum(&self) -> Option<&str> {
        header::text(&self.file.header, header::CHECKSUM)
    }

    /// The file; of a run's folder, the one that was chosen.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the checkpoint says about itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Name and version of the program that wrote it.
    pub fn written_by(&self) -> &str {
        &self.written_by
    }

    /// The networks that it holds.
    pub fn networks(&self) -> &'static [Network] {
        self.meta.networks()
    }

    /// Length of the file in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.file.bytes.len() as u64
    }

    /// The first 16 hexadecimal digits of the file's BLAKE3 hash, by which recipes name it.
    pub fn hash(&self) -> String {
        short_hash(&self.file.bytes)
    }

    /// Name and shape of every tensor of a network, sorted by name; names are without the network's prefix.
    pub fn shapes(&self, network: Network) -> Vec<(String, Vec<usize>)> {
        let mut shapes: Vec<_> = self
            .file
            .header
            .tensors()
            .into_iter()
            .filter_map(|(name, info)| Some((own_name(network, &name)?.to_owned(), info.shape.clone())))
            .collect();
        shapes.sort();
        shapes
    }

    /// The types of a network's numbers in the file, larger ones first; mostly there is one.
    pub fn dtypes(&self, network: Network) -> Vec<DType> {
        let tensors = self.file.header.tensors();
        let own = tensors.iter().filter(|(name, _)| own_name(network, name).is_some());
        distinct(own.filter_map(|(_, info)| tensor_type(info.dtype)))
    }

    /// The generator that pictures are drawn from, `g_ema`, in f32.
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn generator(&self, device: &Device) -> Result<Generator> {
        Ok(Generator::new(&self.meta.generator, &self.builder(Network::GEma, device))?)
    }

    /// The critic, in f32.
    ///
    /// # Errors
    /// If the file was written for sampling alone, or the device cannot hold it.
    pub fn critic(&self, device: &Device) -> Result<Critic> {
        match &self.meta.critic {
            Some(config) => Ok(Critic::new(config, &self.builder(Network::D, device))?),
            None => Err(self.lacks(Network::D)),
        }
    }

    /// Every tensor of a network by its name without the prefix, in the file's type, in main memory.
    ///
    /// # Errors
    /// If the file does not hold this network.
    pub fn tensors(&self, network: Network) -> Result<HashMap<String, Tensor>> {
        if !self.networks().contains(&network) {
            return Err(self.lacks(network));
        }
        let names = self.file.header.offset_keys();
        let own = names.iter().filter_map(|name| Some((name, own_name(network, name)?)));
        Ok(own
            .map(|(name, own)| Ok((own.to_owned(), self.file.tensor(name, &Device::Cpu)?)))
            .collect::<candle_core::Result<_>>()?)
    }

    /// Gives the tensors of a network by their names without the prefix, in f32.
    pub fn builder(&self, network: Network, device: &Device) -> VarBuilder<'static> {
        let view = View { file: Arc::clone(&self.file), network };
        VarBuilder::from_backend(Box::new(view), DType::F32, device.clone())
    }

    fn lacks(&self, network: Network) -> Error {
        Error::NoNetwork { path: self.path.clone(), network }
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("path", &self.path)
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

impl Contents {
    /// Reads a file whose header passes `check`; only then is the rest of it read, and its checksum verified.
    pub(crate) fn read(path: &Path, check: impl FnOnce(&Metadata) -> Result<()>) -> Result<Self> {
        let read = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
            _ => Error::Read { path: path.to_owned(), source },
        };
        // Opening a pipe would wait for its writer.
        if !path.metadata().map_err(read)?.is_file() {
            return Err(Error::NotSafetensors { path: path.to_owned(), looks_like: Some("not a file") });
        }
        let mut file = File::open(path).map_err(read)?;
        let have = file.metadata().map_err(read)?.len();

        let mut bytes = Vec::new();
        let mut take =
            |limit: u64, bytes: &mut Vec<u8>| (&mut file).take(limit).read_to_end(bytes).map_err(read);
        take(LENGTH_BYTES as u64, &mut bytes)?;
        if let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(bytes.as_slice()) {
            // One byte more, so that a file of another kind can be told by its first bytes.
            take(u64::from_le_bytes(length).clamp(1, LIMIT_BYTES), &mut bytes)?;
        }
        let (header, start) = header::decode(&bytes, have, path)?;
        check(&header)?;
        bytes.reserve_exact(header.data_len());
        take(header.data_len() as u64, &mut bytes)?;
        let need = (start + header.data_len()) as u64;
        if bytes.len() as u64 != need {
            // Cut short since its length was asked for.
            return Err(Error::Truncated { path: path.to_owned(), have: bytes.len() as u64, need });
        }
        header::verify(&header, &bytes[start..], path)?;
        Ok(Self { bytes, header, start })
    }

    pub(crate) fn tensor(&self, name: &str, device: &Device) -> candle_core::Result<Tensor> {
        let Some(info) = self.header.info(name) else { bail!("there is no tensor `{name}`") };
        let (from, to) = info.data_offsets;
        match (tensor_type(info.dtype), self.bytes.get(self.start + from..self.start + to)) {
            (Some(dtype), Some(bytes)) => Tensor::from_raw_buffer(bytes, dtype, &info.shape, device),
            _ => bail!("the tensor `{name}` cannot be read"),
        }
    }
}

fn own_name(network: Network, name: &str) -> Option<&str> {
    name.strip_prefix(network.prefix())?.strip_prefix('.')
}

/// Whether the file has exactly the tensors that its configurations ask for.
fn check(header: &Metadata, meta: &Meta, path: &Path) -> Result<()> {
    let path = || path.to_owned();
    let expected = expected(meta)?;
    for (name, shape) in &expected {
        let Some(info) = header.info(name) else {
            return Err(Error::MissingTensor { path: path(), name: name.clone() });
        };
        if &info.shape != shape {
            return Err(Error::Shape {
                path: path(),
                name: name.clone(),
                found: info.shape.clone(),
                expected: shape.clone(),
            });
        }
        if tensor_type(info.dtype).is_none() {
            return Err(Error::Type { path: path(), name: name.clone(), found: info.dtype.to_string() });
        }
    }
    match header.offset_keys().into_iter().filter(|name| !expected.contains_key(name)).min() {
        Some(name) => Err(Error::UnknownTensor { path: path(), name }),
        None => Ok(()),
    }
}

/// Gives a network its tensors straight from the file.
struct View {
    file: Arc<Contents>,
    network: Network,
}

impl SimpleBackend for View {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let tensor = self.get_unchecked(name, dtype, device)?;
        if tensor.shape() == &shape {
            Ok(tensor)
        } else {
            bail!("the tensor `{name}` has shape {:?} where {shape:?} is expected", tensor.dims())
        }
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.file.tensor(&format!("{}.{name}", self.network), device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.file.header.info(&format!("{}.{name}", self.network)).is_some()
    }
}
