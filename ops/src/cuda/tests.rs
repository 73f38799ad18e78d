//! The operations on a GPU against the same on the CPU in `f64`: results, gradients and their gradients.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var};

use super::{allow_tf32, open};
use crate::conv::conv2d_in;
use crate::testing::{WAYS, normal, values};
use crate::{
    AdamSlot, AdamSteps, AdamUpdate, Chain, FeatureLayout, Graph, Key, Link, RandomTensors, Sampling,
    adam_update, add_bias, all_are_finite, all_finite, backward, bias_leaky_relu, bias_relu, blend, blur,
    clamp_update, conv2d, conv2d_down, conv2d_transpose, conv2d_up, conv2d_weight_grad, dense,
    dense_transpose, downscale2x, ema_update, instance_norm, instance_norm_style, leaky_relu,
    leaky_relu_grad, noise_bias_leaky_relu, normals, repeatedly, smooth_down, smooth_up, synthesis_layer,
    tally_update, upload, upscale2x,
};

/// An operation of some tensors.
type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// What is computed, the shapes of its arguments, and how many of them, from the first on, get gradients.
type Case = (&'static str, Vec<Vec<usize>>, usize, Operation);

fn case(
    name: &'static str,
    shapes: &[&[usize]],
    differentiable: usize,
    f: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
) -> Case {
    (name, shapes.iter().map(|shape| shape.to_vec()).collect(), differentiable, Box::new(f))
}

/// How values and products are rounded on the GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rounding {
    F32,
    Tf32,
    Bf16,
}

impl Rounding {
    const ALL: [Self; 3] = [Self::F32, Self::Tf32, Self::Bf16];

    fn dtype(self) -> DType {
        if self == Self::Bf16 { DType::BF16 } else { DType::F32 }
    }

    /// Each value is to be near in `f32`. Where factors are rounded, some features near zero change their sign, and the
    /// gradient behind a leaky `ReLU` there is another: then all values together are to be near, as a vector.
    fn assert_near(self, what: &str, actual: &Tensor, expected: &Tensor) {
        match self {
            Self::F32 => assert_near(what, actual, expected, 5e-5),
            Self::Tf32 => assert_near_as_vector(what, actual, expected, 0.03),
            Self::Bf16 => assert_near_as_vector(what, actual, expected, 0.1),
        }
    }
}

/// The first GPU, for one test at a time, since they disagree on how products are rounded.
fn gpu() -> (Device, MutexGuard<'static, ()>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    (open(0).unwrap(), guard)
}

/// The result and its gradients with respect to the first arguments.
fn run(f: &Operation, inputs: &[Tensor], differentiable: usize) -> Vec<Tensor> {
    let vars: Vec<Var> = inputs[..differentiable].iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tracked = vars.iter().map(|var| var.as_tensor().clone());
    let arguments: Vec<Tensor> = tracked.chain(inputs[differentiable..].iter().cloned()).collect();
    let y = f(&arguments).unwrap();
    let cotangent = normal("cotangent", y.dims(), DType::F64);
    let cotangent = cotangent.to_dtype(y.dtype()).unwrap().to_device(y.device()).unwrap();
    let gradients = backward(&(&y * cotangent).unwrap().sum_all().unwrap()).unwrap();
    let of = |var: &Var| gradients.get(var).unwrap().clone();
    std::iter::once(y).chain(vars.iter().map(of)).collect()
}

#[track_caller]
fn assert_near(what: &str, actual: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(actual.dims(), expected.dims(), "shape of {what}");
    let (actual, expected) = (values(&actual.to_device(&Device::Cpu).unwrap()), values(expected));
    let scale = expected.iter().fold(1e-3, |scale: f64, v| scale.max(v.abs()));
    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!((a - e).abs() <= tolerance * scale, "{what}: value {i} is {a} and should be {e}");
    }
}

#[track_caller]
fn assert_near_as_vector(what: &str, actual: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(actual.dims(), expected.dims(), "shape of {what}");
    let (actual, expected) = (values(&actual.to_device(&Device::Cpu).unwrap()), values(expected));
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let error = norm(&mut actual.iter().zip(&expected).map(|(a, e)| a - e));
    let scale = norm(&mut expected.iter().copied());
    assert!(error <= tolerance * scale, "{what}: the error is {error} where values are {scale} large");
}

