//! `MobileNetV2` (Sandler et al. 2018): a network small enough to come with the program.

use std::collections::HashMap;

use candle_core::{DType, Device, Result as TensorResult, Tensor, safetensors};

use crate::depthwise::{Zeros, depthwise};
use crate::error::Result;
use crate::layers::{Conv, Way};
use crate::network::{Colors, FeatureNetwork, PixelRange, in_parts};
use crate::resize::Resize;
use crate::tensors::{Layer, Weights};

/// A byte for each weight, with a scale and a minimum for each output channel.
const EMBEDDED: &[u8] = include_bytes!("weights/mobilenet.safetensors");

/// Side of the pictures that it looks at.
const SIDE: usize = 224;
/// Pictures at a time; at its widest the network takes 5 MB for one.
const AT_A_TIME: usize = 16;
/// Largest value behind an activation.
const MOST: f64 = 6.0;
/// Channels behind the first convolution, and behind the last one.
const FIRST: usize = 32;
const LAST: usize = 1280;

/// Groups of blocks: how many times wider they are inside, channels, blocks, stride of the first.
const GROUPS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// The network; `features` are the 1280 means of its last convolution.
#[derive(Debug)]
pub struct MobileNet {
    first: Conv,
    blocks: Vec<Block>,
    last: Conv,
    fingerprint: String,
}

/// A convolution in three parts, narrow at both ends: wider, within each channel, narrower.
#[derive(Debug)]
struct Block {
    widen: Option<Conv>,
    within: Within,
    narrow: Conv,
    is_residual: bool,
}

/// A 3x3 convolution of each channel by itself.
#[derive(Debug)]
struct Within {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
}

impl MobileNet {
    /// The network that comes with the program, whose weights are rounded to a byte each.
    ///
    /// # Errors
    /// If the weights are damaged, or the device fails.
    pub fn embedded(device: &Device) -> Result<Self> {
        let bytes = Weights::new(safetensors::load_buffer(EMBEDDED, &Device::Cpu)?, "");
        let mut tensors = HashMap::new();
        for Layer { name, shape, .. } in layers() {
            let part = |part, shape: &[usize]| bytes.get(&format!("{name}.{part}"), shape);
            let channels =
                |part_name| -> Result<Tensor> { Ok(part(part_name, &shape[..1])?.reshape(((), 1, 1, 1))?) };
            let weight = part("weight", &shape)?.to_dtype(DType::F32)?;
            let weight = weight.broadcast_mul(&channels("scale")?)?.broadcast_add(&channels("min")?)?;
            tensors.insert(format!("{name}.weight"), weight);
            tensors.insert(format!("{name}.bias"), part("bias", &shape[..1])?);
        }
        Self::new(&Weights::new(tensors, "embedded-1").to_device(device)?)
    }

    /// The network of these weights, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn new(weights: &Weights) -> Result<Self> {
        let pointwise = |name: &str, from, to| Conv::new(weights, name, (from, to), [1, 1], Way::Same);
        let mut blocks = Vec::new();
        for plan in plans() {
            let name = |part| format!("blocks.{}.{part}", plan.number);
            let widen = if plan.inside == plan.from {
                None
            } else {
                Some(pointwise(&name("widen"), plan.from, plan.inside)?)
            };
            let shape = [plan.inside, 1, 3, 3];
            let within = Within {
                weight: weights.get(&format!("{}.weight", name("within")), &shape)?.squeeze(1)?,
                bias: weights.get(&format!("{}.bias", name("within")), &[plan.inside])?,
                stride: plan.stride,
            };
            let narrow = pointwise(&name("narrow"), plan.inside, plan.to)?;
            let is_residual = plan.stride == 1 && plan.from == plan.to;
            blocks.push(Block { widen, within, narrow, is_residual });
        }
        let (_, channels, ..) = GROUPS[GROUPS.len() - 1];
        Ok(Self {
            first: Conv::new(weights, "first", (3, FIRST), [3, 3], Way::Halved)?,
            blocks,
            last: pointwise("last", channels, LAST)?,
            fingerprint: format!("mobilenet-{}", weights.fingerprint()),
        })
    }

    /// # Shapes
    /// - `pictures`: `[batch, 3, height, width]`
    /// - returns: `[batch, 1280]`
    fn forward(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        let rgb = Resize::Clean.apply(&range.rgb(pictures)?, range, SIDE)?;
        let x = Colors::TORCHVISION.apply(&rgb, range)?;
        // A pixel of zeros on each side, of which a stride of 2 leaves the last ones alone.
        let padded = x.pad_with_zeros(2, 1, 0)?.pad_with_zeros(3, 1, 0)?;
        let mut x = self.first.forward(&padded)?.minimum(MOST)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.last.forward(&x)?.minimum(MOST)?.mean((2, 3))
    }
}

