//! Noise, bias and leaky `ReLU` in one pass, and the gradient behind them and what follows them in a synthesis layer.

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;

use candle_core::{CustomOp3, Result, Shape, Tensor};

use crate::bias::check_channels;
use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::gradients::{packed, tracked, unpack};
use crate::leaky_relu::leaky_relu_grad;
use crate::planes::{NoisePlanes, Planes};

/// `leaky_relu(x + noise * strength + bias)` in one pass: the first half of a synthesis layer's epilogue
/// (Karras et al. 2019, figure 1b).
///
/// The noise gets no gradient.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - `noise`: `[batch, 1, height, width]`, or `[1, 1, height, width]` for the same noise on all samples
/// - `strength`, `bias`: `[channels]`
/// - returns: as `x`
///
/// # Errors
/// If `noise` does not cover `x`, or `strength` or `bias` do not hold one value for each channel.
pub fn noise_bias_leaky_relu(x: &Tensor, noise: &Tensor, strength: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (batch, planes) = Planes::of(x.shape())?;
    planes.check_noise("noise-bias-leaky-relu", noise.shape(), batch)?;
    check_channels("noise-bias-leaky-relu", "strength", x, strength)?;
    check_channels("noise-bias-leaky-relu", "bias", x, bias)?;
    // A custom operation takes three arguments at most.
    let strength_and_bias = Tensor::stack(&[strength, bias], 0)?;
    x.contiguous()?.apply_op3(&noise.detach().contiguous()?, &strength_and_bias, NoiseBiasLeakyRelu)
}

pub(crate) trait AddNoise: Engine {
    /// `leaky_relu(x + noise * strength + bias)`
    fn add_noise(
        &self,
        x: Self::View<'_>,
        noise: &NoisePlanes<Self::View<'_>>,
        strength: Self::View<'_>,
        bias: Self::View<'_>,
    ) -> Result<Self::Values>;
    /// From the gradient behind noise, bias, leaky `ReLU` and, with a style and its epsilon, norm to that before them, and
    /// to those of strength, bias and style, one behind the other. `y` is what the leaky `ReLU` left.
    fn epilogue_grad(
        &self,
        g: Self::View<'_>,
        y: Self::View<'_>,
        noise: &NoisePlanes<Self::View<'_>>,
        style: Option<(Self::View<'_>, f64)>,
    ) -> Result<Self::Values>;
}

/// `leaky_relu(x + noise * strength + bias)`, with strength and bias stacked as `[2, channels]`.
struct NoiseBiasLeakyRelu;

impl NoiseBiasLeakyRelu {
    fn run<E: AddNoise>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        noise: Input<'_, E>,
        strength_and_bias: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(x.shape)?;
        let noise = NoisePlanes::new(noise, planes);
        let strength = engine.part(strength_and_bias.values, 0..planes.channels);
        let bias = engine.part(strength_and_bias.values, planes.channels..2 * planes.channels);
        Ok((engine.add_noise(x.values, &noise, strength, bias)?, x.shape.clone()))
    }
}

impl CustomOp3 for NoiseBiasLeakyRelu {
    fn name(&self) -> &'static str {
        "noise-bias-leaky-relu"
    }

    runs_on_every_engine!(3);

    fn bwd(
        &self,
        x: &Tensor,
        noise: &Tensor,
        strength_and_bias: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if !strength_and_bias.track_op() {
            return Ok((tracked(x, || leaky_relu_grad(g, y))?, None, None));
        }
        let gradients = g.contiguous()?.apply_op3_no_bwd(y, noise, &EpilogueGrad)?;
        let [of_x, of_parameters] = unpack(&gradients, [(x, true), (strength_and_bias, true)])?;
        Ok((of_x, None, of_parameters))
    }
}

/// The gradients of [`noise_bias_leaky_relu`]: of the picture, of strength, of bias.
struct EpilogueGrad;

impl EpilogueGrad {
    fn run<E: AddNoise>(
        &self,
        engine: &E,
        g: Input<'_, E>,
        y: Input<'_, E>,
        noise: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let (_batch, planes) = Planes::of(g.shape)?;
        let noise = NoisePlanes::new(noise, planes);
        Ok(packed(engine, engine.epilogue_grad(g.values, y.values, &noise, None)?))
    }
}

impl CustomOp3 for EpilogueGrad {
    fn name(&self) -> &'static str {
        "noise-bias-leaky-relu-grad"
    }

    runs_on_every_engine!(3);
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
    fn noise_is_its_definition() {
        for (shape, noise) in [
            (PICTURE, [3, 1, 8, 4]),
            (PICTURE, [1, 1, 8, 4]),
            (LARGE, [3, 1, 96, 64]),
            (LARGE, [1, 1, 96, 64]),
        ] {
            assert_same_as(
                &[shape, &[5], &[5], &noise],
                3,
                |v| noise_bias_leaky_relu(&v[0], &v[3], &v[1], &v[2]),
                |v| {
                    let noise = v[3].broadcast_mul(&per_channel(&v[1], 4)?)?;
                    plain_leaky_relu(&v[0].broadcast_add(&noise)?.broadcast_add(&per_channel(&v[2], 4)?)?)
                },
            );
        }
        let noise = normal("noise", &[3, 1, 8, 4], DType::F64);
        assert_gradients(&[PICTURE, &[5], &[5]], |v| noise_bias_leaky_relu(&v[0], &noise, &v[1], &v[2]));
    }

    #[test]
    fn noise_gets_no_gradient() {
        let x = Var::from_tensor(&normal("x", PICTURE, DType::F32)).unwrap();
        let noise = Var::from_tensor(&normal("noise", &[3, 1, 8, 4], DType::F32)).unwrap();
        let strength = normal("strength", &[5], DType::F32);
        let y = noise_bias_leaky_relu(&x, &noise, &strength, &strength).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&noise).is_none() && gradients.get(&x).is_some());
    }

    #[test]
    fn threads_make_no_difference() {
        let x = Var::from_tensor(&normal("x", LARGE, DType::F32)).unwrap();
        let noise = normal("noise", &[3, 1, 96, 64], DType::F32);
        let bias = Var::from_tensor(&normal("bias", &[5], DType::F32)).unwrap();
        assert_independent_of_threads(|| {
            let y = noise_bias_leaky_relu(&x, &noise, &bias, &bias).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            vec![y, gradients.get(&x).unwrap().clone(), gradients.get(&bias).unwrap().clone()]
        });
    }

    #[test]
    fn noise_that_does_not_cover_is_refused() {
        let (x, five) = (normal("x", PICTURE, DType::F32), normal("five", &[5], DType::F32));
        let noise = normal("noise", &[2, 1, 8, 4], DType::F32);
        let error = noise_bias_leaky_relu(&x, &noise, &five, &five).unwrap_err().to_string();
        assert!(error.contains("does not cover"), "{error}");
    }
}
