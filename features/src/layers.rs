//! What the networks are made of.

use candle_core::{D, Result as TensorResult, Tensor};
use stylegan_ops::{
    Around, FrozenConv, add_bias, bias_relu, conv2d, conv2d_bias_relu, conv2d_down, conv2d_padded,
    reflect_pad,
};

use crate::error::Result;
use crate::tensors::{LinearLayer, Weights};

/// A convolution with a bias.
#[derive(Debug)]
pub(crate) struct Conv {
    weight: Tensor,
    bias: Tensor,
    pub(crate) way: Way,
    /// The same convolution, if it keeps what is made of the weight.
    frozen: Option<FrozenConv>,
}

/// How far apart the pixels are that a convolution looks at, and what is around the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As many zeros on each side as keep the size.
    Same,
    /// One mirrored pixel on each side, for 3x3 kernels, which keeps the size.
    Mirrored,
    /// No zeros.
    Valid,
    /// A 3x3 kernel at every second pixel of odd sides, no zeros.
    Halved,
}

/// A fully connected layer.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[outs, ins]`
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// That of the names `NAME.weight` and, if it has one, `NAME.bias`.
    pub(crate) fn new(weights: &Weights, layer: &LinearLayer) -> Result<Self> {
        let LinearLayer { name, shape, has_bias, .. } = *layer;
        let bias = has_bias.then(|| weights.get(&format!("{name}.bias"), &shape[..1]));
        Ok(Self { weight: weights.get(&format!("{name}.weight"), &shape)?, bias: bias.transpose()? })
    }

    /// `x Wᵀ + b`, `[batch, outs]` of `[batch, ins]`.
    pub(crate) fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        let x = x.matmul(&self.weight.t()?)?;
        self.bias.as_ref().map_or(Ok(x.clone()), |bias| x.broadcast_add(bias))
    }
}

/// The probabilities of logits, `[batch, classes]`.
pub(crate) fn softmax(logits: &Tensor) -> TensorResult<Tensor> {
    let odds = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?.exp()?;
    odds.broadcast_div(&odds.sum_keepdim(D::Minus1)?)
}

impl Conv {
    /// That of the names `NAME.weight` and `NAME.bias`.
    pub(crate) fn new(
        weights: &Weights,
        name: &str,
        channels: (usize, usize),
        kernel: [usize; 2],
        way: Way,
    ) -> Result<Self> {
        let shape = [channels.1, channels.0, kernel[0], kernel[1]];
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"), &shape)?,
            bias: weights.get(&format!("{name}.bias"), &[channels.1])?,
            way,
            frozen: None,
        })
    }

    /// Keeps what is made of a 3x3 kernel from one use to the next, where [`Way::Same`] is its way.
    pub(crate) fn keep_filters(&mut self) -> Result<()> {
        self.frozen = Some(FrozenConv::new(&self.weight)?);
        Ok(())
    }

    /// Multiplies weight and bias.
    pub(crate) fn scale(&mut self, of_weight: f64, of_bias: f64) -> Result<()> {
        self.weight = (&self.weight * of_weight)?;
        self.bias = (&self.bias * of_bias)?;
        self.frozen.as_mut().map_or(Ok(()), |frozen| {
            *frozen = FrozenConv::new(&self.weight)?;
            Ok(())
        })
    }

    /// The convolution alone.
    pub(crate) fn linear(&self, x: &Tensor) -> TensorResult<Tensor> {
        let (_, _, height, width) = self.weight.dims4()?;
        match (self.way, &self.frozen) {
            (Way::Halved, _) => conv2d_down(x, &self.weight),
            (Way::Mirrored, _) => conv2d_padded(&reflect_pad(x)?, &self.weight, [0, 0]),
            (Way::Valid, _) => conv2d_padded(x, &self.weight, [0, 0]),
            (Way::Same, Some(frozen)) => frozen.forward(x),
            (Way::Same, None) if height == width && matches!(height, 1 | 3) => conv2d(x, &self.weight),
            (Way::Same, None) => conv2d_padded(x, &self.weight, [height / 2, width / 2]),
        }
    }

    /// The bias after [`Conv::linear`], and what is negative set to zero.
    pub(crate) fn activate(&self, x: &Tensor) -> TensorResult<Tensor> {
        bias_relu(x, &self.bias)
    }

    /// Convolution, bias and `ReLU`.
    pub(crate) fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        let (_, _, height, width) = self.weight.dims4()?;
        let around = match (self.way, &self.frozen) {
            (Way::Halved, _) => return self.activate(&self.linear(x)?),
            (Way::Same, Some(frozen)) => return frozen.bias_relu(x, &self.bias),
            (Way::Same, None) => Around::Zeros([height / 2, width / 2]),
            (Way::Mirrored, _) => Around::Mirrored,
            (Way::Valid, _) => Around::Zeros([0, 0]),
        };
        conv2d_bias_relu(x, &self.weight, &self.bias, around)
    }

    /// Convolution and bias.
    pub(crate) fn with_bias(&self, x: &Tensor) -> TensorResult<Tensor> {
        add_bias(&self.linear(x)?, &self.bias)
    }
}
