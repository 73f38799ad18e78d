//! Pools: the largest value of each window, and the mean of each neighborhood.
//!
//! On a CPU they are done here, rows on all cores, with gradients. Elsewhere they are put together of candle's operations, of
//! whose gradients that of the 2x2 pool is there.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::values::values;

/// The windows of a pool: squares of `side` pixels, `stride` apart, the first one beginning `before` pixels outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) side: usize,
    pub(crate) stride: usize,
    pub(crate) before: usize,
    /// Whether a last window that is partly inside counts.
    pub(crate) is_ceil: bool,
}

impl Windows {
    /// How many of them lie along so many pixels.
    fn count(self, pixels: usize) -> usize {
        let Self { side, stride, before, is_ceil } = self;
        let rounded = if is_ceil { stride - 1 } else { 0 };
        (pixels + 2 * before + rounded).checked_sub(side).map_or(0, |room| room / stride + 1)
    }

    /// How many pixels the last of them reach beyond those on the other side as well.
    fn beyond(self, pixels: usize) -> usize {
        let Self { side, stride, before, .. } = self;
        (self.count(pixels).saturating_sub(1) * stride + side).saturating_sub(pixels + 2 * before)
    }
}

/// The largest value of each window; what is outside does not count.
///
/// Where several are equally large, the gradient goes to the first.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`, not negative where windows reach outside
/// - returns: `[batch, channels, windows, windows]`
///
/// # Errors
/// If there is no window, or the device fails.
pub(crate) fn max_pool(x: &Tensor, windows: Windows) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    if windows.count(height) == 0 || windows.count(width) == 0 {
        bail!("a picture of {width}x{height} is too small to be pooled");
    }
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1(MaxPool(windows));
    }
    let Windows { side, stride, before, .. } = windows;
    let (below, beside) = (before + windows.beyond(height), before + windows.beyond(width));
    // Zeros, than which nothing is smaller here.
    let padded = match (before, below, beside) {
        (0, 0, 0) => x.clone(),
        _ => x.pad_with_zeros(2, before, below)?.pad_with_zeros(3, before, beside)?,
    };
    padded.max_pool2d_with_stride(side, stride)
}

/// The mean of each pixel and those around it; what is outside does not count.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - returns: the same
///
/// # Errors
/// If the device fails.
pub(crate) fn mean_pool(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1(MeanPool { is_adjoint: false });
    }
    let (_, _, height, width) = x.dims4()?;
    let sums = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.avg_pool2d_with_stride(3, 1)?;
    let shares: Vec<f32> =
        (0..height * width).map(|at| 9.0 * share(at / width, height) * share(at % width, width)).collect();
    sums.broadcast_mul(&Tensor::from_vec(shares, (1, 1, height, width), x.device())?)
}

/// One by the number of pixels, of three around this one, that are inside.
fn share(place: usize, pixels: usize) -> f32 {
    let first = place.saturating_sub(1);
    1.0 / ((place + 2).min(pixels) - first) as f32
}

struct MaxPool(Windows);

impl MaxPool {
    /// The windows' rows and columns.
    fn sides(&self, height: usize, width: usize) -> (usize, usize) {
        (self.0.count(height), self.0.count(width))
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let (rows, columns) = self.sides(height, width);
        let x = values(x, layout)?;
        let Windows { side, stride, before, .. } = self.0;
        let y = by_plane((batch * channels, height * width, rows * columns), x, |x, y| {
            let mut tallest = vec![f32::NEG_INFINITY; width + 2 * before + self.0.beyond(width)];
            for (row, y) in y.chunks_exact_mut(columns).enumerate() {
                let tall = &mut tallest[before..][..width];
                tall.fill(f32::NEG_INFINITY);
                for x in inside(row * stride, side, before, height).map(|row| &x[row * width..][..width]) {
                    for (tall, x) in tall.iter_mut().zip(x) {
                        *tall = if *x > *tall { *x } else { *tall };
                    }
                }
                for (y, window) in y.iter_mut().zip(tallest.windows(side).step_by(stride)) {
                    *y = window.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                }
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, channels, rows, columns))))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let both = Tensor::stack(&[y.detach(), g.clone()], 2)?.contiguous()?;
        Ok(Some(x.detach().apply_op2_no_bwd(&both, &ToLargest(self.0))?))
    }
}

