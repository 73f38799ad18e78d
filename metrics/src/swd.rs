//! Sliced Wasserstein distance between the patches of two sets of pictures.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, bail};
use rand::Rng;
use rayon::prelude::*;
use stylegan_base::{Key, Resolution};

use crate::draws::normal;
use crate::metric::Numbers;
use crate::pyramid::{Level, laplacian_pyramid};
use crate::{Metric, Set};

/// Side of a patch, in pixels.
const PATCH: usize = 7;
/// Patches taken from each picture at each level.
const PATCHES: usize = 128;
/// Random directions that patches are projected on.
const DIRECTIONS: usize = 512;
/// Of them, those that are computed at a time.
const DIRECTIONS_AT_ONCE: usize = 32;
/// No side of the pyramid is halved below this, in pixels.
const SMALLEST: usize = 16;

/// The distance at each level of the Laplacian pyramid.
#[derive(Clone, Debug, PartialEq)]
pub struct SlicedWasserstein {
    /// Longer side of the level in pixels, and its distance times 1000; the full size first.
    pub levels: Vec<(usize, f64)>,
}

impl SlicedWasserstein {
    /// The mean over the levels.
    pub fn mean(&self) -> f64 {
        self.levels.iter().map(|(_, distance)| distance).sum::<f64>() / self.levels.len().max(1) as f64
    }
}

/// The sliced Wasserstein distance of Progressive GAN (Karras et al. 2018, section 5), times 1000, by the name of `swd`.
///
/// Both sets are taken apart into Laplacian pyramids down to 16x16, or as far as the shorter side has 16 pixels or more. At
/// each level 128 patches of 7x7 pixels are taken from each picture, each channel is normalized by mean and deviation over all
/// patches of its set, and the mean distance of sorted projections on 512 random directions is the result. Small values mean
/// alike textures; it needs no trained network. Numbers are comparable for equal counts of pictures only.
///
/// It is computed on the CPU. Of each picture about 75 KB a level are kept; copies share them.
#[derive(Clone, Debug, Default)]
pub struct Swd {
    seed: u64,
    reals: Patches,
    fakes: Patches,
}

/// What is kept of a set of pictures.
#[derive(Clone, Debug, Default)]
struct Patches {
    /// Pictures so far.
    count: usize,
    /// From the full size down.
    levels: Vec<PatchesOfLevel>,
}

#[derive(Clone, Debug)]
struct PatchesOfLevel {
    size: Resolution,
    channels: usize,
    /// `[patches, channels, 7, 7]`
    values: Arc<Vec<f32>>,
}

impl Swd {
    /// One with patches and directions of its own.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The distance between all reals and all fakes so far.
    ///
    /// # Errors
    /// If there are none, or not as many of the ones as of the others.
    pub fn distance(&self) -> Result<SlicedWasserstein> {
        let (reals, fakes) = (&self.reals, &self.fakes);
        if reals.count != fakes.count || reals.count == 0 {
            bail!(
                "sliced Wasserstein distance: two sets of equally many pictures are needed, not {} reals and {} fakes",
                reals.count,
                fakes.count
            )
        }
        let levels = reals.levels.iter().zip(&fakes.levels).map(|(reals, fakes)| {
            let side = reals.size.side();
            let directions = self.directions(side, reals.channels * PATCH * PATCH)?;
            Ok((side, 1000.0 * distance(&reals.descriptors()?, &fakes.descriptors()?, &directions)?))
        });
        Ok(SlicedWasserstein { levels: levels.collect::<Result<_>>()? })
    }

    /// Directions of length 1, `[directions, length]`.
    fn directions(&self, side: usize, length: usize) -> Result<Tensor> {
        let directions = normal("swd directions", &[self.seed, side as u64], (DIRECTIONS, length))?;
        directions.broadcast_div(&directions.sqr()?.sum_keepdim(1)?.sqrt()?)
    }

    /// Upper left corners of the patches of a picture. The same ones in both sets would tie the sets together.
    fn places(
        &self,
        set: Set,
        number: usize,
        Resolution { width, height }: Resolution,
    ) -> Vec<(usize, usize)> {
        let side = width.max(height) as u64;
        let mut rng =
            Key::new("swd patches", &[self.seed, side, u64::from(set == Set::Fakes), number as u64]).rng();
        let mut place = |side: usize| rng.random_range(0..=side - PATCH);
        (0..PATCHES).map(|_| (place(height), place(width))).collect()
    }
}

