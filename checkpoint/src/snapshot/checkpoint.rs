//! Reading a checkpoint.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use stylegan_discriminator::Critic;
use stylegan_generator::Generator;

use super::shapes::expected_shapes;
use super::{Meta, save, texts};
use crate::container::{Container, Header, distinct_dtypes, tensor_type};
use crate::run_folder::newest_snapshot;
use crate::{Error, ErrorKind, Network, Result};

/// A checkpoint in memory, checked.
#[derive(Clone)]
pub struct Checkpoint {
    path: PathBuf,
    meta: Meta,
    written_by: String,
    contents: Arc<Contents>,
}

/// A file of another program that networks were taken from.
#[derive(Clone, Debug)]
pub struct ForeignFile {
    /// Where it is.
    pub path: PathBuf,
    /// The program that wrote it.
    pub written_by: String,
    /// The first 16 hexadecimal digits of its BLAKE3 hash.
    pub hash: String,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// Where the tensors are, by their full names.
enum Contents {
    File(Container),
    Tensors { tensors: BTreeMap<String, Tensor>, hash: String, size_bytes: u64 },
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
        Ok(Self::of_file(path, Container::read(path, understood)?))
    }

    /// The checkpoint in a file's bytes; `name` stands for the file's path.
    ///
    /// # Errors
    /// As those of [`open`](Self::open).
    pub fn of_bytes(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Self> {
        let name = name.as_ref();
        Ok(Self::of_file(name, Container::of_bytes(bytes, understood).map_err(Error::at(name))?))
    }

    fn of_file(path: &Path, (file, (meta, written_by)): (Container, (Meta, String))) -> Self {
        Self { path: path.to_owned(), meta, written_by, contents: Arc::new(Contents::File(file)) }
    }

    /// A checkpoint of networks that another program's file holds, with their tensors by their names in the networks.
    ///
    /// # Errors
    /// If the configurations are impossible, or the tensors are not exactly those that they ask for.
    pub fn of_foreign(
        file: ForeignFile,
        meta: Meta,
        networks: impl IntoIterator<Item = (Network, HashMap<String, Tensor>)>,
    ) -> Result<Self> {
        let ForeignFile { path, written_by, hash, size_bytes } = file;
        let named = |(network, tensors): (Network, HashMap<String, Tensor>)| {
            tensors.into_iter().map(move |(name, tensor)| (network.full_name(&name), tensor))
        };
        let tensors: BTreeMap<String, Tensor> = networks.into_iter().flat_map(named).collect();
        save::check(&meta, tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)))
            .map_err(Error::at(&path))?;
        let contents = Arc::new(Contents::Tensors { tensors, hash, size_bytes });
        Ok(Self { path, meta, written_by, contents })
    }

    /// The checksum of its metadata and tensors, 64 hexadecimal digits; none in files of format version 1 and of other
    /// programs.
    pub fn checksum(&self) -> Option<&str> {
        match &*self.contents {
            Contents::File(file) => file.checksum(),
            Contents::Tensors { .. } => None,
        }
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

    /// Makes sure that it holds a network.
    ///
    /// # Errors
    /// If it does not.
    pub fn require(&self, network: Network) -> Result<()> {
        if self.networks().contains(&network) { Ok(()) } else { Err(self.lacks(network)) }
    }

    /// Length of the file in bytes.
    pub fn size_bytes(&self) -> u64 {
        match &*self.contents {
            Contents::File(file) => file.size_bytes(),
            Contents::Tensors { size_bytes, .. } => *size_bytes,
        }
    }

    /// The first 16 hexadecimal digits of the file's BLAKE3 hash, by which recipes name it.
    pub fn hash(&self) -> String {
        match &*self.contents {
            Contents::File(file) => file.hash(),
            Contents::Tensors { hash, .. } => hash.clone(),
        }
    }

    /// Name and shape of every tensor of a network, sorted by name; names are without the network's prefix.
    pub fn shapes(&self, network: Network) -> Vec<(String, Vec<usize>)> {
        let names = self.contents.names();
        let shape = |name: &String| {
            let own = network.own_name(name)?.to_owned();
            Some((own, self.contents.kind_of(name)?.1.to_vec()))
        };
        let mut shapes: Vec<_> = names.iter().filter_map(shape).collect();
        shapes.sort();
        shapes
    }

    /// The types of a network's numbers in the file, larger ones first; mostly there is one.
    pub fn dtypes(&self, network: Network) -> Vec<DType> {
        let names = self.contents.names();
        let own = names.iter().filter(|name| network.own_name(name).is_some());
        distinct_dtypes(own.filter_map(|name| Some(self.contents.kind_of(name)?.0)))
    }

    /// The generator that pictures are drawn from, `g_ema`, in f32.
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn generator(&self, device: &Device) -> Result<Generator> {
        Generator::new(&self.meta.generator, &self.builder(Network::GEma, device))
            .and_then(Generator::with_kept_filters)
            .map_err(Error::at(&self.path))
    }

    /// The critic, in f32.
    ///
    /// # Errors
    /// If the file was written for sampling alone, or the device cannot hold it.
    pub fn critic(&self, device: &Device) -> Result<Critic> {
        match &self.meta.critic {
            Some(config) => {
                Critic::new(config, &self.builder(Network::D, device)).map_err(Error::at(&self.path))
            }
            None => Err(self.lacks(Network::D)),
        }
    }

    /// Every tensor of a network by its name without the prefix, in the file's type, in main memory.
    ///
    /// # Errors
    /// If the file does not hold this network.
    pub fn tensors(&self, network: Network) -> Result<HashMap<String, Tensor>> {
        self.require(network)?;
        let names = self.contents.names();
        let own = names.iter().filter_map(|name| Some((name, network.own_name(name)?)));
        own.map(|(name, own)| Ok((own.to_owned(), self.contents.tensor(name, &Device::Cpu)?)))
            .collect::<candle_core::Result<_>>()
            .map_err(Error::at(&self.path))
    }

    /// Gives the tensors of a network by their names without the prefix, in f32.
    pub fn builder(&self, network: Network, device: &Device) -> VarBuilder<'static> {
        let weights = Weights { contents: Arc::clone(&self.contents), network };
        VarBuilder::from_backend(Box::new(weights), DType::F32, device.clone())
    }

    fn lacks(&self, network: Network) -> Error {
        Error::new(&self.path, ErrorKind::NoNetwork { network })
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
    fn names(&self) -> Vec<String> {
        match self {
            Self::File(file) => file.header.names(),
            Self::Tensors { tensors, .. } => tensors.keys().cloned().collect(),
        }
    }

    /// Type and shape of a tensor.
    fn kind_of(&self, name: &str) -> Option<(DType, &[usize])> {
        match self {
            Self::File(file) => {
                file.header.tensor(name).and_then(|info| Some((tensor_type(info.dtype)?, &info.shape[..])))
            }
            Self::Tensors { tensors, .. } => tensors.get(name).map(|tensor| (tensor.dtype(), tensor.dims())),
        }
    }

    fn tensor(&self, name: &str, device: &Device) -> candle_core::Result<Tensor> {
        match self {
            Self::File(file) => file.tensor(name, device),
            Self::Tensors { tensors, .. } => match tensors.get(name) {
                Some(tensor) => tensor.to_device(device),
                None => bail!("there is no tensor `{name}`"),
            },
        }
    }
}

