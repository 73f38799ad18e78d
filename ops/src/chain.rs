//! The critic's run of layers as one operation, and the gradient of its input as another.
//!
//! One node of candle's graph stands for all layers: what one hands to the next never becomes a gradient of zeros that
//! another is added to, and the gradient penalty, a gradient of a gradient, walks over the same few lists.

use std::sync::{Arc, OnceLock};

use candle_core::{CustomOp2, CustomOp3, Result, Shape, Storage, Tensor, bail};

use crate::bias::AddBias;
use crate::conv::{Convolve, Weight};
use crate::custom_op::runs_on_every_engine;
use crate::engine::{Engine, Input};
use crate::feature_layout::FeatureLayout;
use crate::finish::Finish;
use crate::gathered::{Part, gathered};
use crate::gradients::{pack, unpack};
use crate::leaky_relu::{Activate, SLOPE};
use crate::planes::Planes;
use crate::resampled_conv::{ResampledConv, Sampling};

/// One layer of a chain: `leaky_relu(convolution + bias)`, with the sides changed as `sampling` says.
#[derive(Clone, Debug)]
pub struct Link {
    /// `[out_channels, in_channels, kernel, kernel]`, `kernel` 1 or 3, 3 where the sides change
    pub weight: Tensor,
    /// What the weight is multiplied by.
    pub scale: f64,
    /// `[out_channels]`
    pub bias: Tensor,
    /// What happens to the sides.
    pub sampling: Sampling,
}

/// A chain of layers that has been applied.
#[derive(Clone, Debug)]
pub struct Chain {
    convs: Arc<[ResampledConv]>,
    /// Weights and biases of all layers, one behind the other.
    parameters: Tensor,
    features: Arc<Features>,
    output: Tensor,
    layout: FeatureLayout,
}

/// What each layer but the last has left.
type Features = OnceLock<Vec<Storage>>;

impl Chain {
    /// Applies the layers one after the other, their weights and biases rounded to the type of `x`.
    ///
    /// # Shapes
    /// - `x`: `[batch, in_channels, height, width]` of the first layer, or as `layout` has it
    ///
    /// # Errors
    /// If the shapes do not fit together, sides to be halved are odd, `x` is neither `f32` nor `f64` nor, on a GPU, `bf16`, or
    /// the layout is none of its device's.
    pub fn new(x: &Tensor, links: &[Link], layout: FeatureLayout) -> Result<Self> {
        layout.check("chain", x)?;
        let (batch, mut planes) = Planes::of_layout(x.shape(), layout)?;
        let (mut convs, mut parameters) =
            (Vec::with_capacity(links.len()), Vec::with_capacity(2 * links.len()));
        for Link { weight, scale, bias, sampling } in links {
            let conv = ResampledConv::new(*sampling, batch, planes, weight.dims())?;
            if bias.dims() != [conv.output.channels] {
                bail!("chain: bias {:?} does not match weight {:?}", bias.dims(), weight.dims());
            }
            planes = conv.output;
            convs.push(conv);
            parameters.extend([Part::weight(weight, *scale, layout)?, Part::new(bias, 1.)]);
        }
        if convs.is_empty() {
            bail!("chain: there are no layers");
        }
        let (convs, parameters) = (Arc::from(convs), gathered(parameters, x.dtype())?);
        let features = Arc::default();
        let op = Forward { convs: Arc::clone(&convs), features: Arc::clone(&features) };
        let output = x.contiguous()?.apply_op2(&parameters, op)?;
        Ok(Self { convs, parameters, features, output, layout })
    }

    /// How input and output lie in memory.
    pub fn layout(&self) -> FeatureLayout {
        self.layout
    }

    /// What comes out, `[batch, out_channels, height, width]` of the last layer, or as the layout has it.
    pub fn output(&self) -> &Tensor {
        &self.output
    }

    /// The gradient with respect to the input, from the gradient `g` with respect to the output.
    ///
    /// Linear in `g` and in each weight, and can be differentiated by both; the features only tell where the activations
    /// bend, and get no gradient.
    ///
    /// # Shapes
    /// - `g`: as the output
    /// - returns: as the input
    ///
    /// # Errors
    /// If the shape or the type of `g` is not that of the output.
    pub fn input_gradient(&self, g: &Tensor) -> Result<Tensor> {
        if g.dims() != self.output.dims() {
            bail!("chain: gradient {:?} and output {:?} differ", g.dims(), self.output.dims());
        }
        self.input_gradient_of(g, 0)
    }

