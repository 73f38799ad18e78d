//! The networks that can be drawn from.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use candle_core::Device;
use serde::Serialize;
use stylegan_checkpoint::{Checkpoint, Meta};
use stylegan_drawing::{DrawOptions, Latents, Painter, factorize};
use stylegan_import::{Purpose, open_any};
use stylegan_projector::MeanW;

use crate::files::Upload;
use crate::{Error, Result};
use stylegan_base::shell::quoted_word;

/// Networks that are held in memory at a time.
const MOST_OPEN: usize = 4;
/// Networks that clients may send.
const MOST_UPLOADED: usize = 32;
/// Directions that are found in the weights of a network.
const DIRECTIONS: usize = 10;

/// A network to draw from.
#[derive(Clone, Debug)]
pub enum Network {
    /// A checkpoint, of whatever program.
    File {
        /// The file.
        path: PathBuf,
        /// The side for which it was trained, where the file does not say it.
        resolution: Option<usize>,
    },
    /// One that comes with the program.
    Embedded {
        /// What a command line calls it.
        name: &'static str,
        /// A checkpoint of this program.
        bytes: &'static [u8],
    },
}

/// Where a network comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Demo,
    Snapshot,
    File,
    Uploaded,
}

/// A network in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listed {
    pub(crate) model: u64,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) run: Option<u64>,
    pub(crate) kimg: Option<f64>,
}

/// A network, ready to be drawn from.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) listed: Listed,
    pub(crate) painter: Painter,
    pub(crate) meta: Meta,
    pub(crate) hash: String,
    /// As a command line names it.
    pub(crate) argument: String,
    directions: OnceLock<Latents>,
    mean_w: OnceLock<Arc<MeanW>>,
}

impl Model {
    /// The directions that change its styles most.
    pub(crate) fn directions(&self) -> Result<Latents> {
        if let Some(found) = self.directions.get() {
            return Ok(found.clone());
        }
        let count = DIRECTIONS.min(self.painter.config().w_dim);
        let found = factorize(self.painter.generator(), None, count)?;
        Ok(self.directions.get_or_init(|| found).clone())
    }

    /// The mean of its w, in this painter's class.
    pub(crate) fn mean_w(&self, painter: &Painter) -> Result<Arc<MeanW>> {
        if painter.label().is_some() {
            return Ok(Arc::new(MeanW::of(painter)?));
        }
        if let Some(found) = self.mean_w.get() {
            return Ok(found.clone());
        }
        let found = Arc::new(MeanW::of(painter)?);
        Ok(self.mean_w.get_or_init(|| found).clone())
    }
}

#[derive(Debug)]
struct Entry {
    listed: Listed,
    network: Network,
    /// Of one that a client sent, what goes with the studio.
    _upload: Option<Upload>,
    /// Once it was opened.
    hash: Option<String>,
}

/// All networks that are known, and those that are open.
#[derive(Debug)]
pub(crate) struct Models {
    device: Device,
    entries: Mutex<Vec<Entry>>,
    /// The one that was asked for last at the end.
    open: Mutex<Vec<Arc<Model>>>,
}

impl Models {
    pub(crate) fn new(networks: Vec<Network>, device: Device) -> Self {
        let models = Self { device, entries: Mutex::default(), open: Mutex::default() };
        for network in networks {
            let (name, kind) = match &network {
                Network::Embedded { name, .. } => ((*name).to_owned(), Kind::Demo),
                Network::File { path, .. } => (name_of(path), Kind::File),
            };
            models.add(name, kind, network, None, None, None);
        }
        models
    }

