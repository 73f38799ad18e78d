//! How exactly a GPU computes.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device, Result, bail};
use serde::{Deserialize, Serialize};

/// How exactly a GPU computes. Weights, latents, pictures, statistics and sums are `f32` or better in any case; a CPU
/// computes all of it in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Factors of products are rounded to 10 bits behind the point.
    #[default]
    Tf32,
    /// Nothing is rounded further than to `f32`.
    F32,
    /// Features, their gradients and the weights they meet are rounded to `bf16`, 7 bits behind the point, in memory as
    /// well; all other factors are as in `Tf32`.
    Bf16,
}

impl Precision {
    const ALL: [(&str, Self); 3] = [("tf32", Self::Tf32), ("f32", Self::F32), ("bf16", Self::Bf16)];

    /// The type of features in networks whose weights are of type `weights`.
    pub fn features(self, weights: DType) -> DType {
        if self == Self::Bf16 { DType::BF16 } else { weights }
    }

    /// Makes all that is computed from now on as exact as this says.
    ///
    /// # Errors
    /// If the device cannot.
    pub fn prepare(self, device: &Device) -> Result<()> {
        #[cfg(feature = "cuda")]
        stylegan_ops::cuda::allow_tf32(self != Self::F32);
        if self == Self::Bf16 && !device.is_cuda() {
            bail!("the precision is bf16, which needs a GPU")
        }
        Ok(())
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, precision)| precision == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text).map(|&(_, precision)| precision);
        found.ok_or_else(|| "a precision is `tf32`, `f32` or `bf16`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_configuration() {
        for (name, precision) in Precision::ALL {
            assert_eq!(name.parse(), Ok(precision));
            assert_eq!(precision.to_string(), name);
            assert_eq!(serde_json::to_value(precision).unwrap(), name);
        }
        assert!("f16".parse::<Precision>().is_err());
    }

    #[test]
    fn only_a_gpu_rounds_features() {
        let refused = Precision::Bf16.prepare(&Device::Cpu).unwrap_err().to_string();
        assert!(refused.contains("needs a GPU"), "{refused}");
        Precision::Tf32.prepare(&Device::Cpu).unwrap();
    }
}
