//! Which pictures are the same, and which look alike.
//!
//! Those that look alike are found by a hash of 64 bits and told by their thumbnails. Hashes of pictures that look alike differ
//! by at most [`MOST_BITS`]. A hash has four quarters, so that one of these differs by at most one bit: the pictures with that
//! quarter, or one a bit away, are all that need to be looked at.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use tracing::field::Empty;

use super::look::Look;
use super::thumbnail::Thumbnail;

/// Most bits of 64 that hashes of pictures that look alike differ by.
pub(super) const MOST_BITS: u32 = 7;

/// Most that their thumbnails differ by, in standard deviations; `docs/datasets.md` says what was measured.
pub(super) const MOST_DIFFERENCE: f32 = 0.095;

/// Widths divided by heights differ by no more than this share.
const MOST_RATIO: f32 = 1.05;

/// Most hashes that one picture's is compared with; pictures of a hostile source may have them all in one quarter.
const MOST_COMPARED: usize = 1 << 17;

/// An earlier picture that one is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Likeness {
    pub(super) earlier: u32,
    /// Of the thumbnails, in standard deviations.
    pub(super) difference: f32,
}

/// For each picture the first that has the same pixels, if that is an earlier one.
pub(super) fn same(looks: &[Option<Look>]) -> Vec<Option<u32>> {
    let mut first = HashMap::with_capacity(looks.len());
    let earlier = |(look, number): (&Option<Look>, u32)| {
        let first = *first.entry(look.as_ref()?.digest).or_insert(number);
        (first != number).then_some(first)
    };
    looks.iter().zip(0..).map(earlier).collect()
}

/// What looks alike among pictures.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Alike {
    /// For each picture the first earlier one that it looks like.
    pub(super) as_they_are: Vec<Option<Likeness>>,
    /// For each picture that looks like no earlier one, the first that it looks like in a mirror.
    pub(super) mirrored: Vec<Option<Likeness>>,
    /// Whether nothing can have been missed.
    pub(super) is_complete: bool,
}

/// Finds the pictures that look alike, but for those that have a first of the same pixels.
pub(super) fn alike(looks: &[Option<Look>], same: &[Option<u32>]) -> Alike {
    let is_compared = |number: usize| {
        let look = looks.get(number)?.as_ref()?;
        (same.get(number) == Some(&None) && !look.thumbnail.is_blank()).then_some(look)
    };
    let span = tracing::info_span!("comparing", total = looks.len() as u64, done = Empty).entered();
    let hashes: Vec<Option<u64>> = (0..looks.len())
        .into_par_iter()
        .map(|number| is_compared(number).map(|look| look.thumbnail.hash()))
        .collect();
    let buckets = [0, 1, 2, 3].map(|quarter| Buckets::new(&hashes, quarter));
    let search = Search { looks, hashes: &hashes, buckets: &buckets, is_complete: AtomicBool::new(true) };
    let mut alike = Alike::default();
    let all: Vec<usize> = (0..looks.len()).collect();
    for chunk in all.chunks(1 << 14) {
        let found: Vec<_> = chunk
            .par_iter()
            .map(|&number| {
                let Some(look) = is_compared(number) else { return (None, None) };
                let as_it_is = search.first_like(number, look, &look.thumbnail);
                let in_a_mirror = || search.first_like(number, look, &look.thumbnail.mirrored());
                (as_it_is, if as_it_is.is_none() { in_a_mirror() } else { None })
            })
            .collect();
        for (as_it_is, in_a_mirror) in found {
            alike.as_they_are.push(as_it_is);
            alike.mirrored.push(in_a_mirror);
        }
        span.record("done", alike.mirrored.len() as u64);
    }
    alike.is_complete = search.is_complete.into_inner();
    alike
}

fn quarter_of(hash: u64, quarter: usize) -> u16 {
    (hash >> (16 * quarter)) as u16
}

/// Pictures by one quarter of their hashes.
struct Buckets {
    /// Where the pictures of each value begin in `numbers`, and where the last end.
    starts: Vec<u32>,
    /// In rising order within a value.
    numbers: Vec<u32>,
}

impl Buckets {
    fn new(hashes: &[Option<u64>], quarter: usize) -> Self {
        let values = || hashes.iter().zip(0..).filter_map(|(hash, number)| Some(((*hash)?, number)));
        let mut starts = vec![0_u32; (1 << 16) + 1];
        for (hash, _) in values() {
            starts[usize::from(quarter_of(hash, quarter)) + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; sum as usize];
        for (hash, number) in values() {
            let place = &mut next[usize::from(quarter_of(hash, quarter))];
            numbers[*place as usize] = number;
            *place += 1;
        }
        Self { starts, numbers }
    }

    fn of(&self, value: u16) -> &[u32] {
        let value = usize::from(value);
        &self.numbers[self.starts[value] as usize..self.starts[value + 1] as usize]
    }
}

struct Search<'a> {
    looks: &'a [Option<Look>],
    hashes: &'a [Option<u64>],
    buckets: &'a [Buckets; 4],
    is_complete: AtomicBool,
}

