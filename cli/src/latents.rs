//! Latents of files beside seeds, as a command line asks for them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_drawing::{LatentFile, LatentId, LatentIds, LatentSource, LatentSpace};
use tracing::info;

use crate::report::Refusal;

/// A file of latents beside seeds.
#[derive(Debug, clap::Args)]
pub(crate) struct LatentArgs {
    /// File of latents, whose rows `@0`, `@1-3` and so on stand for in lists of seeds: a tensor `z [n, z_dim]`, `w [n, w_dim]`
    /// or `w_plus [n, num_layers, w_dim]`, which is not truncated
    #[arg(long, value_name = "FILE.safetensors|FILE.npz|FILE.npy")]
    latents: Option<PathBuf>,
}

impl LatentArgs {
    /// Seeds, and the rows of the file if one was given.
    pub(crate) fn open(&self) -> Result<LatentSource> {
        let Some(path) = &self.latents else { return Ok(LatentSource::SEEDS) };
        let latents = LatentFile::open(path)?;
        info!(path = %path.display(), space = %latents.space(), count = latents.count(), "opened latents");
        Ok(LatentSource::with_file(latents))
    }

    /// The file.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.latents.as_deref()
    }

    /// The same, where `ids` are all that is drawn.
    pub(crate) fn open_for(&self, ids: &[&LatentIds]) -> Result<LatentSource> {
        let source = self.open()?;
        if source.file().is_some() && !ids.iter().any(|ids| ids.has_rows()) {
            return Err(Refusal::usage("`--latents` was given, but no row of it is drawn")
                .hint("`@0` stands for its first row where seeds are listed")
                .into());
        }
        Ok(source)
    }

    /// Where `ids` are all that is drawn, and all rows of the file if they name none.
    pub(crate) fn open_with_all(&self, ids: Option<&LatentIds>) -> Result<(LatentSource, LatentIds)> {
        let source = self.open()?;
        let mut all = ids.cloned().unwrap_or(LatentIds(Vec::new()));
        if let Some(file) = source.file().filter(|_| !all.has_rows()) {
            all.0.extend(LatentIds::rows(file.count()).0);
        }
        if all.0.is_empty() {
            return Err(Refusal::usage("`--seeds LIST` or `--latents FILE` is missing").into());
        }
        Ok((source, all))
    }
}

/// Where most of these enter a network: where all do that are rows, and else where seeds do.
pub(crate) fn space_of(source: &LatentSource, ids: &[&LatentIds]) -> LatentSpace {
    let are_rows = ids.iter().all(|ids| ids.0.iter().all(|id| matches!(id, LatentId::Row(_))));
    source.file().filter(|_| are_rows).map_or(LatentSpace::Z, LatentFile::space)
}
