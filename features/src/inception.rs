//! Inception-v3 as FID uses it: the network of 2015-12-05 (Szegedy et al. 2016), whose last pool is what pictures are compared
//! by (Heusel et al. 2017).
//!
//! It differs from what was published later under this name: means around a pixel leave out what is outside, and the last
//! block takes the largest value around a pixel in place of the mean. Pictures are 299x299, `(rgb - 128) / 128`.

use candle_core::{Result as TensorResult, Tensor};

use crate::error::Result;
use crate::layers::{Conv, Way};
use crate::network::{Colors, FeatureNetwork, PixelRange, in_parts};
use crate::pool::{Windows, max_pool, mean_pool};
use crate::resize::Resize;
use crate::tensors::{Layer, Weights};

/// Side of the pictures that it looks at.
const SIDE: usize = 299;
/// Pictures at a time; at its widest the network takes 11 MB for one.
const AT_A_TIME: usize = 16;

const COLORS: Colors = Colors { mean: [128.0; 3], deviation: [128.0; 3] };
const SHRINK: Windows = Windows { side: 3, stride: 2, before: 0, is_ceil: false };
const AROUND: Windows = Windows { side: 3, stride: 1, before: 1, is_ceil: false };

/// The network; `features` are the 2048 means of its last block.
#[derive(Debug)]
pub struct Inception {
    stem: [Conv; 5],
    /// `mixed` to `mixed_10`.
    blocks: Vec<Block>,
    resize: Resize,
    width: usize,
    fingerprint: String,
}

/// Branches that all get what the block gets; what they give stands channel after channel.
#[derive(Debug)]
struct Block {
    name: String,
    branches: Vec<Branch>,
}

/// A pool, convolutions one after the other, and at the end perhaps two that get the same.
#[derive(Debug)]
struct Branch {
    pool: Option<Pool>,
    convs: Vec<Conv>,
    fork: Option<[Conv; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    Mean,
    Max,
    Shrink,
}

impl Inception {
    /// The network of these weights, on their device.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn new(weights: &Weights, resize: Resize) -> Result<Self> {
        Self::narrowed(weights, resize, 1)
    }

    /// The same with so many times fewer channels, 1 or 16, which is small enough for tests.
    pub(crate) fn narrowed(weights: &Weights, resize: Resize, by: usize) -> Result<Self> {
        let stem = |name, channels: (usize, usize), side, way| {
            let inputs = if channels.0 == 3 { 3 } else { channels.0 / by };
            Conv::new(weights, name, (inputs, channels.1 / by), [side; 2], way)
        };
        let stem = [
            stem("conv", (3, 32), 3, Way::Halved)?,
            stem("conv_1", (32, 32), 3, Way::Valid)?,
            stem("conv_2", (32, 64), 3, Way::Same)?,
            stem("conv_3", (64, 80), 1, Way::Same)?,
            stem("conv_4", (80, 192), 3, Way::Valid)?,
        ];
        let mut channels = 192 / by;
        let mut blocks = Vec::new();
        for (number, branches) in plan().into_iter().enumerate() {
            let name = if number == 0 { "mixed".to_owned() } else { format!("mixed_{number}") };
            let mut block = Block { name, branches: Vec::new() };
            let mut width = 0;
            for steps in branches {
                let (branch, added) = Branch::new(weights, &block.name, &steps, channels, by)?;
                block.branches.push(branch);
                width += added;
            }
            channels = width;
            blocks.push(block);
        }
        let fingerprint = format!("inception-{}-{}", weights.fingerprint(), resize.name());
        Ok(Self { stem, blocks, resize, width: channels, fingerprint })
    }