impl Search<'_> {
    /// The first picture before `number` that looks like `thumbnail`, which is that picture's or its mirror image.
    fn first_like(&self, number: usize, look: &Look, thumbnail: &Thumbnail) -> Option<Likeness> {
        let hash = thumbnail.hash();
        let mut first: Option<Likeness> = None;
        let mut left = MOST_COMPARED;
        for (quarter, buckets) in self.buckets.iter().enumerate() {
            let value = quarter_of(hash, quarter);
            for value in std::iter::once(value).chain((0..16).map(|bit| value ^ (1 << bit))) {
                for &earlier in buckets.of(value) {
                    let end = first.map_or(number, |first| first.earlier as usize);
                    if earlier as usize >= end {
                        break;
                    }
                    if left == 0 {
                        self.is_complete.store(false, Ordering::Relaxed);
                        return first;
                    }
                    left -= 1;
                    let Some(other) = self.hashes[earlier as usize] else { continue };
                    if (hash ^ other).count_ones() > MOST_BITS {
                        continue;
                    }
                    if let Some(difference) = self.difference(earlier, look, thumbnail) {
                        first = Some(Likeness { earlier, difference });
                    }
                }
            }
        }
        first
    }

    fn difference(&self, earlier: u32, look: &Look, thumbnail: &Thumbnail) -> Option<f32> {
        let other = self.looks[earlier as usize].as_ref()?;
        let [own, others] = [look, other].map(|look| f32::from(look.width) / f32::from(look.height).max(1.0));
        let difference = thumbnail.difference(&other.thumbnail);
        let is_alike = own.max(others) <= MOST_RATIO * own.min(others) && difference <= MOST_DIFFERENCE;
        is_alike.then_some(difference)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fast_image_resize::Resizer;
    use image::{DynamicImage, Rgb, RgbImage};
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// Pictures of 16x16, each one of `scenes` blurred squares with noise of its own.
    fn looks(count: usize, scenes: u64, noise: i16, seed: u64) -> Vec<Option<Look>> {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut resizer = Resizer::new();
        let mut look = || {
            let mut scene = SmallRng::seed_from_u64(random.random_range(0..scenes));
            let squares: Vec<u8> = (0..16).map(|_| scene.random_range(20..230)).collect();
            let is_reversed = random.random_bool(0.3);
            let picture = RgbImage::from_fn(16, 16, |x, y| {
                let x = if is_reversed { 15 - x } else { x };
                let light =
                    i16::from(squares[(y / 4 * 4 + x / 4) as usize]) + random.random_range(-noise..=noise);
                Rgb([light.clamp(0, 255) as u8; 3])
            });
            Look::at(DynamicImage::from(picture).into(), &mut resizer).unwrap()
        };
        (0..count).map(|number| (number % 50 != 7).then(&mut look)).collect()
    }

    /// The same by comparing all with all.
    fn by_all_pairs(looks: &[Option<Look>], number: usize, thumbnail: &Thumbnail) -> Option<u32> {
        let is_like = |other: &Look| {
            (other.thumbnail.hash() ^ thumbnail.hash()).count_ones() <= MOST_BITS
                && other.thumbnail.difference(thumbnail) <= MOST_DIFFERENCE
        };
        (0..).zip(&looks[..number]).find_map(|(at, other)| is_like(other.as_ref()?).then_some(at))
    }

    #[test]
    fn nothing_is_found_by_hashes_that_all_pairs_do_not_give() {
        // Noise by which some pictures of a scene are alike and some are not.
        let looks = looks(700, 60, 20, 5);
        let found = alike(&looks, &same(&looks));
        let (mut count, mut in_mirrors) = (0, 0);
        for (number, look) in looks.iter().enumerate() {
            let like = |like: &[Option<Likeness>]| like[number].map(|like| like.earlier);
            let Some(look) = look else {
                assert_eq!((like(&found.as_they_are), like(&found.mirrored)), (None, None));
                continue;
            };
            let expected = by_all_pairs(&looks, number, &look.thumbnail);
            assert_eq!(like(&found.as_they_are), expected, "{number}");
            let mirrored = by_all_pairs(&looks, number, &look.thumbnail.mirrored());
            assert_eq!(like(&found.mirrored), mirrored.filter(|_| expected.is_none()), "{number}");
            count += usize::from(expected.is_some());
            in_mirrors += usize::from(expected.is_none() && mirrored.is_some());
        }
        assert!(found.is_complete && count > 100 && count < 650 && in_mirrors > 5, "{count} {in_mirrors}");
    }

    #[test]
    fn many_that_are_alike_are_no_more_work_than_others() {
        // All pairs of these would be 50 million.
        let looks = looks(10_000, 1, 3, 9);
        let found = alike(&looks, &same(&looks));
        assert!(found.is_complete);
        // There are two of them, one the mirror image of the other.
        let earlier = found.as_they_are.iter().flatten().map(|like| like.earlier);
        let firsts: BTreeSet<u32> = earlier.clone().collect();
        assert!(earlier.count() > 9700 && firsts.len() < 20, "{firsts:?}");
    }

    #[test]
    fn same_pixels_lead_to_the_first() {
        let [one, other] = [3, 4].map(|seed| looks(1, 9, 30, seed)[0]);
        assert_eq!(
            same(&[one, None, other, one, one, None, other]),
            [None, None, None, Some(0), Some(0), None, Some(2)]
        );
    }
}
