//! A synthesis layer as one operation.
//!
//! A network trains on what its layers leave behind: joined, a layer leaves the activated features and the normalized
//! ones, where one operation after the other would leave resampled, convolved and noisy ones as well, and candle would
//! start a gradient of zeros for each of them. What a gradient needs besides is computed again: it costs one pass over
//! memory.

use std::sync::{Arc, OnceLock};

use candle_core::{CustomOp3, DType, Result, Shape, Storage, Tensor, bail};

use crate::conv::{Convolve, FrozenFilters, Weight};
use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::feature_layout::FeatureLayout;
use crate::finish::Finish;
use crate::gathered::{Part, gathered, laid_out};
use crate::gradients::{pack, unpack};
use crate::leaky_relu::SLOPE;
use crate::noise::AddNoise;
use crate::norm::Normalize;
use crate::planes::{NoisePlanes, Planes};
use crate::resampled_conv::{ResampledConv, Sampling};

/// Samples at a time up to which it pays to keep what is made of a frozen weight. With more it is a small part of the work.
const FEW_SAMPLES: usize = 4;

/// The weight of a synthesis layer.
#[derive(Clone, Copy, Debug)]
pub struct LayerWeight<'a> {
    weight: &'a Tensor,
    scale: f64,
    frozen: Option<&'a Arc<FrozenFilters>>,
}

impl<'a> LayerWeight<'a> {
    pub(crate) fn new(weight: &'a Tensor, scale: f64, frozen: Option<&'a Arc<FrozenFilters>>) -> Self {
        Self { weight, scale, frozen }
    }
}

/// A weight and what it is multiplied by.
impl<'a> From<(&'a Tensor, f64)> for LayerWeight<'a> {
    fn from((weight, scale): (&'a Tensor, f64)) -> Self {
        Self::new(weight, scale, None)
    }
}

/// `leaky_relu(convolution + noise · strength + bias)`, with the sides changed as `sampling` says, then
/// [`instance_norm_style`](crate::instance_norm_style) if there is a `style` with the norm's epsilon: a synthesis layer
/// (Karras et al. 2019, figure 1b). The noise gets no gradient; the gradient is of first order only. All else is rounded
/// to the type of `x`.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`, or as `layout` has it
/// - `weight`: `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3, 3 where the sides change, and what it is
///   multiplied by
/// - `noise`: `[batch, 1, height, width]` of the result, or `[1, 1, height, width]` for the same noise on all samples
/// - `strength`, `bias`: `[out_channels]`
/// - `style`: `[batch, 2 * out_channels]`, all scales, then all shifts
/// - returns: as `x`, with `out_channels`, the sides doubled or halved
///
/// # Errors
/// If the shapes do not fit together, sides to be halved are odd, `x` is neither `f32` nor `f64` nor, on a GPU, `bf16`, or the
/// layout is none of its device's.
pub fn synthesis_layer<'a>(
    x: &Tensor,
    weight: impl Into<LayerWeight<'a>>,
    (noise, strength): (&Tensor, &Tensor),
    bias: &Tensor,
    style: Option<(&Tensor, f64)>,
    sampling: Sampling,
    layout: FeatureLayout,
) -> Result<Tensor> {
    let weight = weight.into();
    layout.check("synthesis-layer", x)?;
    let (batch, planes) = Planes::of_layout(x.shape(), layout)?;
    let conv = ResampledConv::new(sampling, batch, planes, weight.weight.dims())?;
    let channels = conv.output.channels;
    conv.output.check_noise("synthesis-layer", noise.shape(), batch)?;
    if strength.dims() != [channels] || bias.dims() != [channels] {
        bail!("synthesis-layer: strength {:?} or bias {:?} do not match", strength.dims(), bias.dims());
    }
    // A custom operation takes three arguments at most.
    let mut parameters = vec![Part::new(strength, 1.), Part::new(bias, 1.)];
    let epsilon = style.map_or(0., |(_, epsilon)| epsilon);
    if let Some((style, _)) = style {
        if style.dims() != [batch, 2 * channels] {
            bail!("synthesis-layer: style {:?} does not hold two values for each channel", style.dims());
        }
        parameters.push(Part::new(style, 1.));
    }
    let LayerWeight { weight, scale, frozen } = weight;
    let dtype = x.dtype();
    let noise = noise.detach().to_dtype(dtype)?.contiguous()?;
    let parameters = gathered(parameters, dtype)?;
    // To scale a weight by itself, which its gradient asks for, costs a pass over it.
    let is_read_scaled =
        x.device().is_cpu() && !weight.track_op() && [dtype, weight.dtype()] == [DType::F32; 2];
    let (conv, weight) = if is_read_scaled {
        (conv.scaled(scale), weight.contiguous()?)
    } else {
        (conv, laid_out(weight, scale, dtype, layout)?)
    };
    let frozen = frozen.filter(|_| is_read_scaled && batch <= FEW_SAMPLES).cloned();
    let layer = Layer { conv, epsilon, noise, frozen, activated: Arc::default() };
    x.contiguous()?.apply_op3(&weight, &parameters, layer)
}

