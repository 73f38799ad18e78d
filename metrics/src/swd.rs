//! Sliced Wasserstein distance between the patches of two sets of pictures.

use candle_core::{D, DType, Device, Result, Tensor, bail};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use stylegan_ops::{Key, RandomTensors, Resolution, downscale2x, upscale2x};

use crate::{Metric, Needs, Set};

/// Side of a patch, in pixels.
const PATCH: usize = 7;
/// Patches taken from each picture at each level.
const PATCHES: usize = 128;
/// Random directions that patches are projected on.
const DIRECTIONS: usize = 512;
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
/// Both sets are taken apart into Laplacian pyramids down to 16x16, or as far as the shorter side has 16 pixels or more. At each level 128 patches of 7x7 pixels are taken
/// from each picture, each channel is normalized by mean and deviation over all patches of its set, and the mean
/// distance of sorted projections on 512 random directions is the result. Small values mean alike textures; it needs
/// no trained network. Numbers are comparable for equal counts of pictures only.
///
/// The pyramids are computed where the pictures are, all else on the CPU. Of each picture about 75 KB a level are kept.
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
    /// Of the places of patches.
    rng: ChaCha8Rng,
    /// `[patches, channels, 7 * 7]`
    values: Vec<f32>,
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
            let key = Key::new("swd directions", &[self.seed, side as u64]);
            Ok((side, 1000.0 * distance(&reals.normalized()?, &fakes.normalized()?, key)?))
        });
        Ok(SlicedWasserstein { levels: levels.collect::<Result<_>>()? })
    }
}

impl Metric for Swd {
    fn name(&self) -> &'static str {
        "swd"
    }

    fn needs(&self) -> Needs {
        Needs { reals: 1, fakes: 1, side: SMALLEST }
    }

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
        // The same places in both sets would tie the sets together; each has its own.
        let (patches, number) = match set {
            Set::Reals => (&mut self.reals, 0),
            Set::Fakes => (&mut self.fakes, 1),
        };
        patches.count += count;
        for (index, level) in laplacian_pyramid(pictures)?.iter().enumerate() {
            if patches.levels.len() == index {
                let size = Resolution { width: width >> index, height: height >> index };
                let rng = Key::new("swd patches", &[self.seed, size.side() as u64, number]).rng();
                patches.levels.push(PatchesOfLevel { size, channels, rng, values: Vec::new() });
            }
            patches.levels[index].add(level)?;
        }
        Ok(())
    }

    fn copied(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }

    /// `swd`, the mean, and `swd_SIDE` of each level.
    fn numbers(&self) -> Result<Vec<(String, f64)>> {
        let distance = self.distance()?;
        let levels = distance.levels.iter().map(|(side, value)| (format!("{}_{side}", self.name()), *value));
        Ok([(self.name().to_owned(), distance.mean())].into_iter().chain(levels).collect())
    }
}

/// [`Swd`] of two sets that are there as a whole.
///
/// # Shapes
/// - `reals`, `fakes`: `[pictures, channels, height, width]` in -1..1, the same number of pictures of the same size, at least
///   16x16
///
/// # Errors
/// If the shapes differ from that.
pub fn sliced_wasserstein(reals: &Tensor, fakes: &Tensor, seed: u64) -> Result<SlicedWasserstein> {
    let mut swd = Swd::new(seed);
    swd.add(Set::Reals, reals)?;
    swd.add(Set::Fakes, fakes)?;
    swd.distance()
}

/// Details at each size from the full one down, the last level with all that is left.
fn laplacian_pyramid(pictures: &Tensor) -> Result<Vec<Tensor>> {
    let mut levels = Vec::new();
    let mut current = pictures.to_dtype(DType::F32)?;
    let is_halved = |side: usize| side.is_multiple_of(2) && side / 2 >= SMALLEST;
    while is_halved(current.dim(2)?) && is_halved(current.dim(3)?) {
        let smaller = downscale2x(&binomial(&current)?)?;
        levels.push((&current - binomial(&upscale2x(&smaller)?)?)?);
        current = smaller;
    }
    levels.push(current);
    Ok(levels)
}

/// A low-pass filter that keeps constant pictures constant up to the border.
fn binomial(x: &Tensor) -> Result<Tensor> {
    let ones = Tensor::ones((1, 1, x.dim(2)?, x.dim(3)?), x.dtype(), x.device())?;
    stylegan_ops::blur(x)?.broadcast_div(&stylegan_ops::blur(&ones)?)
}

