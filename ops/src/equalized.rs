//! Weights under the equalized learning rate.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};

use crate::conv::{FrozenFilters, conv2d_in};
use crate::feature_layout::FeatureLayout;
use crate::gathered::scaled;
use crate::layer::LayerWeight;
use crate::{Link, Sampling, add_bias, bias_leaky_relu, dense, dense_transpose};

/// The gain of a layer that a leaky ReLU follows.
pub const GAIN_LEAKY_RELU: f64 = std::f64::consts::SQRT_2;

/// A weight that is stored at unit scale and multiplied by He's constant at run time.
///
/// `effective = stored · gain / sqrt(fan_in) · lrmul`, stored `~ N(0, 1/lrmul²)` at first, so that Adam, whose steps
/// do not depend on the scale of a gradient, moves all layers at the same relative speed (Karras et al. 2018,
/// section 4.1).
#[derive(Clone, Debug)]
pub struct EqualizedWeight {
    stored: Tensor,
    scale: f64,
    frozen: Option<Arc<FrozenFilters>>,
}

impl EqualizedWeight {
    /// The weight `name` of shape `[out, in, ...]`.
    ///
    /// # Errors
    /// If the builder has no such tensor of this shape.
    pub fn new(shape: &[usize], gain: f64, lrmul: f64, name: &str, vb: &VarBuilder) -> Result<Self> {
        let stored = vb.get_with_hints(shape, name, Init::Randn { mean: 0.0, stdev: 1.0 / lrmul })?;
        let fan_in: usize = shape[1..].iter().product();
        Ok(Self { stored, scale: gain / (fan_in as f64).sqrt() * lrmul, frozen: None })
    }

    /// From now on [`synthesis_layer`](crate::synthesis_layer) on a CPU keeps what it makes of the weight for few samples, from the
    /// second time on: up to four times its size, and as much for gradients through it. Nobody may change the weight.
    ///
    /// # Errors
    /// If it is a variable.
    pub fn keep_filters(&mut self) -> Result<()> {
        if self.stored.is_variable() {
            bail!("a weight {:?} is a variable, which may change", self.stored.shape());
        }
        self.frozen.get_or_insert_default();
        Ok(())
    }

    /// The weight of a [`synthesis_layer`](crate::synthesis_layer).
    pub fn of_layer(&self) -> LayerWeight<'_> {
        LayerWeight::new(&self.stored, self.scale, self.frozen.as_ref())
    }

    /// The weight as the layer uses it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn effective(&self) -> Result<Tensor> {
        self.effective_in(self.stored.dtype())
    }

    /// The same, rounded to a type.
    fn effective_in(&self, dtype: DType) -> Result<Tensor> {
        scaled(&self.stored, self.scale, dtype)
    }

    /// The weight of a convolution as a part of a [`Chain`](crate::Chain), with this bias.
    pub fn link(&self, bias: &Tensor, sampling: Sampling) -> Link {
        Link { weight: self.stored.clone(), scale: self.scale, bias: bias.clone(), sampling }
    }

    /// `x · weightᵀ`, for `x` `[batch, in]`.
    ///
    /// # Errors
    /// If `x` does not have as many features as the weight has inputs.
    pub fn matmul(&self, x: &Tensor) -> Result<Tensor> {
        dense(x, &self.stored, self.scale)
    }

    /// `g · weight`, the adjoint of [`EqualizedWeight::matmul`], for `g` `[batch, out]`.
    ///
    /// # Errors
    /// If `g` does not have as many features as the weight has outputs.
    pub fn matmul_transpose(&self, g: &Tensor) -> Result<Tensor> {
        dense_transpose(g, &self.stored, self.scale)
    }
}

/// A fully connected layer: `x · weightᵀ + bias`.
#[derive(Clone, Debug)]
pub struct EqualizedDense {
    /// `[out, in]`
    pub weight: EqualizedWeight,
    bias: Tensor,
    lrmul: f64,
}

impl EqualizedDense {
    /// `inputs` to `outputs` features; `lrmul` also scales the bias, which starts at zero.
    ///
    /// # Errors
    /// If the builder has no such tensors.
    pub fn new(inputs: usize, outputs: usize, gain: f64, lrmul: f64, vb: &VarBuilder) -> Result<Self> {
        let weight = EqualizedWeight::new(&[outputs, inputs], gain, lrmul, "weight", vb)?;
        let bias = vb.get_with_hints(outputs, "bias", Init::Const(0.0))?;
        Ok(Self { weight, bias, lrmul })
    }

    /// `[batch, in]` to `[batch, out]`.
    ///
    /// # Errors
    /// If `x` does not have the layer's number of inputs.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        add_bias(&self.weight.matmul(x)?, &self.scaled_bias()?)
    }

    /// The same with a leaky ReLU behind it.
    ///
    /// # Errors
    /// If `x` does not have the layer's number of inputs.
    pub fn forward_leaky_relu(&self, x: &Tensor) -> Result<Tensor> {
        bias_leaky_relu(&self.weight.matmul(x)?, &self.scaled_bias()?)
    }

    fn scaled_bias(&self) -> Result<Tensor> {
        if self.lrmul == 1.0 {
            Ok(self.bias.clone())
        } else {
            scaled(&self.bias, self.lrmul, self.bias.dtype())
        }
    }
}

/// A convolution with a bias.
#[derive(Clone, Debug)]
pub struct EqualizedConv {
    /// `[out, in, kernel, kernel]`
    pub weight: EqualizedWeight,
    /// `[out]`
    pub bias: Tensor,
}

impl EqualizedConv {
    /// `inputs` to `outputs` channels by a square kernel of side 1 or 3.
    ///
    /// # Errors
    /// If the builder has no such tensors.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, gain: f64, vb: &VarBuilder) -> Result<Self> {
        let weight = EqualizedWeight::new(&[outputs, inputs, kernel, kernel], gain, 1.0, "weight", vb)?;
        let bias = vb.get_with_hints(outputs, "bias", Init::Const(0.0))?;
        Ok(Self { weight, bias })
    }

    /// Features as `layout` has them to planes `[batch, out, height, width]`, without an activation. Weight and bias are
    /// rounded to the type of `x`.
    ///
    /// # Errors
    /// If `x` does not have the layer's number of channels.
    pub fn forward(&self, x: &Tensor, layout: FeatureLayout) -> Result<Tensor> {
        let dtype = x.dtype();
        let y = conv2d_in(x, &self.weight.effective_in(dtype)?, layout)?;
        add_bias(&layout.to_planes(&y)?, &self.bias.to_dtype(dtype)?)
    }

    /// The same as a part of a [`Chain`](crate::Chain), with a leaky ReLU behind it and the sides changed as `sampling`
    /// says.
    pub fn link(&self, sampling: Sampling) -> Link {
        self.weight.link(&self.bias, sampling)
    }
}