    /// The same for some of the samples only, from number `first` on.
    ///
    /// # Shapes
    /// - `g`: as the output, with as many samples as are asked for
    /// - returns: as the input, with as many samples
    ///
    /// # Errors
    /// If there are no such samples, or `g` does not fit the output.
    pub fn input_gradient_of(&self, g: &Tensor, first: usize) -> Result<Tensor> {
        let count = g.dim(0)?;
        let output = self.output.narrow(0, first, count)?.detach();
        if output.dims() != g.dims() || g.dtype() != output.dtype() {
            bail!("chain: gradient {:?} and output {:?} differ", g.dims(), self.output.dims());
        }
        let op = InputGradient {
            convs: self.convs.iter().map(|conv| conv.of_batch(count)).collect(),
            features: Arc::clone(&self.features),
            output,
            first,
            gradients: Arc::default(),
        };
        g.contiguous()?.apply_op2(&self.parameters, op)
    }
}

/// The parameters of each layer within all of them: weight and bias.
fn split<'a, E: Engine>(
    engine: &E,
    convs: &[ResampledConv],
    parameters: E::View<'a>,
) -> Vec<(E::View<'a>, E::View<'a>)> {
    let mut end = 0;
    let mut take = |len| {
        end += len;
        engine.part(parameters, end - len..end)
    };
    convs.iter().map(|conv| (take(conv.weight_len()), take(conv.output.channels))).collect()
}

/// What each layer but the last has left, or its gradient.
fn stored<'a, E: Engine>(engine: &E, features: &'a Features) -> Result<Vec<E::View<'a>>> {
    let Some(features) = features.get() else { bail!("chain: there are no features yet") };
    features.iter().map(|features| engine.kept(features)).collect()
}

/// The features of each layer, the last of which is the output, for as many samples as the convolutions have, from number
/// `first` on; the output is that of these samples.
fn all_features<'a, E: Engine>(
    engine: &E,
    convs: &[ResampledConv],
    first: usize,
    features: &'a Features,
    output: E::View<'a>,
) -> Result<Vec<E::View<'a>>> {
    let mut all = stored(engine, features)?;
    for (features, conv) in all.iter_mut().zip(convs) {
        let start = first * conv.output.len();
        *features = engine.part(*features, start..start + conv.batch * conv.output.len());
    }
    all.push(output);
    Ok(all)
}

struct Forward {
    convs: Arc<[ResampledConv]>,
    features: Arc<Features>,
}

impl Forward {
    fn run<E: AddBias + Convolve + Activate>(
        &self,
        engine: &E,
        x: Input<'_, E>,
        parameters: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { convs, .. } = self;
        let mut features: Vec<E::Values> = Vec::with_capacity(convs.len());
        let mut output = None;
        for (conv, (weight, bias)) in convs.iter().zip(split(engine, convs, parameters.values)) {
            features.extend(output.take());
            let x = match features.last() {
                Some(features) => engine.all(features),
                None => engine.shorter(x.values),
            };
            output = Some(conv.forward(
                engine,
                x,
                Weight::new(weight),
                Some(&Finish::Activate { bias, noise: None, slope: SLOPE }),
            )?);
        }
        let (Some(output), Some(last)) = (output, convs.last()) else { bail!("chain: there are no layers") };
        let features = features.into_iter().map(|values| engine.keep(values)).collect();
        if self.features.set(features).is_err() {
            bail!("{}: it has been applied already", self.name());
        }
        Ok((output, last.output.shape(last.batch)))
    }
}

impl CustomOp2 for Forward {
    fn name(&self) -> &'static str {
        "chain"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let op = Backward {
            convs: Arc::clone(&self.convs),
            features: Arc::clone(&self.features),
            output: y.detach(),
            of_input: x.track_op(),
            of_parameters: parameters.track_op(),
        };
        let gradients = g.contiguous()?.apply_op3_no_bwd(&x.detach(), &parameters.detach(), &op)?;
        let arguments = [(x, x.track_op()), (parameters, parameters.track_op())];
        unpack(&gradients, arguments).map(|[x, parameters]| (x, parameters))
    }
}

