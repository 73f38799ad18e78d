//! How much the pictures of a set differ from one another.

use candle_core::{DType, Result, Tensor, bail};

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
    let pictures = pictures.to_dtype(DType::F32)?.flatten_from(1)?.to_vec2::<f32>()?;
    let count = pictures.len();
    if count < 2 {
        bail!("mean pairwise distance: {count} pictures, but two are needed")
    }
    let mut sum = 0.0;
    for (i, a) in pictures.iter().enumerate() {
        for b in &pictures[..i] {
            let squared: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            sum += (squared / a.len() as f64).sqrt();
        }
    }
    Ok(sum / (count * (count - 1) / 2) as f64)
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
