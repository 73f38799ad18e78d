//! Reading a checkpoint.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use memmap2::Mmap;
use safetensors::tensor::Metadata;
use stylegan_discriminator::Critic;
use stylegan_generator::Generator;

use crate::header::{self, tensor_type};
use crate::run_folder::newest_snapshot;
use crate::tensors::expected;
use crate::{Error, Meta, Network, Result};

/// A checkpoint, mapped into memory and checked; tensors are read when they are asked for.
#[derive(Clone)]
pub struct Checkpoint {
    path: PathBuf,
    map: Arc<Map>,
    meta: Meta,
    written_by: String,
}

struct Map {
    bytes: Mmap,
    header: Metadata,
    /// Where the tensors start.
    start: usize,
}

impl Checkpoint {
    /// Opens a checkpoint: a file, or the newest `network-snapshot-*.safetensors` of a run's folder.
    ///
    /// Everything but the numbers themselves is checked: the configurations are possible, and the file has exactly
    /// the tensors that they ask for. A hostile file gets an error, whatever it holds.
    ///
    /// The file must not be cut short while the checkpoint is in use; files of this program never are, since they
    /// are replaced by renaming.
    ///
    /// # Errors
    /// If there is no such file, or it is not a whole checkpoint of this program.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let read = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
            _ => Error::Read { path: path.to_owned(), source },
        };
        if path.metadata().map_err(read)?.is_dir() {
            return Self::open(newest_snapshot(path)?);
        }
        // Opening a pipe would wait for its writer.
        if !path.metadata().map_err(read)?.is_file() {
            return Err(Error::NotSafetensors { path: path.to_owned(), looks_like: Some("not a file") });
        }
        let file = File::open(path).map_err(read)?;
        #[expect(unsafe_code, reason = "a memory map loads a network without a second copy of the file")]
        // SAFETY: the map is only ever read, as bytes, of which every value is valid. A file that someone else cuts
        // short meanwhile ends the process with a signal; one that is changed gives other numbers.
        let bytes = unsafe { Mmap::map(&file) }.map_err(read)?;
        let (header, start) = header::decode(&bytes, path)?;
        let (meta, written_by) = header::meta(&header, path)?;
        check(&header, &meta, path)?;
        Ok(Self { path: path.to_owned(), map: Arc::new(Map { bytes, header, start }), meta, written_by })
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
        self.map.bytes.len() as u64
    }

    /// The first 16 hexadecimal digits of the file's BLAKE3 hash, by which recipes name it.
    pub fn hash(&self) -> String {
        let mut hex = blake3::hash(&self.map.bytes).to_hex().to_string();
        hex.truncate(16);
        hex
    }

    /// Name and shape of every tensor of a network, sorted by name; names are without the network's prefix.
    pub fn shapes(&self, network: Network) -> Vec<(String, Vec<usize>)> {
        let mut shapes: Vec<_> = self
            .map
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
        let tensors = self.map.header.tensors();
        let own = tensors.iter().filter(|(name, _)| own_name(network, name).is_some());
        let mut dtypes: Vec<DType> = own.filter_map(|(_, info)| tensor_type(info.dtype)).collect();
        dtypes.sort_unstable_by_key(|dtype| (std::cmp::Reverse(dtype.size_in_bytes()), dtype.as_str()));
        dtypes.dedup();
        dtypes
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
        match &self.meta.discriminator {
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
        let names = self.map.header.offset_keys();
        let own = names.iter().filter_map(|name| Some((name, own_name(network, name)?)));
        Ok(own
            .map(|(name, own)| Ok((own.to_owned(), self.map.tensor(name, &Device::Cpu)?)))
            .collect::<candle_core::Result<_>>()?)
    }

    fn builder(&self, network: Network, device: &Device) -> VarBuilder<'static> {
        let view = View { map: Arc::clone(&self.map), network };
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

impl Map {
    fn tensor(&self, name: &str, device: &Device) -> candle_core::Result<Tensor> {
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

/// Gives a network its tensors straight from the map.
struct View {
    map: Arc<Map>,
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
        self.map.tensor(&format!("{}.{name}", self.network), device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.map.header.info(&format!("{}.{name}", self.network)).is_some()
    }
}
