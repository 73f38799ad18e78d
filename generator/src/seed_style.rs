//! From a seed to its latent.

use std::fmt;

use candle_core::{DType, Device, Result, Tensor, bail};
use serde::{Deserialize, Serialize};
use stylegan_ops::{Key, RandomTensors};

use crate::numpy::RandomState;

/// How a seed becomes a latent z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeedStyle {
    /// This program's own way, for every seed of 64 bits.
    #[default]
    Native,
    /// As `numpy.random.RandomState(seed).randn(z_dim)` of the original, for seeds of 32 bits.
    Numpy,
}

impl SeedStyle {
    /// The largest seed there is.
    pub fn last_seed(self) -> u64 {
        match self {
            Self::Native => u64::MAX,
            Self::Numpy => u32::MAX.into(),
        }
    }

    /// The latent of a seed, `[z_dim]`.
    pub(crate) fn latent(self, seed: u64, z_dim: usize, dtype: DType, device: &Device) -> Result<Tensor> {
        match (self, u32::try_from(seed)) {
            (Self::Native, _) => Key::new("latent of a seed", &[seed]).normal(z_dim, dtype, device),
            (Self::Numpy, Ok(seed)) => {
                let mut state = RandomState::new(seed);
                let z: Vec<f64> = (0..z_dim).map(|_| state.normal()).collect();
                Tensor::from_vec(z, z_dim, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)
            }
            (Self::Numpy, Err(_)) => {
                bail!("there is no seed {seed} in the style of numpy, the last one is {}", self.last_seed())
            }
        }
    }
}

impl fmt::Display for SeedStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Numpy => "numpy",
        })
    }
}