fn assert_same_on_gpu(cases: &[Case]) {
    let (gpu, _guard) = gpu();
    for rounding in Rounding::ALL {
        allow_tf32(rounding != Rounding::F32);
        for (name, shapes, differentiable, f) in cases {
            if rounding == Rounding::Bf16 && *name == BEYOND_BF16 {
                continue;
            }
            let on_gpu: Vec<Tensor> = shapes
                .iter()
                .enumerate()
                .map(|(i, shape)| normal(&format!("input {i}"), shape, rounding.dtype()))
                .collect();
            let inputs: Vec<Tensor> = on_gpu.iter().map(|x| x.to_dtype(DType::F64).unwrap()).collect();
            let on_gpu: Vec<Tensor> = on_gpu.iter().map(|x| x.to_device(&gpu).unwrap()).collect();
            let (actual, expected) = (run(f, &on_gpu, *differentiable), run(f, &inputs, *differentiable));
            for (index, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                let what = format!("{name} {shapes:?} in {rounding:?}, number {index}");
                rounding.assert_near(&what, actual, expected);
            }
        }
    }
}

/// What weights are multiplied by: a power of two, so that they are the same in `bf16`.
const SCALE: f64 = 0.5;

/// The case whose values have more digits in common than `bf16` has.
const BEYOND_BF16: &str = "a large mean";

const PICTURE: &[usize] = &[3, 5, 8, 4];
/// Sides that are no multiple of four.
const ODD: &[usize] = &[2, 7, 9, 5];
/// Planes of more than one part.
const LARGE: &[usize] = &[2, 3, 192, 128];

#[test]
#[ignore = "needs a CUDA device"]
fn convolutions() {
    let cases: Vec<Case> = [(PICTURE, [6, 5]), (ODD, [9, 7]), (&[2, 32, 16, 12], [64, 32])]
        .into_iter()
        .flat_map(|(x, [outs, ins])| {
            let g: &[usize] = &[x[0], outs, x[2], x[3]];
            let down: &[usize] = &[x[0], ins, 2 * x[2] + 1, 2 * x[3] + 1];
            let (one, three): (&[usize], &[usize]) = (&[outs, ins, 1, 1], &[outs, ins, 3, 3]);
            [
                case("conv2d", &[x, three], 2, |v| conv2d(&v[0], &v[1])),
                case("conv2d 1x1", &[x, one], 2, |v| conv2d(&v[0], &v[1])),
                case("conv2d_transpose", &[g, three], 2, |v| conv2d_transpose(&v[0], &v[1])),
                case("conv2d_weight_grad", &[x, g], 2, |v| conv2d_weight_grad(&v[0], &v[1], 3)),
                case("conv2d_down", &[down, three], 2, |v| conv2d_down(&v[0], &v[1])),
                case("conv2d_up", &[x, three], 2, |v| conv2d_up(&v[0], &v[1])),
            ]
        })
        .collect();
    assert_same_on_gpu(&cases);
}

#[test]
#[ignore = "needs a CUDA device"]
fn filters() {
    let mut cases = Vec::new();
    for x in [PICTURE, LARGE, &[2, 3, 2, 6]] {
        cases.push(case("upscale2x", &[x], 1, |v| upscale2x(&v[0])));
        cases.push(case("downscale2x", &[x], 1, |v| downscale2x(&v[0])));
    }
    // Rows of more values than one warp reads, that start at multiples of four values and between them.
    for x in [PICTURE, ODD, LARGE, &[1, 2, 2, 3], &[1, 2, 20, 256], &[1, 2, 21, 257]] {
        cases.push(case("blur", &[x], 1, |v| blur(&v[0])));
        cases.push(case("blend", &[x, x], 2, |v| blend(&v[0], &v[1], 0.3)));
        for is_blurred in [true, false] {
            cases.push(case("smooth_up", &[x], 1, move |v| smooth_up(&v[0], is_blurred)));
            cases.push(case("smooth_down", &[x], 1, move |v| smooth_down(&v[0], is_blurred)));
        }
    }
    assert_same_on_gpu(&cases);
}

