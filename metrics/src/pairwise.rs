//! How much the pictures of a set differ from one another.

use candle_core::{DType, Result, Tensor, bail};

use crate::{Metric, Needs, Set};

/// [`mean_pairwise_distance`] of the fakes, by the name of `pairwise_distance`.
#[derive(Clone, Debug, Default)]
pub struct PairwiseDistance {
    pictures: Vec<Vec<f32>>,
}

impl Metric for PairwiseDistance {
    fn name(&self) -> &'static str {
        "pairwise_distance"
    }

    fn needs(&self) -> Needs {
        Needs { reals: 0, fakes: 2, side: 1 }
    }

    fn add(&mut self, set: Set, pictures: &Tensor) -> Result<()> {
        if set == Set::Fakes {
            let pictures = pictures.to_dtype(DType::F32)?.flatten_from(1)?;
            let len = pictures.dim(1)?;
            if let Some(first) = self.pictures.first()
                && first.len() != len
            {
                bail!("mean pairwise distance: pictures of {len} numbers after some of {}", first.len())
            }
            self.pictures.extend(pictures.to_vec2::<f32>()?);
        }
        Ok(())
    }

    fn copied(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }

    fn numbers(&self) -> Result<Vec<(String, f64)>> {
        Ok(vec![(self.name().to_owned(), self.mean()?)])
    }
}

impl PairwiseDistance {
    fn mean(&self) -> Result<f64> {
        let count = self.pictures.len();
        if count < 2 {
            bail!("mean pairwise distance: {count} pictures, but two are needed")
        }
        let mut sum = 0.0;
        for (i, a) in self.pictures.iter().enumerate() {
            for b in &self.pictures[..i] {
                let squared: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                sum += (squared / a.len() as f64).sqrt();
            }
        }
        Ok(sum / (count * (count - 1) / 2) as f64)
    }
}

/// The mean distance between two pictures of a set, as root mean square per channel and pixel.
///
/// The mean is over all pairs of different pictures. It is 0 if all pictures are the same, as those of a collapsed
/// generator are.
///
/// # Shapes
/// - `pictures`: `[pictures, channels, height, width]`, at least two pictures
///
/// # Errors
/// If there are fewer pictures.
pub fn mean_pairwise_distance(pictures: &Tensor) -> Result<f64> {
    let mut metric = PairwiseDistance::default();
    metric.add(Set::Fakes, pictures)?;
    metric.mean()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn constant_pictures_differ_by_their_constants() -> Result<()> {
        let shades = Tensor::new(&[0f32, 1.0, -2.0], &Device::Cpu)?.reshape((3, 1, 1, 1))?;
        let pictures = shades.broadcast_as((3, 3, 4, 2))?;
        // |0 - 1|, |0 + 2|, |1 + 2|
        assert!((mean_pairwise_distance(&pictures)? - 2.0).abs() < 1e-6);
        assert_eq!(mean_pairwise_distance(&pictures.zeros_like()?)?, 0.0);
        assert!(mean_pairwise_distance(&pictures.narrow(0, 0, 1)?).is_err());
        Ok(())
    }
}
