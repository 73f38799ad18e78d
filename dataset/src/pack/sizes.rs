//! How large the pictures of a source are, and which side fits them.

use rayon::prelude::*;
use tracing::field::Empty;

use super::levels::{MAX_RESOLUTION, floor_power_of_two};
use super::skips::Skips;
use crate::error::{Error, ErrorKind};
use crate::readers::Source;

/// Width and height of each picture; `None` for those that are unreadable.
pub(super) struct Sizes(Vec<Option<(u32, u32)>>);

impl Sizes {
    /// Measures all pictures, as a rule from the heads of their files.
    pub(super) fn measure(source: &Source, skips: &mut Skips<'_>) -> Result<Self, Error> {
        let total = source.len();
        let span = tracing::info_span!("measuring", total = total as u64, done = Empty).entered();
        let mut sizes = Vec::with_capacity(total);
        let all: Vec<usize> = (0..total).collect();
        for chunk in all.chunks(1024) {
            let measured: Vec<_> = chunk.par_iter().map(|&i| source.reader().dimensions(i)).collect();
            for (&i, size) in chunk.iter().zip(measured) {
                sizes.push(size.map_err(|reason| skips.add(i, reason)).ok());
            }
            skips.check()?;
            span.record("done", sizes.len() as u64);
        }
        Ok(Self(sizes))
    }

    /// Whether the picture numbered `index` could be read.
    pub(super) fn is_readable(&self, index: usize) -> bool {
        self.0[index].is_some()
    }

    /// The largest side of a network that no picture is smaller than.
    ///
    /// Where there is none, the smallest, at which [`Sizes::check`] then finds the pictures that are too small.
    pub(super) fn common_side(&self) -> usize {
        let smallest = self.0.iter().flatten().map(|&(width, height)| width.min(height) as usize).min();
        floor_power_of_two(smallest.unwrap_or(0)).unwrap_or(8).min(MAX_RESOLUTION)
    }

    /// Refuses pictures of `source` that are smaller than `side`.
    pub(super) fn check(&self, source: &Source, side: usize) -> Result<(), Error> {
        let small = || {
            self.0
                .iter()
                .enumerate()
                .filter_map(|(i, size)| size.map(|(width, height)| (i, width as usize, height as usize)))
                .filter(|&(_, width, height)| width.min(height) < side)
        };
        match small().min_by_key(|&(_, width, height)| width.min(height)) {
            None => Ok(()),
            Some((example, width, height)) => Err(ErrorKind::TooSmall {
                count: small().count(),
                example: source.names()[example].clone(),
                width,
                height,
                side,
                fitting: floor_power_of_two(width.min(height)),
            }
            .at(source.path())),
        }
    }
}