/// What a layer has left before its norm.
type Activated = OnceLock<Storage>;

struct Layer {
    conv: ResampledConv,
    epsilon: f64,
    noise: Tensor,
    frozen: Option<Arc<FrozenFilters>>,
    activated: Arc<Activated>,
}

/// Strength, bias and style, which lie one behind the other, the style all scales and then all shifts for each sample.
fn split<'a: 'b, 'b, E: Engine>(
    engine: &E,
    conv: &ResampledConv,
    parameters: E::View<'a>,
) -> (E::View<'b>, E::View<'b>, Option<E::View<'b>>) {
    let (channels, len) = (conv.output.channels, engine.len(parameters));
    let part = |range| engine.part(parameters, range);
    let style = (len > 2 * channels).then(|| part(2 * channels..len));
    (part(0..channels), part(channels..2 * channels), style)
}

impl Layer {
    fn run<E: Convolve + AddNoise + Normalize>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        weight: Input<'_, E>,
        parameters: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { conv, epsilon, noise, frozen, activated } = self;
        let (storage, layout) = noise.storage_and_layout();
        let (strength, bias, style) = split(engine, conv, parameters.values);
        let noise = NoisePlanes::new(engine.tensor(&storage, layout)?, conv.output);
        let finish = Finish::Activate { bias, noise: Some((strength, noise)), slope: SLOPE };
        let weight = Weight::new(weight.values).frozen(frozen.as_deref());
        let features = conv.forward(engine, x.values, weight, Some(&finish))?;
        let y = match style {
            Some(_) => {
                let features = engine.all(&features);
                engine.normalize(features, style, conv.output, *epsilon)?
            }
            // A copy, which only ablations pay for.
            None => engine.copy(engine.all(&features))?,
        };
        if activated.set(engine.keep(features)).is_err() {
            bail!("{}: it has been applied already", self.name());
        }
        Ok((y, conv.output.shape(conv.batch)))
    }
}

impl CustomOp3 for Layer {
    fn name(&self) -> &'static str {
        "synthesis-layer"
    }

    runs_on_every_engine!(3);

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        parameters: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let op = Backward {
            conv: self.conv,
            epsilon: self.epsilon,
            noise: self.noise.clone(),
            frozen: self.frozen.clone(),
            activated: Arc::clone(&self.activated),
            parameters: parameters.detach(),
            wanted: [x.track_op(), weight.track_op(), parameters.track_op()],
        };
        let [of_x, of_weight, of_parameters] = op.wanted;
        let gradients = g.contiguous()?.apply_op3_no_bwd(&x.detach(), &weight.detach(), &op)?;
        let arguments = [(x, of_x), (weight, of_weight), (parameters, of_parameters)];
        unpack(&gradients, arguments).map(|[x, weight, parameters]| (x, weight, parameters))
    }
}

/// From the gradient of the result to those of features, weight and parameters, as far as they are wanted.
struct Backward {
    conv: ResampledConv,
    epsilon: f64,
    noise: Tensor,
    frozen: Option<Arc<FrozenFilters>>,
    activated: Arc<Activated>,
    parameters: Tensor,
    wanted: [bool; 3],
}

impl Backward {
    fn run<E: Convolve + AddNoise>(
        &self,
        engine: &E,
        g: Input<'_, E>,
        x: Input<'_, E>,
        weight: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { conv, activated, wanted: [of_x, of_weight, of_parameters], .. } = self;
        let (noise, noise_layout) = self.noise.storage_and_layout();
        let (parameters, parameters_layout) = self.parameters.storage_and_layout();
        let noise = NoisePlanes::new(engine.tensor(&noise, noise_layout)?, conv.output);
        let style = split(engine, conv, engine.tensor(&parameters, parameters_layout)?.values).2;
        let style = style.map(|style| (style, self.epsilon));
        let Some(features) = activated.get() else { bail!("{}: there are no features yet", self.name()) };
        let epilogue = engine.epilogue_grad(g.values, engine.kept(features)?, &noise, style)?;
        let (epilogue, len) = (engine.all(&epilogue), engine.len(g.values));
        let g = engine.part(epilogue, 0..len);
        let mut gradients = Vec::with_capacity(3);
        if *of_x {
            let weight = Weight::new(weight.values).frozen(self.frozen.as_deref());
            gradients.push(conv.adjoint(engine, g, weight, None)?);
        }
        if *of_weight {
            gradients.push(conv.weight_grad(engine, x.values, g)?);
        }
        if *of_parameters {
            gradients.push(engine.copy(engine.part(epilogue, len..engine.len(epilogue)))?);
        }
        pack(engine, gradients)
    }
}