impl Metric for Swd {
    fn add(&mut self, set: Set, pictures: &Tensor) -> Result<()> {
        let (count, channels, height, width) = pictures.dims4()?;
        let size = Resolution { width, height };
        if size.shorter_side() < SMALLEST || channels == 0 {
            bail!(
                "sliced Wasserstein distance: pictures of at least {SMALLEST}x{SMALLEST} are needed, not of {size} with \
                 {channels} channels"
            )
        }
        if let Some(first) = self.reals.levels.first().or(self.fakes.levels.first())
            && (first.size, first.channels) != (size, channels)
        {
            bail!(
                "sliced Wasserstein distance: pictures of {size} with {channels} channels after some of {} with {}",
                first.size,
                first.channels
            )
        }
        let values = pictures.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let first = self.of(set).count;
        let patches: Vec<Vec<PatchesOfLevel>> = values
            .par_chunks_exact(channels * height * width)
            .enumerate()
            .map(|(number, picture)| {
                let levels = laplacian_pyramid(Level { size, values: picture.to_vec() }, SMALLEST);
                let taken = |level: &Level| {
                    let values = taken(level, channels, &self.places(set, first + number, level.size));
                    PatchesOfLevel { size: level.size, channels, values: Arc::new(values) }
                };
                levels.iter().map(taken).collect()
            })
            .collect();
        let kept = self.of_mut(set);
        kept.count += count;
        for levels in patches {
            if kept.levels.is_empty() {
                kept.levels = levels;
            } else {
                kept.levels.iter_mut().zip(levels).for_each(|(kept, level)| {
                    Arc::make_mut(&mut kept.values).extend_from_slice(&level.values);
                });
            }
        }
        Ok(())
    }

    fn copied(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }

    /// The mean, and `_SIDE` of each level.
    fn numbers(&self) -> Result<Numbers> {
        let distance = self.distance()?;
        let levels = distance.levels.iter().map(|(side, value)| (format!("_{side}"), *value));
        Ok([(String::new(), distance.mean())].into_iter().chain(levels).collect())
    }
}

impl Swd {
    fn of(&self, set: Set) -> &Patches {
        match set {
            Set::Reals => &self.reals,
            Set::Fakes => &self.fakes,
        }
    }

    fn of_mut(&mut self, set: Set) -> &mut Patches {
        match set {
            Set::Reals => &mut self.reals,
            Set::Fakes => &mut self.fakes,
        }
    }
}

/// [`Swd`] of two sets that are there as a whole.
///
/// # Shapes
/// - `reals`, `fakes`: `[pictures, channels, height, width]`, the same number of pictures of the same size, at least 16x16
///
/// # Errors
/// If the shapes differ from that.
pub fn sliced_wasserstein(reals: &Tensor, fakes: &Tensor, seed: u64) -> Result<SlicedWasserstein> {
    let mut swd = Swd::new(seed);
    swd.add(Set::Reals, reals)?;
    swd.add(Set::Fakes, fakes)?;
    swd.distance()
}

/// Patches of a level, by their upper left corners.
fn taken(level: &Level, channels: usize, places: &[(usize, usize)]) -> Vec<f32> {
    let Resolution { width, height } = level.size;
    let mut taken = Vec::with_capacity(places.len() * channels * PATCH * PATCH);
    for (top, left) in places {
        for plane in level.values.chunks_exact(height * width) {
            for row in *top..top + PATCH {
                taken.extend_from_slice(&plane[row * width + left..][..PATCH]);
            }
        }
    }
    taken
}

impl PatchesOfLevel {
    /// Mean and deviation of each channel over all patches.
    fn statistics(&self) -> Vec<(f64, f64)> {
        let planes = |channel: usize| {
            self.values.chunks_exact(PATCH * PATCH).skip(channel).step_by(self.channels).flatten().copied()
        };
        let count = (self.values.len() / self.channels) as f64;
        let statistics = |channel: usize| {
            let mean = planes(channel).map(f64::from).sum::<f64>() / count;
            let variance =
                planes(channel).map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
            (mean, variance.sqrt())
        };
        (0..self.channels).map(statistics).collect()
    }

    /// `[patches, channels * 49]`, each channel with mean 0 and deviation 1 over all patches.
    fn descriptors(&self) -> Result<Tensor> {
        let statistics = self.statistics();
        let mut values = self.values.to_vec();
        for (plane, (mean, deviation)) in
            values.chunks_exact_mut(PATCH * PATCH).zip(statistics.iter().cycle())
        {
            // A channel that never changes has no texture.
            let scale = if *deviation > 0.0 { 1.0 / deviation } else { 0.0 };
            for value in plane {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            }
        }
        let length = self.channels * PATCH * PATCH;
        let patches = values.len() / length;
        Tensor::from_vec(values, (patches, length), &Device::Cpu)
    }
}

