//! A convolution with the bias and the `ReLU` behind it, as the networks of others have them.
//!
//! A network that is looked through leaves one tensor for each such layer then, and candle starts one gradient of zeros for
//! it, where frame, convolution and activation would leave one each.

use std::sync::Arc;

use candle_core::{CustomOp3, Result, Shape, Tensor, bail};

use super::frozen::{Frozen, FrozenConv};
use super::{Convolve, FrozenFilters, Geometry, Weight, apply, transpose, weight_grad};
use crate::bias::channel_sums;
use crate::custom_op::runs_on_every_engine;
use crate::engine::Input;
use crate::finish::Finish;
use crate::gradients::tracked;
use crate::leaky_relu::relu_grad;
use crate::planes::Planes;
use crate::reflect::{reflect_pad, reflect_pad_grad};

/// What a convolution sees around a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// So many rows of zeros above and below, and columns of zeros at both sides.
    Zeros([usize; 2]),
    /// One pixel on each side as [`reflect_pad`](crate::reflect_pad) has it, for 3x3 kernels.
    Mirrored,
}

/// `max(convolution + bias, 0)`, the convolution that of [`conv2d_padded`](crate::conv2d_padded) with what is `around` the
/// pictures. The derivative at exactly 0 is 0; all arguments have gradients of first order.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - `weight`: `[out_channels, in_channels, kernel_height, kernel_width]`
/// - `bias`: `[out_channels]`
/// - returns: `[batch, out_channels, …]`, the sides as the convolution leaves them
///
/// # Errors
/// If the shapes do not fit together, a side that is mirrored is less than 2, the padding is as large as the kernel, or the
/// dtype is neither `f32` nor `f64` nor, on a GPU, `bf16`.
pub fn conv2d_bias_relu(x: &Tensor, weight: &Tensor, bias: &Tensor, around: Around) -> Result<Tensor> {
    let (batch, input) = Planes::of(x.shape())?;
    let (out_channels, in_channels, height, width) = weight.dims4()?;
    let geometry = match around {
        Around::Zeros(padding) => Geometry::padded(batch, input, out_channels, [height, width], padding),
        Around::Mirrored if !x.device().is_cpu() => {
            return conv2d_bias_relu(&reflect_pad(x)?, weight, bias, Around::Zeros([0, 0]));
        }
        Around::Mirrored => {
            let fits = [height, width] == [3, 3] && input.height.min(input.width) >= 2;
            fits.then(|| Geometry::mirrored(batch, input, out_channels))
        }
    };
    match geometry.filter(|_| input.channels == in_channels) {
        Some(geometry) => ConvRelu { geometry, filters: None }.apply(x, weight, bias),
        None => bail!(
            "conv2d-bias-relu: x {:?}, weight {:?} and {around:?} around do not fit",
            x.shape(),
            weight.shape()
        ),
    }
}

impl FrozenConv {
    /// `max(convolution + bias, 0)`, as [`conv2d_bias_relu`](crate::conv2d_bias_relu) has it.
    ///
    /// # Errors
    /// As [`FrozenConv::forward`], or if `bias` does not hold one value for each of the results' channels.
    pub fn bias_relu(&self, x: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let filters = Some(Arc::clone(&self.filters));
        ConvRelu { geometry: self.geometry(x)?, filters }.apply(x, &self.weight, bias)
    }
}

struct ConvRelu {
    geometry: Geometry,
    /// Of a weight that never changes; its geometry is not mirrored.
    filters: Option<Arc<FrozenFilters>>,
}

impl ConvRelu {
    fn apply(self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let channels = self.geometry.output.channels;
        if bias.dims() != [channels] {
            bail!("{}: bias {:?} does not match {channels} channels", self.name(), bias.dims());
        }
        x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, self)
    }

    fn run<E: Convolve>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        weight: Input<'_, E>,
        bias: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { geometry, filters } = self;
        let finish = Some(&Finish::Activate { bias: bias.values, noise: None, slope: 0. });
        let weight = Weight::new(weight.values).frozen(filters.as_deref());
        let y = engine.forward(geometry, x.values, weight, finish)?;
        Ok((y, geometry.output.shape(geometry.batch)))
    }

    /// From the gradient of the convolution to that of the pictures.
    fn transposed(&self, g: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let Self { geometry, filters } = self;
        match filters {
            Some(filters) => {
                let op = Frozen { geometry: *geometry, adjoint: true, filters: Arc::clone(filters) };
                apply(op, g, weight)
            }
            None if geometry.is_mirrored => reflect_pad_grad(&transpose(geometry.framed(), g, weight)?),
            None => transpose(*geometry, g, weight),
        }
    }
}

