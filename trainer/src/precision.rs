//! How exactly a GPU computes.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device, Result, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::gpu_capability;

/// How exactly a GPU computes. Weights, latents, pictures, statistics and sums are `f32` or better in any case; a CPU
/// computes all of it in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// What the device is good at: `Tf32` where it multiplies so, from NVIDIA's Ampere on, and `F32` elsewhere.
    ///
    /// Not `Bf16`, although it is faster: how much it changes a training is for a person to say.
    #[default]
    Auto,
    /// Factors of products are rounded to 10 bits behind the point.
    Tf32,
    /// Nothing is rounded further than to `f32`.
    F32,
    /// Features, their gradients and the weights they meet are rounded to `bf16`, 7 bits behind the point, in memory as
    /// well; all other factors are as in `Tf32`.
    Bf16,
}

/// The first compute capability with TF32, that of Ampere.
const TF32_SINCE: (u32, u32) = (8, 0);

impl Precision {
    const ALL: [(&str, Self); 4] =
        [("auto", Self::Auto), ("tf32", Self::Tf32), ("f32", Self::F32), ("bf16", Self::Bf16)];

    /// What this comes to on a device: of `Auto`, what it takes there, and of `Tf32` on a device without it, `F32`.
    ///
    /// # Errors
    /// If the device does not tell what it is.
    pub fn on(self, device: &Device) -> Result<Self> {
        Ok(self.at(gpu_capability(device)?))
    }

    /// The same on a GPU of this compute capability, or on a CPU.
    #[must_use]
    pub fn at(self, capability: Option<(u32, u32)>) -> Self {
        match self {
            Self::Auto | Self::Tf32 if capability >= Some(TF32_SINCE) => Self::Tf32,
            Self::Auto | Self::Tf32 => Self::F32,
            exact => exact,
        }
    }

    /// What a run's files say: a training that was begun with `Auto` goes on with `Tf32`, since both come to the same
    /// on every device, and with nothing else.
    pub(crate) fn lasting(self) -> Self {
        if self == Self::Auto { Self::Tf32 } else { self }
    }

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
        found.ok_or_else(|| "a precision is `auto`, `tf32`, `f32` or `bf16`".to_owned())
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
    fn a_device_takes_what_it_is_good_at() {
        let [hopper, ampere, turing, cpu] = [Some((9, 0)), Some((8, 0)), Some((7, 5)), None];
        for precision in [Precision::Auto, Precision::Tf32] {
            assert_eq!(precision.at(hopper), Precision::Tf32);
            assert_eq!(precision.at(ampere), Precision::Tf32);
            assert_eq!(precision.at(turing), Precision::F32);
            assert_eq!(precision.at(cpu), Precision::F32);
        }
        for precision in [Precision::F32, Precision::Bf16] {
            assert!([hopper, turing, cpu].iter().all(|&device| precision.at(device) == precision));
        }
        assert_eq!(Precision::default().on(&Device::Cpu).unwrap(), Precision::F32);
    }

    #[test]
    fn only_a_gpu_rounds_features() {
        let refused = Precision::Bf16.prepare(&Device::Cpu).unwrap_err().to_string();
        assert!(refused.contains("needs a GPU"), "{refused}");
        Precision::Tf32.prepare(&Device::Cpu).unwrap();
        Precision::Auto.prepare(&Device::Cpu).unwrap();
    }
}