/// From the gradient of the output to those of the input and of the parameters, one behind the other.
struct Backward {
    convs: Arc<[ResampledConv]>,
    features: Arc<Features>,
    output: Tensor,
    of_input: bool,
    of_parameters: bool,
}

/// Of the input, and of each parameter.
type Gradients<V> = (Option<V>, Vec<V>);

impl Backward {
    /// Works through some samples at a time, so that few gradients are in memory at once.
    fn run<E: AddBias + Convolve + Activate>(
        &self,
        engine: &E,
        g: Input<'_, E>,
        x: Input<'_, E>,
        parameters: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let (output, layout) = self.output.storage_and_layout();
        let features = engine.tensor(&output, layout)?.values;
        let features = all_features(engine, &self.convs, 0, &self.features, features)?;
        let largest = self.convs.iter().map(|conv| conv.output.len()).max().unwrap_or(0);
        let batch = self.convs[0].batch;
        let most = (E::PART_VALUES / largest.max(1)).max(1);
        let samples = batch.div_ceil(batch.div_ceil(most).max(1)).max(1);
        let mut gradients = Vec::new();
        let mut sums: Option<Vec<E::Values>> = None;
        for first in (0..batch).step_by(samples) {
            let count = samples.min(batch - first);
            let convs: Vec<ResampledConv> = self.convs.iter().map(|conv| conv.of_batch(count)).collect();
            let part = |view, planes: Planes| {
                engine.part(view, first * planes.len()..(first + count) * planes.len())
            };
            let features: Vec<_> =
                features.iter().zip(&convs).map(|(&features, conv)| part(features, conv.output)).collect();
            let (of_x, of_parameters) = self.part(
                engine,
                &convs,
                part(engine.shorter(g.values), convs[convs.len() - 1].output),
                part(engine.shorter(x.values), convs[0].input),
                &features,
                parameters.values,
            )?;
            gradients.extend(of_x);
            sums = Some(match sums {
                None => of_parameters,
                Some(sums) => sums
                    .into_iter()
                    .zip(of_parameters)
                    .map(|(a, b)| engine.sum(a, b))
                    .collect::<Result<_>>()?,
            });
        }
        gradients.extend(sums.into_iter().flatten());
        pack(engine, gradients)
    }

    /// The gradients of the input and of the parameters, as far as they are wanted.
    fn part<'a, E: AddBias + Convolve + Activate>(
        &self,
        engine: &E,
        convs: &[ResampledConv],
        g: E::View<'a>,
        x: E::View<'a>,
        features: &[E::View<'a>],
        parameters: E::View<'_>,
    ) -> Result<Gradients<E::Values>> {
        let Self { of_input, of_parameters, .. } = self;
        let parameters = split(engine, convs, parameters);
        let mut from_last = Vec::with_capacity(2 * convs.len());
        let mut gradient = Some(engine.leaky_relu_grad(g, features[convs.len() - 1])?);
        for (index, conv) in convs.iter().enumerate().rev() {
            let Some(values) = gradient.take() else { break };
            let values = engine.all(&values);
            let below = index.checked_sub(1).map(|below| features[below]);
            if *of_parameters {
                from_last.push(engine.channel_sums(values, conv.output)?);
                from_last.push(conv.weight_grad(engine, below.unwrap_or(x), values)?);
            }
            if below.is_some() || *of_input {
                let finish = below.map(Finish::Mask);
                let weight = Weight::new(parameters[index].0);
                gradient = Some(conv.adjoint(engine, values, weight, finish.as_ref())?);
            }
        }
        from_last.reverse();
        Ok((gradient, from_last))
    }
}

impl CustomOp3 for Backward {
    fn name(&self) -> &'static str {
        "chain-backward"
    }

    runs_on_every_engine!(3);
}

struct InputGradient {
    convs: Arc<[ResampledConv]>,
    features: Arc<Features>,
    output: Tensor,
    /// Number of the first sample within the features.
    first: usize,
    /// The gradient with respect to each layer's result before its activation.
    gradients: Arc<Features>,
}

