//! Convolution of each channel with a kernel of its own.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Correlates each channel of `x` with a 3x3 kernel of its own, with zeros around `x`.
///
/// As TensorFlow's `same` has it, `ceil(side / stride)` pixels come out, and of the zeros that takes, the odd one stands at
/// the right and at the bottom. Without gradient: weights are frozen, and nothing looks for pictures yet.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`, `f32` on the CPU
/// - `weight`: `[channels, 3, 3]`
/// - returns: `[batch, channels, ceil(height / stride), ceil(width / stride)]`
///
/// # Errors
/// If the shapes do not fit together, or the tensors are of another type or elsewhere.
pub(crate) fn depthwise(x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    x.contiguous()?.apply_op2_no_bwd(&weight.contiguous()?, &Depthwise { stride })
}

struct Depthwise {
    stride: usize,
}

impl CustomOp2 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        if weight_layout.dims() != [channels, 3, 3] {
            bail!("depthwise: weight {:?} does not fit x {:?}", weight_layout.shape(), x_layout.shape());
        }
        let (x, weight) = (values(x, x_layout)?, values(weight, weight_layout)?);
        let plane = Plane::new(height, width, self.stride);
        let (out_height, out_width) = (plane.out_height, plane.out_width);
        let mut y = vec![0.0; batch * channels * out_height * out_width];
        if !y.is_empty() {
            y.par_chunks_mut(out_height * out_width)
                .zip(x.par_chunks(height * width))
                .enumerate()
                .for_each_init(Vec::new, |padded, (number, (y, x))| {
                    let kernel = &weight[number % channels * 9..][..9];
                    plane.correlate(x, kernel, padded, y);
                });
        }
        let shape = Shape::from((batch, channels, out_height, out_width));
        Ok((CpuStorage::F32(y), shape))
    }
}

fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice()?[start..end]),
        None => bail!("depthwise: an argument is not contiguous"),
    }
}

/// The sizes of one channel's convolution.
struct Plane {
    width: usize,
    /// Zeros above and at the left.
    before: [usize; 2],
    padded_height: usize,
    padded_width: usize,
    out_height: usize,
    out_width: usize,
    stride: usize,
}

impl Plane {
    fn new(height: usize, width: usize, stride: usize) -> Self {
        let out = |side: usize| side.div_ceil(stride);
        let zeros = |side: usize| (out(side).saturating_sub(1) * stride + 3).saturating_sub(side);
        Self {
            width,
            before: [zeros(height) / 2, zeros(width) / 2],
            padded_height: height + zeros(height),
            padded_width: width + zeros(width),
            out_height: out(height),
            out_width: out(width),
            stride,
        }
    }

    fn correlate(&self, x: &[f32], kernel: &[f32], padded: &mut Vec<f32>, y: &mut [f32]) {
        let [above, left] = self.before;
        padded.clear();
        padded.resize(self.padded_height * self.padded_width, 0.0);
        for (row, x) in x.chunks_exact(self.width).enumerate() {
            padded[(row + above) * self.padded_width + left..][..self.width].copy_from_slice(x);
        }
        for (row, y) in y.chunks_exact_mut(self.out_width).enumerate() {
            for (tap_row, taps) in kernel.chunks_exact(3).enumerate() {
                let x = &padded[(row * self.stride + tap_row) * self.padded_width..][..self.padded_width];
                let [a, b, c] = [taps[0], taps[1], taps[2]];
                if self.stride == 1 {
                    let taps = x.iter().zip(&x[1..]).zip(&x[2..]);
                    for (y, ((left, middle), right)) in y.iter_mut().zip(taps) {
                        *y += a * left + b * middle + c * right;
                    }
                } else {
                    for (y, x) in y.iter_mut().zip(x.windows(3).step_by(self.stride)) {
                        *y += a * x[0] + b * x[1] + c * x[2];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    fn random(shape: impl Into<Shape>) -> Tensor {
        use stylegan_ops::{Key, RandomTensors};
        Key::new("depthwise", &[7]).normal(shape, DType::F32, &Device::Cpu).unwrap()
    }

    /// candle's own, on pixels that are padded before.
    fn plain(x: &Tensor, weight: &Tensor, stride: usize) -> Tensor {
        let (_, channels, height, width) = x.dims4().unwrap();
        let mut padded = x.clone();
        for (axis, side) in [(2, height), (3, width)] {
            let zeros = ((side.div_ceil(stride) - 1) * stride + 3).saturating_sub(side);
            padded = padded.pad_with_zeros(axis, zeros / 2, zeros - zeros / 2).unwrap();
        }
        padded.conv2d(&weight.unsqueeze(1).unwrap(), 0, stride, 1, channels).unwrap()
    }

    #[test]
    fn it_is_what_candle_computes() {
        for (height, width) in [(8, 5), (7, 6), (1, 4), (2, 1), (9, 9)] {
            for stride in [1, 2] {
                let (x, weight) = (random((3, 5, height, width)), random((5, 3, 3)));
                let (ours, theirs) = (depthwise(&x, &weight, stride).unwrap(), plain(&x, &weight, stride));
                assert_eq!(ours.dims(), theirs.dims());
                let error = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap();
                assert!(error.to_scalar::<f32>().unwrap() < 1e-5, "{height}x{width} by {stride}: {error}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let weight = random((5, 3, 3));
        assert!(depthwise(&random((3, 4, 8, 5)), &weight, 1).is_err());
        assert!(depthwise(&random((4, 8, 5)), &weight, 1).is_err());
        assert!(depthwise(&random((3, 5, 8, 5)).to_dtype(DType::F64).unwrap(), &weight, 1).is_err());
        assert_eq!(depthwise(&random((0, 5, 8, 5)), &weight, 1).unwrap().dims(), [0, 5, 8, 5]);
    }
}
