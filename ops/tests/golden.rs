//! Operations against the numbers of an independent implementation, computed in `f64` and stored in `f32`.
//!
//! Each operation `op` has inputs (`op.x`, ...), a result `op.y`, a cotangent `op.dy` and the derivatives
//! `op.dx`, ... of `sum(y * dy)`. With `op.v`, the cotangent of `dx`, `op.h_dy` is the derivative of
//! `h = sum(dx * v)` with respect to `dy`: the second order that a gradient penalty needs.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]
#![expect(clippy::unnecessary_wraps, reason = "every test on a device looks the same")]

use candle_core::{Result, Tensor, Var};
use stylegan_golden::{Golden, TestDevice};
use stylegan_ops::{
    AdamSlot, AdamSteps, AdamUpdate, adam_update, add_bias, backward, bias_leaky_relu, blur, conv2d,
    conv2d_down, conv2d_down_transpose, conv2d_transpose, conv2d_up, downscale2x, downscale2x_adjoint,
    ema_update, instance_norm, instance_norm_style, leaky_relu, leaky_relu_grad, noise_bias_leaky_relu,
    pixel_norm, smooth_down, smooth_down_adjoint, smooth_up, upscale2x, upscale2x_adjoint,
};

fn var(golden: &Golden, name: &str) -> Var {
    Var::from_tensor(&golden.get(name)).unwrap()
}

/// Checks `op.y` and the first derivatives with respect to `names` of an operation on these tensors.
#[track_caller]
fn assert_operation(golden: &Golden, op: &str, names: &[&str], f: impl Fn(&[Var]) -> Tensor) {
    let vars: Vec<Var> = names.iter().map(|name| var(golden, &format!("{op}.{name}"))).collect();
    let y = f(&vars);
    golden.assert_close(&format!("{op}.y"), &y);
    let dy = golden.get(&format!("{op}.dy"));
    let grads = backward(&(y * dy).unwrap().sum_all().unwrap()).unwrap();
    for (name, var) in names.iter().zip(&vars) {
        let grad = grads.get(var).unwrap_or_else(|| panic!("`{op}.{name}` got no gradient"));
        golden.assert_close(&format!("{op}.d{name}"), grad);
    }
}

/// Checks an adjoint, `dx = f(dy)`, and its own derivative with respect to `dy`.
#[track_caller]
fn assert_adjoint(golden: &Golden, op: &str, f: impl Fn(&Tensor) -> Tensor) {
    let dy = var(golden, &format!("{op}.dy"));
    let dx = f(&dy);
    golden.assert_close(&format!("{op}.dx"), &dx);
    let h = (dx * golden.get(&format!("{op}.v"))).unwrap().sum_all().unwrap();
    let grads = backward(&h).unwrap();
    golden.assert_close(&format!("{op}.h_dy"), grads.get(&dy).expect("`dy` got no gradient"));
}

/// Checks a linear operation of features and weight, its derivatives, its adjoint and that one's derivatives.
#[track_caller]
fn assert_convolution(
    golden: &Golden,
    op: &str,
    forward: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    adjoint: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) {
    assert_operation(golden, op, &["x", "weight"], |v| forward(&v[0], &v[1]).unwrap());
    let weight = var(golden, &format!("{op}.weight"));
    assert_adjoint(golden, op, |dy| adjoint(dy, &weight).unwrap());
    let dx = adjoint(&golden.get(&format!("{op}.dy")), &weight).unwrap();
    let h = (dx * golden.get(&format!("{op}.v"))).unwrap().sum_all().unwrap();
    let grads = backward(&h).unwrap();
    golden.assert_close(&format!("{op}.h_weight"), grads.get(&weight).expect("the weight got no gradient"));
}

/// Turns kernels by half a turn: a fused up-convolution of the original sees them so.
fn turned(weight: &Tensor) -> Tensor {
    let last = Tensor::new(&[2u32, 1, 0], weight.device()).unwrap();
    weight.index_select(&last, 2).unwrap().index_select(&last, 3).unwrap()
}

fn leaky_relu_matches(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    assert_operation(golden, "leaky_relu", &["x"], |v| leaky_relu(&v[0]).unwrap());
    let y = golden.get("leaky_relu.y");
    assert_adjoint(golden, "leaky_relu", |dy| leaky_relu_grad(dy, &y).unwrap());
    Ok(())
}

fn bias_matches(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    assert_operation(golden, "bias4d", &["x", "bias"], |v| add_bias(&v[0], &v[1]).unwrap());
    Ok(())
}

fn bias_leaky_relu_matches_where_the_activation_is_linear(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    // Far above zero the activation is the identity.
    let lifted = |v: &[Var]| {
        let bias = (v[1].as_tensor() + 100.).unwrap();
        (bias_leaky_relu(&v[0], &bias).unwrap() - 100.).unwrap()
    };
    assert_operation(golden, "bias4d", &["x", "bias"], lifted);
    Ok(())
}