#[test]
#[ignore = "needs a CUDA device"]
fn activations_and_norms() {
    let mut cases = Vec::new();
    for x in [PICTURE, ODD, LARGE] {
        let (channels, style): (&[usize], &[usize]) = (&[x[1]], &[x[0], 2 * x[1]]);
        cases.push(case("leaky_relu", &[x], 1, |v| leaky_relu(&v[0])));
        cases.push(case("leaky_relu_grad", &[x, x], 1, |v| leaky_relu_grad(&v[0], &v[1])));
        cases.push(case("add_bias", &[x, channels], 2, |v| add_bias(&v[0], &v[1])));
        cases.push(case("bias_leaky_relu", &[x, channels], 2, |v| bias_leaky_relu(&v[0], &v[1])));
        cases.push(case("bias_relu", &[x, channels], 2, |v| bias_relu(&v[0], &v[1])));
        for noise_batch in [1, x[0]] {
            cases.push(case(
                "noise_bias_leaky_relu",
                &[x, channels, channels, &[noise_batch, 1, x[2], x[3]]],
                3,
                |v| noise_bias_leaky_relu(&v[0], &v[3], &v[1], &v[2]),
            ));
        }
        cases.push(case("instance_norm", &[x], 1, |v| instance_norm(&v[0], 0.1)));
        cases.push(case("instance_norm_style", &[x, style], 2, |v| instance_norm_style(&v[0], &v[1], 0.1)));
        // A mean far above the deviation.
        cases.push(case(BEYOND_BF16, &[x, style], 2, |v| {
            instance_norm_style(&v[0].affine(0.1, 30.)?, &v[1], 1e-8)
        }));
    }
    cases.push(case("bias_leaky_relu of rows", &[&[3, 5], &[5]], 2, |v| bias_leaky_relu(&v[0], &v[1])));
    assert_same_on_gpu(&cases);
}

#[test]
#[ignore = "needs a CUDA device"]
fn dense_layers() {
    let mut cases = Vec::new();
    for [batch, ins, outs] in [[1, 1, 1], [3, 5, 7], [16, 512, 64]] {
        let (x, g, weight): (&[usize], &[usize], &[usize]) = (&[batch, ins], &[batch, outs], &[outs, ins]);
        cases.push(case("dense", &[x, weight], 2, |v| dense(&v[0], &v[1], 0.7)));
        cases.push(case("dense_transpose", &[g, weight], 2, |v| dense_transpose(&v[0], &v[1], 0.7)));
    }
    assert_same_on_gpu(&cases);
}

/// An operation in this layout on a GPU, of planes and to planes everywhere.
fn in_layout(
    layout: FeatureLayout,
    x: &Tensor,
    f: impl Fn(&Tensor, FeatureLayout) -> Result<Tensor>,
) -> Result<Tensor> {
    let layout = if x.device().is_cuda() { layout } else { FeatureLayout::Nchw };
    layout.to_planes(&f(&layout.of_planes(x)?, layout)?)
}

const LAYOUTS: [FeatureLayout; 2] = [FeatureLayout::Nchw, FeatureLayout::Nhwc];

#[test]
#[ignore = "needs a CUDA device"]
fn layouts() {
    let mut cases = Vec::new();
    for x in [PICTURE, ODD, LARGE, &[2, 40, 7, 33]] {
        let (nhwc, last) = (FeatureLayout::Nhwc, &[x[0], x[2], x[3], x[1]][..]);
        cases.push(case("to channels last", &[x], 1, move |v| nhwc.of_planes(&v[0])));
        cases.push(case("to planes", &[last], 1, move |v| nhwc.to_planes(&v[0])));
        let weight: &[usize] = &[3, x[1], 1, 1];
        cases.push(case("to pictures", &[x, weight], 2, move |v| {
            in_layout(nhwc, &v[0], |x, layout| conv2d_in(x, &v[1], layout))
        }));
    }
    assert_same_on_gpu(&cases);
}

