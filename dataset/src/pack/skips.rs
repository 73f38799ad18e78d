//! Pictures that cannot be read, and how many of them are too many.

use crate::error::{Error, ErrorKind};
use crate::readers::Source;
use crate::skipped::Skipped;

/// The pictures of a source that are left out of its pack.
pub(super) struct Skips<'a> {
    source: &'a Source,
    max_bad_fraction: f64,
    on_skipped: &'a mut dyn FnMut(&Skipped),
    skipped: Vec<Skipped>,
}

impl<'a> Skips<'a> {
    pub(super) fn new(
        source: &'a Source,
        max_bad_fraction: f64,
        on_skipped: &'a mut dyn FnMut(&Skipped),
    ) -> Self {
        Self { source, max_bad_fraction, on_skipped, skipped: Vec::new() }
    }

    /// Leaves out the picture numbered `index`.
    pub(super) fn add(&mut self, index: usize, reason: String) {
        let skipped = Skipped { name: self.source.names()[index].clone(), reason };
        tracing::debug!(name = skipped.name, reason = skipped.reason, "picture skipped");
        (self.on_skipped)(&skipped);
        self.skipped.push(skipped);
    }

    /// Those left out so far.
    pub(super) fn list(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Refuses a source of which too many are left out.
    pub(super) fn check(&self) -> Result<(), Error> {
        check(self.source, &self.skipped, self.max_bad_fraction)
    }
}

/// Refuses a source of which more than the fraction `max_bad_fraction` cannot be read.
pub(crate) fn check(source: &Source, skipped: &[Skipped], max_bad_fraction: f64) -> Result<(), Error> {
    let files = source.len();
    if skipped.len() as f64 > max_bad_fraction * files as f64 {
        let skipped = skipped.to_vec();
        return Err(ErrorKind::TooManyBad { skipped, files, max_bad_fraction }.at(source.path()));
    }
    Ok(())
}
