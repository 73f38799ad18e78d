//! How large the pictures of a source are, and which resolution fits them.

use std::cmp::Reverse;

use rayon::prelude::*;
use stylegan_base::Resolution;
use tracing::field::Empty;

use super::fit::Fit;
use super::levels::floor_power_of_two;
use super::skips::Skips;
use crate::error::{Error, ErrorKind};
use crate::readers::Source;

/// A picture whose ratio differs by no more than this share has that ratio: so much is cut off.
const SAME_RATIO: f64 = 0.01;

/// The size of each picture; `None` for those that are unreadable.
pub(crate) struct Sizes(Vec<Option<Resolution>>);

impl Sizes {
    /// Those that somebody has measured.
    pub(crate) fn new(sizes: Vec<Option<Resolution>>) -> Self {
        Self(sizes)
    }

    /// Measures all pictures, as a rule from the heads of their files.
    pub(super) fn measure(source: &Source, skips: &mut Skips<'_>) -> Result<Self, Error> {
        let total = source.len();
        let span = tracing::info_span!("measuring", total = total as u64, done = Empty).entered();
        let mut sizes = Vec::with_capacity(total);
        let all: Vec<usize> = (0..total).collect();
        for chunk in all.chunks(1024) {
            let measured: Vec<_> = chunk.par_iter().map(|&i| source.reader().dimensions(i)).collect();
            for (&i, size) in chunk.iter().zip(measured) {
                let size = size.map_err(|reason| skips.add(i, reason)).ok();
                sizes.push(
                    size.map(|(width, height)| Resolution { width: width as usize, height: height as usize }),
                );
            }
            skips.check()?;
            span.record("done", sizes.len() as u64);
        }
        Ok(Self(sizes))
    }

    /// Whether the picture numbered `index` could be read.
    pub(super) fn is_readable(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(Option::is_some)
    }

    /// The largest square of a network that nearly all pictures have the pixels for.
    ///
    /// Where there is none, the smallest, at which [`Sizes::too_small`] then finds the pictures that are too small.
    pub(crate) fn common_square(&self, fit: Fit) -> Resolution {
        let mut sides: Vec<usize> = self.0.iter().flatten().map(|&size| fit.side_of(size)).collect();
        sides.sort_unstable();
        let smallest = sides.get(may_be_small(sides.len())).copied();
        let side = floor_power_of_two(smallest.unwrap_or(0)).unwrap_or(Resolution::LEAST_SIDE);
        Resolution::square(side.min(Resolution::MOST_SIDE))
    }

    /// The largest resolution of a network that nearly all pictures have the ratio of and the pixels for; none if that
    /// ratio is a square's, or they have none in common.
    pub(crate) fn uncropped(&self) -> Option<Resolution> {
        self.0.iter().flatten().next()?;
        let starts = Resolution::starts().filter(|start| !start.is_square());
        let fitting =
            starts.filter(|start| self.nearly_all(|size| has_ratio(size, *start))).filter_map(|start| {
                let larger = std::iter::successors(Some(start), |smaller| Some(smaller.doubled()));
                let largest = larger
                    .take_while(|larger| larger.side() <= Resolution::MOST_SIDE)
                    .take_while(|larger| self.nearly_all(|size| Fit::Crop.has_pixels(size, *larger)))
                    .last()?;
                largest.violation().is_none().then_some((start, largest))
            });
        // Of several, one that starts as small as a square does, or else is nearest to that.
        let least = |(start, largest): &(Resolution, Resolution)| {
            (start.shorter_side().max(4), Reverse(largest.pixels()))
        };
        fitting.min_by_key(least).map(|(_, largest)| largest)
    }

