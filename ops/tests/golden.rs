//! Operations against the numbers of an independent implementation, computed in `f64` and stored in `f32`.
//!
//! Each operation `op` has inputs (`op.x`, ...), a result `op.y`, a cotangent `op.dy` and the derivatives
//! `op.dx`, ... of `sum(y * dy)`. With `op.v`, the cotangent of `dx`, `op.h_dy` is the derivative of
//! `h = sum(dx * v)` with respect to `dy`: the second order that a gradient penalty needs.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use stylegan_ops::{
    AdamSlot, AdamUpdate, Pace, adam_update, add_bias, bias_leaky_relu, blur, conv2d, conv2d_down,
    conv2d_down_transpose, conv2d_transpose, conv2d_up, downscale2x, downscale2x_adjoint, ema_update,
    instance_norm, instance_norm_style, leaky_relu, leaky_relu_grad, noise_bias_leaky_relu, pixel_norm,
    smooth_down, smooth_down_adjoint, smooth_up, upscale2x, upscale2x_adjoint,
};

/// The stored tensors, and how far from them a result may be.
struct Golden {
    tensors: HashMap<String, Tensor>,
    tolerances: String,
    dtype: DType,
}

impl Golden {
    /// Tensors as `dtype`: tolerances are those of `f32`, which is what the expected values are stored as.
    fn load(dtype: DType) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let tensors = candle_core::safetensors::load(format!("{folder}/ops.safetensors"), &Device::Cpu);
        let tolerances = std::fs::read_to_string(format!("{folder}/ops_tolerances.json")).unwrap();
        Self { tensors: tensors.unwrap(), tolerances, dtype }
    }

    fn get(&self, name: &str) -> Tensor {
        let tensor = self.tensors.get(name).unwrap_or_else(|| panic!("no golden tensor `{name}`"));
        tensor.to_dtype(self.dtype).unwrap()
    }

    fn var(&self, name: &str) -> Var {
        Var::from_tensor(&self.get(name)).unwrap()
    }

    fn scalar(&self, name: &str) -> f64 {
        self.get(name).to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap()[0]
    }

    /// The largest difference that is still rounding. The file is one object per tensor, each without objects
    /// inside.
    fn tolerance(&self, name: &str) -> f64 {
        let entry = self.tolerances.split_once(&format!("\"{name}\": {{")).map(|(_, entry)| entry);
        let entry = entry.and_then(|entry| entry.split_once('}')).map(|(entry, _)| entry);
        let atol = entry.and_then(|entry| entry.split_once("\"atol\": ")).map(|(_, atol)| atol);
        let atol = atol.and_then(|atol| atol.split([',', '\n', ' ']).next());
        atol.and_then(|atol| atol.parse().ok()).unwrap_or_else(|| panic!("no tolerance for `{name}`"))
    }

    #[track_caller]
    fn assert_close(&self, name: &str, actual: &Tensor) {
        let expected = self.get(name).to_dtype(DType::F64).unwrap();
        assert_eq!(actual.dims(), expected.dims(), "shape of `{name}`");
        let difference = (actual.to_dtype(DType::F64).unwrap() - expected).unwrap().abs().unwrap();
        // A maximum would pass over values that are not numbers.
        let differences: Vec<f64> = difference.flatten_all().unwrap().to_vec1().unwrap();
        let atol = self.tolerance(name);
        for (i, difference) in differences.iter().enumerate() {
            assert!(*difference <= atol, "`{name}`: value {i} differs by {difference:e} (at most {atol:e})");
        }
    }

    /// Checks `op.y` and the first derivatives with respect to `names` of an operation on these tensors.
    #[track_caller]
    fn assert_operation(&self, op: &str, names: &[&str], f: impl Fn(&[Var]) -> Tensor) {
        let vars: Vec<Var> = names.iter().map(|name| self.var(&format!("{op}.{name}"))).collect();
        let y = f(&vars);
        self.assert_close(&format!("{op}.y"), &y);
        let dy = self.get(&format!("{op}.dy"));
        let grads = (y * dy).unwrap().sum_all().unwrap().backward().unwrap();
        for (name, var) in names.iter().zip(&vars) {
            let grad = grads.get(var).unwrap_or_else(|| panic!("`{op}.{name}` got no gradient"));
            self.assert_close(&format!("{op}.d{name}"), grad);
        }
    }

    /// Checks an adjoint, `dx = f(dy)`, and its own derivative with respect to `dy`.
    #[track_caller]
    fn assert_adjoint(&self, op: &str, f: impl Fn(&Tensor) -> Tensor) {
        let dy = self.var(&format!("{op}.dy"));
        let dx = f(&dy);
        self.assert_close(&format!("{op}.dx"), &dx);
        let h = (dx * self.get(&format!("{op}.v"))).unwrap().sum_all().unwrap();
        let grads = h.backward().unwrap();
        self.assert_close(&format!("{op}.h_dy"), grads.get(&dy).expect("`dy` got no gradient"));
    }

    /// Checks a linear operation of features and weight, its derivatives, its adjoint and that one's derivatives.
    #[track_caller]
    fn assert_convolution(
        &self,
        op: &str,
        forward: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
        adjoint: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) {
        self.assert_operation(op, &["x", "weight"], |v| forward(&v[0], &v[1]).unwrap());
        let weight = self.var(&format!("{op}.weight"));
        self.assert_adjoint(op, |dy| adjoint(dy, &weight).unwrap());
        let dx = adjoint(&self.get(&format!("{op}.dy")), &weight).unwrap();
        let h = (dx * self.get(&format!("{op}.v"))).unwrap().sum_all().unwrap();
        let grads = h.backward().unwrap();
        self.assert_close(&format!("{op}.h_weight"), grads.get(&weight).expect("the weight got no gradient"));
    }
}

