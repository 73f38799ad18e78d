//! The critic's blocks: convolutions are links of a [`Chain`], which knows the gradient of its input; the head has its own
//! beside it.
//!
//! An input gradient is made of differentiable operations, so a loss that contains it trains the weights by one ordinary
//! backward pass.

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;
use stylegan_ops::{
    Chain, EqualizedConv, EqualizedDense, FeatureLayout, GAIN_LEAKY_RELU, Link, Resolution, Sampling,
    leaky_relu_grad,
};

use crate::CriticConfig;
use crate::minibatch_stddev::MinibatchStddev;

/// Pixels to features: 1x1 convolution, bias, leaky ReLU.
#[derive(Clone, Debug)]
pub(crate) struct FromRgb(EqualizedConv);

impl FromRgb {
    pub(crate) fn new(config: &CriticConfig, side: usize, vb: &VarBuilder) -> Result<Self> {
        EqualizedConv::new(config.num_channels, config.feature_maps(side), 1, GAIN_LEAKY_RELU, vb).map(Self)
    }

    pub(crate) fn link(&self) -> Link {
        self.0.link(Sampling::Keep)
    }
}

/// A block above the head: conv 3x3, leaky ReLU, blur, conv 3x3 with 2x downscale, leaky ReLU.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    conv0: EqualizedConv,
    conv1_down: EqualizedConv,
    blur: bool,
}

impl Block {
    pub(crate) fn new(config: &CriticConfig, side: usize, vb: &VarBuilder) -> Result<Self> {
        let (channels, below) = (config.feature_maps(side), config.feature_maps(side / 2));
        Ok(Self {
            conv0: EqualizedConv::new(channels, channels, 3, GAIN_LEAKY_RELU, &vb.pp("conv0"))?,
            conv1_down: EqualizedConv::new(channels, below, 3, GAIN_LEAKY_RELU, &vb.pp("conv1_down"))?,
            blur: config.switches.blur,
        })
    }

    pub(crate) fn links(&self) -> [Link; 2] {
        [self.conv0.link(Sampling::Keep), self.conv1_down.link(Sampling::Down { blur: self.blur })]
    }
}

/// The last block, features at the smallest level, which is 4x4 in a square network, to scores: minibatch stddev, conv 3x3, two dense layers.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    stddev: Option<MinibatchStddev>,
    conv: EqualizedConv,
    dense0: EqualizedDense,
    dense1: EqualizedDense,
    label_dim: usize,
}

/// The activations of a [`Head`].
#[derive(Clone, Debug)]
pub(crate) struct HeadRecord {
    input: Tensor,
    conv: Chain,
    dense0: Tensor,
    pub(crate) scores: Tensor,
}

impl Head {
    /// The head of features of `start`.
    pub(crate) fn new(config: &CriticConfig, start: Resolution, vb: &VarBuilder) -> Result<Self> {
        let channels = config.feature_maps(start.side());
        // The width of a block "below", stage 0 of the formula in a square network.
        let hidden = config.feature_maps(start.side() / 2);
        let stddev_channels = config.switches.stddev_channels();
        let stddev = (stddev_channels > 0).then_some(MinibatchStddev {
            group_size: config.switches.mbstd_group_size,
            num_features: stddev_channels,
        });
        Ok(Self {
            stddev,
            conv: EqualizedConv::new(
                channels + stddev_channels,
                channels,
                3,
                GAIN_LEAKY_RELU,
                &vb.pp("conv"),
            )?,
            dense0: EqualizedDense::new(
                start.pixels() * channels,
                hidden,
                GAIN_LEAKY_RELU,
                1.0,
                &vb.pp("dense0"),
            )?,
            dense1: EqualizedDense::new(hidden, config.label_dim.max(1), 1.0, 1.0, &vb.pp("dense1"))?,
            label_dim: config.label_dim,
        })
    }

    /// `x` is made of so many `sets` of samples that do not see each other.
    pub(crate) fn forward(&self, x: &Tensor, labels: Option<&Tensor>, sets: usize) -> Result<HeadRecord> {
        let with_stddev = match self.stddev {
            Some(stddev) => stddev.forward(x, sets)?,
            None => x.clone(),
        };
        let conv = Chain::new(&with_stddev, &[self.conv.link(Sampling::Keep)], FeatureLayout::Nchw)?;
        let dense0 = self.dense0.forward_leaky_relu(&conv.output().flatten_from(1)?)?;
        let scores = self.dense1.forward(&dense0)?;
        let scores = match self.labels(labels)? {
            Some(labels) => (scores * labels)?.sum(1)?,
            None => scores.squeeze(1)?,
        };
        Ok(HeadRecord { input: x.clone(), conv, dense0, scores })
    }

    /// The gradient of the sum of the scores of one set, `count` samples from `first` on, with respect to its input.
    pub(crate) fn input_gradient(
        &self,
        record: &HeadRecord,
        labels: Option<&Tensor>,
        (first, count): (usize, usize),
    ) -> Result<Tensor> {
        let g = match self.labels(labels)? {
            Some(labels) => labels.narrow(0, first, count)?,
            None => Tensor::ones((count, 1), record.scores.dtype(), record.scores.device())?,
        };
        let dense0 = record.dense0.narrow(0, first, count)?;
        let g = leaky_relu_grad(&self.dense1.weight.matmul_transpose(&g)?, &dense0)?;
        let (_, channels, height, width) = record.conv.output().dims4()?;
        let g = self.dense0.weight.matmul_transpose(&g)?.reshape((count, channels, height, width))?;
        let g = record.conv.input_gradient_of(&g, first)?;
        match self.stddev {
            Some(stddev) => stddev.input_gradient(&g, &record.input.narrow(0, first, count)?),
            None => Ok(g),
        }
    }

    fn labels<'a>(&self, labels: Option<&'a Tensor>) -> Result<Option<&'a Tensor>> {
        match (self.label_dim, labels) {
            (0, Some(_)) => bail!("labels were given to a critic that has none"),
            (1.., None) => bail!("this critic needs labels"),
            (_, labels) => Ok(labels),
        }
    }
}