#[test]
#[ignore = "needs a CUDA device"]
fn layers() {
    // Few channels, some whose rows lie at no multiple of 16 bytes, more than one group of blocks has, and many pixels.
    let mut sizes = vec![
        (Sampling::Keep, [600, 3], 1, [2, 5], 2),
        (Sampling::Keep, [5, 3], 1, [80, 64], 2),
        (Sampling::Keep, [16, 3], 1, [40, 60], 1),
    ];
    for sampling in WAYS {
        sizes.push((sampling, [4, 5], 3, [8, 6], 1));
        sizes.push((sampling, [8, 17], 3, [8, 6], 3));
    }
    let mut cases = Vec::new();
    for (layout, (sampling, [outs, ins], kernel, [height, width], noise_batch)) in
        LAYOUTS.into_iter().flat_map(|layout| sizes.iter().map(move |&size| (layout, size)))
    {
        let batch = noise_batch.max(2);
        let (x, weight): (&[usize], &[usize]) = (&[batch, ins, height, width], &[outs, ins, kernel, kernel]);
        let [height, width] = match sampling {
            Sampling::Keep => [height, width],
            Sampling::Up { .. } => [2 * height, 2 * width],
            Sampling::Down { .. } => [height / 2, width / 2],
        };
        let noise: &[usize] = &[noise_batch, 1, height, width];
        cases.push(case("layer", &[x, weight, &[outs], &[outs], noise], 4, move |v| {
            in_layout(layout, &v[0], |x, layout| {
                synthesis_layer(x, (&v[1], SCALE), (&v[4], &v[2]), &v[3], None, sampling, layout)
            })
        }));
        let shapes: &[&[usize]] = &[x, weight, &[outs], &[outs], &[batch, 2 * outs], noise];
        cases.push(case("layer with style", shapes, 5, move |v| {
            in_layout(layout, &v[0], |x, layout| {
                let style = Some((&v[4], 0.1));
                synthesis_layer(x, (&v[1], SCALE), (&v[5], &v[2]), &v[3], style, sampling, layout)
            })
        }));
    }
    assert_same_on_gpu(&cases);
}

/// A chain and the gradient of its input, which is differentiated in turn.
#[test]
#[ignore = "needs a CUDA device"]
fn chains() {
    let shapes: &[&[usize]] = &[&[2, 3, 8, 4], &[9, 3, 1, 1], &[9], &[12, 9, 3, 3], &[12]];
    let mut cases = Vec::new();
    for (layout, sampling) in LAYOUTS.into_iter().flat_map(|layout| WAYS.map(|way| (layout, way))) {
        let chain = move |x: &Tensor, v: &[Tensor], layout| {
            let link = |at: usize, sampling| Link {
                weight: v[at].clone(),
                scale: SCALE,
                bias: v[at + 1].clone(),
                sampling,
            };
            Chain::new(x, &[link(1, Sampling::Keep), link(3, sampling)], layout)
        };
        cases.push(case("chain", shapes, 5, move |v| {
            in_layout(layout, &v[0], |x, layout| Ok(chain(x, v, layout)?.output().clone()))
        }));
        cases.push(case("input gradient", shapes, 5, move |v| {
            in_layout(layout, &v[0], |x, layout| {
                let chain = chain(x, v, layout)?;
                let of_all = chain.input_gradient(&chain.output().sqr()?.affine(0.01, 0.1)?)?;
                let of_last = chain.input_gradient_of(&chain.output().narrow(0, 1, 1)?, 1)?;
                of_all.sqr()?.broadcast_add(&of_last)
            })
        }));
    }
    assert_same_on_gpu(&cases);
}

/// Few numbers and many, of several keys: each is the same up to the rounding of logarithms.
#[test]
#[ignore = "needs a CUDA device"]
fn normal_numbers() -> Result<()> {
    let (gpu, _guard) = gpu();
    for (seed, len) in [(0, 1), (1, 1000), (2, 300_000), (3, 5_000_001)] {
        let key = Key::new("normal", &[seed]);
        let draw = |device: &Device| key.normal(len, DType::F32, device);
        assert_near("normal numbers", &draw(&gpu)?, &draw(&Device::Cpu)?, 1e-6);
    }
    // More at once than one table has room for.
    let draws: Vec<_> =
        (0..40).map(|n| (Key::new("many", &[n]), Shape::from(1 + 997 * n as usize))).collect();
    let [on_gpu, here] = [&gpu, &Device::Cpu].map(|device| normals(&draws, DType::F32, device).unwrap());
    for (on_gpu, here) in on_gpu.iter().zip(&here) {
        assert_near("normal numbers", on_gpu, here, 1e-6);
    }
    Ok(())
}