    /// All of them, in the order of their coming; snapshots of a run by their time.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = self.entries().iter().map(|entry| entry.listed.clone()).collect();
        all.sort_by(|a, b| {
            let time = |listed: &Listed| listed.kimg.unwrap_or(0.0);
            a.run.cmp(&b.run).then(time(a).total_cmp(&time(b)))
        });
        all
    }

    /// The number of a run's snapshot, which it keeps.
    pub(crate) fn snapshot(&self, run: u64, run_name: &str, path: &Path, kimg: f64) -> u64 {
        let known = self.entries().iter().find_map(|entry| match &entry.network {
            Network::File { path: other, .. } if other == path && entry.listed.run == Some(run) => {
                Some(entry.listed.model)
            }
            _ => None,
        });
        known.unwrap_or_else(|| {
            let network = Network::File { path: path.to_owned(), resolution: None };
            self.add(
                format!("{run_name} at {kimg} kimg"),
                Kind::Snapshot,
                network,
                Some(run),
                Some(kimg),
                None,
            )
        })
    }

    /// Opens a network that a client sent, and knows it from then on.
    ///
    /// # Errors
    /// If it is none, or there are too many.
    pub(crate) fn upload(&self, upload: Upload, resolution: Option<usize>) -> Result<Arc<Model>> {
        if self.entries().iter().filter(|entry| entry.listed.kind == Kind::Uploaded).count() >= MOST_UPLOADED
        {
            return Err(Error::Bad(format!("{MOST_UPLOADED} networks were sent already")));
        }
        let network = Network::File { path: upload.path.clone(), resolution };
        let name = upload.name.clone();
        let checkpoint = checkpoint(&network)?;
        let model = self.add(name, Kind::Uploaded, network, None, None, Some(upload));
        Ok(self.keep(self.made(model, &checkpoint)?))
    }

    /// Which network has this hash, of those that were open.
    pub(crate) fn of_hash(&self, hash: &str) -> Option<u64> {
        self.entries()
            .iter()
            .find(|entry| entry.hash.as_deref() == Some(hash))
            .map(|entry| entry.listed.model)
    }

    /// A network, opened if it is not.
    ///
    /// # Errors
    /// If there is none of that number, or it can no longer be read.
    pub(crate) fn open(&self, model: u64) -> Result<Arc<Model>> {
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = open.iter().position(|other| other.listed.model == model) {
                let found = open.remove(at);
                open.push(found.clone());
                return Ok(found);
            }
        }
        let network = self.entry(model, |entry| entry.network.clone())?;
        let checkpoint = checkpoint(&network)?;
        Ok(self.keep(self.made(model, &checkpoint)?))
    }

    fn made(&self, model: u64, checkpoint: &Checkpoint) -> Result<Model> {
        let painter = Painter::new(checkpoint, DrawOptions::of(checkpoint), &self.device)?;
        let listed = self.entry(model, |entry| {
            entry.hash = Some(checkpoint.hash());
            entry.listed.clone()
        })?;
        let argument = self.entry(model, |entry| match (&entry.network, entry.listed.kind) {
            (Network::Embedded { name, .. }, _) => (*name).to_owned(),
            // Where the file is on the client's machine, it alone knows.
            (_, Kind::Uploaded) => entry.listed.name.clone(),
            (Network::File { path, .. }, _) => path.display().to_string(),
        })?;
        Ok(Model {
            listed,
            painter,
            meta: checkpoint.meta().clone(),
            hash: checkpoint.hash(),
            argument: quoted_word(&argument),
            directions: OnceLock::new(),
            mean_w: OnceLock::new(),
        })
    }

    fn keep(&self, model: Model) -> Arc<Model> {
        let model = Arc::new(model);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(model.clone());
        if open.len() > MOST_OPEN {
            open.remove(0);
        }
        model
    }

    fn add(
        &self,
        name: String,
        kind: Kind,
        network: Network,
        run: Option<u64>,
        kimg: Option<f64>,
        upload: Option<Upload>,
    ) -> u64 {
        let mut entries = self.entries();
        let model = entries.len() as u64;
        let listed = Listed { model, name, kind, run, kimg };
        entries.push(Entry { listed, network, _upload: upload, hash: None });
        model
    }

    fn entry<T>(&self, model: u64, of: impl FnOnce(&mut Entry) -> T) -> Result<T> {
        let mut entries = self.entries();
        let found = usize::try_from(model).ok().and_then(|at| entries.get_mut(at));
        found.map(of).ok_or(Error::NoSuch { what: "network", id: model })
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checkpoint(network: &Network) -> Result<Checkpoint> {
    Ok(match network {
        Network::Embedded { name, bytes } => Checkpoint::of_bytes(name, bytes)?,
        Network::File { path, resolution } => open_any(path, *resolution, Purpose::Sampling)?,
    })
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
