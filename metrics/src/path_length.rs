//! Perceptual path length.

use candle_core::{D, DType, Result, Tensor, bail};

/// Pictures are shrunk to this many rows before they are compared, which the network of the distance was trained for.
const ROWS: usize = 256;

/// Where a path lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathSpace {
    /// On the sphere of z, before mapping.
    Z,
    /// On the line between two w.
    W,
}

/// Which part of a path is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// Anywhere between its ends.
    Full,
    /// At its start.
    End,
}

/// What a path leads through.
pub trait Mapped {
    /// `z [batch, z_dim]` to `w [batch, w_dim]`.
    ///
    /// # Errors
    /// If the device fails.
    fn map(&self, z: &Tensor) -> Result<Tensor>;

    /// `w` to pictures `[batch, channels, height, width]` in -1..1, not truncated, the same noise in all of them.
    ///
    /// # Errors
    /// If the device fails.
    fn draw(&self, w: &Tensor) -> Result<Tensor>;
}

/// Perceptual path length: how far pictures move when latents move a little (Karras et al. 2019, section 4.1).
///
/// `E d(G(path(t)), G(path(t + ε))) / ε²`, the mean without the lowest and the highest hundredth. The distance `d` is that of
/// LPIPS with VGG16; pictures of faces are cropped to eyes, nose and mouth first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathLength {
    /// Where paths lie.
    pub space: PathSpace,
    /// Which part of them is measured.
    pub part: PathPart,
    /// Whether pictures are cropped as those of faces.
    pub crop: bool,
    /// The step along the path.
    pub epsilon: f64,
}

impl PathLength {
    /// That of the paper, cropped, a step of 1e-4.
    pub const fn new(space: PathSpace, part: PathPart) -> Self {
        Self { space, part, crop: true, epsilon: 1e-4 }
    }

    /// Lengths of the paths between pairs of latents.
    ///
    /// # Shapes
    /// - `z0`, `z1`: `[batch, z_dim]`, normally distributed
    /// - `t`: `[batch, 1]`, uniform in 0..1; not looked at where ends are measured
    /// - `distance`: of two batches `[batch, channels, height, width]` in -1..1, one number a picture
    ///
    /// # Errors
    /// If pictures cannot be cropped, or with the errors of generator and distance.
    pub fn lengths(
        &self,
        (z0, z1): (&Tensor, &Tensor),
        t: &Tensor,
        generator: &dyn Mapped,
        distance: &dyn Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Vec<f64>> {
        let t = match self.part {
            PathPart::Full => t.clone(),
            PathPart::End => t.zeros_like()?,
        };
        let next = (&t + self.epsilon)?;
        let (w, w_next) = match self.space {
            PathSpace::W => {
                let (w0, w1) = (generator.map(z0)?, generator.map(z1)?);
                let way = (&w1 - &w0)?;
                let at = |t: &Tensor| &w0 + way.broadcast_mul(t)?;
                (at(&t)?, at(&next)?)
            }
            PathSpace::Z => (generator.map(&slerp(z0, z1, &t)?)?, generator.map(&slerp(z0, z1, &next)?)?),
        };
        let drawn = |w: &Tensor| self.compared(&generator.draw(w)?);
        let distances = distance(&drawn(&w)?, &drawn(&w_next)?)?;
        let distances = distances.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        Ok(distances.into_iter().map(|distance| distance / (self.epsilon * self.epsilon)).collect())
    }

    /// Pictures as they are compared.
    fn compared(&self, pictures: &Tensor) -> Result<Tensor> {
        shrunk(&if self.crop { cropped(pictures)? } else { pictures.clone() })
    }
}

/// The mean of path lengths without their extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathScore {
    /// The mean.
    pub mean: f64,
    /// Shortest and longest path that count.
    pub range: (f64, f64),
    /// How many count.
    pub kept: usize,
}

