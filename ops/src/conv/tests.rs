use candle_core::{DType, Device, Result, Tensor, Var};

use super::Geometry;
use super::{
    conv2d, conv2d_down, conv2d_down_transpose, conv2d_padded, conv2d_transpose, conv2d_up,
    conv2d_weight_grad, transpose, weight_grad,
};
use crate::planes::Planes;
use crate::{Key, RandomTensors};

/// `(batch, in_channels, out_channels, height, width)`
pub(super) type Size = (usize, usize, usize, usize, usize);

/// Odd, even, tiny and narrow sizes, one and many channels.
const SIZES: [Size; 9] = [
    (3, 5, 7, 8, 4),
    (2, 3, 16, 9, 13),
    (1, 16, 3, 6, 10),
    (2, 1, 1, 1, 1),
    (1, 4, 2, 1, 7),
    (1, 2, 5, 11, 1),
    (5, 13, 9, 2, 3),
    (2, 33, 17, 16, 12),
    (4, 65, 34, 4, 5),
];

fn normal(name: &str, shape: &[usize], dtype: DType) -> Result<Tensor> {
    Key::new(name, &[shape.len() as u64]).normal(shape, dtype, &Device::Cpu)
}

pub(super) fn normal_values(name: &str, len: usize) -> Result<Vec<f32>> {
    normal(name, &[len], DType::F32)?.to_vec1()
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// Calls `visit(y_index, x_index, weight_index)` for every product of a convolution.
fn for_each_product(x: &Tensor, weight: &Tensor, mut visit: impl FnMut(usize, usize, usize)) -> Result<()> {
    let (batch, in_channels, height, width) = x.dims4()?;
    let (out_channels, _, kernel, _) = weight.dims4()?;
    for n in 0..batch {
        for o in 0..out_channels {
            for c in 0..in_channels {
                for row in 0..height {
                    for column in 0..width {
                        for ky in 0..kernel {
                            for kx in 0..kernel {
                                let (y, x) = (row + ky, column + kx);
                                let pad = kernel / 2;
                                if y < pad || x < pad || y - pad >= height || x - pad >= width {
                                    continue;
                                }
                                visit(
                                    ((n * out_channels + o) * height + row) * width + column,
                                    ((n * in_channels + c) * height + y - pad) * width + x - pad,
                                    ((o * in_channels + c) * kernel + ky) * kernel + kx,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

struct Case {
    x: Tensor,
    weight: Tensor,
    g: Tensor,
    kernel: usize,
}

impl Case {
    fn new(size: Size, kernel: usize, dtype: DType) -> Result<Self> {
        let (batch, in_channels, out_channels, height, width) = size;
        Ok(Self {
            x: normal("x", &[batch, in_channels, height, width], dtype)?,
            weight: normal("weight", &[out_channels, in_channels, kernel, kernel], dtype)?,
            g: normal("g", &[batch, out_channels, height, width], dtype)?,
            kernel,
        })
    }

    fn results(&self) -> Result<[Tensor; 3]> {
        Ok([
            conv2d(&self.x, &self.weight)?,
            conv2d_transpose(&self.g, &self.weight)?,
            conv2d_weight_grad(&self.x, &self.g, self.kernel)?,
        ])
    }

    /// The three results by definition, in f64.
    fn references(&self) -> Result<[Vec<f64>; 3]> {
        let (x, weight, g) = (flat(&self.x)?, flat(&self.weight)?, flat(&self.g)?);
        let mut y = vec![0.0; g.len()];
        let mut dx = vec![0.0; x.len()];
        let mut dw = vec![0.0; weight.len()];
        for_each_product(&self.x, &self.weight, |y_index, x_index, weight_index| {
            y[y_index] += x[x_index] * weight[weight_index];
            dx[x_index] += g[y_index] * weight[weight_index];
            dw[weight_index] += g[y_index] * x[x_index];
        })?;
        Ok([y, dx, dw])
    }
}

/// Root mean square of the difference, relative to that of `expected`.
fn relative_error(actual: &Tensor, expected: &[f64]) -> Result<f64> {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let difference = square(&mut flat(actual)?.iter().zip(expected).map(|(a, b)| a - b));
    Ok((difference / square(&mut expected.iter().copied())).sqrt())
}

#[test]
fn agrees_with_the_definition() -> Result<()> {
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 2e-6)] {
        for size in SIZES {
            for kernel in [1, 3] {
                let case = Case::new(size, kernel, dtype)?;
                for (op, (actual, expected)) in case.results()?.iter().zip(case.references()?).enumerate() {
                    let error = relative_error(actual, &expected)?;
                    assert!(
                        error <= tolerance,
                        "op {op}, {size:?}, kernel {kernel}, {dtype:?}: error {error:e}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn agrees_with_candle() -> Result<()> {
    for kernel in [1, 3] {
        let case = Case::new((3, 5, 7, 8, 4), kernel, DType::F64)?;
        let expected = case.x.conv2d(&case.weight, kernel / 2, 1, 1, 1)?;
        assert!(relative_error(&conv2d(&case.x, &case.weight)?, &flat(&expected)?)? < 1e-14);
    }
    Ok(())
}

#[test]
fn takes_views_that_are_not_contiguous() -> Result<()> {
    let case = Case::new((3, 5, 7, 8, 4), 3, DType::F32)?;
    let x = case.x.transpose(2, 3)?.contiguous()?.transpose(2, 3)?;
    let weight = case.weight.transpose(0, 1)?.contiguous()?.transpose(0, 1)?;
    let g = Tensor::cat(&[&case.g, &case.g], 0)?.narrow(0, 3, 3)?;
    let views = Case { x, weight, g, kernel: 3 };
    for (actual, expected) in views.results()?.iter().zip(case.results()?) {
        assert_eq!(flat(actual)?, flat(&expected)?);
    }
    Ok(())
}

/// A function of two tensors, and a name for messages.
type Function = (&'static str, fn(&Tensor, &Tensor) -> Result<Tensor>);

/// Checks the gradients of `sum(f(a, b)^2)`-like scalars against central differences in f64.
fn check_gradients((name, scalar): Function, a: &Tensor, b: &Tensor) -> Result<()> {
    let (a, b) = (Var::from_tensor(a)?, Var::from_tensor(b)?);
    let gradients = scalar(&a, &b)?.backward()?;
    let step = 1e-5;
    for (which, var) in [&a, &b].into_iter().enumerate() {
        let gradient = flat(gradients.get(var).expect("tracked arguments have gradients"))?;
        let values = flat(var)?;
        for index in (0..values.len()).step_by(values.len().div_ceil(40)) {
            let at = |shift: f64| -> Result<f64> {
                let mut values = values.clone();
                values[index] += shift;
                let moved = Tensor::from_vec(values, var.shape(), &Device::Cpu)?;
                let result = if which == 0 { scalar(&moved, &b)? } else { scalar(&a, &moved)? };
                result.to_scalar()
            };
            let expected = (at(step)? - at(-step)?) / (2.0 * step);
            let error = (gradient[index] - expected).abs();
            assert!(
                error <= 1e-6 * expected.abs().max(1.0),
                "{name}, argument {which}, {index}: off by {error:e}"
            );
        }
    }
    Ok(())
}

#[test]
fn gradients_are_those_of_finite_differences() -> Result<()> {
    for kernel in [1, 3] {
        let case = Case::new((3, 5, 4, 7, 3), kernel, DType::F64)?;
        let forward: Function = ("conv2d", |x, w| conv2d(x, w)?.sqr()?.sum_all());
        let transpose: Function = ("conv2d_transpose", |g, w| conv2d_transpose(g, w)?.sqr()?.sum_all());
        check_gradients(forward, &case.x, &case.weight)?;
        check_gradients(transpose, &case.g, &case.weight)?;
    }
    let case = Case::new((3, 5, 4, 7, 3), 3, DType::F64)?;
    let weight_grad: Function = ("conv2d_weight_grad", |x, g| conv2d_weight_grad(x, g, 3)?.sqr()?.sum_all());
    check_gradients(weight_grad, &case.x, &case.g)?;
    let case = Case::new((3, 5, 4, 7, 3), 1, DType::F64)?;
    let weight_grad: Function = ("conv2d_weight_grad", |x, g| conv2d_weight_grad(x, g, 1)?.sqr()?.sum_all());
    check_gradients(weight_grad, &case.x, &case.g)
}

/// Every second pixel of a convolution, and what that means for its gradients.
fn every_second(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let odd = |len: usize| Tensor::from_iter((0..len as u32 / 2).map(|n| 2 * n + 1), &Device::Cpu);
    let y = conv2d(x, weight)?;
    y.index_select(&odd(y.dim(2)?)?, 2)?.index_select(&odd(y.dim(3)?)?, 3)
}

#[test]
fn halving_takes_every_second_pixel() -> Result<()> {
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 2e-6)] {
        for (batch, in_channels, out_channels, height, width) in SIZES {
            let x = normal("x", &[batch, in_channels, 2 * height + 1, 2 * width + 1], dtype)?;
            let weight = normal("weight", &[out_channels, in_channels, 3, 3], dtype)?;
            let g = normal("g", &[batch, out_channels, height, width], dtype)?;
            let (x_var, weight_var) = (
                Var::from_tensor(&x.to_dtype(DType::F64)?)?,
                Var::from_tensor(&weight.to_dtype(DType::F64)?)?,
            );
            let expected = every_second(&x_var, &weight_var)?;
            let gradients = (&expected * &g.to_dtype(DType::F64)?)?.sum_all()?.backward()?;
            let planes = Planes::new(out_channels, height, width);
            let geometry = Geometry::halving(batch, in_channels, planes);
            for (actual, expected) in [
                (conv2d_down(&x, &weight)?, &expected),
                (conv2d_down_transpose(&g, &weight)?, gradients.get(&x_var).expect("x is tracked")),
                (weight_grad(geometry, &x, &g)?, gradients.get(&weight_var).expect("weight is tracked")),
            ] {
                assert_eq!(actual.dims(), expected.dims());
                let error = relative_error(&actual, &flat(expected)?)?;
                assert!(error <= tolerance, "{geometry:?}, {dtype:?}: error {error:e}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_of_halving_are_those_of_finite_differences() -> Result<()> {
    let small = Case::new((3, 4, 5, 4, 3), 3, DType::F64)?;
    let large = normal("large", &[3, 4, 9, 7], DType::F64)?;
    let down: Function = ("conv2d_down", |x, w| conv2d_down(x, w)?.sqr()?.sum_all());
    check_gradients(down, &large, &small.weight)?;
    let up: Function = ("conv2d_up", |x, w| conv2d_up(x, w)?.sqr()?.sum_all());
    check_gradients(up, &small.x, &small.weight)?;
    let penalty: Function = ("penalty", |g, w| {
        conv2d_down_transpose(&conv2d_down(&conv2d_down_transpose(g, w)?.sqr()?, w)?, w)?
            .sqr()?
            .sum_all()?
            .affine(1e-6, 0.0)
    });
    check_gradients(penalty, &small.g, &small.weight)
}

/// Kernels of others' networks, and paddings.
const PADDED: [([usize; 2], [usize; 2]); 8] = [
    ([1, 7], [0, 3]),
    ([7, 1], [3, 0]),
    ([5, 5], [2, 2]),
    ([3, 3], [0, 0]),
    ([3, 3], [1, 1]),
    ([3, 1], [1, 0]),
    ([2, 4], [1, 0]),
    ([1, 1], [0, 0]),
];

#[test]
fn padded_is_a_sum_over_shifted_pictures() -> Result<()> {
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 2e-6)] {
        for (batch, in_channels, out_channels, height, width) in [(3, 5, 7, 8, 4), (2, 9, 8, 7, 19)] {
            for (kernel, padding) in PADDED {
                let x = normal("x", &[batch, in_channels, height, width], dtype)?;
                let weight = normal("weight", &[out_channels, in_channels, kernel[0], kernel[1]], dtype)?;
                let (x_var, weight_var) = (
                    Var::from_tensor(&x.to_dtype(DType::F64)?)?,
                    Var::from_tensor(&weight.to_dtype(DType::F64)?)?,
                );
                let around = x_var
                    .pad_with_zeros(2, padding[0], padding[0])?
                    .pad_with_zeros(3, padding[1], padding[1])?;
                let (rows, columns) = (around.dim(2)? + 1 - kernel[0], around.dim(3)? + 1 - kernel[1]);
                let mut expected =
                    Tensor::zeros((batch, out_channels, rows * columns), DType::F64, &Device::Cpu)?;
                for (dy, dx) in (0..kernel[0]).flat_map(|dy| (0..kernel[1]).map(move |dx| (dy, dx))) {
                    let seen = around.narrow(2, dy, rows)?.narrow(3, dx, columns)?;
                    let tap = weight_var
                        .narrow(2, dy, 1)?
                        .narrow(3, dx, 1)?
                        .reshape((out_channels, in_channels))?;
                    let seen = seen.contiguous()?.reshape((batch, in_channels, rows * columns))?;
                    expected = (expected + tap.broadcast_left(batch)?.contiguous()?.matmul(&seen)?)?;
                }
                let expected = expected.reshape((batch, out_channels, rows, columns))?;
                let g = normal("g", expected.dims(), dtype)?;
                let gradients = (&expected * &g.to_dtype(DType::F64)?)?.sum_all()?.backward()?;
                let input = Planes::new(in_channels, height, width);
                let geometry =
                    Geometry::padded(batch, input, out_channels, kernel, padding).expect("they fit");
                for (actual, expected) in [
                    (conv2d_padded(&x, &weight, padding)?, &expected),
                    (transpose(geometry, &g, &weight)?, gradients.get(&x_var).expect("x is tracked")),
                    (weight_grad(geometry, &x, &g)?, gradients.get(&weight_var).expect("weight is tracked")),
                ] {
                    assert_eq!(actual.dims(), expected.dims());
                    let error = relative_error(&actual, &flat(expected)?)?;
                    assert!(error <= tolerance, "{geometry:?}, {dtype:?}: error {error:e}");
                }
            }
        }
    }
    let x = normal("x", &[2, 3, 5, 4], DType::F64)?;
    let weight = normal("weight", &[4, 3, 1, 3], DType::F64)?;
    let padded: Function = ("conv2d_padded", |x, w| conv2d_padded(x, w, [0, 1])?.sqr()?.sum_all());
    check_gradients(padded, &x, &weight)
}

/// What the gradient penalty does: a square of an input gradient, differentiated by the weights.
#[test]
fn penalty_of_two_layers_has_exact_gradients() -> Result<()> {
    let case = Case::new((2, 3, 4, 5, 7), 3, DType::F64)?;
    let penalty: Function = ("penalty", |g, w| {
        let hidden = conv2d_transpose(g, w)?;
        let back = conv2d(&hidden.sqr()?, w)?;
        conv2d_transpose(&back, w)?.sqr()?.sum_all()?.affine(1e-6, 0.0)
    });
    check_gradients(penalty, &case.g, &case.weight)
}

#[test]
fn frozen_arguments_get_no_gradient() -> Result<()> {
    let case = Case::new((2, 3, 4, 5, 7), 3, DType::F32)?;
    let x = Var::from_tensor(&case.x)?;
    let gradients = conv2d(&x, &case.weight)?.sum_all()?.backward()?;
    assert!(gradients.get(&x).is_some());
    assert!(gradients.get(&case.weight).is_none());
    let weight = Var::from_tensor(&case.weight)?;
    let gradients = conv2d_transpose(&case.g, &weight)?.sum_all()?.backward()?;
    assert!(gradients.get(&weight).is_some());
    assert!(gradients.get(&case.g).is_none());
    Ok(())
}

#[test]
fn wrong_arguments_are_errors() -> Result<()> {
    let x = Tensor::zeros((2, 3, 4, 5), DType::F32, &Device::Cpu)?;
    let weight = |shape: (usize, usize, usize, usize)| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    let message = |result: Result<Tensor>| result.expect_err("must be refused").to_string();
    assert!(message(conv2d(&x, &weight((7, 4, 3, 3))?)).contains("4 channels"));
    assert!(message(conv2d(&x, &weight((7, 3, 5, 5))?)).contains("kernel of size 5"));
    assert!(message(conv2d(&x, &weight((7, 3, 3, 1))?)).contains("not square"));
    assert!(message(conv2d(&x, &weight((7, 3, 3, 3))?.to_dtype(DType::F64)?)).contains("dtypes"));
    assert!(
        message(conv2d(&x.to_dtype(DType::U8)?, &weight((7, 3, 3, 3))?.to_dtype(DType::U8)?))
            .contains("dtypes")
    );
    assert!(message(conv2d_transpose(&x, &weight((7, 3, 3, 3))?)).contains("7 channels"));
    assert!(message(conv2d_weight_grad(&x, &weight((2, 3, 5, 4))?, 3)).contains("differ beyond"));
    assert!(message(conv2d_weight_grad(&x, &x, 2)).contains("kernel of size 2"));
    assert!(message(conv2d_down(&x, &weight((7, 3, 3, 3))?)).contains("not odd"));
    assert!(message(conv2d_up(&x, &weight((7, 4, 3, 3))?)).contains("do not fit"));
    // Other channels; a kernel that is larger than what there is; one that would see nothing but zeros.
    for (kernel, padding) in [((7, 4, 3, 3), [1, 1]), ((7, 3, 3, 6), [1, 0]), ((7, 3, 3, 3), [1, 3])] {
        assert!(message(conv2d_padded(&x, &weight(kernel)?, padding)).contains("do not fit"));
    }
    Ok(())
}