    /// What the layers give, one after the other: `conv` to `pool2`.
    pub(crate) fn walk(
        &self,
        pictures: &Tensor,
        range: PixelRange,
        mut visit: impl FnMut(&str, &Tensor) -> TensorResult<()>,
    ) -> TensorResult<Tensor> {
        let rgb = self.resize.apply(&range.rgb(pictures)?, range, SIDE)?;
        let mut x = COLORS.apply(&rgb, range)?;
        let names = ["conv", "conv_1", "conv_2", "conv_3", "conv_4"];
        for (number, (conv, name)) in self.stem.iter().zip(names).enumerate() {
            x = conv.forward(&x)?;
            visit(name, &x)?;
            if let Some(pool) = [None, None, Some("pool0"), None, Some("pool1")][number] {
                x = max_pool(&x, SHRINK)?;
                visit(pool, &x)?;
            }
        }
        for block in &self.blocks {
            let branches = block.branches.iter().map(|branch| branch.forward(&x));
            let branches = branches.collect::<TensorResult<Vec<_>>>()?;
            x = Tensor::cat(&branches.concat(), 1)?;
            visit(&block.name, &x)?;
        }
        x = x.mean((2, 3))?;
        visit("pool2", &x)?;
        Ok(x)
    }
}

impl FeatureNetwork for Inception {
    fn name(&self) -> &'static str {
        "inception"
    }

    fn width(&self) -> usize {
        self.width
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn features(&self, pictures: &Tensor, range: PixelRange) -> TensorResult<Tensor> {
        in_parts(pictures, AT_A_TIME, |pictures| self.walk(pictures, range, |_, _| Ok(())))
    }
}

impl Branch {
    /// The branch of some steps, and how many channels it gives.
    fn new(
        weights: &Weights,
        block: &str,
        steps: &[Step],
        mut channels: usize,
        by: usize,
    ) -> Result<(Self, usize)> {
        let mut branch = Self { pool: None, convs: Vec::new(), fork: None };
        for step in steps {
            match *step {
                Step::Pool(pool) => branch.pool = Some(pool),
                Step::Conv(name, width, kernel, way) => {
                    let name = format!("{block}.{name}");
                    branch.convs.push(Conv::new(weights, &name, (channels, width / by), kernel, way)?);
                    channels = width / by;
                }
                Step::Fork([first, second], width) => {
                    let conv = |name, kernel| {
                        let name = format!("{block}.{name}");
                        Conv::new(weights, &name, (channels, width / by), kernel, Way::Same)
                    };
                    branch.fork = Some([conv(first, [1, 3])?, conv(second, [3, 1])?]);
                    channels = 2 * (width / by);
                }
            }
        }
        Ok((branch, channels))
    }

    fn forward(&self, x: &Tensor) -> TensorResult<Vec<Tensor>> {
        let mut convs = self.convs.iter();
        let mut x = match self.pool {
            None => x.clone(),
            Some(Pool::Max) => max_pool(x, AROUND)?,
            Some(Pool::Shrink) => max_pool(x, SHRINK)?,
            // Means of pixels and a 1x1 convolution may change places, and behind it there are fewer channels to take means of.
            Some(Pool::Mean) => match convs.next() {
                None => mean_pool(x)?,
                Some(conv) => conv.activate(&mean_pool(&conv.linear(x)?)?)?,
            },
        };
        for conv in convs {
            x = conv.forward(&x)?;
        }
        match &self.fork {
            None => Ok(vec![x]),
            Some([first, second]) => Ok(vec![first.forward(&x)?, second.forward(&x)?]),
        }
    }
}