impl CustomOp3 for ConvRelu {
    fn name(&self) -> &'static str {
        "conv2d-bias-relu"
    }

    runs_on_every_engine!(3);

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if ![x, weight, bias].into_iter().any(Tensor::track_op) {
            return Ok((None, None, None));
        }
        let g = relu_grad(&g.detach(), y)?;
        Ok((
            tracked(x, || self.transposed(&g, &weight.detach()))?,
            tracked(weight, || weight_grad(self.geometry, &x.detach(), &g))?,
            tracked(bias, || channel_sums(&g))?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::testing::{assert_gradients, assert_independent_of_threads, assert_same_as, normal};
    use crate::{bias_relu, conv2d_padded};

    /// In its steps.
    fn plain(v: &[Tensor], around: Around) -> Result<Tensor> {
        let y = match around {
            Around::Zeros(padding) => conv2d_padded(&v[0], &v[1], padding)?,
            Around::Mirrored => conv2d_padded(&reflect_pad(&v[0])?, &v[1], [0, 0])?,
        };
        bias_relu(&y, &v[2])
    }

    #[test]
    fn it_is_its_steps() {
        // Sides of one tile and of several, rows shorter and longer than a vector, and channels for the plain and the fast way.
        for (height, width) in [(2, 3), (5, 4), (8, 13), (9, 18), (4, 37), (33, 34)] {
            for (ins, outs) in [(3, 5), (17, 9)] {
                let x: &[usize] = &[2, ins, height, width];
                for (kernel, around) in [
                    ([3, 3], Around::Mirrored),
                    ([3, 3], Around::Zeros([1, 1])),
                    ([1, 1], Around::Zeros([0, 0])),
                    ([1, 7], Around::Zeros([0, 3])),
                ] {
                    let weight: &[usize] = &[outs, ins, kernel[0], kernel[1]];
                    assert_same_as(
                        &[x, weight, &[outs]],
                        3,
                        |v| conv2d_bias_relu(&v[0], &v[1], &v[2], around),
                        |v| plain(v, around),
                    );
                }
            }
        }
        for around in [Around::Mirrored, Around::Zeros([1, 1])] {
            assert_gradients(&[&[2, 3, 4, 5], &[2, 3, 3, 3], &[2]], |v| {
                conv2d_bias_relu(&v[0], &v[1], &v[2], around)
            });
        }
    }

    #[test]
    fn a_frozen_weight_makes_no_difference() {
        for shape in [[1, 9, 4, 7], [2, 9, 8, 13], [2, 3, 5, 6]] {
            let weight = normal("weight", &[17, shape[1], 3, 3], DType::F64);
            let weight = |dtype| weight.to_dtype(dtype).unwrap();
            assert_same_as(
                &[&shape, &[17]],
                2,
                |v| FrozenConv::new(&weight(v[0].dtype()))?.bias_relu(&v[0], &v[1]),
                |v| {
                    let arguments = [v[0].clone(), weight(v[0].dtype()), v[1].clone()];
                    plain(&arguments, Around::Zeros([1, 1]))
                },
            );
        }
    }

    #[test]
    fn threads_make_no_difference() {
        let tensor = |name: &str, shape: &[usize]| normal(name, shape, DType::F32);
        let (x, weight) = (tensor("x", &[3, 24, 21, 17]), tensor("weight", &[40, 24, 3, 3]));
        let bias = tensor("bias", &[40]);
        assert_independent_of_threads(|| {
            vec![conv2d_bias_relu(&x, &weight, &bias, Around::Mirrored).unwrap()]
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let (x, bias) = (zeros(&[2, 3, 4, 5])?, zeros(&[7])?);
        let refused = |x: &Tensor, weight: &[usize], bias: &Tensor, around| {
            conv2d_bias_relu(x, &zeros(weight).unwrap(), bias, around).unwrap_err().to_string()
        };
        assert!(refused(&x, &[7, 3, 1, 1], &bias, Around::Mirrored).contains("Mirrored around do not fit"));
        let line = x.narrow(2, 0, 1)?;
        assert!(refused(&line, &[7, 3, 3, 3], &bias, Around::Mirrored).contains("do not fit"));
        assert!(refused(&x, &[7, 4, 3, 3], &bias, Around::Zeros([1, 1])).contains("do not fit"));
        assert!(refused(&x, &[7, 3, 3, 3], &bias, Around::Zeros([3, 1])).contains("do not fit"));
        assert!(refused(&x, &[6, 3, 3, 3], &bias, Around::Mirrored).contains("does not match 6 channels"));
        let half = x.to_dtype(DType::F16)?;
        assert!(conv2d_bias_relu(&half, &zeros(&[7, 3, 3, 3])?, &bias, Around::Mirrored).is_err());
        Ok(())
    }
}