    /// The pictures of `source` that have too few pixels for a resolution and can be left out.
    ///
    /// # Errors
    /// If they are more than a few.
    pub(crate) fn too_small(
        &self,
        source: &Source,
        resolution: Resolution,
        fit: Fit,
    ) -> Result<Vec<usize>, Error> {
        let is_small = |size: &Option<Resolution>| size.is_some_and(|size| !fit.has_pixels(size, resolution));
        let small: Vec<usize> = (0..self.0.len()).filter(|i| self.0.get(*i).is_some_and(is_small)).collect();
        if self.nearly_all(|size| fit.has_pixels(size, resolution)) {
            return Ok(small);
        }
        let size_of = |i: &usize| self.0.get(*i).copied().flatten().unwrap_or(resolution);
        let example = small.iter().copied().min_by_key(|i| fit.side_of(size_of(i))).unwrap_or_default();
        let smaller = resolution.levels().rev().skip(1);
        Err(ErrorKind::TooSmall {
            count: small.len(),
            example: source.names().get(example).cloned().unwrap_or_default(),
            size: size_of(&example),
            resolution,
            fitting: smaller
                .filter(|smaller| smaller.violation().is_none())
                .find(|smaller| self.nearly_all(|size| fit.has_pixels(size, *smaller))),
        }
        .at(source.path()))
    }

    /// Width and height of a picture, for people.
    pub(crate) fn shown(&self, index: usize) -> String {
        self.0.get(index).copied().flatten().map_or_else(String::new, |size| size.to_string())
    }

    /// Whether something holds for all readable pictures but a few.
    fn nearly_all(&self, holds: impl Fn(Resolution) -> bool) -> bool {
        let readable = self.0.iter().flatten();
        let others = readable.clone().filter(|&&size| !holds(size)).count();
        others <= may_be_small(readable.count())
    }
}

/// Whether a picture has the ratio of another, but for a few pixels at the edge.
pub(crate) fn has_ratio(size: Resolution, ratio: Resolution) -> bool {
    let (own, other) = (size.width as f64 * ratio.height as f64, size.height as f64 * ratio.width as f64);
    (own - other).abs() <= SAME_RATIO * own.max(other)
}

/// How many of so many pictures may be too small and be left out: a tenth, but one of four.
fn may_be_small(pictures: usize) -> usize {
    pictures.div_ceil(10).min(pictures / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_that_nearly_all_share_is_found() {
        let uncropped = |sizes: &[&str]| {
            let sizes = sizes.iter().map(|size| Some(size.parse().unwrap())).chain([None]).collect();
            Sizes(sizes).uncropped().map(|resolution: Resolution| resolution.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(uncropped(&["640x480"; 3]), some("512x384"));
        assert_eq!(uncropped(&["4032x3024"; 5]), some("1024x768"));
        assert_eq!(uncropped(&["480x640"; 5]), some("384x512"));
        assert_eq!(uncropped(&["1920x1080"; 5]), some("1024x576"));
        assert_eq!(uncropped(&["6000x4000"; 5]), some("768x512"));
        assert_eq!(uncropped(&["1000x667"; 5]), some("768x512"));
        assert_eq!(uncropped(&["640x512"; 5]), some("640x512"));
        assert_eq!(uncropped(&["1024x512"; 5]), some("1024x512"));
        assert_eq!(uncropped(&["800x400"; 5]), some("768x384"));
        assert_eq!(uncropped(&["16x12"; 5]), some("16x12"));
        assert_eq!(uncropped(&["8x6"; 5]), some("8x6"));
        // A square, no ratio of a network, too few pixels, several ratios.
        assert_eq!(uncropped(&["512x512"; 5]), None);
        assert_eq!(uncropped(&["1000x100"; 5]), None);
        assert_eq!(uncropped(&["4x3"; 5]), None);
        assert_eq!(uncropped(&["640x480", "640x480", "480x640", "640x512"]), None);
        // One of four may be another, as it may be smaller.
        assert_eq!(uncropped(&["640x480", "640x480", "1280x960", "900x900"]), some("512x384"));
        assert_eq!(uncropped(&["640x480", "640x480", "640x480", "64x48"]), some("512x384"));
        assert_eq!(uncropped(&[]), None);
    }
}
