//! Convolution of each channel with a kernel of its own.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::values::values;

/// Correlates each channel of `x` with a 3x3 kernel of its own, with zeros around `x`.
///
/// `ceil(side / stride)` pixels come out. Without gradient: weights are frozen, and nothing looks for pictures yet. On a GPU it is
/// put together of candle's operations, nine for each pixel of the kernel.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`, `f32`
/// - `weight`: `[channels, 3, 3]`
/// - returns: `[batch, channels, ceil(height / stride), ceil(width / stride)]`
///
/// # Errors
/// If the shapes do not fit together, or the tensors are of another type.
pub(crate) fn depthwise(x: &Tensor, weight: &Tensor, stride: usize, zeros: Zeros) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op2_no_bwd(&weight.contiguous()?, &Depthwise { stride, zeros });
    }
    shifted(x, weight, stride, zeros)
}

/// Where the zeros around a picture stand if a stride of 2 does not need those of all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zeros {
    /// As `TensorFlow`'s `same` has it: at the right and at the bottom.
    AtTheEnd,
    /// As PyTorch's padding has it: on all sides, and the last are not looked at.
    AllAround,
}

struct Depthwise {
    stride: usize,
    zeros: Zeros,
}

/// The same as a sum over the places of the kernel.
fn shifted(x: &Tensor, weight: &Tensor, stride: usize, zeros: Zeros) -> Result<Tensor> {
    let (_, channels, height, width) = x.dims4()?;
    if weight.dims() != [channels, 3, 3] {
        bail!("depthwise: weight {:?} does not fit x {:?}", weight.shape(), x.shape());
    }
    let plane = Plane::new(height, width, stride, zeros);
    let [above, left] = plane.before;
    let below = (plane.padded_height - above).saturating_sub(height);
    let right = (plane.padded_width - left).saturating_sub(width);
    let padded = x.pad_with_zeros(2, above, below)?.pad_with_zeros(3, left, right)?;
    let places = |start: usize, count: usize| {
        Tensor::from_iter((0..count as u32).map(|place| start as u32 + place * stride as u32), x.device())
    };
    let mut sum = None;
    for (row, column) in (0..9).map(|tap| (tap / 3, tap % 3)) {
        let seen = padded.index_select(&places(row, plane.out_height)?, 2)?;
        let seen = seen.index_select(&places(column, plane.out_width)?, 3)?;
        let tap = weight.narrow(1, row, 1)?.narrow(2, column, 1)?.reshape((1, channels, 1, 1))?;
        let product = seen.broadcast_mul(&tap)?;
        sum = Some(match sum {
            None => product,
            Some(sum) => (sum + product)?,
        });
    }
    match sum {
        Some(sum) => Ok(sum),
        None => bail!("depthwise: a kernel without places"),
    }
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
        let plane = Plane::new(height, width, self.stride, self.zeros);
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
    fn new(height: usize, width: usize, stride: usize, zeros: Zeros) -> Self {
        let out = |side: usize| side.div_ceil(stride);
        let before = |side: usize| match zeros {
            Zeros::AtTheEnd => (out(side).saturating_sub(1) * stride + 3).saturating_sub(side) / 2,
            Zeros::AllAround => 1,
        };
        let zeros = |side: usize| match zeros {
            Zeros::AtTheEnd => (out(side).saturating_sub(1) * stride + 3).saturating_sub(side),
            Zeros::AllAround => 2,
        };
        Self {
            width,
            before: [before(height), before(width)],
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
    fn plain(x: &Tensor, weight: &Tensor, stride: usize, zeros: Zeros) -> Tensor {
        let (_, channels, height, width) = x.dims4().unwrap();
        if zeros == Zeros::AllAround {
            return x.conv2d(&weight.unsqueeze(1).unwrap(), 1, stride, 1, channels).unwrap();
        }
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
            for (stride, zeros) in
                [1, 2].into_iter().flat_map(|stride| [(stride, Zeros::AtTheEnd), (stride, Zeros::AllAround)])
            {
                let (x, weight) = (random((3, 5, height, width)), random((5, 3, 3)));
                let theirs = plain(&x, &weight, stride, zeros);
                for ours in [depthwise(&x, &weight, stride, zeros), shifted(&x, &weight, stride, zeros)] {
                    let ours = ours.unwrap();
                    assert_eq!(ours.dims(), theirs.dims());
                    let error = (ours - &theirs).unwrap().abs().unwrap().max_all().unwrap();
                    assert!(
                        error.to_scalar::<f32>().unwrap() < 1e-5,
                        "{height}x{width} by {stride}: {error}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let weight = random((5, 3, 3));
        assert!(depthwise(&random((3, 4, 8, 5)), &weight, 1, Zeros::AtTheEnd).is_err());
        assert!(depthwise(&random((4, 8, 5)), &weight, 1, Zeros::AtTheEnd).is_err());
        assert!(
            depthwise(&random((3, 5, 8, 5)).to_dtype(DType::F64).unwrap(), &weight, 1, Zeros::AtTheEnd)
                .is_err()
        );
        assert_eq!(
            depthwise(&random((0, 5, 8, 5)), &weight, 1, Zeros::AtTheEnd).unwrap().dims(),
            [0, 5, 8, 5]
        );
    }
}
