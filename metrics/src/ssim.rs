//! Structural similarity of pictures, at one scale and at five.

use candle_core::{DType, Result, Tensor, bail};
use rayon::prelude::*;

use crate::metric::Numbers;
use crate::{Metric, Set, Spread};

/// Side of the Gaussian window, in pixels, and its deviation.
const WINDOW: (usize, f64) = (11, 1.5);
/// What keeps quotients from nothing where pictures are plain: `(0.01 · 255)²` and `(0.03 · 255)²`.
const CONSTANTS: (f64, f64) = (6.5025, 58.5225);
/// Exponents of the five scales, the full size first (Wang et al. 2003).
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// How alike two pictures are at one scale, mean over all windows and channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// SSIM: luminance, contrast and structure.
    pub ssim: f64,
    /// Contrast and structure alone.
    pub contrast: f64,
}

/// SSIM at up to five scales, each half the one before, the full size first (Wang et al. 2004).
///
/// A Gaussian window of 11x11, whole windows only; where a side is smaller than 11 pixels, so is the window, and its deviation
/// with it. Scales are halved by means of 2x2.
///
/// # Shapes
/// - `a`, `b`: `[channels, height, width]` in 0..255
///
/// # Errors
/// If the shapes differ, or a side cannot be halved four times.
pub fn similarities(a: &Tensor, b: &Tensor) -> Result<[Similarity; 5]> {
    let (channels, height, width) = a.dims3()?;
    if b.dims() != a.dims() || channels == 0 || height >> 4 == 0 || width >> 4 == 0 {
        bail!(
            "MS-SSIM: two pictures of equal size, at least 16x16, are needed, not {:?} and {:?}",
            a.dims(),
            b.dims()
        )
    }
    let values = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let mut pair = Pair { a: values(a)?, b: values(b)?, height, width };
    Ok(std::array::from_fn(|scale| {
        if scale > 0 {
            pair = pair.halved();
        }
        pair.similarity()
    }))
}

/// MS-SSIM of two pictures, as Progressive GAN has it: 1 for equal ones, 0 for a negative.
///
/// `Π_{s<5} max(cs_s, 0)^w_s · max(ssim_5, 0)^w_5` over the scales of [`similarities`].
///
/// # Shapes
/// - `a`, `b`: `[channels, height, width]` in 0..255
///
/// # Errors
/// As [`similarities`].
pub fn ms_ssim(a: &Tensor, b: &Tensor) -> Result<f64> {
    let scales = similarities(a, b)?;
    let [factors @ .., _] = scales.map(|scale| scale.contrast);
    let all = factors.into_iter().chain([scales[4].ssim]);
    Ok(all.zip(WEIGHTS).map(|(value, weight)| value.max(0.0).powf(weight)).product())
}

/// MS-SSIM between pictures of one set, which tells how different they are: lower is more different.
///
/// Each picture is compared with the one that comes next, once: of `2n` pictures there are `n` pairs.
#[derive(Clone, Debug, Default)]
pub struct MeanSimilarity {
    values: Vec<f64>,
    waiting: Option<Tensor>,
}

impl Metric for MeanSimilarity {
    fn add(&mut self, set: Set, pictures: &Tensor) -> Result<()> {
        if set == Set::Reals {
            return Ok(());
        }
        let new = (0..pictures.dim(0)?).map(|index| pictures.get(index));
        let mut all: Vec<Tensor> =
            self.waiting.take().map(Ok).into_iter().chain(new).collect::<Result<_>>()?;
        if !all.len().is_multiple_of(2) {
            self.waiting = all.pop();
        }
        let values: Vec<f64> =
            all.par_chunks_exact(2).map(|pair| ms_ssim(&pair[0], &pair[1])).collect::<Result<_>>()?;
        self.values.extend(values);
        Ok(())
    }

    fn copied(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }

    fn numbers(&self) -> Result<Numbers> {
        let Spread { mean, deviation } = self.spread()?;
        Ok(vec![(String::new(), mean), ("_std".to_owned(), deviation)])
    }
}

impl MeanSimilarity {
    /// Mean over the pairs, and their deviation.
    ///
    /// # Errors
    /// If there is no pair.
    pub fn spread(&self) -> Result<Spread> {
        if self.values.is_empty() {
            bail!("MS-SSIM: at least 2 pictures are needed")
        }
        Ok(Spread::of(&self.values))
    }
}

/// Two pictures, `[channels, height, width]`.
struct Pair {
    a: Vec<f64>,
    b: Vec<f64>,
    height: usize,
    width: usize,
}

impl Pair {
    fn similarity(&self) -> Similarity {
        let Self { a, b, height, width } = self;
        let (rows, columns) = (window(*height), window(*width));
        let means = |x: &mut dyn Iterator<Item = f64>| {
            smooth(&x.collect::<Vec<f64>>(), (*height, *width), &rows, &columns)
        };
        let pairs = || a.iter().zip(b);
        let (mean_a, mean_b) = (means(&mut a.iter().copied()), means(&mut b.iter().copied()));
        let (aa, bb) = (means(&mut a.iter().map(|a| a * a)), means(&mut b.iter().map(|b| b * b)));
        let ab = means(&mut pairs().map(|(a, b)| a * b));
        let count = ab.len() as f64;
        let mut sum = Similarity { ssim: 0.0, contrast: 0.0 };
        for (at, (a, b)) in mean_a.iter().zip(&mean_b).enumerate() {
            let variances = aa[at] - a * a + bb[at] - b * b;
            let contrast = (2.0 * (ab[at] - a * b) + CONSTANTS.1) / (variances + CONSTANTS.1);
            let luminance = (2.0 * a * b + CONSTANTS.0) / (a * a + b * b + CONSTANTS.0);
            sum.contrast += contrast;
            sum.ssim += luminance * contrast;
        }
        Similarity { ssim: sum.ssim / count, contrast: sum.contrast / count }
    }