fn noise_matches_where_the_activation_is_linear(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    let noise = golden.get("noise.noise");
    assert_operation(golden, "noise", &["x", "strength"], |v| {
        let bias = v[1].ones_like().unwrap().affine(100., 0.).unwrap();
        (noise_bias_leaky_relu(&v[0], &noise, &v[1], &bias).unwrap() - 100.).unwrap()
    });
    Ok(())
}

fn norms_match(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    assert_operation(golden, "pixel_norm", &["x"], |v| pixel_norm(&v[0]).unwrap());
    assert_operation(golden, "instance_norm", &["x"], |v| instance_norm(&v[0], 1e-8).unwrap());
    assert_operation(golden, "instance_norm_small_variance", &["x"], |v| instance_norm(&v[0], 1e-8).unwrap());
    for op in ["instance_norm", "instance_norm_small_variance"] {
        assert_operation(golden, op, &["x"], |v| {
            let (batch, channels, _height, _width) = v[0].dims4().unwrap();
            let style = Tensor::zeros((batch, 2 * channels), on.dtype, &on.device).unwrap();
            instance_norm_style(&v[0], &style, 1e-8).unwrap()
        });
    }
    Ok(())
}

fn convolutions_match(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    for op in ["conv1x1", "conv3x3", "conv3x3_single"] {
        assert_convolution(golden, op, conv2d, conv2d_transpose);
    }
    for (op, blur) in
        [("conv_downscale_unfused", false), ("conv_downscale_fused", false), ("blur_conv_downscale", true)]
    {
        assert_convolution(
            golden,
            op,
            |x, weight| conv2d_down(&smooth_down(x, blur)?, weight),
            |dy, weight| smooth_down_adjoint(&conv2d_down_transpose(dy, weight)?, blur),
        );
    }
    for (op, blur) in [("upscale_conv_unfused", false), ("upscale_conv_blur", true)] {
        assert_operation(golden, op, &["x", "weight"], |v| {
            smooth_up(&conv2d_up(&v[0], &v[1]).unwrap(), blur).unwrap()
        });
    }
    assert_operation(golden, "upscale_conv_fused", &["x", "weight"], |v| {
        smooth_up(&conv2d_up(&v[0], &turned(&v[1])).unwrap(), false).unwrap()
    });
    Ok(())
}

fn resampling_matches(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    for op in ["blur", "blur_4x4"] {
        assert_operation(golden, op, &["x"], |v| blur(&v[0]).unwrap());
        assert_adjoint(golden, op, |dy| blur(dy).unwrap());
    }
    assert_operation(golden, "upscale", &["x"], |v| upscale2x(&v[0]).unwrap());
    assert_adjoint(golden, "upscale", |dy| upscale2x_adjoint(dy).unwrap());
    assert_operation(golden, "downscale", &["x"], |v| downscale2x(&v[0]).unwrap());
    assert_adjoint(golden, "downscale", |dy| downscale2x_adjoint(dy).unwrap());
    assert_operation(golden, "downscale4", &["x"], |v| downscale2x(&downscale2x(&v[0]).unwrap()).unwrap());
    assert_adjoint(golden, "downscale4", |dy| {
        downscale2x_adjoint(&downscale2x_adjoint(dy).unwrap()).unwrap()
    });
    Ok(())
}

fn adam_matches(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    let learning_rate = golden.scalar("adam.lr");
    for (beta1, name, keeps_first_moment) in [(0., "0.0", false), (0., "0.0", true), (0.5, "0.5", true)] {
        let parameter = var(golden, "adam.p0");
        let second_moment = parameter.zeros_like().unwrap();
        let first_moment = keeps_first_moment.then(|| parameter.zeros_like().unwrap());
        let steps = AdamSteps::new(0, &on.device).unwrap();
        let update = AdamUpdate { beta1, beta2: 0.99, epsilon: 1e-8, learning_rate };
        for step in 1..=5 {
            let gradient = golden.get(&format!("adam.g{step}"));
            let slot = AdamSlot {
                parameter: &parameter,
                first_moment: first_moment.as_ref(),
                second_moment: &second_moment,
                gradient: &gradient,
            };
            adam_update(&[slot], &gradient.mean_all().unwrap(), &steps, &update).unwrap();
            golden.assert_close(&format!("adam.tf_beta1_{name}.p{step}"), &parameter);
        }
    }
    Ok(())
}

fn running_average_matches(on: &TestDevice) -> Result<()> {
    let golden = &on.golden("ops");
    for minibatch in [4, 16, 32, 512] {
        let ema = var(golden, "ema.ema");
        let beta = 0.5_f64.powf(f64::from(minibatch) / 10_000.);
        ema_update(&[(&ema, &golden.get("ema.live"))], beta).unwrap();
        golden.assert_close(&format!("ema.minibatch{minibatch}_kimg10"), &ema);
    }
    Ok(())
}

stylegan_golden::tests! {
    F32, F64:
    leaky_relu_matches,
    bias_matches,
    bias_leaky_relu_matches_where_the_activation_is_linear,
    noise_matches_where_the_activation_is_linear,
    norms_match,
    convolutions_match,
    resampling_matches,
    adam_matches,
    running_average_matches,
}
