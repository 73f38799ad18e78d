//! VGG (Simonyan and Zisserman 2015): what pictures look like at five sizes, by the layers that others compare and draw by.

use candle_core::{Result as TensorResult, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::layers::{Conv, Way};
use crate::network::{Colors, PixelRange};
use crate::pool::{Windows, max_pool};
use crate::tensors::{Layer, Weights};

/// Channels of the five blocks.
pub(crate) const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];

/// The colors that the authors' own weights were trained with.
pub(crate) const CAFFE_COLORS: Colors = Colors { mean: [123.68, 116.779, 103.939], deviation: [1.0; 3] };

/// The 1x1 convolution of colors that some weights have before all others.
const COLORS: &str = "conv0";

/// What is around a picture, and around the features of every layer, when they are convolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros, as VGG was trained.
    #[default]
    Zero,
    /// The pixels within as in a mirror, the edge not repeated, as style transfer has it.
    Reflect,
}

/// What becomes of a last row or column that has no partner when sides are halved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// It is left out, as VGG was trained.
    #[default]
    Floor,
    /// It is pooled alone, as the original style transfer has it.
    Ceil,
}

/// The largest of each 2x2 pixels.
pub(crate) fn halved(x: &Tensor, pooling: Pooling) -> TensorResult<Tensor> {
    max_pool(x, Windows { side: 2, stride: 2, before: 0, is_ceil: pooling == Pooling::Ceil })
}

/// How many layers it has, those without convolutions included, which are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// VGG16.
    Sixteen,
    /// VGG19.
    Nineteen,
}

impl Depth {
    /// Convolutions of each block.
    fn convs(self) -> [usize; 5] {
        match self {
            Self::Sixteen => [2, 2, 3, 3, 3],
            Self::Nineteen => [2, 2, 4, 4, 4],
        }
    }
}

/// The convolutions of VGG16 or VGG19, `conv1_1` to `conv5_3` or `conv5_4`, each with its `ReLU`.
///
/// They can be differentiated with respect to the picture.
#[derive(Debug)]
pub struct Vgg {
    colors: Colors,
    /// Of weights whose colors are changed by a convolution.
    first: Option<Conv>,
    blocks: Vec<Vec<Conv>>,
    pooling: Pooling,
}