    fn halved(&self) -> Self {
        let (height, width) = (self.height / 2, self.width / 2);
        let halved = |values: &[f64]| -> Vec<f64> {
            let planes = values.chunks_exact(self.height * self.width);
            let mean = |plane: &[f64], row: usize, column: usize| {
                let at = |row: usize, column: usize| plane[row * self.width + column];
                let (row, column) = (2 * row, 2 * column);
                (at(row, column) + at(row, column + 1) + at(row + 1, column) + at(row + 1, column + 1)) / 4.0
            };
            planes
                .flat_map(|plane| {
                    (0..height).flat_map(move |row| (0..width).map(move |column| mean(plane, row, column)))
                })
                .collect()
        };
        Self { a: halved(&self.a), b: halved(&self.b), height, width }
    }
}

/// The Gaussian window along a side, with a sum of 1.
fn window(side: usize) -> Vec<f64> {
    let size = WINDOW.0.min(side);
    let deviation = WINDOW.1 * size as f64 / WINDOW.0 as f64;
    let weight = |at: usize| {
        let place = at as f64 - (size as f64 - 1.0) / 2.0;
        (-place * place / (2.0 * deviation * deviation)).exp()
    };
    let weights: Vec<f64> = (0..size).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Weighted means over whole windows, channel after channel.
fn smooth(values: &[f64], (height, width): (usize, usize), rows: &[f64], columns: &[f64]) -> Vec<f64> {
    let (high, wide) = (height + 1 - rows.len(), width + 1 - columns.len());
    let mut smooth = Vec::with_capacity(values.len());
    let mut narrow = vec![0.0; height * wide];
    for plane in values.chunks_exact(height * width) {
        for (to, row) in narrow.chunks_exact_mut(wide).zip(plane.chunks_exact(width)) {
            for (to, window) in to.iter_mut().zip(row.windows(columns.len())) {
                *to = window.iter().zip(columns).map(|(value, weight)| value * weight).sum();
            }
        }
        for row in 0..high {
            let start = smooth.len();
            smooth.resize(start + wide, 0.0);
            for (tap, weight) in rows.iter().enumerate() {
                let from = &narrow[(row + tap) * wide..][..wide];
                smooth[start..].iter_mut().zip(from).for_each(|(to, from)| *to += weight * from);
            }
        }
    }
    smooth
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::draws::normal;
    use crate::golden::Golden;

    #[test]
    fn of_golden_pairs() -> Result<()> {
        let golden = Golden::open("ssim");
        for side in [64, 192] {
            let (x, y) = (golden.tensor(&format!("x{side}")), golden.tensor(&format!("y{side}")));
            let (mut ssim, mut contrasts, mut scores) = (vec![], vec![], vec![]);
            for pair in 0..x.dim(0)? {
                let (x, y) = (x.get(pair)?, y.get(pair)?);
                let scales = similarities(&x, &y)?;
                ssim.extend(scales.map(|scale| scale.ssim));
                contrasts.extend(scales.map(|scale| scale.contrast));
                scores.push(ms_ssim(&x, &y)?);
            }
            golden.assert_close(&format!("scales{side}.ssim"), &ssim, 1e-9);
            golden.assert_close(&format!("scales{side}.cs"), &contrasts, 1e-9);
            golden.assert_close(&format!("ms_ssim{side}"), &scores, 1e-9);
            let full: Vec<f64> = ssim.iter().step_by(5).copied().collect();
            golden.assert_close(&format!("ssim{side}"), &full, 1e-9);
        }
        Ok(())
    }

    #[test]
    fn a_picture_is_like_itself_and_unlike_its_negative() -> Result<()> {
        let picture = (normal("picture", &[0], (2, 17, 40))? * 50.0)?;
        assert!((ms_ssim(&picture, &picture)? - 1.0).abs() < 1e-12);
        assert_eq!(ms_ssim(&picture, &picture.affine(-1.0, 255.0)?)?, 0.0);
        assert!(ms_ssim(&picture, &picture.narrow(2, 0, 39)?).is_err());
        assert!(ms_ssim(&picture.narrow(1, 0, 15)?, &picture.narrow(1, 0, 15)?).is_err());
        Ok(())
    }

    #[test]
    fn batches_do_not_part_pairs() -> Result<()> {
        let pictures = (normal("pictures", &[0], (7, 1, 16, 19))? * 60.0)?;
        let (mut whole, mut parts) = (MeanSimilarity::default(), MeanSimilarity::default());
        assert!(whole.spread().is_err());
        whole.add(Set::Fakes, &pictures)?;
        for (first, count) in [(0, 3), (3, 1), (4, 3)] {
            parts.add(Set::Fakes, &pictures.narrow(0, first, count)?)?;
        }
        assert_eq!(whole.spread()?, parts.spread()?);
        let pairs = (0..3).map(|pair| ms_ssim(&pictures.get(2 * pair)?, &pictures.get(2 * pair + 1)?));
        let mean = pairs.sum::<Result<f64>>()? / 3.0;
        assert!((whole.spread()?.mean - mean).abs() < 1e-12);
        let same = Tensor::zeros((2, 1, 16, 16), DType::U8, &Device::Cpu)?;
        let mut equal = MeanSimilarity::default();
        equal.add(Set::Fakes, &same)?;
        assert_eq!(equal.spread()?.mean, 1.0);
        Ok(())
    }
}
