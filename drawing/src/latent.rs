//! What a picture is drawn from.

use std::fmt;
use std::ops::Range;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use stylegan_generator::{GeneratorConfig, Truncation};

/// Where in a network a latent enters; its name is that of the tensor in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatentSpace {
    /// `[z_dim]`, before the mapping network
    Z,
    /// `[w_dim]`, behind it
    W,
    /// `[num_layers, w_dim]`, one w for each layer
    WPlus,
}

impl LatentSpace {
    /// Every space, in the order of the network.
    pub const ALL: [Self; 3] = [Self::Z, Self::W, Self::WPlus];

    /// The truncation with which its latents are drawn unless somebody asks for another: none of `w_plus`, which was
    /// made for its own sake.
    pub fn usual_truncation(self) -> Truncation {
        if self == Self::WPlus { Truncation::OFF } else { Truncation::default() }
    }

    /// Shape of one latent, without the batch.
    pub(crate) fn shape(self, config: &GeneratorConfig) -> Vec<usize> {
        match self {
            Self::Z => vec![config.z_dim],
            Self::W => vec![config.w_dim],
            Self::WPlus => vec![config.num_layers(), config.w_dim],
        }
    }
}

impl fmt::Display for LatentSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Z => "z",
            Self::W => "w",
            Self::WPlus => "w_plus",
        })
    }
}

/// A latent in any of the spaces, not truncated.
#[derive(Clone, Debug)]
pub enum Latent {
    /// `[1, z_dim]`
    Z(Tensor),
    /// `[1, w_dim]`
    W(Tensor),
    /// `[1, num_layers, w_dim]`
    WPlus(Tensor),
}

impl Latent {
    /// The latent of this space.
    pub fn new(space: LatentSpace, latent: Tensor) -> Self {
        match space {
            LatentSpace::Z => Self::Z(latent),
            LatentSpace::W => Self::W(latent),
            LatentSpace::WPlus => Self::WPlus(latent),
        }
    }

    /// The space that it is of.
    pub fn space(&self) -> LatentSpace {
        match self {
            Self::Z(_) => LatentSpace::Z,
            Self::W(_) => LatentSpace::W,
            Self::WPlus(_) => LatentSpace::WPlus,
        }
    }
}

/// One picture to be drawn.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is drawn from.
    pub latent: Latent,
    /// Numbers that set its random noise apart from that of other pictures, such as its seed.
    pub noise_numbers: Vec<u64>,
    /// Its truncation, where it is not what the painter's options say.
    pub truncation: Option<Truncation>,
    /// The layers that add noise, where not all of them do.
    pub noise_layers: Option<Range<usize>>,
    /// Noise images of its own in the place of those that are stored with the network, `[1, 1, height, width]` for each layer in
    /// use.
    pub noise: Option<Vec<Tensor>>,
}

impl Sample {
    /// The picture of a latent, drawn as the painter's options say.
    pub fn new(latent: Latent, noise_numbers: Vec<u64>) -> Self {
        Self { latent, noise_numbers, truncation: None, noise_layers: None, noise: None }
    }
}
