//! How far features are apart, whatever their lengths.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::values::values;

/// Keeps pixels without any feature at zero; the square of what LPIPS' authors add to the root, so that the gradient there is not
/// infinite.
const EPSILON: f64 = 1e-20;

/// Pixels that one task looks at through all channels, so few that their features stay in its cache.
const PIXELS: usize = 128;

/// The squared distance of each pixel's features from those of another picture, both made unit vectors; the mean over all pixels.
/// `weights` is how much each channel counts, 1 if there is none.
///
/// On a CPU it is done here in `f32`, pixels on all cores, with the gradient in `a`. Elsewhere, in other types, or where `b` has a gradient or is
/// a single picture for many, it is put together of candle's operations.
///
/// # Shapes
/// - `a`: `[batch, channels, height, width]`
/// - `b`: the same, or one picture
/// - `weights`: `[1, channels, 1, 1]`
/// - returns: `[batch]`
///
/// # Errors
/// If the shapes do not fit together, or the device fails.
pub fn unit_distance(a: &Tensor, b: &Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
    let is_one_type = a.dtype() == DType::F32 && b.dtype() == DType::F32;
    let is_alike = is_one_type && a.dims() == b.dims() && a.elem_count() > 0;
    if !is_alike || !a.device().is_cpu() || b.track_op() {
        let difference = unit(a)?.broadcast_sub(&unit(b)?)?.sqr()?;
        let weighted = match weights {
            Some(weights) => difference.broadcast_mul(weights)?,
            None => difference,
        };
        return weighted.sum(1)?.mean((1, 2));
    }
    let channels = a.dim(1)?;
    let weights = match weights {
        Some(weights) => weights.flatten_all()?.to_vec1()?,
        None => vec![1.0; channels],
    };
    if weights.len() != channels {
        bail!("{} weights for {channels} channels of features", weights.len());
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, UnitDistance { weights })
}

/// Features whose pixels are unit vectors.
fn unit(x: &Tensor) -> Result<Tensor> {
    x.broadcast_div(&(x.sqr()?.sum_keepdim(1)? + EPSILON)?.sqrt()?)
}

#[derive(Clone, Debug)]
struct UnitDistance {
    weights: Vec<f32>,
}

/// What there is to know of some pixels of one picture, with features `a` and `b`, whose unit vectors are `u` and `v`.
struct Part {
    /// `1 / |a|` and `1 / |b|`
    scales: [[f32; PIXELS]; 2],
    /// `Σ weight (u - v)²`
    distances: [f32; PIXELS],
    /// `Σ weight (u - v) u`
    along: [f32; PIXELS],
}

impl UnitDistance {
    /// All pixels of all pictures of `area` pixels.
    fn parts(&self, a: &[f32], b: &[f32], area: usize) -> Vec<Part> {
        let picture = self.weights.len() * area;
        let in_picture = area.div_ceil(PIXELS);
        (0..a.len() / picture * in_picture)
            .into_par_iter()
            .map(|part| {
                let (sample, first) = (part / in_picture, part % in_picture * PIXELS);
                let count = PIXELS.min(area - first);
                let channels = || {
                    self.weights.iter().enumerate().map(|(channel, weight)| {
                        let at = sample * picture + channel * area + first;
                        (*weight, a[at..at + count].iter().zip(&b[at..at + count]))
                    })
                };
                Part::new(channels)
            })
            .collect()
    }
}

impl Part {
    /// The pixels of which `channels()` gives weight and features, channel by channel.
    fn new<'a, C: Iterator<Item = (f32, impl Iterator<Item = (&'a f32, &'a f32)>)>>(
        channels: impl Fn() -> C,
    ) -> Self {
        let [mut of_a, mut of_b, mut distances, mut along] = [[0.0; PIXELS]; 4];
        for (_, features) in channels() {
            for ((a, b), (of_a, of_b)) in features.zip(of_a.iter_mut().zip(&mut of_b)) {
                *of_a += a * a;
                *of_b += b * b;
            }
        }
        let scales = [of_a, of_b].map(|all| all.map(|squares| 1.0 / (squares + EPSILON as f32).sqrt()));
        for (weight, features) in channels() {
            let sums = distances.iter_mut().zip(&mut along);
            for (((a, b), (of_a, of_b)), (distance, along)) in
                features.zip(scales[0].iter().zip(&scales[1])).zip(sums)
            {
                let u = a * of_a;
                let difference = u - b * of_b;
                *distance += weight * difference * difference;
                *along += weight * difference * u;
            }
        }
        Self { scales, distances, along }
    }
}

impl CustomOp2 for UnitDistance {
    fn name(&self) -> &'static str {
        "unit-distance"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, _, height, width) = a_layout.shape().dims4()?;
        let area = height * width;
        let parts = self.parts(values(a, a_layout)?, values(b, b_layout)?, area);
        let means = parts.chunks(area.div_ceil(PIXELS)).map(|parts| {
            let distances = parts.iter().flat_map(|part| part.distances).take(area);
            (distances.map(f64::from).sum::<f64>() / area as f64) as f32
        });
        Ok((CpuStorage::F32(means.collect()), batch.into()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        if !a.track_op() {
            return Ok((None, None));
        }
        Ok((Some(a.apply_op3_no_bwd(b, &g.contiguous()?, &Gradient(self.clone()))?), None))
    }
}

/// The gradient in `a`, of `a`, `b` and the gradient of the distances: `2 |a|⁻¹ (e - (e·u) u)` for `e = weight (u - v)`.
struct Gradient(UnitDistance);