/// Turns kernels by half a turn: a fused up-convolution of the original sees them so.
fn turned(weight: &Tensor) -> Tensor {
    let last = Tensor::new(&[2u32, 1, 0], weight.device()).unwrap();
    weight.index_select(&last, 2).unwrap().index_select(&last, 3).unwrap()
}

/// Runs `test` in both types.
fn in_each_type(test: impl Fn(&Golden)) {
    for dtype in [DType::F32, DType::F64] {
        test(&Golden::load(dtype));
    }
}

#[test]
fn leaky_relu_matches() {
    in_each_type(|golden| {
        golden.assert_operation("leaky_relu", &["x"], |v| leaky_relu(&v[0]).unwrap());
        let y = golden.get("leaky_relu.y");
        golden.assert_adjoint("leaky_relu", |dy| leaky_relu_grad(dy, &y).unwrap());
    });
}

#[test]
fn bias_matches() {
    in_each_type(|golden| {
        golden.assert_operation("bias4d", &["x", "bias"], |v| add_bias(&v[0], &v[1]).unwrap());
    });
}

#[test]
fn bias_leaky_relu_matches_where_the_activation_is_linear() {
    in_each_type(|golden| {
        // Far above zero the activation is the identity.
        let lifted = |v: &[Var]| {
            let bias = (v[1].as_tensor() + 100.).unwrap();
            (bias_leaky_relu(&v[0], &bias).unwrap() - 100.).unwrap()
        };
        golden.assert_operation("bias4d", &["x", "bias"], lifted);
    });
}

#[test]
fn noise_matches_where_the_activation_is_linear() {
    in_each_type(|golden| {
        let noise = golden.get("noise.noise");
        golden.assert_operation("noise", &["x", "strength"], |v| {
            let bias = v[1].ones_like().unwrap().affine(100., 0.).unwrap();
            (noise_bias_leaky_relu(&v[0], &noise, &v[1], &bias).unwrap() - 100.).unwrap()
        });
    });
}

#[test]
fn norms_match() {
    in_each_type(|golden| {
        golden.assert_operation("pixel_norm", &["x"], |v| pixel_norm(&v[0]).unwrap());
        golden.assert_operation("instance_norm", &["x"], |v| instance_norm(&v[0], 1e-8).unwrap());
        golden.assert_operation("instance_norm_small_variance", &["x"], |v| {
            instance_norm(&v[0], 1e-8).unwrap()
        });
        for op in ["instance_norm", "instance_norm_small_variance"] {
            golden.assert_operation(op, &["x"], |v| {
                let (batch, channels, _height, _width) = v[0].dims4().unwrap();
                let style = Tensor::zeros((batch, 2 * channels), golden.dtype, &Device::Cpu).unwrap();
                instance_norm_style(&v[0], &style, 1e-8).unwrap()
            });
        }
    });
}

