//! How large the pictures of a source are, and which side fits them.

use rayon::prelude::*;
use tracing::field::Empty;

use super::fit::Fit;
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

    /// The largest side of a network that nearly all pictures have.
    ///
    /// Where there is none, the smallest, at which [`Sizes::too_small`] then finds the pictures that are too small.
    pub(super) fn common_side(&self, fit: Fit) -> usize {
        let mut sides: Vec<usize> =
            self.0.iter().flatten().map(|&(width, height)| fit.side_of(width, height)).collect();
        sides.sort_unstable();
        let smallest = sides.get(may_be_small(sides.len())).copied();
        floor_power_of_two(smallest.unwrap_or(0)).unwrap_or(8).min(MAX_RESOLUTION)
    }

    /// The pictures of `source` that are smaller than `side` and can be left out.
    ///
    /// # Errors
    /// If they are more than a few.
    pub(super) fn too_small(&self, source: &Source, side: usize, fit: Fit) -> Result<Vec<usize>, Error> {
        let sizes = |i: &usize| self.0[*i].map(|(width, height)| fit.side_of(width, height));
        let readable: Vec<usize> = (0..self.0.len()).filter(|i| sizes(i).is_some()).collect();
        let small: Vec<usize> = readable.iter().copied().filter(|i| sizes(i) < Some(side)).collect();
        if small.len() <= may_be_small(readable.len()) {
            return Ok(small);
        }
        let smallest = small.iter().copied().min_by_key(|i| sizes(i));
        let (example, (width, height)) = smallest.and_then(|i| Some((i, self.0[i]?))).unwrap_or_default();
        let common = self.common_side(fit);
        Err(ErrorKind::TooSmall {
            count: small.len(),
            example: source.names()[example].clone(),
            width: width as usize,
            height: height as usize,
            side,
            fitting: (common < side).then_some(common),
        }
        .at(source.path()))
    }

    /// Width and height of a picture, for people.
    pub(super) fn shown(&self, index: usize) -> String {
        self.0[index].map_or_else(String::new, |(width, height)| format!("{width}x{height}"))
    }
}

/// How many of so many pictures may be too small and be left out: a tenth, but one of four.
fn may_be_small(pictures: usize) -> usize {
    pictures.div_ceil(10).min(pictures / 4)
}