/// Variables with these shapes, and what they are after `change`, on the GPU and on the CPU.
fn assert_same_changes(change: impl Fn(&[Var], &Device) -> Result<Vec<Tensor>>) -> Result<()> {
    let (gpu, _guard) = gpu();
    // Lengths that are no multiple of four, more values than one pass of a launch takes, and more tensors than one
    // launch is told of.
    let shapes = [&[5, 7][..], &[3, 300, 1000]].into_iter().chain([&[3][..]; 70]);
    let run = |device: &Device| -> Result<Vec<Tensor>> {
        let var = |(index, shape): (usize, &[usize])| {
            Var::from_tensor(&normal(&format!("p{index}"), shape, DType::F32).to_device(device)?)
        };
        let vars = shapes.clone().enumerate().map(var).collect::<Result<Vec<_>>>()?;
        let results = change(&vars, device)?;
        Ok(results.into_iter().chain(vars.iter().map(|var| var.as_tensor().clone())).collect())
    };
    for (actual, expected) in run(&gpu)?.iter().zip(&run(&Device::Cpu)?) {
        assert_near("changed", actual, expected, 1e-6);
    }
    Ok(())
}

#[test]
#[ignore = "needs a CUDA device"]
fn adam_and_what_follows_it() -> Result<()> {
    for (beta1, keeps_first_moment) in [(0., false), (0.5, true)] {
        let update = AdamUpdate { beta1, beta2: 0.99, epsilon: 1e-3, learning_rate: 0.1 };
        assert_same_changes(|vars, device| {
            let steps = AdamSteps::new(0, device)?;
            let moments = |vars: &[Var]| vars.iter().map(|p| p.as_tensor().sqr()).collect::<Result<Vec<_>>>();
            let (first, second) = (moments(vars)?, moments(vars)?);
            let gradients =
                vars.iter().map(|p| p.as_tensor().affine(-0.3, 0.1)).collect::<Result<Vec<_>>>()?;
            let bad = gradients[1].affine(f64::MAX, 0.)?;
            let tally = Tensor::zeros(4, DType::F64, device)?;
            // The second and the third step are skipped: a loss is no number, a gradient is infinite.
            for (loss, gradient) in [(1., None), (f32::NAN, None), (2., Some(&bad)), (3., None)] {
                let slots: Vec<AdamSlot<'_>> = (0..vars.len())
                    .map(|i| AdamSlot {
                        parameter: &vars[i],
                        first_moment: keeps_first_moment.then_some(&first[i]),
                        second_moment: &second[i],
                        gradient: gradient.filter(|_| i == 1).unwrap_or(&gradients[i]),
                    })
                    .collect();
                let loss = Tensor::new(loss, device)?;
                adam_update(&slots, &loss, &steps, &update)?;
                let parameters: Vec<&Tensor> = vars.iter().map(Var::as_tensor).collect();
                clamp_update(&parameters, if loss.to_scalar::<f32>()? == 3. { 0.5 } else { 1. }, &steps)?;
                tally_update(&tally, &[&loss, &(&loss * 0.1)?], [&steps, &steps])?;
            }
            assert_eq!((steps.done()?, steps.is_skipped()?), (2, false));
            Ok(first.into_iter().chain(second).chain([tally]).collect())
        })?;
    }
    Ok(())
}

#[test]
#[ignore = "needs a CUDA device"]
fn running_averages() -> Result<()> {
    assert_same_changes(|vars, _| {
        let live = vars.iter().map(|p| p.as_tensor().sqr()).collect::<Result<Vec<_>>>()?;
        let pairs: Vec<_> = vars.iter().map(Var::as_tensor).zip(&live).collect();
        ema_update(&pairs, 0.9)?;
        Ok(live)
    })
}

