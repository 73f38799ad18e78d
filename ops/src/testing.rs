//! What the tests of this crate's operations share.

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::leaky_relu::SLOPE;
use crate::{
    Key, RandomTensors, Sampling, backward, conv2d, conv2d_transpose, downscale2x, downscale2x_adjoint,
    upscale2x, upscale2x_adjoint,
};

/// Features that are never square nor equal by accident.
pub(crate) const PICTURE: &[usize] = &[3, 5, 8, 4];
/// Enough for several tasks and threads.
pub(crate) const LARGE: &[usize] = &[3, 5, 96, 64];

pub(crate) fn normal(name: &str, shape: &[usize], dtype: DType) -> Tensor {
    Key::new(name, &[11]).normal(shape, dtype, &Device::Cpu).unwrap()
}

pub(crate) fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[track_caller]
pub(crate) fn assert_close(what: &str, actual: &Tensor, expected: &Tensor) {
    assert_eq!(actual.dims(), expected.dims(), "shape of {what}");
    let relative = if actual.dtype() == DType::F32 { 2e-5 } else { 1e-12 };
    let (actual, expected) = (values(actual), values(expected));
    let scale = expected.iter().fold(1., |scale: f64, v| scale.max(v.abs()));
    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!((a - e).abs() <= relative * scale, "{what}: value {i} is {a} and should be {e}");
    }
}

/// Which inputs get gradients: all, and each alone.
fn choices(inputs: usize) -> impl Iterator<Item = Vec<bool>> {
    let alone = (0..inputs).map(move |only| (0..inputs).map(|i| i == only).collect());
    std::iter::once(vec![true; inputs]).chain(alone)
}

/// Compares `f` with a plain composition of candle's operations, and so their gradients with respect to the
/// inputs named in `differentiable`: in both types, for contiguous inputs and others.
#[track_caller]
pub(crate) fn assert_same_as(
    shapes: &[&[usize]],
    differentiable: usize,
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    reference: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    for dtype in [DType::F32, DType::F64] {
        let inputs: Vec<Tensor> =
            shapes.iter().enumerate().map(|(i, s)| normal(&format!("input {i}"), s, dtype)).collect();
        for (choice, is_strided) in choices(differentiable).zip([false, true].into_iter().cycle()) {
            let vars: Vec<Var> =
                inputs[..differentiable].iter().map(|x| Var::from_tensor(x).unwrap()).collect();
            let arguments: Vec<Tensor> = inputs
                .iter()
                .enumerate()
                .map(|(i, x)| match choice.get(i) {
                    Some(true) => vars[i].as_tensor().clone(),
                    _ => x.clone(),
                })
                .collect();
            let strided = |x: &Tensor| -> Result<Tensor> {
                let last = x.rank() - 1;
                x.transpose(0, last)?.contiguous()?.transpose(0, last)
            };
            let passed: Vec<Tensor> = if is_strided {
                arguments.iter().map(|x| strided(x).unwrap()).collect()
            } else {
                arguments.clone()
            };
            let (y, expected) = (f(&passed).unwrap(), reference(&arguments).unwrap());
            assert_close("the result", &y, &expected);
            let dy = normal("cotangent", y.dims(), dtype);
            let gradients = |y: Tensor| backward(&(y * &dy).unwrap().sum_all().unwrap()).unwrap();
            let (actual, expected) = (gradients(y), gradients(expected));
            for (i, var) in vars.iter().enumerate().filter(|(i, _)| choice[*i]) {
                let (actual, expected) = (actual.get(var).unwrap(), expected.get(var).unwrap());
                assert_close(&format!("gradient {i} of {choice:?}"), actual, expected);
            }
        }
    }
}

