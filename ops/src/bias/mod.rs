//! A bias for each channel, alone or with a leaky or plain `ReLU` behind it in the same pass.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{CustomOp1, CustomOp2, Result, Shape, Tensor, bail};

use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::tracked;
use crate::leaky_relu::{SLOPE, leaky_relu_grad, relu_grad};
use crate::planes::Planes;

/// `leaky_relu(x + bias)` in one pass.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]` or `[batch, channels]`
/// - `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `bias` does not hold one value for each channel of `x`.
pub fn bias_leaky_relu(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    check_channels("bias-leaky-relu", "bias", x, bias)?;
    x.contiguous()?.apply_op2(&bias.contiguous()?, Bias::LeakyRelu)
}

/// `x + bias` in one pass, without activation.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]` or `[batch, channels]`
/// - `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `bias` does not hold one value for each channel of `x`.
pub fn add_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    check_channels("add-bias", "bias", x, bias)?;
    x.contiguous()?.apply_op2(&bias.contiguous()?, Bias::Alone)
}

/// `max(x + bias, 0)` in one pass: the layers of the networks of others.
///
/// The derivative at exactly 0 is 0.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]` or `[batch, channels]`
/// - `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `bias` does not hold one value for each channel of `x`.
pub fn bias_relu(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    check_channels("bias-relu", "bias", x, bias)?;
    x.contiguous()?.apply_op2(&bias.contiguous()?, Bias::Relu)
}

/// Checks that there is one of `values` for each channel of `x`, of its type.
pub(crate) fn check_channels(operation: &str, what: &str, x: &Tensor, values: &Tensor) -> Result<()> {
    let (_batch, planes) = Planes::of_features(operation, x.shape())?;
    if values.dims() != [planes.channels] {
        bail!("{operation}: {what} {:?} does not match the channels of x {:?}", values.dims(), x.dims());
    }
    if values.dtype() != x.dtype() {
        bail!("{operation}: {what} is {:?} and x is {:?}", values.dtype(), x.dtype());
    }
    Ok(())
}

pub(crate) trait AddBias: Engine {
    /// `x + bias` in planes of `area` pixels, negative values times `slope`.
    fn add_bias(
        &self,
        x: Self::View<'_>,
        bias: Self::View<'_>,
        area: usize,
        slope: f64,
    ) -> Result<Self::Values>;
    /// The sum over all pixels of each channel.
    fn channel_sums(&self, x: Self::View<'_>, planes: Planes) -> Result<Self::Values>;
}

/// `x + bias`, and what follows.
#[derive(Clone, Copy)]
enum Bias {
    Alone,
    LeakyRelu,
    Relu,
}

impl Bias {
    fn run<E: AddBias>(self, engine: &E, x: Input<'_, E>, bias: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of_features(self.name(), x.shape)?;
        let slope = match self {
            // The identity, at no cost in a pass bound by memory.
            Self::Alone => 1.,
            Self::LeakyRelu => SLOPE,
            Self::Relu => 0.,
        };
        Ok((engine.add_bias(x.values, bias.values, planes.pixels(), slope)?, x.shape.clone()))
    }
}

impl CustomOp2 for Bias {
    fn name(&self) -> &'static str {
        match self {
            Self::Alone => "add-bias",
            Self::LeakyRelu => "bias-leaky-relu",
            Self::Relu => "bias-relu",
        }
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        x: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        if !x.track_op() && !bias.track_op() {
            return Ok((None, None));
        }
        let dx = match self {
            Self::Alone => g.clone(),
            Self::LeakyRelu => leaky_relu_grad(g, y)?,
            Self::Relu => relu_grad(g, y)?,
        };
        let of_bias = tracked(bias, || if x.rank() == 2 { dx.sum(0) } else { channel_sums(&dx) })?;
        Ok((x.track_op().then_some(dx), of_bias))
    }
}

/// The sum over all pixels of each channel: `[batch, channels, height, width]` to `[channels]`. It cannot be differentiated.
pub(crate) fn channel_sums(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1_no_bwd(&ChannelSums)
}

struct ChannelSums;

impl ChannelSums {
    fn run<E: AddBias>(&self, engine: &E, x: Input<'_, E>) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        Ok((engine.channel_sums(x.values, planes)?, planes.channels.into()))
    }
}

impl CustomOp1 for ChannelSums {
    fn name(&self) -> &'static str {
        "channel-sums"
    }

    runs_on_every_engine!(1);
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Var};

    use super::*;
    use crate::testing::{
        LARGE, PICTURE, assert_gradients, assert_independent_of_threads, assert_same_as, normal, per_channel,
        plain_leaky_relu,
    };

    #[test]
    fn bias_is_its_definition() {
        for shape in [PICTURE, LARGE, &[3, 5], &[2, 5, 1, 1]] {
            let sum = |v: &[Tensor]| v[0].broadcast_add(&per_channel(&v[1], v[0].rank())?);
            assert_same_as(&[shape, &[5]], 2, |v| add_bias(&v[0], &v[1]), sum);
            assert_same_as(
                &[shape, &[5]],
                2,
                |v| bias_leaky_relu(&v[0], &v[1]),
                |v| plain_leaky_relu(&sum(v)?),
            );
            assert_same_as(&[shape, &[5]], 2, |v| bias_relu(&v[0], &v[1]), |v| sum(v)?.relu());
        }
        for shape in [PICTURE, &[3, 5]] {
            assert_gradients(&[shape, &[5]], |v| add_bias(&v[0], &v[1]));
            assert_gradients(&[shape, &[5]], |v| bias_leaky_relu(&v[0], &v[1]));
            assert_gradients(&[shape, &[5]], |v| bias_relu(&v[0], &v[1]));
        }
    }

    #[test]
    fn threads_make_no_difference() {
        let x = Var::from_tensor(&normal("x", LARGE, DType::F32)).unwrap();
        let bias = Var::from_tensor(&normal("bias", &[5], DType::F32)).unwrap();
        assert_independent_of_threads(|| {
            let y = add_bias(&bias_leaky_relu(&x, &bias).unwrap(), &bias).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            vec![y, gradients.get(&x).unwrap().clone(), gradients.get(&bias).unwrap().clone()]
        });
    }

    #[test]
    fn wrong_arguments_are_errors() {
        let x = normal("x", PICTURE, DType::F32);
        let message = |result: Result<Tensor>| result.unwrap_err().to_string();
        let four = normal("four", &[4], DType::F32);
        assert!(message(add_bias(&x, &four)).contains("bias [4] does not match the channels"));
        let double = normal("five", &[5], DType::F64);
        assert!(message(bias_leaky_relu(&x, &double)).contains("bias is F64 and x is F32"));
        assert!(message(add_bias(&four, &four)).contains("expected [batch, channels"));
    }
}