impl Vgg {
    /// The network of these weights, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn new(weights: &Weights, depth: Depth) -> Result<Self> {
        Self::with_widths(weights, depth, WIDTHS)
    }

    /// The same with other numbers of channels in its blocks, five or, of a network that ends earlier, fewer; of the last
    /// block there is then the first layer alone, such as `relu4_1` of four.
    ///
    /// # Errors
    /// As [`Vgg::new`].
    pub fn with_widths(weights: &Weights, depth: Depth, widths: impl AsRef<[usize]>) -> Result<Self> {
        let widths = widths.as_ref();
        let mut channels = 3;
        let mut blocks = Vec::new();
        for (block, (count, width)) in depth.convs().into_iter().zip(widths.iter().copied()).enumerate() {
            let is_cut = widths.len() < WIDTHS.len() && block + 1 == widths.len();
            let mut convs = Vec::new();
            for number in 1..=if is_cut { 1 } else { count } {
                let name = format!("conv{}_{number}", block + 1);
                convs.push(Conv::new(weights, &name, (channels, width), [3, 3], Way::Same)?);
                channels = width;
            }
            blocks.push(convs);
        }
        let has_first = weights.has(&format!("{COLORS}.weight"));
        let first = || Conv::new(weights, COLORS, (3, 3), [1, 1], Way::Same);
        Ok(Self {
            colors: Colors::of(weights)?,
            first: has_first.then(first).transpose()?,
            blocks,
            pooling: Pooling::default(),
        })
    }

    /// Whether its weights begin with a convolution that changes colors.
    pub fn converts_colors(&self) -> bool {
        self.first.is_some()
    }

    /// The same with other pixels around pictures and features.
    #[must_use]
    pub fn with_padding(mut self, padding: Padding) -> Self {
        for conv in self.blocks.iter_mut().flatten() {
            conv.way = match padding {
                Padding::Zero => Way::Same,
                Padding::Reflect => Way::Mirrored,
            };
        }
        self
    }

    /// The same for many looks at few pictures: on a CPU, it keeps what the first look and the first gradient make of its weights,
    /// two to eight times as much memory as they take.
    ///
    /// # Errors
    /// If the device fails.
    pub fn keeping_filters(mut self) -> Result<Self> {
        for conv in self.blocks.iter_mut().flatten() {
            conv.keep_filters()?;
        }
        Ok(self)
    }

    /// The same, but these layers give so many times what they gave. What all others give stays, but for rounding.
    ///
    /// # Errors
    /// If there is no such layer, a scale is not positive, or the device fails.
    pub fn with_scales(mut self, scales: impl IntoIterator<Item = (&'static str, f64)>) -> Result<Self> {
        for (tap, scale) in scales {
            let Some((block, number)) = self.place(tap).filter(|_| scale > 0.0) else {
                let message = format!("VGG has no layer `{tap}`, or {scale} is not positive");
                return Err(candle_core::Error::Msg(message).into());
            };
            let before: usize = self.blocks[..block].iter().map(Vec::len).sum();
            let mut convs = self.blocks.iter_mut().flatten().skip(before + number);
            if let Some(conv) = convs.next() {
                conv.scale(scale, scale)?;
            }
            if let Some(conv) = convs.next() {
                conv.scale(1.0 / scale, 1.0)?;
            }
        }
        Ok(self)
    }

    /// The same with another way to halve odd sides.
    #[must_use]
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = pooling;
        self
    }

    /// What these layers give, in their order in `taps`: names such as `relu4_1`. No layer behind the last of them is computed.
    ///
    /// # Shapes
    /// - `pictures`: `[batch, 3, height, width]`, in `range`, both sides 16 at least for `relu5_1` and behind
    /// - returns: `[batch, channels, height, width]` each, halved before each block
    ///
    /// # Errors
    /// If there is no such layer, the pictures have another shape or are too small, or the device fails.
    pub fn taps(&self, pictures: &Tensor, range: PixelRange, taps: &[&str]) -> TensorResult<Vec<Tensor>> {
        let mut places = Vec::new();
        for tap in taps {
            match self.place(tap) {
                Some(place) => places.push(place),
                None => bail!("VGG has no layer `{tap}`, only such as `relu4_1`"),
            }
        }
        let mut found: Vec<Option<Tensor>> = vec![None; taps.len()];
        let last = places.iter().copied().max().unwrap_or_default();
        let mut x = self.colors.apply(&range.rgb(pictures)?, range)?;
        if let Some(first) = &self.first {
            x = first.with_bias(&x)?;
        }
        for (block, convs) in self.blocks.iter().enumerate().take_while(|(block, _)| *block <= last.0) {
            if block > 0 {
                x = halved(&x, self.pooling)?;
            }
            for (number, conv) in convs.iter().enumerate().take_while(|(number, _)| (block, *number) <= last)
            {
                x = conv.forward(&x)?;
                for (found, _) in
                    found.iter_mut().zip(&places).filter(|(_, place)| **place == (block, number))
                {
                    *found = Some(x.clone());
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Block and convolution of a layer's name, both from 0 on.
    fn place(&self, tap: &str) -> Option<(usize, usize)> {
        let (block, number) = tap.strip_prefix("relu")?.split_once('_')?;
        let from_zero = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
        let (block, number) = (from_zero(block)?, from_zero(number)?);
        (number < self.blocks.get(block)?.len()).then_some((block, number))
    }
}

/// The convolutions of the VGG19 whose activations were made one on average, with their numbers in a `Sequential` of PyTorch
/// that has a module for each frame of mirrored pixels as well.
pub(crate) fn normalized_layers() -> Vec<Layer> {
    let mut all =
        vec![Layer { name: COLORS.to_owned(), shape: [3, 3, 1, 1], torchvision: ("0".to_owned(), None) }];
    let mut place = 2;
    for layer in layers(Depth::Nineteen) {
        if layer.name.ends_with("_1") && layer.name != "conv1_1" {
            // The pool has a number,
            place += 1;
        }
        all.push(Layer { torchvision: (place.to_string(), None), ..layer });
        // and so have the `ReLU` and the frame.
        place += 3;
    }
    all
}

/// All convolutions, with what they are called in files of torchvision.
pub(crate) fn layers(depth: Depth) -> Vec<Layer> {
    let mut layers = Vec::new();
    let (mut channels, mut place) = (3, 0);
    for (block, (count, width)) in depth.convs().into_iter().zip(WIDTHS).enumerate() {
        for number in 1..=count {
            let name = format!("conv{}_{number}", block + 1);
            let theirs = format!("features.{place}");
            layers.push(Layer { name, shape: [width, channels, 3, 3], torchvision: (theirs, None) });
            channels = width;
            // The `ReLU` has a number as well,
            place += 2;
        }
        // and so has the pool.
        place += 1;
    }
    layers
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::reference::{assert_close, made_up, pictures};
    use crate::tensors::LinearLayer;

    /// Few channels of the five blocks.
    pub(crate) const NARROW: [usize; 5] = [4, 6, 8, 10, 12];

    /// The network with few channels.
    pub(crate) fn narrow(depth: Depth, colors: Colors) -> Vgg {
        Vgg::with_widths(&narrow_weights(depth, colors, &[]), depth, NARROW).unwrap()
    }

    /// Its weights, and those of layers behind them.
    pub(crate) fn narrow_weights(depth: Depth, colors: Colors, behind: &[LinearLayer]) -> Weights {
        made_up(&narrow_layers(depth), behind, colors)
    }

    pub(crate) fn narrow_layers(depth: Depth) -> Vec<Layer> {
        let mut layers = layers(depth);
        for layer in &mut layers {
            let block = |text: &str| text[4..5].parse::<usize>().unwrap() - 1;
            let block = block(&layer.name);
            let ins = if layer.name.ends_with("_1") { block.checked_sub(1) } else { Some(block) };
            layer.shape = [NARROW[block], ins.map_or(3, |block| NARROW[block]), 3, 3];
        }
        layers
    }

    #[test]
    fn layers_are_what_pytorch_computes() {
        let network = narrow(Depth::Nineteen, CAFFE_COLORS);
        let keeping = narrow(Depth::Nineteen, CAFFE_COLORS).keeping_filters().unwrap();
        let names = ["relu2_1", "relu5_4", "relu1_1", "relu3_1", "relu4_1", "relu2_1"];
        // The second time by filters that were kept.
        for network in [&network, &keeping, &keeping] {
            let found = network.taps(&pictures(2, 40, 36), PixelRange::Bytes, &names).unwrap();
            assert_eq!(found.len(), names.len());
            for (name, found) in names.iter().zip(&found) {
                assert_close(&format!("vgg19.{name}"), found, 1e-5);
            }
        }
    }

    #[test]
    fn the_normalized_network_has_the_numbers_of_its_modules() {
        let layers = normalized_layers();
        let numbers: Vec<&str> = layers.iter().map(|layer| layer.torchvision.0.as_str()).collect();
        let expected = "0 2 5 9 12 16 19 22 25 29 32 35 38 42 45 48 51";
        assert_eq!(numbers.join(" "), expected);
        assert_eq!((layers[0].name.as_str(), layers[9].name.as_str()), ("conv0", "conv4_1"));
    }

    #[test]
    fn scales_change_their_own_layers_alone() {
        let names = ["relu1_1", "relu1_2", "relu2_2", "relu3_1", "relu5_4"];
        let scales = [("relu1_1", 0.25), ("relu2_2", 8.0), ("relu5_4", 0.5)];
        let pictures = pictures(2, 40, 36);
        let look = |network: Vgg| network.taps(&pictures, PixelRange::Bytes, &names).unwrap();
        let plain = || narrow(Depth::Nineteen, CAFFE_COLORS);
        let expected = look(plain());
        for network in [plain(), plain().keeping_filters().unwrap()] {
            let found = look(network.with_scales(scales).unwrap());
            for ((name, found), expected) in names.iter().zip(found).zip(&expected) {
                let scale = scales.iter().find(|(scaled, _)| scaled == name).map_or(1.0, |(_, scale)| *scale);
                // Powers of two round nothing.
                let difference = (found / scale).unwrap().sub(expected).unwrap().abs().unwrap();
                assert!(difference.max_all().unwrap().to_scalar::<f32>().unwrap() <= 1e-3, "{name}");
            }
        }
        for (scale, message) in [(("relu6_1", 2.0), "no layer `relu6_1`"), (("relu1_1", 0.0), "not positive")]
        {
            let error = plain().with_scales([scale]).unwrap_err();
            assert!(format!("{error:?}").contains(message), "{error:?}");
        }
    }

    #[test]
    fn layers_that_are_not_there_are_named() {
        let network = narrow(Depth::Sixteen, CAFFE_COLORS);
        for tap in ["relu3_4", "relu0_1", "relu6_1", "relu1_0", "conv1_1", "relu1", ""] {
            let error = network.taps(&pictures(1, 16, 16), PixelRange::Bytes, &[tap]).unwrap_err();
            let expected = format!("VGG has no layer `{tap}`, only such as `relu4_1`");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        let small = network.taps(&pictures(1, 16, 15), PixelRange::Bytes, &["relu5_1"]).unwrap_err();
        assert!(small.to_string().contains("too small to be pooled"), "{small}");
    }
}