impl PatchesOfLevel {
    /// Takes patches from each of these pictures of the level.
    fn add(&mut self, pictures: &Tensor) -> Result<()> {
        let Self { size: Resolution { width, height }, channels, .. } = *self;
        let values = pictures.flatten_all()?.to_vec1::<f32>()?;
        self.values.reserve(values.len() / (height * width) * PATCHES * PATCH * PATCH);
        for picture in values.chunks_exact(channels * height * width) {
            for _ in 0..PATCHES {
                let mut place = |side| rand::Rng::random_range(&mut self.rng, 0..=side - PATCH);
                let (top, left) = (place(height), place(width));
                for plane in picture.chunks_exact(height * width) {
                    for row in top..top + PATCH {
                        self.values.extend_from_slice(&plane[row * width + left..][..PATCH]);
                    }
                }
            }
        }
        Ok(())
    }

    /// `[patches, channels * 49]`, each channel with mean 0 and deviation 1 over all patches.
    fn normalized(&self) -> Result<Tensor> {
        let patches = self.values.len() / (self.channels * PATCH * PATCH);
        let shape = (patches, self.channels, PATCH * PATCH);
        let patches = Tensor::from_slice(&self.values, shape, &Device::Cpu)?;
        let mean = patches.mean_keepdim((0, 2))?;
        let centered = patches.broadcast_sub(&mean)?;
        let deviation = (centered.sqr()?.mean_keepdim((0, 2))? + 1e-12)?.sqrt()?;
        centered.broadcast_div(&deviation)?.flatten_from(1)
    }
}

/// Mean over the directions of the distance between sorted projections.
fn distance(a: &Tensor, b: &Tensor, key: Key) -> Result<f64> {
    let directions = key.normal((a.dim(D::Minus1)?, DIRECTIONS), DType::F32, a.device())?;
    let directions = directions.broadcast_div(&directions.sqr()?.sum_keepdim(0)?.sqrt()?)?;
    let projections = |x: &Tensor| -> Result<Vec<Vec<f32>>> {
        let mut rows = x.matmul(&directions)?.t()?.to_vec2::<f32>()?;
        rows.par_iter_mut().for_each(|row| row.sort_unstable_by(f32::total_cmp));
        Ok(rows)
    };
    let (a, b) = (projections(a)?, projections(b)?);
    let sum: f64 = a
        .iter()
        .zip(&b)
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / a.len() as f64)
        .sum();
    Ok(sum / DIRECTIONS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Pictures of horizontal waves of this many periods, each with its own phase, and some noise.
    fn waves(periods: f64, seed: u64) -> Result<Tensor> {
        let (count, side) = (12, 32);
        let phase = Key::new("phase", &[seed]).uniform_tensor((count, 1, 1, 1), DType::F32, &Device::Cpu)?;
        let x = Tensor::arange(0f32, side as f32, &Device::Cpu)?.affine(periods / side as f64, 0.0)?;
        let waves =
            x.reshape((1, 1, 1, side))?.broadcast_add(&phase)?.affine(std::f64::consts::TAU, 0.0)?.sin()?;
        let noise = Key::new("noise", &[seed]).normal((count, 3, side, side), DType::F32, &Device::Cpu)?;
        noise.affine(0.1, 0.0)?.broadcast_add(&waves)
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
            let pictures = |seed| {
                Key::new("pictures", &[seed]).normal((5, channels, height, width), DType::F32, &Device::Cpu)
            };
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
        let x = Key::new("x", &[0]).normal((500, 6), DType::F32, &Device::Cpu)?;
        let shift = Tensor::new(&[[0.5f32, 0.0, -1.0, 0.0, 2.0, 0.0]], &Device::Cpu)?;
        let got = distance(&x, &x.broadcast_add(&shift)?, Key::new("d", &[0]))?;
        let key = Key::new("d", &[0]).normal((6, DIRECTIONS), DType::F32, &Device::Cpu)?;
        let directions = key.broadcast_div(&key.sqr()?.sum_keepdim(0)?.sqrt()?)?;
        let expected = shift.matmul(&directions)?.abs()?.mean_all()?.to_scalar::<f32>()?;
        assert!((got - f64::from(expected)).abs() < 1e-5, "{got} against {expected}");
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