#[test]
fn convolutions_match() {
    in_each_type(|golden| {
        for op in ["conv1x1", "conv3x3", "conv3x3_single"] {
            golden.assert_convolution(op, conv2d, conv2d_transpose);
        }
        for (op, blur) in [
            ("conv_downscale_unfused", false),
            ("conv_downscale_fused", false),
            ("blur_conv_downscale", true),
        ] {
            golden.assert_convolution(
                op,
                |x, weight| conv2d_down(&smooth_down(x, blur)?, weight),
                |dy, weight| smooth_down_adjoint(&conv2d_down_transpose(dy, weight)?, blur),
            );
        }
        for (op, blur) in [("upscale_conv_unfused", false), ("upscale_conv_blur", true)] {
            golden.assert_operation(op, &["x", "weight"], |v| {
                smooth_up(&conv2d_up(&v[0], &v[1]).unwrap(), blur).unwrap()
            });
        }
        golden.assert_operation("upscale_conv_fused", &["x", "weight"], |v| {
            smooth_up(&conv2d_up(&v[0], &turned(&v[1])).unwrap(), false).unwrap()
        });
    });
}

#[test]
fn resampling_matches() {
    in_each_type(|golden| {
        for op in ["blur", "blur_4x4"] {
            golden.assert_operation(op, &["x"], |v| blur(&v[0]).unwrap());
            golden.assert_adjoint(op, |dy| blur(dy).unwrap());
        }
        golden.assert_operation("upscale", &["x"], |v| upscale2x(&v[0]).unwrap());
        golden.assert_adjoint("upscale", |dy| upscale2x_adjoint(dy).unwrap());
        golden.assert_operation("downscale", &["x"], |v| downscale2x(&v[0]).unwrap());
        golden.assert_adjoint("downscale", |dy| downscale2x_adjoint(dy).unwrap());
        golden.assert_operation("downscale4", &["x"], |v| downscale2x(&downscale2x(&v[0]).unwrap()).unwrap());
        golden.assert_adjoint("downscale4", |dy| {
            downscale2x_adjoint(&downscale2x_adjoint(dy).unwrap()).unwrap()
        });
    });
}

#[test]
fn adam_matches() {
    in_each_type(|golden| {
        let learning_rate = golden.scalar("adam.lr");
        for (beta1, name, keeps_first_moment) in [(0., "0.0", false), (0., "0.0", true), (0.5, "0.5", true)] {
            let parameter = golden.var("adam.p0");
            let second_moment = parameter.zeros_like().unwrap();
            let first_moment = keeps_first_moment.then(|| parameter.zeros_like().unwrap());
            let pace = Pace::new(0, &Device::Cpu).unwrap();
            let update = AdamUpdate { beta1, beta2: 0.99, epsilon: 1e-8, learning_rate };
            for step in 1..=5 {
                let gradient = golden.get(&format!("adam.g{step}"));
                let slot = AdamSlot {
                    parameter: &parameter,
                    first_moment: first_moment.as_ref(),
                    second_moment: &second_moment,
                    gradient: &gradient,
                };
                adam_update(&[slot], &gradient.mean_all().unwrap(), &pace, &update).unwrap();
                golden.assert_close(&format!("adam.tf_beta1_{name}.p{step}"), &parameter);
            }
        }
    });
}

#[test]
fn running_average_matches() {
    in_each_type(|golden| {
        for minibatch in [4, 16, 32, 512] {
            let ema = golden.var("ema.ema");
            let beta = 0.5_f64.powf(f64::from(minibatch) / 10_000.);
            ema_update(&[(&ema, &golden.get("ema.live"))], beta).unwrap();
            golden.assert_close(&format!("ema.minibatch{minibatch}_kimg10"), &ema);
        }
    });
}