/// `x` and, plane by plane, what a pool made of it and the gradient of that, to the gradient of `x`.
struct ToLargest(Windows);

impl CustomOp2 for ToLargest {
    fn name(&self) -> &'static str {
        "max-pool-grad"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        both: &CpuStorage,
        both_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, _, height, width) = x_layout.shape().dims4()?;
        let (x, both) = (values(x, x_layout)?, values(both, both_layout)?);
        let Windows { side, stride, before, .. } = self.0;
        let (rows, columns) = MaxPool(self.0).sides(height, width);
        let mut dx = vec![0.0; x.len()];
        let planes = dx.par_chunks_mut((height * width).max(1)).zip(x.par_chunks((height * width).max(1)));
        planes.zip(both.par_chunks(2 * rows * columns)).for_each(|((dx, x), both)| {
            let (y, g) = both.split_at(rows * columns);
            for (place, (y, g)) in y.iter().zip(g).enumerate() {
                let (row, column) = (place / columns * stride, place % columns * stride);
                let mut window = inside(row, side, before, height).flat_map(|row| {
                    inside(column, side, before, width).map(move |column| row * width + column)
                });
                if let Some(largest) = window.find(|&at| x[at] == *y) {
                    dx[largest] += g;
                }
            }
        });
        Ok((CpuStorage::F32(dx), x_layout.shape().clone()))
    }
}

/// The places inside of a window that begins at `start - before`.
fn inside(start: usize, side: usize, before: usize, pixels: usize) -> std::ops::Range<usize> {
    start.saturating_sub(before)..(start + side).saturating_sub(before).min(pixels)
}

/// A mean, or its adjoint, which takes the shares first and the sums then.
struct MeanPool {
    is_adjoint: bool,
}