/// What the header says of the networks, and which program wrote it, if its tensors are those that it asks for.
fn understood(header: &Header) -> Result<(Meta, String), ErrorKind> {
    let (meta, written_by) = texts::decode(header)?;
    check(header, &meta)?;
    Ok((meta, written_by))
}

/// Whether the file has exactly the tensors that its configurations ask for.
fn check(header: &Header, meta: &Meta) -> Result<(), ErrorKind> {
    let expected = expected_shapes(meta)?;
    for (name, shape) in &expected {
        let Some(info) = header.tensor(name) else {
            return Err(ErrorKind::MissingTensor { name: name.clone() });
        };
        if &info.shape != shape {
            let (found, expected) = (info.shape.clone(), shape.clone());
            return Err(ErrorKind::Shape { name: name.clone(), found, expected });
        }
        if tensor_type(info.dtype).is_none() {
            return Err(ErrorKind::Type { name: name.clone(), found: info.dtype.to_string() });
        }
    }
    match header.names().into_iter().filter(|name| !expected.contains_key(name)).min() {
        Some(name) => Err(ErrorKind::UnknownTensor { name }),
        None => Ok(()),
    }
}

/// Gives a network its tensors straight from the checkpoint.
struct Weights {
    contents: Arc<Contents>,
    network: Network,
}

impl SimpleBackend for Weights {
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
        self.contents.tensor(&self.network.full_name(name), device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.contents.kind_of(&self.network.full_name(name)).is_some()
    }
}