impl InputGradient {
    fn run<E: AddBias + Convolve + Activate>(
        &self,
        engine: &E,
        g: Input<'_, E>,
        parameters: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { convs, .. } = self;
        let (output, layout) = self.output.storage_and_layout();
        let features = engine.tensor(&output, layout)?.values;
        let features = all_features(engine, convs, self.first, &self.features, features)?;
        let parameters = split(engine, convs, parameters.values);
        let mut from_last = Vec::with_capacity(convs.len());
        let mut gradient = engine.leaky_relu_grad(g.values, features[convs.len() - 1])?;
        for (index, conv) in convs.iter().enumerate().rev() {
            let finish = index.checked_sub(1).map(|below| Finish::Mask(features[below]));
            let weight = Weight::new(parameters[index].0);
            let below = conv.adjoint(engine, engine.all(&gradient), weight, finish.as_ref())?;
            from_last.push(engine.keep(std::mem::replace(&mut gradient, below)));
        }
        if self.gradients.set(from_last.into_iter().rev().collect()).is_err() {
            bail!("{}: it has been applied already", self.name());
        }
        Ok((gradient, convs[0].input.shape(convs[0].batch)))
    }
}

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "chain-input-gradient"
    }

    runs_on_every_engine!(2);

    fn bwd(
        &self,
        g: &Tensor,
        parameters: &Tensor,
        _: &Tensor,
        v: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let op = SecondOrder {
            convs: Arc::clone(&self.convs),
            features: Arc::clone(&self.features),
            output: self.output.clone(),
            first: self.first,
            gradients: Arc::clone(&self.gradients),
            of_gradient: g.track_op(),
            of_parameters: parameters.track_op(),
        };
        let gradients = v.contiguous()?.apply_op2_no_bwd(&parameters.detach(), &op)?;
        let arguments = [(g, g.track_op()), (parameters, parameters.track_op())];
        unpack(&gradients, arguments).map(|[g, parameters]| (g, parameters))
    }
}

/// From the gradient `v` with respect to the input's gradient to those of the output's gradient and of the parameters,
/// one behind the other. Linear in the output's gradient, whose values it does not need.
struct SecondOrder {
    convs: Arc<[ResampledConv]>,
    features: Arc<Features>,
    output: Tensor,
    first: usize,
    gradients: Arc<Features>,
    of_gradient: bool,
    of_parameters: bool,
}

impl SecondOrder {
    fn run<E: AddBias + Convolve + Activate>(
        &self,
        engine: &E,
        v: Input<'_, E>,
        parameters: Input<'_, E>,
    ) -> Result<(E::Values, Shape)> {
        let Self { convs, .. } = self;
        let (output, layout) = self.output.storage_and_layout();
        let features = engine.tensor(&output, layout)?.values;
        let features = all_features(engine, convs, self.first, &self.features, features)?;
        let gradients = stored(engine, &self.gradients)?;
        let mut of_parameters = Vec::with_capacity(2 * convs.len());
        let mut reached: Option<E::Values> = None;
        for (index, (conv, (weight, _))) in
            convs.iter().zip(split(engine, convs, parameters.values)).enumerate()
        {
            let v = reached.as_ref().map_or(engine.shorter(v.values), |reached| engine.all(reached));
            if self.of_parameters {
                of_parameters.push(conv.weight_grad(engine, v, gradients[index])?);
                // A bias moves where activations bend, but not how much they pass on.
                of_parameters.push(engine.zeros(conv.output.channels)?);
            }
            reached = if index + 1 < convs.len() || self.of_gradient {
                Some(conv.forward(engine, v, Weight::new(weight), Some(&Finish::Mask(features[index])))?)
            } else {
                None
            };
        }
        pack(engine, reached.into_iter().chain(of_parameters).collect())
    }
}