impl CustomOp1 for MeanPool {
    fn name(&self) -> &'static str {
        "mean-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let x = values(x, layout)?;
        let shares: Vec<f32> = (0..width).map(|column| share(column, width)).collect();
        let y = by_plane((batch * channels, height * width, height * width), x, |x, y| {
            let mut tall = vec![0.0; width + 2];
            for (row, y) in y.chunks_exact_mut(width).enumerate() {
                let sums = &mut tall[1..=width];
                sums.fill(0.0);
                for from in inside(row, 3, 1, height) {
                    let part = if self.is_adjoint { share(from, height) } else { 1.0 };
                    for (sum, x) in sums.iter_mut().zip(&x[from * width..][..width]) {
                        *sum += part * x;
                    }
                }
                if self.is_adjoint {
                    sums.iter_mut().zip(&shares).for_each(|(sum, share)| *sum *= share);
                }
                let part = if self.is_adjoint { 1.0 } else { share(row, height) };
                for ((y, window), share) in y.iter_mut().zip(tall.windows(3)).zip(&shares) {
                    let share = if self.is_adjoint { part } else { part * share };
                    *y = (window[0] + window[1] + window[2]) * share;
                }
            }
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        g.contiguous()?.apply_op1(Self { is_adjoint: !self.is_adjoint }).map(Some)
    }
}

/// `work(x, y)` for each plane, on all cores; `sizes` are how many there are, and the values of one before and after.
fn by_plane(sizes: (usize, usize, usize), x: &[f32], work: impl Fn(&[f32], &mut [f32]) + Sync) -> Vec<f32> {
    let (planes, before, after) = sizes;
    let mut y = vec![0.0; planes * after];
    if !y.is_empty() {
        y.par_chunks_mut(after).zip(x.par_chunks(before)).for_each(|(y, x)| work(x, y));
    }
    y
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use stylegan_ops::{Key, RandomTensors};

    use super::*;

    const ALL: [Windows; 5] = [
        Windows { side: 2, stride: 2, before: 0, is_ceil: false },
        Windows { side: 3, stride: 2, before: 0, is_ceil: false },
        Windows { side: 3, stride: 1, before: 1, is_ceil: false },
        Windows { side: 2, stride: 2, before: 0, is_ceil: true },
        Windows { side: 3, stride: 2, before: 0, is_ceil: true },
    ];

    fn random(shape: &[usize]) -> Tensor {
        Key::new("pool", &[3]).normal(shape, DType::F32, &Device::Cpu).unwrap()
    }

    /// By definition: `combine` of all values in a window that are inside.
    fn plain(x: &Tensor, windows: Windows, combine: impl Fn(&[f32]) -> f32) -> Tensor {
        let (batch, channels, height, width) = x.dims4().unwrap();
        let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let places = |count: usize, pixels: usize| {
            (0..count).map(move |number| -> Vec<usize> {
                let start = (number * windows.stride) as i64 - windows.before as i64;
                let places = start..start + windows.side as i64;
                places
                    .filter(|place| (0..pixels as i64).contains(place))
                    .map(|place| place as usize)
                    .collect()
            })
        };
        let (rows, columns) = (windows.count(height), windows.count(width));
        let mut found = Vec::new();
        for plane in values.chunks(height * width).take(batch * channels) {
            for window_rows in places(rows, height) {
                for window_columns in places(columns, width) {
                    let of_row =
                        |row: &usize| window_columns.iter().map(|c| plane[row * width + c]).collect();
                    let window: Vec<f32> =
                        window_rows.iter().flat_map(|row| -> Vec<f32> { of_row(row) }).collect();
                    found.push(combine(&window));
                }
            }
        }
        Tensor::from_vec(found, (batch, channels, rows, columns), &Device::Cpu).unwrap()
    }

    fn assert_close(a: &Tensor, b: &Tensor) {
        assert_eq!(a.dims(), b.dims());
        let error = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(error < 1e-5, "off by {error}");
    }

    #[test]
    fn pools_are_their_definitions() {
        for (height, width) in [(9, 4), (5, 7), (3, 8)] {
            let x = random(&[3, 5, height, width]);
            for windows in ALL {
                let largest = plain(&x, windows, |window| window.iter().copied().fold(f32::MIN, f32::max));
                assert_close(&max_pool(&x, windows).unwrap(), &largest);
            }
            let mean = |window: &[f32]| window.iter().sum::<f32>() / window.len() as f32;
            assert_close(&mean_pool(&x).unwrap(), &plain(&x, ALL[2], mean));
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        type Pool<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;
        let x = Var::from_tensor(&random(&[2, 3, 7, 4])).unwrap();
        let all: [Pool<'_>; 5] = [
            &|x| max_pool(x, ALL[0]),
            &|x| max_pool(x, ALL[1]),
            &|x| max_pool(x, ALL[2]),
            &|x| max_pool(x, ALL[3]),
            &|x| mean_pool(x),
        ];
        for (number, pool) in all.into_iter().enumerate() {
            let weights = random(pool(&x).unwrap().dims());
            let loss = |x: &Tensor| (pool(x)? * &weights)?.sum_all()?.to_scalar::<f32>();
            let gradients = (pool(&x).unwrap() * &weights).unwrap().sum_all().unwrap().backward().unwrap();
            let gradient = gradients.get(&x).unwrap();
            // Steps so small that no other value becomes the largest.
            let direction = (random(&[7, 4]).broadcast_as(x.dims()).unwrap() * 1e-3).unwrap();
            let ends = [1.0, -1.0]
                .map(|sign| loss(&(x.as_tensor() + (&direction * sign).unwrap()).unwrap()).unwrap());
            let along = (gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            let expected = (ends[0] - ends[1]) / 2.0;
            assert!((along - expected).abs() < 3e-4 * (1.0 + along.abs()), "{number}: {along}, {expected}");
        }
    }

    #[test]
    fn of_equals_the_first_gets_the_gradient() {
        let x = Var::new(&[[[[1_f32, 1.0], [1.0, 0.0]]]], &Device::Cpu).unwrap();
        let gradients = max_pool(&x, ALL[0]).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_too_small_is_refused() {
        assert!(
            max_pool(&random(&[2, 3, 2, 4]), ALL[1]).unwrap_err().to_string().contains("4x2 is too small")
        );
        assert_eq!(max_pool(&random(&[2, 3, 2, 4]), ALL[0]).unwrap().dims(), [2, 3, 1, 2]);
        assert_eq!(max_pool(&random(&[2, 3, 1, 5]), ALL[3]).unwrap().dims(), [2, 3, 1, 3]);
    }
}