impl CustomOp3 for Gradient {
    fn name(&self) -> &'static str {
        "unit-distance-grad"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Self(UnitDistance { weights }) = self;
        let (_, channels, height, width) = a_layout.shape().dims4()?;
        let area = height * width;
        let (a, b, g) = (values(a, a_layout)?, values(b, b_layout)?, values(g, g_layout)?);
        let parts = self.0.parts(a, b, area);
        let mut gradient = vec![0.0; a.len()];
        let planes = gradient.par_chunks_exact_mut(area).zip(a.par_chunks_exact(area));
        planes.zip(b.par_chunks_exact(area)).enumerate().for_each(|(plane, ((gradient, a), b))| {
            let (sample, weight) = (plane / channels, weights[plane % channels]);
            let factor = 2.0 * g[sample] / area as f32;
            let in_picture = area.div_ceil(PIXELS);
            let parts = &parts[sample * in_picture..][..in_picture];
            let pixels = gradient.chunks_mut(PIXELS).zip(a.chunks(PIXELS)).zip(b.chunks(PIXELS));
            for (Part { scales: [of_a, of_b], along, .. }, ((gradient, a), b)) in parts.iter().zip(pixels) {
                let numbers = of_a.iter().zip(of_b).zip(along);
                for ((gradient, (a, b)), ((of_a, of_b), along)) in
                    gradient.iter_mut().zip(a.iter().zip(b)).zip(numbers)
                {
                    let u = a * of_a;
                    *gradient = factor * of_a * (weight * (u - b * of_b) - along * u);
                }
            }
        });
        Ok((CpuStorage::F32(gradient), a_layout.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use stylegan_ops::{Key, RandomTensors, backward};

    use super::*;

    /// Less than a part of a picture, one, and some and a rest; nothing is seen in every third pixel.
    const SHAPES: [[usize; 4]; 3] = [[2, 5, 3, 7], [1, 9, 8, 16], [3, 4, 19, 17]];

    fn features(name: &str, shape: [usize; 4]) -> Tensor {
        let x = Key::new(name, &[]).normal(&shape, DType::F64, &Device::Cpu).unwrap();
        let [_, _, height, width] = shape;
        let seen: Vec<f64> = (0..height * width).map(|at| f64::from(u8::from(at % 3 > 0))).collect();
        let seen = Tensor::from_vec(seen, (1, 1, height, width), &Device::Cpu).unwrap();
        x.relu().unwrap().broadcast_mul(&seen).unwrap()
    }

    /// Distances, and their gradient in `a` where there is something to be seen.
    fn both(a: &Tensor, b: &Tensor, weights: Option<&Tensor>, dtype: DType) -> [Vec<f64>; 2] {
        let convert = |x: &Tensor| x.to_dtype(dtype).unwrap();
        let a = Var::from_tensor(&convert(a)).unwrap();
        let weights = weights.map(convert);
        let distances = unit_distance(&a, &convert(b), weights.as_ref()).unwrap();
        let shares = Tensor::arange(1_u32, 1 + a.dims()[0] as u32, &Device::Cpu).unwrap();
        let loss = (&distances * convert(&shares)).unwrap().sum_all().unwrap();
        let gradient = backward(&loss).unwrap().get(&a).unwrap().clone();
        let is_seen = a.sum_keepdim(1).unwrap().gt(0.0).unwrap().to_dtype(dtype).unwrap();
        [distances, gradient.broadcast_mul(&is_seen).unwrap()]
            .map(|x| x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap())
    }

    #[test]
    fn it_is_its_formula_and_so_is_its_gradient() {
        for shape in SHAPES {
            let [a, b] = ["a", "b"].map(|name| features(name, shape));
            let weights = Key::new("weights", &[]).normal((1, shape[1], 1, 1), DType::F64, &Device::Cpu);
            let weights = weights.unwrap().abs().unwrap();
            for weights in [None, Some(&weights)] {
                let [found, expected] = [DType::F32, DType::F64].map(|dtype| both(&a, &b, weights, dtype));
                for (found, expected) in found.iter().zip(&expected) {
                    let largest = expected.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
                    for (found, expected) in found.iter().zip(expected) {
                        assert!((found - expected).abs() < 2e-6 * largest, "{found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_is_nowhere_apart() {
        for shape in SHAPES {
            let x = features("x", shape).to_dtype(DType::F32).unwrap();
            for x in [&x, &x.zeros_like().unwrap()] {
                let distances = unit_distance(x, x, None).unwrap().to_vec1::<f32>().unwrap();
                assert_eq!(distances, vec![0.0; shape[0]]);
            }
        }
    }

    #[test]
    fn one_picture_is_compared_with_many() {
        let [a, b] = ["a", "b"].map(|name| features(name, SHAPES[0]).to_dtype(DType::F32).unwrap());
        let (one, batch) = (b.narrow(0, 0, 1).unwrap(), a.dims()[0]);
        let found = unit_distance(&a, &one, None).unwrap().to_vec1::<f32>().unwrap();
        let repeated = one.repeat((batch, 1, 1, 1)).unwrap();
        let expected = unit_distance(&a, &repeated, None).unwrap().to_vec1::<f32>().unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-6 * expected, "{found} {expected}");
        }
    }

    #[test]
    fn weights_of_other_channels_are_refused() {
        let x = features("x", SHAPES[0]).to_dtype(DType::F32).unwrap();
        let weights = Tensor::ones((1, 4, 1, 1), DType::F32, &Device::Cpu).unwrap();
        let error = unit_distance(&x, &x, Some(&weights)).unwrap_err().to_string();
        assert!(error.contains("4 weights for 5 channels"), "{error}");
    }
}
