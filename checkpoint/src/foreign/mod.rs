//! Checkpoints of other programs: the original's pickles, and files of PyTorch.
//!
//! What a file is shows its contents, not its name. Nothing in it is run: its pickles are read by a machine that makes
//! plain data of a list of classes. First its names and shapes are compared with those of our networks
//! ([`Foreign::plan`]), then its numbers are read ([`Foreign::read`]), so no file takes more memory than its networks
//! do, and no more than about twice its own length.

mod array;
mod change;
mod genforce;
mod names;
mod numpy;
mod official;
mod others;
mod plan;
mod rosinality;
mod store;
mod torch;
mod widths;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::Tensor;
use stylegan_ops::Widths;

use self::plan::Arrays;
pub use self::plan::Plan;
use self::store::Store;
use self::torch::Torch;
use crate::pickle::{Fault, Item, Pickle};
use crate::{Error, Network, Result};

/// Whose networks a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The original's, in TensorFlow.
    Official,
    /// rosinality's, in PyTorch.
    Rosinality,
    /// genforce's, in PyTorch.
    Genforce,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Official => "official StyleGAN",
            Self::Rosinality => "rosinality's StyleGAN",
            Self::Genforce => "genforce's StyleGAN",
        })
    }
}

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
            Some(Kind::Zip) => (Contents::Torch(Torch::open_zip(&mut store)?), "PyTorch, zip".to_owned()),
            Some(Kind::Legacy) => {
                (Contents::Torch(Torch::open_legacy(&mut store)?), "PyTorch, legacy".to_owned())
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

    /// What its networks become: all three if the file has them, or the one that draws.
    ///
    /// `resolution` is the side for which the networks were trained, for files that do not say it.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape than the others ask for, or the resolution is not told or cannot be.
    pub fn plan(&mut self, resolution: Option<usize>, sampling_only: bool) -> Result<Plan> {
        let source = format!("{} ({}), hash {}", self.family, self.format, self.hash);
        let store = &mut self.store;
        let plan = match (&self.contents, self.family) {
            (Contents::Pickle(pickle), _) => official::plan(pickle.root(), store, source, sampling_only)?,
            (Contents::Torch(torch), Family::Genforce) => {
                let dicts = torch.dicts(sampling_only, store)?;
                genforce::plan(&dicts, store, source)?
            }
            (Contents::Torch(torch), _) => {
                let arrays = torch.averaged(store)?;
                return rosinality::plan(&arrays, store, source, resolution);
            }
        };
        let told = plan.meta().generator.resolution;
        match resolution {
            Some(asked) if asked != told => {
                Err(self.store.damaged(format!("it says itself that its side is {told}, not {asked}")))
            }
            _ => Ok(plan),
        }
    }

    /// The tensors of a network by our names, in the file's type.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn read(&mut self, plan: &Plan, network: Network) -> Result<HashMap<String, Tensor>> {
        plan.read(network, &mut self.store)
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
        Err(Error::OtherNetwork { path: store.path().to_owned(), what: others::of_names(&names) })
    }
}

impl Torch {
    /// What was saved; of genforce's trainings, their networks.
    fn networks(&self) -> Item<'_> {
        let root = self.pickle.root();
        root.get("models").filter(|models| models.entries().is_some()).unwrap_or(root)
    }

    /// The state dict of the generator that draws, and whose it is.
    fn generator(&self) -> Option<(Item<'_>, Family)> {
        let root = self.networks();
        let inner =
            ["g_running", "generator_smooth", "generator"].into_iter().filter_map(|key| root.get(key));
        inner.chain([root]).find_map(|dict| {
            let has = |name: &str| dict.get(name).is_some_and(torch::is_tensor);
            if rosinality::is_generator(has) {
                Some((dict, Family::Rosinality))
            } else {
                genforce::is_generator(has).then_some((dict, Family::Genforce))
            }
        })
    }

    /// Its arrays.
    fn averaged(&self, store: &Store) -> Result<Arrays> {
        self.generator().map_or_else(|| Ok(Arrays::new()), |(dict, _)| self.arrays(dict, store))
    }

    fn arrays(&self, dict: Item<'_>, store: &Store) -> Result<Arrays> {
        let tensors = dict.entries().into_iter().flatten().filter(|(_, item)| torch::is_tensor(*item));
        tensors
            .map(|(name, item)| match self.array(item) {
                Ok(array) => Ok((name.to_owned(), array)),
                Err(reason) => Err(store.damaged(format!("the tensor `{}` {reason}", printable(name)))),
            })
            .collect()
    }

    fn dicts(&self, sampling_only: bool, store: &Store) -> Result<genforce::Dicts> {
        let root = self.networks();
        let (g, d) = (root.get("generator"), root.get("discriminator"));
        let training = match (g, d, root.get("generator_smooth")) {
            (Some(g), Some(d), Some(_)) if !sampling_only => {
                Some((self.arrays(g, store)?, self.arrays(d, store)?))
            }
            _ => None,
        };
        let progress = self.pickle.root().get("running_metadata");
        let nimg = progress.and_then(|progress| progress.get("seen_img")?.int()?.try_into().ok());
        Ok(genforce::Dicts { training, averaged: self.averaged(store)?, nimg })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pickle,
    Legacy,
    Zip,
}

fn kind_of(start: &[u8]) -> Option<Kind> {
    if start.starts_with(b"PK\x03\x04") {
        Some(Kind::Zip)
    } else if start.starts_with(torch::LEGACY_START) {
        Some(Kind::Legacy)
    } else {
        (start.first() == Some(&0x80) && start.get(1)? < &32).then_some(Kind::Pickle)
    }
}

fn start_of(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(torch::LEGACY_START.len() as u64).read_to_end(&mut start).ok()?;
    Some(start)
}

/// What is said of a file whose pickle was refused.
fn refusal(store: &mut Store, fault: Fault) -> Error {
    let path = store.path().to_owned();
    match fault {
        Fault::Class { name } => others::of_class(&name, store).unwrap_or(Error::ForeignClass { path, name }),
        Fault::Read(source) => Error::Read { path, source },
        fault => Error::Foreign { path, reason: fault.to_string() },
    }
}

/// A name from a file, for people.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(80).collect()
}

/// The largest side, counted from 4 on, that there is.
fn largest(is_there: impl Fn(usize) -> bool) -> usize {
    (2..14).map(|log2| 1 << log2).take_while(|&side| is_there(side)).last().unwrap_or(4)
}

/// How many there are, counted from 0 on.
fn count(is_there: impl Fn(usize) -> bool) -> usize {
    (0..64).take_while(|&index| is_there(index)).count()
}

/// Numbers of a vector; 0 of anything else.
fn numbers(shape: &[usize]) -> usize {
    if let [count] = shape { *count } else { 0 }
}

/// Rows and columns of a matrix; 0 of anything else.
fn matrix(shape: &[usize]) -> (usize, usize) {
    if let [rows, columns] = shape { (*rows, *columns) } else { (0, 0) }
}

/// The formula of widths that arrays have.
fn widths_of(told: Widths, widths: &[(usize, usize)], store: &Store) -> Result<Widths> {
    widths::that_give(told, widths).ok_or_else(|| {
        let widths: Vec<String> = widths.iter().map(|(side, width)| format!("{side}: {width}")).collect();
        store.damaged(format!("its widths follow no formula: {}", widths.join(", ")))
    })
}
