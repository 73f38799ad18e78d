//! Directions in w.

use candle_core::{DType, Device, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};
use stylegan_generator::Generator;

use crate::{Error, LatentSpace, Latents, Layers, Result};

/// The directions of w that change styles most, of the given layers or of all: Semantic Factorization (`SeFa`, Shen and Zhou
/// 2021), `count` of them, the strongest first.
///
/// They are the eigenvectors of `AᵀA` with the largest eigenvalues, where A holds the weights that make the styles of these
/// layers of w, each row, which makes one number of a style, at length 1. Of each, the largest number is positive.
///
/// # Shapes
/// - returns: `[count, w_dim]`, each of length 1
///
/// # Errors
/// If the network has no styles or no such layer, or fewer directions than that.
pub fn factorize(generator: &Generator, layers: Option<&Layers>, count: usize) -> Result<Latents> {
    let (num_layers, w_dim) = (generator.config().num_layers(), generator.config().w_dim);
    if !generator.config().styles {
        return Err(Error::NoStyles);
    }
    let all = Layers((0..num_layers).collect());
    let layers = layers.unwrap_or(&all);
    layers.check(num_layers)?;
    if !(1..=w_dim).contains(&count) {
        return Err(Error::DirectionCount { count, w_dim });
    }
    let eye = Tensor::eye(w_dim, DType::F32, generator.w_avg().device())?;
    let mut gram = DMatrix::<f64>::zeros(w_dim, w_dim);
    for &layer in &layers.0 {
        let Some(synthesis) = generator.synthesis().layers().get(layer) else { continue };
        // What styles add to their biases, `[w_dim, 2 * channels]`.
        let (Some(styles), Some(biases)) = (synthesis.style(&eye)?, synthesis.style(&eye.zeros_like()?)?)
        else {
            continue;
        };
        let columns = (styles - biases)?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?;
        let lengths = (columns.sqr()?.sum_keepdim(0)?.sqrt()? + f64::MIN_POSITIVE)?;
        let columns = columns.broadcast_div(&lengths)?;
        let product = columns.matmul(&columns.t()?.contiguous()?)?.flatten_all()?.to_vec1::<f64>()?;
        gram += DMatrix::from_row_slice(w_dim, w_dim, &product);
    }
    let eigen = SymmetricEigen::new(gram);
    let mut order: Vec<usize> = (0..w_dim).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut directions = Vec::with_capacity(count * w_dim);
    for &index in &order[..count] {
        let vector = eigen.eigenvectors.column(index);
        let largest =
            vector.iter().fold(0.0_f64, |largest, &x| if x.abs() > largest.abs() { x } else { largest });
        directions.extend(vector.iter().map(|x| (x * largest.signum()) as f32));
    }
    Ok(Latents { space: LatentSpace::W, all: Tensor::from_vec(directions, (count, w_dim), &Device::Cpu)? })
}

#[cfg(test)]
mod tests {
    use stylegan_base::Key;
    use stylegan_generator::GeneratorConfig;
    use stylegan_ops::{Parameters, Widths};

    use super::*;

    fn generator() -> Generator {
        let config = GeneratorConfig {
            z_dim: 6,
            w_dim: 6,
            mapping_fmaps: 6,
            widths: Widths { fmap_base: 64, fmap_max: 8, ..Widths::default() },
            resolution: 8.into(),
            mapping_layers: 2,
            ..GeneratorConfig::default()
        };
        let parameters = Parameters::new(Key::new("directions", &[0]));
        Generator::new(&config, &parameters.builder(DType::F32, &Device::Cpu)).unwrap()
    }

    /// How much styles of a layer change along a direction, each number of a style by its own weights' length.
    fn change(generator: &Generator, layer: usize, direction: &[f32]) -> f64 {
        let style = |w: Tensor| generator.synthesis().layers()[layer].style(&w).unwrap().unwrap();
        let none = style(Tensor::zeros((1, 6), DType::F32, &Device::Cpu).unwrap());
        let of =
            |w: &[f32]| (style(Tensor::new(w, &Device::Cpu).unwrap().unsqueeze(0).unwrap()) - &none).unwrap();
        let mut lengths = none.zeros_like().unwrap();
        for axis in 0..6 {
            let unit: Vec<f32> = (0..6).map(|at| f32::from(u8::from(at == axis))).collect();
            lengths = (lengths + of(&unit).sqr().unwrap()).unwrap();
        }
        let shares = of(direction).sqr().unwrap().div(&lengths).unwrap();
        f64::from(shares.sum_all().unwrap().to_scalar::<f32>().unwrap())
    }

    #[test]
    fn the_first_directions_change_styles_most() {
        let generator = generator();
        for layer in [0, 3] {
            let layers: Layers = layer.to_string().parse().unwrap();
            let directions = factorize(&generator, Some(&layers), 6).unwrap().all.to_vec2::<f32>().unwrap();
            let changes: Vec<f64> = directions.iter().map(|row| change(&generator, layer, row)).collect();
            assert!(changes.is_sorted_by(|a, b| *a > b - 1e-4), "{changes:?}");
            // Any other direction changes them less.
            for axis in 0..6 {
                let unit: Vec<f32> = (0..6).map(|at| f32::from(u8::from(at == axis))).collect();
                assert!(change(&generator, layer, &unit) <= changes[0] + 1e-4);
            }
            for (index, one) in directions.iter().enumerate() {
                for (other_index, other) in directions.iter().enumerate() {
                    let dot: f32 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                    assert!((dot - f32::from(u8::from(index == other_index))).abs() < 1e-5);
                }
            }
        }
        for (layers, count) in [("9", 1), ("0", 0), ("0", 7)] {
            factorize(&generator, Some(&layers.parse().unwrap()), count).unwrap_err();
        }
    }
}