impl FeatureNetwork for MobileNet {
    fn name(&self) -> &'static str {
        "mobilenet"
    }

    fn width(&self) -> usize {
        LAST
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn features(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        in_parts(pictures, AT_A_TIME, |pictures| self.forward(pictures, range))
    }
}

impl Block {
    fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        let wide = match &self.widen {
            None => x.clone(),
            Some(widen) => widen.forward(x)?.minimum(MOST)?,
        };
        let Within { weight, bias, stride } = &self.within;
        let within = stylegan_ops::bias_relu(&depthwise(&wide, weight, *stride, Zeros::AllAround)?, bias)?;
        let narrow = self.narrow.with_bias(&within.minimum(MOST)?)?;
        if self.is_residual { x + narrow } else { Ok(narrow) }
    }
}

/// The sizes of a block.
struct Plan {
    /// From 1 on, as torchvision counts.
    number: usize,
    from: usize,
    inside: usize,
    to: usize,
    stride: usize,
}

fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut from = FIRST;
    for (times, to, count, stride) in GROUPS {
        for index in 0..count {
            let stride = if index == 0 { stride } else { 1 };
            plans.push(Plan { number: plans.len() + 1, from, inside: times * from, to, stride });
            from = to;
        }
    }
    plans
}

/// All convolutions, with what they are called in files of torchvision.
pub(crate) fn layers() -> Vec<Layer> {
    let layer = |name: String, conv: String, norm: String, shape| Layer {
        name,
        shape,
        torchvision: (format!("features.{conv}"), Some(format!("features.{norm}"))),
    };
    let mut layers = vec![layer("first".to_owned(), "0.0".to_owned(), "0.1".to_owned(), [FIRST, 3, 3, 3])];
    let plans = plans();
    for Plan { number, from, inside, to, .. } in &plans {
        let mut place = 0;
        let mut activated = |part: &str, shape| {
            let theirs = format!("{number}.conv.{place}");
            place += 1;
            layers.push(layer(
                format!("blocks.{number}.{part}"),
                format!("{theirs}.0"),
                format!("{theirs}.1"),
                shape,
            ));
        };
        if inside != from {
            activated("widen", [*inside, *from, 1, 1]);
        }
        activated("within", [*inside, 1, 3, 3]);
        let [conv, norm] = [place, place + 1].map(|place| format!("{number}.conv.{place}"));
        layers.push(layer(format!("blocks.{number}.narrow"), conv, norm, [*to, *inside, 1, 1]));
    }
    let number = plans.len() + 1;
    let (_, channels, ..) = GROUPS[GROUPS.len() - 1];
    layers.push(layer(
        "last".to_owned(),
        format!("{number}.0"),
        format!("{number}.1"),
        [LAST, channels, 1, 1],
    ));
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{assert_close, golden, made_up, pictures};

    /// How far features may be off, as a share of their length; these pictures of stripes were off by 0.059.
    const MOST_ROUNDED: f32 = 0.07;

    #[test]
    fn features_are_what_pytorch_computes() {
        let network = MobileNet::new(&made_up(&layers(), &[], Colors::TORCHVISION)).unwrap();
        let found = network.features(&pictures(2, 60, 47), PixelRange::Bytes).unwrap();
        assert_close("mobilenet.features", &found, 1e-4);
    }

    #[test]
    fn rounded_weights_see_what_exact_ones_do() {
        let network = MobileNet::embedded(&Device::Cpu).unwrap();
        let found = network.features(&pictures(2, 60, 47), PixelRange::Bytes).unwrap();
        assert_eq!(found.dims(), [2, network.width()]);
        let expected = golden("mobilenet.trained");
        let length =
            |x: &Tensor| x.sqr().unwrap().sum_all().unwrap().sqrt().unwrap().to_scalar::<f32>().unwrap();
        let (off, all) = (length(&(&found - &expected).unwrap()), length(&expected));
        assert!(off < MOST_ROUNDED * all, "off by {off} of {all}");
    }
}
