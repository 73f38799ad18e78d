//! A file of another program: what it is, and what its networks become.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::Tensor;
use stylegan_base::FileKind;
use stylegan_checkpoint::Network;

use crate::Result;
use crate::Store;
use crate::conversion::{Arrays, Conversion, Purpose};
use crate::families::{Family, genforce, lernapparat, official, rosinality};
use crate::others::{self, printable, refusal};
use crate::pickle::{Item, Pickle};
use crate::refusals::Refusals;
use stylegan_arrays::{ErrorKind as ArraysErrorKind, LEGACY_START, Torch, is_tensor};

/// A checkpoint of another program.
pub struct Foreign {
    store: Store,
    contents: Contents,
    family: Family,
    format: String,
    hash: String,
}

enum Contents {
    Pickle(Pickle),
    Torch(Torch),
}

impl Foreign {
    /// Whether a file starts as a pickle or a zip archive does.
    pub fn is_one(path: &Path) -> bool {
        path.is_file() && start_of(path).is_some_and(|start| kind_of(&start).is_some())
    }

    /// Opens a file and finds out what it is; its numbers stay there.
    ///
    /// # Errors
    /// If there is no such file, it is damaged, asks for a class that no checkpoint needs, is larger than what it
    /// holds, or holds other networks.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut store = Store::open(path)?;
        let (contents, format) = match start_of(path).and_then(|start| kind_of(&start)) {
            Some(Kind::Zip) => {
                (Contents::Torch(opened(Torch::open_zip, &mut store)?), "PyTorch, zip".to_owned())
            }
            Some(Kind::Legacy) => {
                (Contents::Torch(opened(Torch::open_legacy, &mut store)?), "PyTorch, legacy".to_owned())
            }
            Some(Kind::Pickle) => {
                let length = store.length();
                let pickle = Pickle::read(&mut store.reader()?, 0, length);
                let pickle = pickle.map_err(|fault| refusal(&mut store, fault))?;
                let format = format!("pickle of protocol {}", pickle.protocol);
                (Contents::Pickle(pickle), format)
            }
            None => return Err(store.damaged("it is neither a pickle nor a zip archive".to_owned())),
        };
        let family = contents.family(&store)?;
        let hash = store.hash()?;
        tracing::info!(path = %path.display(), %family, format, "a checkpoint of another program");
        Ok(Self { store, contents, family, format, hash })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Whose networks it holds.
    pub fn family(&self) -> Family {
        self.family
    }

    /// How the file is written, in words.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// Length of the file in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.store.length()
    }

    /// The first 16 hexadecimal digits of the file's BLAKE3 hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What its networks become.
    ///
    /// `resolution` is the side for which the networks were trained, for files that do not say it.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape than the others ask for, or the resolution is not told or cannot be.
    pub fn conversion(&mut self, resolution: Option<usize>, purpose: Purpose) -> Result<Conversion> {
        let source = format!("{} ({}), hash {}", self.family, self.format, self.hash);
        let store = &mut self.store;
        let conversion = match (&self.contents, self.family) {
            (Contents::Pickle(pickle), _) => official::conversion(pickle.root(), store, source, purpose)?,
            (Contents::Torch(torch), Family::Genforce) => {
                let dicts = torch.dicts(purpose, store)?;
                genforce::conversion(&dicts, store, source)?
            }
            (Contents::Torch(torch), family @ (Family::Lernapparat | Family::Huangzh13)) => {
                let arrays = torch.averaged(store)?;
                lernapparat::conversion(family, &arrays, store, source)?
            }
            (Contents::Torch(torch), _) => {
                let arrays = torch.averaged(store)?;
                return rosinality::conversion(&arrays, store, source, resolution);
            }
        };
        let told = conversion.meta().generator.resolution.side();
        match resolution {
            Some(asked) if asked != told => {
                Err(self.store.damaged(format!("it says itself that its side is {told}, not {asked}")))
            }
            _ => Ok(conversion),
        }
    }

    /// The tensors of a network by our names, in the file's type.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn read(&mut self, conversion: &Conversion, network: Network) -> Result<HashMap<String, Tensor>> {
        conversion.read(network, &mut self.store)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign")
            .field("path", &self.path())
            .field("family", &self.family)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Contents {
    fn family(&self, store: &Store) -> Result<Family> {
        let torch = match self {
            Self::Pickle(pickle) if official::is_one(pickle.root()) => return Ok(Family::Official),
            Self::Pickle(_) => return Err(store.damaged("it is a pickle of something else".to_owned())),
            Self::Torch(torch) => torch,
        };
        let generator = torch.generator();
        if let Some((_, family)) = generator {
            return Ok(family);
        }
        let root = torch.pickle.root();
        let mut names = Vec::new();
        for (name, item) in root.entries().into_iter().flatten() {
            names.push(name);
            names.extend(item.entries().into_iter().flatten().map(|(name, _)| name));
        }
        Err(store.refused(others::of_names(&names)))
    }
}

