//! What a pack is to be like.

use std::path::Path;

use super::fit::Fit;
use super::levels::is_resolution;
use crate::error::{Error, ErrorKind};

/// What a pack is to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PackOptions {
    /// The side of the largest level, a power of two from 8 to 1024. `None` is the largest that nearly all
    /// pictures have.
    pub resolution: Option<usize>,
    /// What becomes of pictures that are not square.
    pub fit: Fit,
    /// Whether pictures smaller than that are enlarged; else a few are left out, and more are refused.
    pub allow_upscale: bool,
    /// The fraction of the source's pictures, from 0 to 1, that may be unreadable and skipped; more is an error.
    pub max_bad_fraction: f64,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { resolution: None, fit: Fit::Crop, allow_upscale: false, max_bad_fraction: 0.1 }
    }
}

impl PackOptions {
    /// Refuses what no pack of `source` can be like.
    pub(super) fn validate(&self, source: &Path) -> Result<(), Error> {
        if let Some(resolution) = self.resolution
            && !is_resolution(resolution)
        {
            return Err(ErrorKind::Resolution { resolution }.at(source));
        }
        if !(0.0..=1.0).contains(&self.max_bad_fraction) {
            return Err(ErrorKind::Fraction { fraction: self.max_bad_fraction }.at(source));
        }
        Ok(())
    }
}