impl CustomOp2 for SecondOrder {
    fn name(&self) -> &'static str {
        "chain-second-order"
    }

    runs_on_every_engine!(2);
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Var};

    use super::*;
    use crate::backward;
    use crate::testing::{
        WAYS, assert_gradients, assert_independent_of_threads, assert_same_as, normal, plain_adjoint,
        plain_resampled_conv,
    };
    use crate::{bias_leaky_relu, leaky_relu_grad};

    /// Shapes of the weights of a chain from 3 channels over `channels`: 1x1, then 3x3.
    fn weights(channels: [usize; 3]) -> Vec<[usize; 4]> {
        let [a, b, c] = channels;
        vec![[a, 3, 1, 1], [b, a, 3, 3], [c, b, 3, 3]]
    }

    /// Input, then weight and bias of each layer.
    fn shapes(channels: [usize; 3]) -> Vec<Vec<usize>> {
        let parameters = weights(channels).into_iter().flat_map(|weight| [weight.to_vec(), vec![weight[0]]]);
        std::iter::once(vec![2, 3, 8, 4]).chain(parameters).collect()
    }

    fn links(parameters: &[Tensor], last: Sampling) -> Vec<Link> {
        let samplings = [Sampling::Keep, Sampling::Keep, last];
        let pairs = parameters.chunks_exact(2).zip(samplings);
        pairs
            .map(|(pair, sampling)| {
                let [weight, bias] = [&pair[0], &pair[1]].map(Tensor::clone);
                Link { weight, scale: 0.7, bias, sampling }
            })
            .collect()
    }

    /// The features of each layer, one step after the other.
    fn plain(x: &Tensor, links: &[Link]) -> Result<Vec<Tensor>> {
        let mut all: Vec<Tensor> = Vec::new();
        for Link { weight, scale, bias, sampling } in links {
            let x = all.last().unwrap_or(x);
            all.push(bias_leaky_relu(&plain_resampled_conv(x, &(weight * *scale)?, *sampling)?, bias)?);
        }
        Ok(all)
    }

    fn plain_input_gradient(g: &Tensor, x: &Tensor, links: &[Link]) -> Result<Tensor> {
        let mut g = g.clone();
        for (Link { weight, scale, sampling, .. }, y) in links.iter().zip(plain(x, links)?).rev() {
            g = plain_adjoint(&leaky_relu_grad(&g, &y)?, &(weight * *scale)?, *sampling)?;
        }
        Ok(g)
    }

    /// Few channels, and enough for the fast ways.
    const CHANNELS: [[usize; 3]; 2] = [[5, 4, 6], [9, 12, 10]];

    #[test]
    fn a_chain_is_its_layers() {
        for (last, channels) in WAYS.into_iter().flat_map(|way| CHANNELS.map(|channels| (way, channels))) {
            let shapes = shapes(channels);
            let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            assert_same_as(
                &shapes,
                shapes.len(),
                |v| Ok(Chain::new(&v[0], &links(&v[1..], last), FeatureLayout::Nchw)?.output().clone()),
                |v| Ok(plain(&v[0], &links(&v[1..], last))?.pop().unwrap()),
            );
        }
    }

    #[test]
    fn its_input_gradient_is_that_of_its_layers() {
        for (last, channels) in WAYS.into_iter().flat_map(|way| CHANNELS.map(|channels| (way, channels))) {
            let of = |x: &Tensor, v: &[Tensor]| -> Result<(Tensor, Tensor)> {
                let chain = Chain::new(x, &links(v, last), FeatureLayout::Nchw)?;
                let g = normal("gradient", chain.output().dims(), x.dtype());
                Ok((chain.input_gradient(&g)?, g))
            };
            let shapes = shapes(channels);
            let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            // Biases get zeros from the chain and nothing from its layers, so they are compared with themselves.
            let with_biases = |y: Tensor, v: &[Tensor]| -> Result<Tensor> {
                let sum = (v[2].sum_all()? + (v[4].sum_all()? + v[6].sum_all()?)?)?;
                y.broadcast_add(&(sum + v[0].sum_all()?)?)
            };
            assert_same_as(
                &shapes,
                shapes.len(),
                |v| with_biases(of(&v[0], &v[1..])?.0, v),
                |v| {
                    let (_, g) = of(&v[0], &v[1..])?;
                    with_biases(plain_input_gradient(&g, &v[0], &links(&v[1..], last))?, v)
                },
            );
        }
    }

    #[test]
    fn a_penalty_has_exact_gradients() {
        let shapes = shapes([4, 3, 5]);
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        for last in WAYS {
            assert_gradients(&shapes, |v| {
                let chain = Chain::new(&v[0], &links(&v[1..], last), FeatureLayout::Nchw)?;
                // The gradient of the output depends on the output, as behind a minibatch stddev.
                let g = chain.output().sqr()?.affine(0.01, 0.1)?;
                chain.input_gradient(&g)?.sqr()?.affine(1e-4, 0.)
            });
        }
    }

    /// More samples than gradients are computed of at once, against so few that all are.
    #[test]
    fn samples_do_not_see_each_other() -> Result<()> {
        let last = Sampling::Down { blur: true };
        let parameters: Vec<Var> = shapes([9, 12, 10])[1..]
            .iter()
            .map(|shape| Var::from_tensor(&normal("v", shape, DType::F32)))
            .collect::<Result<_>>()?;
        let tensors: Vec<Tensor> = parameters.iter().map(|var| var.as_tensor().clone()).collect();
        let x = normal("x", &[40, 3, 128, 128], DType::F32);
        let gradients = |x: &Tensor| -> Result<(Tensor, Vec<Tensor>)> {
            let x = Var::from_tensor(x)?;
            let chain = Chain::new(&x, &links(&tensors, last), FeatureLayout::Nchw)?;
            let gradients = backward(&(chain.output().sqr()? * 1e-3)?.sum_all()?)?;
            let of = |var: &Var| gradients.get(var).unwrap().clone();
            Ok((of(&x), parameters.iter().map(of).collect()))
        };
        let (of_x, of_parameters) = gradients(&x)?;
        let mut sums: Option<Vec<Tensor>> = None;
        for first in (0..40).step_by(5) {
            let (of_part, of_parameters) = gradients(&x.narrow(0, first, 5)?.contiguous()?)?;
            let expected = of_x.narrow(0, first, 5)?;
            assert_eq!(of_part.flatten_all()?.to_vec1::<f32>()?, expected.flatten_all()?.to_vec1::<f32>()?);
            sums = Some(match sums {
                None => of_parameters,
                Some(sums) => sums.iter().zip(&of_parameters).map(|(a, b)| a + b).collect::<Result<_>>()?,
            });
        }
        for (index, (actual, expected)) in of_parameters.iter().zip(sums.unwrap()).enumerate() {
            let largest = |x: Tensor| x.abs()?.max_all()?.to_scalar::<f32>();
            let (off, scale) = (largest((actual - &expected)?)?, largest(expected)?);
            assert!(off <= 1e-5 * scale, "parameter {index} is {off} off, at values up to {scale}");
        }
        Ok(())
    }

    #[test]
    fn frozen_layers_cost_no_gradient() {
        let shapes = shapes([5, 4, 6]);
        let v: Vec<Tensor> = shapes.iter().map(|shape| normal("v", shape, DType::F32)).collect();
        let x = Var::from_tensor(&v[0]).unwrap();
        let chain = Chain::new(&x, &links(&v[1..], Sampling::Keep), FeatureLayout::Nchw).unwrap();
        assert!(!chain.parameters.track_op());
        let gradients = chain.output().sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().dims(), x.dims());
    }

    #[test]
    fn threads_make_no_difference() {
        let parameters: Vec<Tensor> =
            shapes([9, 12, 10])[1..].iter().map(|shape| normal("v", shape, DType::F32)).collect();
        let x = normal("x", &[2, 3, 64, 48], DType::F32);
        assert_independent_of_threads(|| {
            let chain =
                Chain::new(&x, &links(&parameters, Sampling::Down { blur: true }), FeatureLayout::Nchw)
                    .unwrap();
            vec![chain.output().clone(), chain.input_gradient(chain.output()).unwrap()]
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tensor = |shape: &[usize]| normal("x", shape, DType::F32);
        let x = tensor(&[2, 3, 4, 5]);
        let link = |weight: &[usize], bias: usize, sampling| {
            vec![Link { weight: tensor(weight), scale: 1., bias: tensor(&[bias]), sampling }]
        };
        assert!(Chain::new(&x, &[], FeatureLayout::Nchw).is_err());
        assert!(Chain::new(&x, &link(&[7, 4, 3, 3], 7, Sampling::Keep), FeatureLayout::Nchw).is_err());
        assert!(Chain::new(&x, &link(&[7, 3, 3, 3], 6, Sampling::Keep), FeatureLayout::Nchw).is_err());
        assert!(Chain::new(&x, &link(&[7, 3, 5, 5], 7, Sampling::Keep), FeatureLayout::Nchw).is_err());
        assert!(
            Chain::new(&x, &link(&[7, 3, 3, 3], 7, Sampling::Down { blur: true }), FeatureLayout::Nchw)
                .is_err()
        );
        let chain = Chain::new(&x, &link(&[7, 3, 3, 3], 7, Sampling::Keep), FeatureLayout::Nchw).unwrap();
        assert!(chain.input_gradient(&x).is_err());
    }
}