/// Compares the gradients of `f` with differences of its values, in `f64`.
#[track_caller]
pub(crate) fn assert_gradients(shapes: &[&[usize]], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    const STEP: f64 = 1e-5;
    let inputs: Vec<Tensor> =
        shapes.iter().enumerate().map(|(i, s)| normal(&format!("input {i}"), s, DType::F64)).collect();
    let vars: Vec<Var> = inputs.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tracked: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tracked).unwrap();
    let dy = normal("cotangent", y.dims(), DType::F64);
    let loss = |y: Tensor| (y * &dy).unwrap().sum_all().unwrap();
    let gradients = backward(&loss(y)).unwrap();
    for (i, input) in inputs.iter().enumerate() {
        let gradient = values(gradients.get(&vars[i]).unwrap());
        let at = values(input);
        for (j, gradient) in gradient.into_iter().enumerate() {
            let shifted = |step: f64| {
                let mut at = at.clone();
                at[j] += step;
                let mut inputs = inputs.clone();
                inputs[i] = Tensor::from_vec(at, input.shape(), &Device::Cpu).unwrap();
                loss(f(&inputs).unwrap()).to_scalar::<f64>().unwrap()
            };
            let expected = (shifted(STEP) - shifted(-STEP)) / (2. * STEP);
            let error = (gradient - expected).abs() / expected.abs().max(1.);
            assert!(error < 1e-6, "input {i}, value {j}: {gradient} and should be {expected}");
        }
    }
}

/// Checks that `f` gives the same bits with one thread and with several.
#[track_caller]
pub(crate) fn assert_independent_of_threads(f: impl Fn() -> Vec<Tensor> + Sync + Send) {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let bits = |x: &Tensor| values(x).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        pool.install(&f).iter().map(bits).collect::<Vec<_>>()
    };
    assert!(run(1) == run(3), "results depend on the number of threads");
}

/// Every way in which a layer can change the side.
pub(crate) const WAYS: [Sampling; 5] = [
    Sampling::Keep,
    Sampling::Up { blur: true },
    Sampling::Up { blur: false },
    Sampling::Down { blur: true },
    Sampling::Down { blur: false },
];

pub(crate) fn plain_leaky_relu(x: &Tensor) -> Result<Tensor> {
    x.maximum(&(x * SLOPE)?)
}

/// One value for each channel, to be broadcast over features of so many axes.
pub(crate) fn per_channel(values: &Tensor, rank: usize) -> Result<Tensor> {
    if rank == 2 { Ok(values.clone()) } else { values.reshape((1, values.dim(0)?, 1, 1)) }
}

/// A blur by `[1, 2, 1]` along both axes, pixels continued by zeros.
pub(crate) fn plain_blur(x: &Tensor, blur: bool) -> Result<Tensor> {
    let along = |x: &Tensor, axis: usize| -> Result<Tensor> {
        let (padded, len) = (x.pad_with_zeros(axis, 1, 1)?, x.dim(axis)?);
        let ends = (padded.narrow(axis, 0, len)? + padded.narrow(axis, 2, len)?)?;
        (ends + (x * 2.)?)? * 0.25
    };
    if blur { along(&along(x, 2)?, 3) } else { Ok(x.clone()) }
}

/// Resampling and convolution one after the other, as the paper has it.
pub(crate) fn plain_resampled_conv(x: &Tensor, weight: &Tensor, sampling: Sampling) -> Result<Tensor> {
    match sampling {
        Sampling::Keep => conv2d(x, weight),
        Sampling::Up { blur } => plain_blur(&conv2d(&upscale2x(x)?, weight)?, blur),
        Sampling::Down { blur } => downscale2x(&conv2d(&plain_blur(x, blur)?, weight)?),
    }
}

/// The adjoint of [`plain_resampled_conv`] in the features.
pub(crate) fn plain_adjoint(g: &Tensor, weight: &Tensor, sampling: Sampling) -> Result<Tensor> {
    match sampling {
        Sampling::Keep => conv2d_transpose(g, weight),
        Sampling::Up { blur } => upscale2x_adjoint(&conv2d_transpose(&plain_blur(g, blur)?, weight)?),
        Sampling::Down { blur } => plain_blur(&conv2d_transpose(&downscale2x_adjoint(g)?, weight)?, blur),
    }
}