impl PathScore {
    /// Of lengths in any order: the lowest and the highest hundredth do not count.
    ///
    /// # Errors
    /// If there are none, or some are no numbers.
    pub fn of(lengths: &[f64]) -> Result<Self> {
        if lengths.is_empty() || lengths.iter().any(|length| !length.is_finite()) {
            bail!("path length: {} lengths, all of which must be numbers", lengths.len())
        }
        let mut sorted = lengths.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = (sorted.len() - 1) as f64;
        let range = (sorted[(0.01 * last).floor() as usize], sorted[(0.99 * last).ceil() as usize]);
        sorted.retain(|length| (range.0..=range.1).contains(length));
        Ok(Self { mean: sorted.iter().sum::<f64>() / sorted.len() as f64, range, kept: sorted.len() })
    }
}

/// From `a` to `b` on the unit sphere, both normalized first; `t [batch, 1]` is the share of the angle between them.
fn slerp(a: &Tensor, b: &Tensor, t: &Tensor) -> Result<Tensor> {
    let unit = |x: &Tensor| x.broadcast_div(&x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?);
    let (a, b) = (unit(a)?, unit(b)?);
    let cosine = (&a * &b)?.sum_keepdim(D::Minus1)?;
    let across = unit(&(&b - a.broadcast_mul(&cosine)?)?)?;
    let angle = (arc_cosine(&cosine)? * t)?;
    unit(&(a.broadcast_mul(&angle.cos()?)? + across.broadcast_mul(&angle.sin()?)?)?)
}

/// candle has none; there is one number a pair of latents.
fn arc_cosine(x: &Tensor) -> Result<Tensor> {
    let values = x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let angles: Vec<f64> = values.into_iter().map(|value| value.clamp(-1.0, 1.0).acos()).collect();
    Tensor::from_vec(angles, x.shape(), x.device())?.to_dtype(x.dtype())
}

/// The middle of a face: of eighths of the height, rows 3 to 7 and columns 2 to 6.
fn cropped(pictures: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = pictures.dims4()?;
    let eighth = height / 8;
    if eighth == 0 || width < 6 * eighth {
        bail!("path length: pictures of {width}x{height} have no middle as faces have it")
    }
    pictures.narrow(2, 3 * eighth, 4 * eighth)?.narrow(3, 2 * eighth, 4 * eighth)?.contiguous()
}