#[test]
#[ignore = "needs a CUDA device"]
fn numbers_that_are_not_finite_are_found() -> Result<()> {
    let (gpu, _guard) = gpu();
    let x = normal("x", &[900_001], DType::F32).to_device(&gpu)?;
    let double = x.to_dtype(DType::F64)?;
    assert!(all_finite(&x)? && all_are_finite([&x, &x.sqr()?, &double])?);
    assert!(!all_are_finite([&x, &x.affine(f64::MAX, 0.)?, &x])?);
    assert!(!all_are_finite([&x, &double.affine(f64::NAN, 0.)?])?);
    assert!(!all_finite(&x.affine(f64::MAX, 0.)?)?);
    Ok(())
}

/// Many uploads of the same lengths in a row, each of other values, are all there when something is made of them.
#[test]
#[ignore = "needs a CUDA device"]
fn uploads_arrive() -> Result<()> {
    let (gpu, _guard) = gpu();
    let bytes = |number: u8| (0..10_000).map(|i| (i % 251) as u8 ^ number).collect::<Vec<u8>>();
    let floats = |number: u8| normal("floats", &[7, 3], DType::F32).affine(1., f64::from(number));
    let mut uploaded = Vec::new();
    for number in 0..10 {
        let pixels = upload(&bytes(number), (4, 2500), &gpu)?;
        let labels = upload(&floats(number)?.flatten_all()?.to_vec1::<f32>()?, (7, 3), &gpu)?;
        uploaded.push((pixels.to_dtype(DType::F32)?, labels.affine(2., 0.)?));
    }
    for (number, (pixels, labels)) in uploaded.iter().enumerate() {
        let expected = Tensor::from_vec(bytes(number as u8), (4, 2500), &Device::Cpu)?;
        assert_near("pixels", pixels, &expected.to_dtype(DType::F32)?, 0.);
        assert_near("labels", labels, &floats(number as u8)?.affine(2., 0.)?, 0.);
    }
    assert!(upload(&bytes(0), 3, &gpu).is_err());
    assert_near(
        "uniform numbers",
        &Key::new("uniform", &[1]).uniform_tensor((5, 1), DType::F32, &gpu)?,
        &Key::new("uniform", &[1]).uniform_tensor((5, 1), DType::F32, &Device::Cpu)?,
        0.,
    );
    Ok(())
}

#[test]
#[ignore = "needs a CUDA device"]
fn recorded_work_does_what_was_recorded() -> Result<()> {
    let (device, _lock) = gpu();
    let normal = |name: &str, shape: &[usize]| normal(name, shape, DType::F32).to_device(&device);
    let (weight, bias) = (normal("weight", &[12, 9, 3, 3])?, normal("bias", &[12])?);
    let x = normal("x", &[2, 9, 8, 6])?;
    let y = x.zeros_like()?.narrow(1, 0, 1)?.contiguous()?;
    let work = || {
        let features = bias_leaky_relu(&conv2d(&x, &weight)?, &bias)?;
        // What candle tells a kernel of strides must be there already.
        let mean = features.transpose(1, 2)?.mean_keepdim(2)?.transpose(1, 2)?;
        y.slice_set(&mean.contiguous()?, 0, 0)
    };
    repeatedly(&device, || {
        let done_at_once = |name| {
            x.slice_set(&normal(name, &[2, 9, 8, 6])?, 0, 0)?;
            work()?;
            y.flatten_all()?.to_vec1::<f32>()
        };
        let names = ["one", "two", "three"];
        let expected = names.map(|name| done_at_once(name).unwrap());
        assert_ne!(expected[0], expected[1]);
        let graph = Graph::record(&device, work)?;
        for (name, expected) in names.into_iter().zip(expected) {
            x.slice_set(&normal(name, &[2, 9, 8, 6])?, 0, 0)?;
            y.slice_set(&y.zeros_like()?, 0, 0)?;
            graph.start()?;
            assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, expected);
        }
        // The device goes on after work that cannot be recorded.
        assert!(Graph::record(&device, || y.flatten_all()?.to_vec1::<f32>().map(drop)).is_err());
        graph.start()?;
        device.synchronize()
    })
}
