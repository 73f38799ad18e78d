//! The networks that draw in styles, as a command line asks for them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::Device;
use stylegan_checkpoint::newest_snapshot;
use stylegan_transfer::{DecoderInFile, Encoder, Stylizer};
use tracing::info;

use super::Args;
use crate::pretrained;

/// Encoder and decoder, and what tells the decoder from others.
pub(super) fn open(args: &Args, device: &Device) -> Result<(Stylizer, String)> {
    let file = match pretrained::open_decoder(&args.checkpoint) {
        Some(file) => file?,
        None => DecoderInFile::open(&file_of(&args.checkpoint)?)?,
    };
    let weights = args.weights.places().open(file.encoder.weights.name(), device)?;
    info!(decoder = file.hash, encoder = weights.fingerprint(), nimg = file.nimg, "opened networks");
    let encoder = Encoder::new(&weights, file.encoder)?;
    Ok((Stylizer::new(encoder, file.decoder(device)?)?.with_tile(args.tile), file.hash))
}

/// The newest snapshot of a run's folder, or the file itself.
fn file_of(path: &Path) -> Result<PathBuf> {
    if path.is_dir() { Ok(newest_snapshot(path)?) } else { Ok(path.to_owned()) }
}