/// Sorts as [`f32::total_cmp`] does, by whole numbers of the same order, which takes a third of the time.
fn sort(row: &mut [f32]) {
    // Negative numbers are ordered by the complement of their bits but the sign.
    let order = |bits: i32| bits ^ ((bits >> 31) & i32::MAX);
    let mut keys: Vec<i32> = row.iter().map(|value| order(value.to_bits().cast_signed())).collect();
    keys.sort_unstable();
    for (value, key) in row.iter_mut().zip(keys) {
        *value = f32::from_bits(order(key).cast_unsigned());
    }
}

/// Mean over the directions, `[directions, length]`, of the distance between sorted projections.
fn distance(a: &Tensor, b: &Tensor, directions: &Tensor) -> Result<f64> {
    let projections = |x: &Tensor, directions: &Tensor| -> Result<Vec<Vec<f32>>> {
        let mut rows = directions.matmul(&x.t()?)?.to_vec2::<f32>()?;
        rows.par_iter_mut().for_each(|row| sort(row));
        Ok(rows)
    };
    let count = directions.dim(0)?;
    let mut sum = 0.0;
    for first in (0..count).step_by(DIRECTIONS_AT_ONCE) {
        let directions = directions.narrow(0, first, DIRECTIONS_AT_ONCE.min(count - first))?;
        let (a, b) = (projections(a, &directions)?, projections(b, &directions)?);
        for (a, b) in a.iter().zip(&b) {
            sum += a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / a.len() as f64;
        }
    }
    Ok(sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, pictures, values};

    /// The level of a side of the golden pictures, with the patches around the golden centers.
    fn golden_patches(golden: &Golden, set: &str, side: usize) -> PatchesOfLevel {
        let centers: Vec<usize> =
            golden.values(&format!("centers.{set}.{side}")).iter().map(|center| *center as usize).collect();
        let mut patches = PatchesOfLevel { size: side.into(), channels: 3, values: Arc::default() };
        let pictures = values(&pictures(set));
        for (picture, centers) in pictures.chunks(3 * 64 * 64).zip(centers.chunks(2 * PATCHES)) {
            let values = picture.iter().map(|value| *value as f32).collect();
            let levels = laplacian_pyramid(Level { size: 64.into(), values }, SMALLEST);
            let level = levels.iter().find(|level| level.size == side.into()).unwrap();
            let half = PATCH / 2;
            let places: Vec<_> =
                centers.chunks(2).map(|center| (center[1] - half, center[0] - half)).collect();
            Arc::make_mut(&mut patches.values).extend(taken(level, 3, &places));
        }
        patches
    }

    #[test]
    fn rows_are_sorted_as_numbers_are() {
        let key = Key::new("sorted", &[]);
        let mut row: Vec<f32> =
            (0..999).map(|index| (key.child("value", index).uniform() - 0.5) as f32).collect();
        row.extend([
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MIN_POSITIVE,
            -f32::MIN_POSITIVE,
            1e-45,
            f32::NAN,
        ]);
        let mut expected = row.clone();
        expected.sort_unstable_by(f32::total_cmp);
        sort(&mut row);
        assert!(row.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn of_two_sets_of_faces() -> Result<()> {
        let golden = Golden::open("swd");
        for side in [64, 16] {
            let (a, b) = (golden_patches(&golden, "a", side), golden_patches(&golden, "b", side));
            for (set, patches) in [("a", &a), ("b", &b)] {
                let (means, deviations): (Vec<f64>, Vec<f64>) = patches.statistics().into_iter().unzip();
                golden.assert_close(&format!("stats.{set}.{side}"), &[means, deviations].concat(), 1e-3);
            }
            let (a, b) = (a.descriptors()?, b.descriptors()?);
            golden.assert_close(&format!("descriptors.a.{side}.first4"), &values(&a.narrow(0, 0, 4)?), 2e-5);
            let directions = golden.tensor(&format!("directions.{side}"));
            let expected = golden.values(&format!("repeats.{side}"));
            for repeat in 0..directions.dim(0)? {
                let got = 1000.0 * distance(&a, &b, &directions.get(repeat)?.t()?.contiguous()?)?;
                assert!(
                    (got - expected[repeat]).abs() < 1e-4 * expected[repeat],
                    "{got} against {expected:?}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn draws_of_its_own_come_close_to_it() -> Result<()> {
        // Other patches and directions of the same pictures.
        let SlicedWasserstein { levels } = sliced_wasserstein(&pictures("a"), &pictures("b"), 0)?;
        for (side, distance) in levels {
            let expected = crate::golden::expected(&format!("swd.x1000.{side}")).value;
            assert!((distance / expected - 1.0).abs() < 0.15, "{side}: {distance} against {expected}");
        }
        Ok(())
    }

    /// Pictures of horizontal waves of this many periods, each with its own phase, and some noise.
    fn waves(periods: f64, seed: u64) -> Result<Tensor> {
        let (count, side) = (12, 32);
        let phase = normal("phase", &[seed], (count, 1, 1, 1))?;
        let x = Tensor::arange(0f32, side as f32, &Device::Cpu)?.affine(periods / side as f64, 0.0)?;
        let waves =
            x.reshape((1, 1, 1, side))?.broadcast_add(&phase)?.affine(std::f64::consts::TAU, 0.0)?.sin()?;
        normal("noise", &[seed], (count, 3, side, side))?.affine(0.1, 0.0)?.broadcast_add(&waves)
    }

    #[test]
    fn equal_distributions_are_near_and_others_far() -> Result<()> {
        let near = sliced_wasserstein(&waves(3.0, 1)?, &waves(3.0, 2)?, 0)?;
        let far = sliced_wasserstein(&waves(3.0, 1)?, &waves(7.0, 2)?, 0)?;
        assert_eq!(near.levels.iter().map(|(side, _)| *side).collect::<Vec<_>>(), [32, 16]);
        assert!(far.mean() > 4.0 * near.mean(), "{far:?} against {near:?}");
        assert_eq!(near, sliced_wasserstein(&waves(3.0, 1)?, &waves(3.0, 2)?, 0)?);
        Ok(())
    }

    #[test]
    fn pictures_of_any_shape_are_halved_while_16_pixels_are_left() -> Result<()> {
        for ((channels, height, width), expected) in [
            ((1, 48, 64), &[64, 32][..]),
            ((4, 36, 64), &[64, 32]),
            ((3, 64, 48), &[64, 32]),
            ((3, 16, 128), &[128]),
            ((3, 17, 33), &[33]),
        ] {
            let pictures = |seed| normal("pictures", &[seed], (5, channels, height, width));
            let SlicedWasserstein { levels } = sliced_wasserstein(&pictures(1)?, &pictures(2)?, 0)?;
            assert_eq!(levels.iter().map(|(side, _)| *side).collect::<Vec<_>>(), expected);
            assert!(levels.iter().all(|(_, distance)| distance.is_finite() && *distance > 0.0), "{levels:?}");
            let SlicedWasserstein { levels } = sliced_wasserstein(&pictures(1)?, &(pictures(2)? * 3.0)?, 0)?;
            // Each channel is normalized: contrast does not count.
            assert!(levels[0].1 < 100.0, "{levels:?}");
        }
        Ok(())
    }

    #[test]
    fn the_distance_of_a_shift_is_the_shift() -> Result<()> {
        // Along one direction of length 1 the sorted projections of x and x + shift differ by their product.
        let x = normal("x", &[0], (500, 6))?;
        let shift = Tensor::new(&[[0.5f32, 0.0, -1.0, 0.0, 2.0, 0.0]], &Device::Cpu)?;
        let directions = Swd::new(3).directions(16, 6)?;
        let got = distance(&x, &x.broadcast_add(&shift)?, &directions)?;
        let expected = directions.matmul(&shift.t()?)?.abs()?.mean_all()?.to_scalar::<f32>()?;
        assert!((got - f64::from(expected)).abs() < 1e-5, "{got} against {expected}");
        Ok(())
    }

    #[test]
    fn plain_pictures_have_no_textures() -> Result<()> {
        let plain = Tensor::zeros((2, 3, 16, 24), DType::F32, &Device::Cpu)?;
        assert_eq!(sliced_wasserstein(&plain, &(&plain + 9.0)?, 0)?.levels, [(24, 0.0)]);
        Ok(())
    }

    #[test]
    fn sets_that_do_not_fit_are_refused() -> Result<()> {
        let pictures = |count, side| Tensor::zeros((count, 3, side, 2 * side), DType::F32, &Device::Cpu);
        assert!(sliced_wasserstein(&pictures(2, 32)?, &pictures(3, 32)?, 0).is_err());
        assert!(sliced_wasserstein(&pictures(2, 8)?, &pictures(2, 8)?, 0).is_err());
        assert!(sliced_wasserstein(&pictures(2, 15)?, &pictures(2, 15)?, 0).is_err());
        assert!(sliced_wasserstein(&pictures(2, 32)?, &pictures(2, 16)?, 0).is_err());
        let grey = Tensor::zeros((2, 1, 32, 64), DType::F32, &Device::Cpu)?;
        assert!(sliced_wasserstein(&pictures(2, 32)?, &grey, 0).is_err());
        Ok(())
    }
}