impl CustomOp3 for Backward {
    fn name(&self) -> &'static str {
        "synthesis-layer-backward"
    }

    runs_on_every_engine!(3);
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::testing::{WAYS, assert_same_as, normal, plain_resampled_conv};
    use crate::{instance_norm_style, noise_bias_leaky_relu};

    #[test]
    fn a_layer_is_its_steps() {
        for sampling in WAYS {
            let (height, width) = match sampling {
                Sampling::Keep => (8, 6),
                Sampling::Up { .. } => (16, 12),
                Sampling::Down { .. } => (4, 3),
            };
            // Few channels of odd numbers, and enough for the fast ways.
            for (batch, ins, outs) in [(1, 5, 4), (3, 5, 4), (1, 9, 12), (3, 17, 8)] {
                let noise: &[usize] = &[batch, 1, height, width];
                let plain = |v: &[Tensor], noise: &Tensor| {
                    noise_bias_leaky_relu(&plain_resampled_conv(&v[0], &v[1], sampling)?, noise, &v[2], &v[3])
                };
                assert_same_as(
                    &[&[3, ins, 8, 6], &[outs, ins, 3, 3], &[outs], &[outs], noise],
                    4,
                    |v| {
                        synthesis_layer(
                            &v[0],
                            (&v[1], 1.),
                            (&v[4], &v[2]),
                            &v[3],
                            None,
                            sampling,
                            FeatureLayout::Nchw,
                        )
                    },
                    |v| plain(v, &v[4]),
                );
                assert_same_as(
                    &[&[3, ins, 8, 6], &[outs, ins, 3, 3], &[outs], &[outs], &[3, 2 * outs], noise],
                    5,
                    |v| {
                        synthesis_layer(
                            &v[0],
                            (&v[1], 1.),
                            (&v[5], &v[2]),
                            &v[3],
                            Some((&v[4], 0.1)),
                            sampling,
                            FeatureLayout::Nchw,
                        )
                    },
                    |v| instance_norm_style(&plain(v, &v[5])?, &v[4], 0.1),
                );
            }
        }
    }

    /// To the bit, for pictures are drawn without gradients from networks that were trained with them.
    #[test]
    fn a_weight_without_a_gradient_gives_the_same() {
        for sampling in WAYS {
            for (ins, outs, side) in [(5, 4, 8), (9, 12, 8), (40, 24, 4)] {
                let tensor = |name: &str, shape: &[usize]| normal(name, shape, DType::F32);
                let x = Var::from_tensor(&tensor("x", &[2, ins, side, side])).unwrap();
                let weight = Var::from_tensor(&tensor("weight", &[outs, ins, 3, 3])).unwrap();
                let (one, noise) = (tensor("one", &[outs]), tensor("noise", &[1, 1, 2 * side, 2 * side]));
                let side = match sampling {
                    Sampling::Keep => side,
                    Sampling::Up { .. } => 2 * side,
                    Sampling::Down { .. } => side / 2,
                };
                let noise = noise.narrow(2, 0, side).unwrap().narrow(3, 0, side).unwrap();
                let run = |weight: &Tensor, frozen| {
                    let (weight, noise) = (LayerWeight::new(weight, 0.3, frozen), (&noise, &one));
                    let y = synthesis_layer(&x, weight, noise, &one, None, sampling, FeatureLayout::Nchw);
                    let y = y.unwrap();
                    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                    [y, gradients.get(&x).unwrap().clone()]
                        .map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap())
                };
                let expected = run(weight.as_tensor(), None);
                let weight = weight.as_detached_tensor();
                assert_eq!(run(&weight, None), expected, "{sampling:?}");
                let frozen = Arc::default();
                for _ in 0..3 {
                    assert_eq!(run(&weight, Some(&frozen)), expected, "{sampling:?}, frozen");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tensor = |shape: &[usize]| normal("x", shape, DType::F32);
        let (x, weight, ones) = (tensor(&[2, 3, 4, 5]), tensor(&[7, 3, 3, 3]), tensor(&[7]));
        let layer = |weight: &Tensor, noise: &[usize], ones: &Tensor, sampling| {
            synthesis_layer(
                &x,
                (weight, 1.),
                (&tensor(noise), ones),
                ones,
                None,
                sampling,
                FeatureLayout::Nchw,
            )
        };
        let up = Sampling::Up { blur: true };
        assert!(layer(&weight, &[1, 1, 8, 10], &ones, up).is_ok());
        assert!(layer(&weight, &[1, 1, 4, 5], &ones, up).is_err());
        assert!(layer(&weight, &[1, 1, 8, 10], &tensor(&[6]), up).is_err());
        assert!(layer(&tensor(&[7, 4, 3, 3]), &[1, 1, 8, 10], &ones, up).is_err());
        assert!(layer(&tensor(&[7, 3, 1, 1]), &[1, 1, 8, 10], &ones, up).is_err());
        let down = layer(&weight, &[1, 1, 2, 2], &ones, Sampling::Down { blur: true });
        assert!(down.unwrap_err().to_string().contains("not even"));
    }
}
