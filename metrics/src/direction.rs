//! The direction of latents along which a number grows.

use candle_core::{Device, Result, Tensor, bail};

use crate::svm::Svm;
use crate::{Features, Readout};

/// The direction of latents along which a number that is known of each grows, one deviation of the latents long.
///
/// Where the number has two values, it is the normal of the plane that separates the latents of the ones from the others'
/// (a linear support vector machine, as Shen et al. 2020 do), and else the slope of ridge regression.
///
/// # Shapes
/// - `latents`: a row for each number
/// - returns: as many numbers as a row of `latents` has
///
/// # Errors
/// If there are not as many rows as numbers, fewer than ten, or all numbers are the same.
pub fn direction(latents: &Features, numbers: &[f32]) -> Result<Vec<f32>> {
    let count = latents.len();
    if count != numbers.len() || count < 10 {
        bail!("direction: {count} latents, {} numbers; ten of each are needed", numbers.len())
    }
    let least = numbers.iter().copied().fold(f32::INFINITY, f32::min);
    let most = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if least >= most {
        bail!("direction: all {count} numbers are {least}")
    }
    let rows = latents.block(0..count, &vec![0.0; latents.dim()])?;
    let normal = if numbers.iter().all(|&number| number == least || number == most) {
        let is_positive: Vec<bool> = numbers.iter().map(|&number| number == most).collect();
        let mut weights = Svm::fit(&rows, &is_positive)?.weights;
        weights.truncate(latents.dim());
        weights
    } else {
        let numbers = Tensor::from_slice(numbers, (count, 1), &Device::Cpu)?;
        Readout::fit(latents, &Features::of(&numbers)?)?.slopes().to_vec()
    };
    let length = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
    let normal: Vec<f64> = normal.iter().map(|x| x / length).collect();
    let along = rows.matmul(&Tensor::from_slice(&normal, (normal.len(), 1), &Device::Cpu)?)?;
    let centered = along.broadcast_sub(&along.mean_keepdim(0)?)?;
    let deviation = centered.sqr()?.mean_all()?.to_scalar::<f64>()?.sqrt();
    Ok(normal.iter().map(|x| (x * deviation) as f32).collect())
}

#[cfg(test)]
mod tests {
    use rand::Rng;
    use rand_distr::StandardNormal;
    use stylegan_base::Key;

    use super::*;

    /// Latents of three numbers with deviations 1, 2 and 3.
    fn latents() -> Features {
        let mut rng = Key::new("direction", &[0]).rng();
        let mut normal = move || -> f32 { rng.sample(StandardNormal) };
        let rows = (0..2000).flat_map(|_| [normal(), 2.0 * normal(), 3.0 * normal()]).collect::<Vec<_>>();
        Features::of(&Tensor::from_vec(rows, (2000, 3), &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn it_is_found_and_one_deviation_long() {
        let latents = latents();
        for (axis, deviation) in [(0, 1.0), (2, 3.0)] {
            for is_binary in [false, true] {
                let number = |row: usize| latents.row(row)[axis] * 5.0 + 7.0;
                let numbers: Vec<f32> = (0..2000)
                    .map(|row| if is_binary { f32::from(u8::from(number(row) > 7.0)) } else { number(row) })
                    .collect();
                let direction = direction(&latents, &numbers).unwrap();
                for (at, x) in direction.iter().enumerate() {
                    let expected = if at == axis { deviation } else { 0.0 };
                    assert!((x - expected).abs() < 0.1 * deviation, "{direction:?} along {axis}");
                }
            }
        }
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        let latents = latents();
        assert!(
            direction(&latents, &[1.0; 2000]).unwrap_err().to_string().contains("all 2000 numbers are 1")
        );
        assert!(direction(&latents, &[1.0, 2.0]).is_err());
    }
}