/// A step of a branch; names are those of the original's graph.
#[derive(Clone, Copy)]
enum Step {
    Pool(Pool),
    Conv(&'static str, usize, [usize; 2], Way),
    /// Two convolutions of so many channels each, 1x3 and 3x1.
    Fork([&'static str; 2], usize),
}

/// A convolution that keeps the size.
fn conv(name: &'static str, width: usize, kernel: [usize; 2]) -> Step {
    Step::Conv(name, width, kernel, Way::Same)
}

/// A 3x3 convolution at every second pixel.
fn halved(name: &'static str, width: usize) -> Step {
    Step::Conv(name, width, [3, 3], Way::Halved)
}

/// All convolutions, with what they are called in files that follow torchvision.
pub(crate) fn layers() -> Vec<Layer> {
    let layer = |name: String, theirs: &str, shape| Layer {
        name,
        shape,
        torchvision: (format!("{theirs}.conv"), Some(format!("{theirs}.bn"))),
    };
    let stem = [
        ("conv", "Conv2d_1a_3x3", [32, 3, 3, 3]),
        ("conv_1", "Conv2d_2a_3x3", [32, 32, 3, 3]),
        ("conv_2", "Conv2d_2b_3x3", [64, 32, 3, 3]),
        ("conv_3", "Conv2d_3b_1x1", [80, 64, 1, 1]),
        ("conv_4", "Conv2d_4a_3x3", [192, 80, 3, 3]),
    ];
    let mut layers: Vec<Layer> =
        stem.into_iter().map(|(name, theirs, shape)| layer(name.to_owned(), theirs, shape)).collect();
    let mut block_channels = 192;
    for (number, branches) in plan().into_iter().enumerate() {
        let (letter, theirs) = TORCHVISION[number];
        let mut theirs = theirs.iter();
        let mut width = 0;
        for steps in branches {
            let mut channels = block_channels;
            let mut add = |name: &str, shape: [usize; 4]| {
                let name =
                    if number == 0 { format!("mixed.{name}") } else { format!("mixed_{number}.{name}") };
                let theirs = theirs.next().copied().unwrap_or_default();
                layers.push(layer(name, &format!("Mixed_{letter}.{theirs}"), shape));
            };
            for step in steps {
                match step {
                    Step::Pool(_) => {}
                    Step::Conv(name, width, [rows, columns], _) => {
                        add(name, [width, channels, rows, columns]);
                        channels = width;
                    }
                    Step::Fork([first, second], width) => {
                        add(first, [width, channels, 1, 3]);
                        add(second, [width, channels, 3, 1]);
                        channels = 2 * width;
                    }
                }
            }
            width += channels;
        }
        block_channels = width;
    }
    layers
}

/// What torchvision calls the blocks, and the convolutions of each in the same order.
const TORCHVISION: [(&str, &[&str]); 11] = [
    ("5b", &FINE),
    ("5c", &FINE),
    ("5d", &FINE),
    ("6a", &["branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]),
    ("6b", &LONG),
    ("6c", &LONG),
    ("6d", &LONG),
    ("6e", &LONG),
    (
        "7a",
        &["branch3x3_1", "branch3x3_2", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"],
    ),
    ("7b", &WIDE),
    ("7c", &WIDE),
];
const FINE: [&str; 7] = [
    "branch1x1",
    "branch5x5_1",
    "branch5x5_2",
    "branch3x3dbl_1",
    "branch3x3dbl_2",
    "branch3x3dbl_3",
    "branch_pool",
];
const LONG: [&str; 10] = [
    "branch1x1",
    "branch7x7_1",
    "branch7x7_2",
    "branch7x7_3",
    "branch7x7dbl_1",
    "branch7x7dbl_2",
    "branch7x7dbl_3",
    "branch7x7dbl_4",
    "branch7x7dbl_5",
    "branch_pool",
];
const WIDE: [&str; 9] = [
    "branch1x1",
    "branch3x3_1",
    "branch3x3_2a",
    "branch3x3_2b",
    "branch3x3dbl_1",
    "branch3x3dbl_2",
    "branch3x3dbl_3a",
    "branch3x3dbl_3b",
    "branch_pool",
];

/// The steps of a block's branches.
type Branches = Vec<Vec<Step>>;

/// `mixed` to `mixed_10`.
fn plan() -> [Branches; 11] {
    [
        fine(32),
        fine(64),
        fine(64),
        vec![
            vec![halved("conv", 384)],
            vec![
                conv("tower.conv", 64, [1, 1]),
                conv("tower.conv_1", 96, [3, 3]),
                halved("tower.conv_2", 96),
            ],
            vec![Step::Pool(Pool::Shrink)],
        ],
        long(128),
        long(160),
        long(160),
        long(192),
        vec![
            vec![conv("tower.conv", 192, [1, 1]), halved("tower.conv_1", 320)],
            vec![
                conv("tower_1.conv", 192, [1, 1]),
                conv("tower_1.conv_1", 192, [1, 7]),
                conv("tower_1.conv_2", 192, [7, 1]),
                halved("tower_1.conv_3", 192),
            ],
            vec![Step::Pool(Pool::Shrink)],
        ],
        wide(Pool::Mean),
        wide(Pool::Max),
    ]
}

/// A block of 35x35 pixels, of whose means so many channels are left.
fn fine(of_means: usize) -> Branches {
    vec![
        vec![conv("conv", 64, [1, 1])],
        vec![conv("tower.conv", 48, [1, 1]), conv("tower.conv_1", 64, [5, 5])],
        vec![
            conv("tower_1.conv", 64, [1, 1]),
            conv("tower_1.conv_1", 96, [3, 3]),
            conv("tower_1.conv_2", 96, [3, 3]),
        ],
        vec![Step::Pool(Pool::Mean), conv("tower_2.conv", of_means, [1, 1])],
    ]
}

/// A block of 17x17 pixels, with rows and columns of seven, and so many channels between them.
fn long(between: usize) -> Branches {
    vec![
        vec![conv("conv", 192, [1, 1])],
        vec![
            conv("tower.conv", between, [1, 1]),
            conv("tower.conv_1", between, [1, 7]),
            conv("tower.conv_2", 192, [7, 1]),
        ],
        vec![
            conv("tower_1.conv", between, [1, 1]),
            conv("tower_1.conv_1", between, [7, 1]),
            conv("tower_1.conv_2", between, [1, 7]),
            conv("tower_1.conv_3", between, [7, 1]),
            conv("tower_1.conv_4", 192, [1, 7]),
        ],
        vec![Step::Pool(Pool::Mean), conv("tower_2.conv", 192, [1, 1])],
    ]
}

/// A block of 8x8 pixels, whose last branch begins with this pool.
fn wide(pool: Pool) -> Branches {
    vec![
        vec![conv("conv", 320, [1, 1])],
        vec![conv("tower_conv", 384, [1, 1]), Step::Fork(["tower_mixed_conv", "tower_mixed_conv_1"], 384)],
        vec![
            conv("tower_1_conv", 448, [1, 1]),
            conv("tower_1_conv_1", 384, [3, 3]),
            Step::Fork(["tower_1_mixed_conv", "tower_1_mixed_conv_1"], 384),
        ],
        vec![Step::Pool(pool), conv("tower_2_conv", 192, [1, 1])],
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::reference::{assert_close, assert_near, made_up, pictures};
    use crate::tensors::LinearLayer;
    use crate::weights::Places;

    /// So many times fewer channels.
    pub(crate) const NARROWED: usize = 16;

    fn narrow() -> Inception {
        Inception::narrowed(&narrow_weights(&[]), Resize::Tf1, NARROWED).unwrap()
    }

    /// Weights of fewer channels, and of layers behind them.
    pub(crate) fn narrow_weights(behind: &[LinearLayer]) -> Weights {
        let mut layers = layers();
        for layer in &mut layers {
            let [outs, ins, ..] = layer.shape;
            layer.shape[0] = outs / NARROWED;
            layer.shape[1] = if ins == 3 { 3 } else { ins / NARROWED };
        }
        made_up(&layers, behind, COLORS)
    }

    #[test]
    fn every_layer_is_what_pytorch_computes() {
        let mut layers = 0;
        let check = |name: &str, x: &Tensor| {
            let found = if x.rank() == 4 { x.mean((2, 3))? } else { x.clone() };
            assert_close(&format!("inception.{name}"), &found, 2e-5);
            layers += 1;
            Ok(())
        };
        narrow().walk(&pictures(2, 60, 47), PixelRange::Bytes, check).unwrap();
        assert_eq!(layers, 19);
    }

    #[test]
    fn both_ranges_and_any_batch_give_the_same() {
        let network = narrow();
        let bytes = pictures(AT_A_TIME + 2, 11, 9);
        let features = network.features(&bytes, PixelRange::Bytes).unwrap();
        assert_eq!(features.dims(), [AT_A_TIME + 2, network.width()]);
        let signed = ((bytes.to_dtype(DType::F32).unwrap() / 127.5).unwrap() - 1.0).unwrap();
        let last = signed.narrow(0, AT_A_TIME + 1, 1).unwrap();
        let alone = network.features(&last, PixelRange::Signed).unwrap();
        assert_near("the last", &alone, &features.narrow(0, AT_A_TIME + 1, 1).unwrap(), 1e-5);
    }

    #[test]
    fn it_has_a_gradient_in_the_picture() {
        let network = narrow();
        let signed = ((pictures(1, 24, 30).to_dtype(DType::F32).unwrap() / 127.5).unwrap() - 1.0).unwrap();
        let picture = Var::from_tensor(&signed).unwrap();
        let loss = |x: &Tensor| network.features(x, PixelRange::Signed)?.sqr()?.sum_all();
        let gradients = loss(&picture).unwrap().backward().unwrap();
        let gradient = gradients.get(&picture).unwrap();
        let length = gradient.sqr().unwrap().sum_all().unwrap().sqrt().unwrap().to_scalar::<f32>().unwrap();
        let step = (gradient * (1e-3 / f64::from(length))).unwrap();
        let at = |sign: f64| {
            loss(&(&signed + (&step * sign).unwrap()).unwrap()).unwrap().to_scalar::<f32>().unwrap()
        };
        let (found, expected) = (
            at(1.0) - at(-1.0),
            2.0 * (gradient * &step).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap(),
        );
        assert!((found - expected).abs() < 0.05 * expected.abs(), "{found}, {expected}");
    }

    /// Where the weights are: `scripts/fetch-weights inception` brings them.
    #[test]
    #[expect(clippy::print_stderr, reason = "what was left out must be seen")]
    fn the_trained_network_is_what_torchscript_computes() {
        let golden = include_bytes!("../tests/fixtures/inception.safetensors");
        let golden: HashMap<_, _> = candle_core::safetensors::load_buffer(golden, &Device::Cpu).unwrap();
        let places = Places::of_user(&[]).all().cloned().collect();
        // Nothing is kept in the folder of whoever runs this.
        let weights = match (Places { places, cache: None }).open("inception", &Device::Cpu) {
            Ok(weights) => weights,
            Err(crate::WeightsError::Missing { .. }) => {
                eprintln!(
                    "the trained Inception was not tested: `scripts/fetch-weights inception` brings it"
                );
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let pictures = &golden["pictures"];
        for resize in [Resize::Tf1, Resize::Clean] {
            let network = Inception::new(&weights, resize).unwrap();
            let found = network.features(pictures, PixelRange::Bytes).unwrap();
            let expected = &golden[&format!("features.{}", resize.name())];
            let error =
                (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(error < 1e-4, "{resize:?}: off by {error}");
        }
        let network = Inception::new(&weights, Resize::Tf1).unwrap();
        let check = |name: &str, x: &Tensor| {
            let means = if x.rank() == 4 { x.mean((2, 3))? } else { x.clone() };
            assert_near(name, &means.squeeze(0)?, &golden[&format!("layers.{name}")], 1e-5);
            Ok(())
        };
        network.walk(&pictures.narrow(0, 0, 1).unwrap(), PixelRange::Bytes, check).unwrap();
    }
}