/// Means over blocks, so that about 256 rows are left of more; what makes no whole block is left out.
fn shrunk(pictures: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = pictures.dims4()?;
    let factor = (height / ROWS).min(width);
    if factor <= 1 {
        return Ok(pictures.clone());
    }
    pictures.avg_pool2d(factor)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::draws::normal;
    use crate::golden::{Golden, expected, values};

    /// The analytic generator of the golden numbers, in `f64`.
    struct Waves<'a> {
        golden: &'a Golden,
        side: usize,
    }

    impl Mapped for Waves<'_> {
        fn map(&self, z: &Tensor) -> Result<Tensor> {
            let z = z.to_dtype(DType::F64)?;
            let root = (z.sqr()?.mean_keepdim(1)? + 1e-8)?.sqrt()?;
            let n = z.broadcast_div(&root)?;
            let m = self.golden.tensor("generator.m").to_dtype(DType::F64)?;
            &n + (n.matmul(&m.t()?)?.tanh()? * 0.3)?
        }

        fn draw(&self, w: &Tensor) -> Result<Tensor> {
            let (frequency, phase) =
                (self.golden.values("generator.frequency"), self.golden.values("generator.phase"));
            let rows: Vec<Vec<f64>> = w.to_vec2()?;
            let side = self.side;
            let pixel = |w: &[f64], channel: usize, i: usize, j: usize| -> f64 {
                let wave = |k: usize| {
                    let turns = (frequency[2 * k] * i as f64 + frequency[2 * k + 1] * j as f64) / side as f64;
                    w[k] * (std::f64::consts::TAU * turns + phase[3 * k + channel]).cos()
                };
                ((0..8).map(wave).sum::<f64>() / 8f64.sqrt()).tanh()
            };
            let mut pixels = Vec::new();
            for w in &rows {
                for channel in 0..3 {
                    pixels.extend((0..side * side).map(|at| pixel(w, channel, at / side, at % side)));
                }
            }
            Tensor::from_vec(pixels, (rows.len(), 3, side, side), &Device::Cpu)
        }
    }

    #[test]
    fn latents_and_pictures_of_the_golden_generator() -> Result<()> {
        let golden = Golden::open("ppl");
        let (z0, z1) = (golden.tensor("z0").to_dtype(DType::F64)?, golden.tensor("z1").to_dtype(DType::F64)?);
        let t = golden.tensor("t").to_dtype(DType::F64)?.unsqueeze(1)?;
        golden.assert_close("slerp", &values(&slerp(&z0, &z1, &t)?), 1e-7);
        let waves = Waves { golden: &golden, side: 64 };
        let w0 = waves.map(&z0)?;
        golden.assert_close("w0", &values(&w0), 1e-5);
        let picture = waves.draw(&w0.narrow(0, 0, 1)?)?;
        golden.assert_close("image0", &values(&picture), 1e-5);
        let length = PathLength::new(PathSpace::W, PathPart::Full);
        golden.assert_close("image0.cropped", &values(&length.compared(&picture)?), 1e-5);
        let large = Waves { golden: &golden, side: 1024 }.draw(&w0.narrow(0, 0, 1)?)?;
        let compared = length.compared(&large)?;
        assert_eq!(compared.dims(), [1, 3, 256, 256]);
        let every_16th: Vec<f64> = values(&compared)
            .chunks(256)
            .enumerate()
            .filter(|(row, _)| row % 256 % 16 == 0)
            .flat_map(|(_, row)| row.iter().step_by(16).copied().collect::<Vec<_>>())
            .collect();
        golden.assert_close("image0.1024.cropped.every16th", &every_16th, 1e-5);
        Ok(())
    }

    #[test]
    fn scores_of_golden_lengths() -> Result<()> {
        let golden = Golden::open("ppl");
        for name in ["w_full", "w_end", "z_full", "z_end", "w_full_uncropped"] {
            let mut lengths = golden.values(&format!("distances.{name}"));
            lengths.reverse();
            let PathScore { mean, kept, .. } = PathScore::of(&lengths)?;
            expected(&format!("ppl.{name}")).assert_close(mean);
            assert_eq!(kept, 246);
        }
        assert!(PathScore::of(&[]).is_err() && PathScore::of(&[1.0, f64::NAN]).is_err());
        assert_eq!(PathScore::of(&[2.5])?, PathScore { mean: 2.5, range: (2.5, 2.5), kept: 1 });
        Ok(())
    }

    /// Pictures that are their latents.
    struct Plain;

    impl Mapped for Plain {
        fn map(&self, z: &Tensor) -> Result<Tensor> {
            z * 2.0
        }

        fn draw(&self, w: &Tensor) -> Result<Tensor> {
            let (batch, length) = w.dims2()?;
            w.reshape((batch, length, 1, 1))
        }
    }

    #[test]
    fn a_straight_path_is_as_long_as_it_is() -> Result<()> {
        let z = |seed| normal("z", &[seed], (5, 6))?.to_dtype(DType::F64);
        let (z0, z1) = (z(0)?, z(1)?);
        let t = normal("t", &[0], (5, 1))?.to_dtype(DType::F64)?;
        let distance = |a: &Tensor, b: &Tensor| (a - b)?.sqr()?.flatten_from(1)?.sum(1);
        for part in [PathPart::Full, PathPart::End] {
            let mut length = PathLength::new(PathSpace::W, part);
            length.crop = false;
            let lengths = length.lengths((&z0, &z1), &t, &Plain, &distance)?;
            let expected = values(&((&z1 - &z0)? * 2.0)?.sqr()?.sum(1)?);
            for (got, expected) in lengths.iter().zip(&expected) {
                assert!((got - expected).abs() < 1e-6 * expected, "{got} against {expected}");
            }
            // On the sphere of radius 2, a path has the length of its angle.
            length.space = PathSpace::Z;
            let lengths = length.lengths((&z0, &z1), &t, &Plain, &distance)?;
            let cosines = (&z0 * &z1)?.sum(1)?.div(&(z0.sqr()?.sum(1)? * z1.sqr()?.sum(1)?)?.sqrt()?)?;
            for (got, cosine) in lengths.iter().zip(values(&cosines)) {
                let expected = 4.0 * cosine.acos().powi(2);
                assert!((got - expected).abs() < 1e-5 * expected, "{got} against {expected}");
            }
        }
        assert!(cropped(&Tensor::zeros((1, 3, 64, 47), DType::F32, &Device::Cpu)?).is_err());
        Ok(())
    }
}