/// A file of PyTorch, with what is said of one that is another network's.
fn opened(open: fn(&mut Store) -> stylegan_arrays::Result<Torch>, store: &mut Store) -> Result<Torch> {
    match open(store) {
        Ok(torch) if torch.is_program() => Err(store.refused(others::program())),
        Ok(torch) => Ok(torch),
        Err(stylegan_arrays::Error { kind: ArraysErrorKind::Pickle(fault), .. }) => {
            Err(refusal(store, fault))
        }
        Err(error) => Err(error.into()),
    }
}

/// The networks in a file of PyTorch.
trait Networks {
    /// What was saved; of genforce's trainings, their networks.
    fn networks(&self) -> Item<'_>;
    /// The state dict of the generator that draws, and whose it is.
    fn generator(&self) -> Option<(Item<'_>, Family)>;
    /// Its arrays.
    fn averaged(&self, store: &Store) -> Result<Arrays>;
    /// Those of a state dict.
    fn arrays(&self, dict: Item<'_>, store: &Store) -> Result<Arrays>;
    /// Those that genforce's networks are made of.
    fn dicts(&self, purpose: Purpose, store: &Store) -> Result<genforce::Dicts>;
}

impl Networks for Torch {
    fn networks(&self) -> Item<'_> {
        let root = self.pickle.root();
        root.get("models").filter(|models| models.entries().is_some()).unwrap_or(root)
    }

    fn generator(&self) -> Option<(Item<'_>, Family)> {
        let root = self.networks();
        let inner =
            ["g_running", "generator_smooth", "generator"].into_iter().filter_map(|key| root.get(key));
        inner.chain([root]).find_map(|dict| {
            let names: HashSet<&str> =
                dict.entries().into_iter().flatten().map(|(name, _)| own_name(name)).collect();
            let has = |name: &str| names.contains(name);
            let family = if rosinality::is_generator(has) {
                Some(Family::Rosinality)
            } else if genforce::is_generator(has) {
                Some(Family::Genforce)
            } else {
                lernapparat::family(has)
            };
            family.map(|family| (dict, family))
        })
    }

    fn averaged(&self, store: &Store) -> Result<Arrays> {
        self.generator().map_or_else(|| Ok(Arrays::new()), |(dict, _)| self.arrays(dict, store))
    }

    fn arrays(&self, dict: Item<'_>, store: &Store) -> Result<Arrays> {
        let tensors = dict.entries().into_iter().flatten().filter(|(_, item)| is_tensor(*item));
        tensors
            .map(|(name, item)| match self.array(item) {
                Ok(array) => Ok((own_name(name).to_owned(), array)),
                Err(reason) => Err(store.damaged(format!("the tensor `{}` {reason}", printable(name)))),
            })
            .collect()
    }

    fn dicts(&self, purpose: Purpose, store: &Store) -> Result<genforce::Dicts> {
        let root = self.networks();
        let (g, d) = (root.get("generator"), root.get("discriminator"));
        let training = match (g, d, root.get("generator_smooth")) {
            (Some(g), Some(d), Some(_)) if purpose == Purpose::Training => {
                Some((self.arrays(g, store)?, self.arrays(d, store)?))
            }
            _ => None,
        };
        let progress = self.pickle.root().get("running_metadata");
        let nimg = progress.and_then(|progress| progress.get("seen_img")?.int()?.try_into().ok());
        Ok(genforce::Dicts { training, averaged: self.averaged(store)?, nimg })
    }
}

/// The name of a tensor without what PyTorch's networks on several GPUs put before it.
fn own_name(name: &str) -> &str {
    name.strip_prefix("module.").unwrap_or(name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pickle,
    Legacy,
    Zip,
}

fn kind_of(start: &[u8]) -> Option<Kind> {
    if FileKind::of(start) == Some(FileKind::Safetensors) {
        None
    } else if start.starts_with(b"PK\x03\x04") {
        Some(Kind::Zip)
    } else if start.starts_with(LEGACY_START) {
        Some(Kind::Legacy)
    } else {
        (start.first() == Some(&0x80) && start.get(1)? < &32).then_some(Kind::Pickle)
    }
}

fn start_of(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(LEGACY_START.len() as u64).read_to_end(&mut start).ok()?;
    Some(start)
}
