//! What a pack is to be like.

use std::path::Path;

use stylegan_base::Resolution;

use super::fit::Fit;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::error::{Error, ErrorKind};
use crate::shard::Shard;

/// What a pack is to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PackOptions {
    /// Width and height of the largest level. `None` is the largest square that nearly all pictures have the pixels for.
    pub resolution: Option<Resolution>,
    /// The channels of the pictures.
    pub channels: Channels,
    /// The bits of their numbers.
    pub bits: Bits,
    /// Which part of the source is packed; all of it, where none is given.
    pub shard: Option<Shard>,
    /// What becomes of pictures of another ratio.
    pub fit: Fit,
    /// Whether pictures smaller than the resolution are enlarged; else a few are left out, and more are refused.
    pub allow_upscale: bool,
    /// The fraction of the source's pictures, from 0 to 1, that may be unreadable and skipped; more is an error.
    pub max_bad_fraction: f64,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            resolution: None,
            channels: Channels::default(),
            bits: Bits::default(),
            shard: None,
            fit: Fit::Crop,
            allow_upscale: false,
            max_bad_fraction: 0.1,
        }
    }
}

impl PackOptions {
    /// Refuses what no pack of `source` can be like.
    pub(super) fn validate(&self, source: &Path) -> Result<(), Error> {
        if let Some(resolution) = self.resolution
            && resolution.violation().is_some()
        {
            return Err(ErrorKind::Resolution { resolution }.at(source));
        }
        if !(0.0..=1.0).contains(&self.max_bad_fraction) {
            return Err(ErrorKind::Fraction { fraction: self.max_bad_fraction }.at(source));
        }
        Ok(())
    }
}
