//! Files of latents: sent by clients, found by projections, and the keyframes of films.

use std::sync::Arc;

use serde::Serialize;
use stylegan_drawing::{LatentFile, LatentSource, LatentSpace, Latents};

use crate::Result;
use crate::files::{Kept as Folder, Upload};
use crate::numbered::Numbered;

/// Files that are kept; of more, the oldest go.
const MOST_FILES: usize = 64;

/// Files of latents by number.
#[derive(Debug)]
pub(crate) struct LatentFiles(Numbered<Kept>);

impl Default for LatentFiles {
    fn default() -> Self {
        Self(Numbered::new("file of latents", MOST_FILES, |_| true))
    }
}

#[derive(Clone, Debug)]
struct Kept {
    file: LatentFile,
    /// What the file lies in as long as it is kept.
    upload: Arc<Upload>,
}

/// A file of latents as the page knows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) latents: u64,
    count: usize,
    space: LatentSpace,
    hash: String,
}

impl LatentFiles {
    pub(crate) fn add(&self, upload: Upload) -> Result<Shown> {
        let file = LatentFile::open(&upload.path)?;
        let (count, space, hash) = (file.count(), file.space(), file.hash().to_owned());
        let latents = self.0.add(Kept { file, upload: Arc::new(upload) });
        Ok(Shown { latents, count, space, hash })
    }

    /// Keeps latents that were made here.
    pub(crate) fn keep(&self, latents: &Latents, kept: &Folder) -> Result<Shown> {
        let upload =
            Upload { name: "latents.safetensors".to_owned(), path: kept.fresh("latents.safetensors") };
        latents.save(&upload.path, &[], false)?;
        self.add(upload)
    }

    /// Where the file lies, and what keeps it there.
    pub(crate) fn upload(&self, id: u64) -> Result<Arc<Upload>> {
        self.0.get(id).map(|kept| kept.upload)
    }

    pub(crate) fn file(&self, id: u64) -> Result<LatentFile> {
        self.0.get(id).map(|kept| kept.file)
    }

    /// Where seeds, and rows of this file, come from.
    pub(crate) fn source(&self, id: Option<u64>) -> Result<LatentSource> {
        Ok(match id {
            Some(id) => LatentSource::with_file(self.file(id)?),
            None => LatentSource::SEEDS,
        })
    }

    /// The number of the file with this hash.
    pub(crate) fn of_hash(&self, hash: &str) -> Option<u64> {
        self.0.find(|kept| kept.file.hash() == hash)
    }
}
