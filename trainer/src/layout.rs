//! How features lie in memory, as a configuration says it.

use std::fmt;
use std::str::FromStr;

use candle_core::{Device, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stylegan_ops::FeatureLayout;

use crate::Precision;

/// How features lie in the memory of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// What is faster: channels last where tensor cores multiply, in `tf32` and `bf16` on a GPU, and planes elsewhere.
    #[default]
    Auto,
    /// One plane behind the other.
    Nchw,
    /// All channels of a pixel side by side; on a GPU only.
    Nhwc,
}

impl Layout {
    const ALL: [(&str, Self); 3] = [("auto", Self::Auto), ("nchw", Self::Nchw), ("nhwc", Self::Nhwc)];

    /// What this comes to on a device that computes in this precision.
    ///
    /// # Errors
    /// If the device does not tell what it is.
    pub fn on(self, device: &Device, precision: Precision) -> Result<FeatureLayout> {
        Ok(self.at(precision.on(device)?))
    }

    /// The same in a precision that is none of a CPU's but `F32`.
    fn at(self, precision: Precision) -> FeatureLayout {
        match (self, precision) {
            (Self::Nhwc, _) | (Self::Auto, Precision::Tf32 | Precision::Bf16) => FeatureLayout::Nhwc,
            (Self::Nchw | Self::Auto, _) => FeatureLayout::Nchw,
        }
    }

    /// What a run's files say, so that runs from before there was `Auto` go on with it.
    pub(crate) fn lasting(self) -> Self {
        if self == Self::Auto { Self::Nchw } else { self }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, layout)| layout == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text).map(|&(_, layout)| layout);
        found.ok_or_else(|| "a layout is `auto`, `nchw` or `nhwc`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_configuration() {
        for (name, layout) in Layout::ALL {
            assert_eq!(name.parse(), Ok(layout));
            assert_eq!(layout.to_string(), name);
            assert_eq!(serde_json::to_value(layout).unwrap(), name);
        }
        assert!("chwn".parse::<Layout>().is_err());
    }

    #[test]
    fn tensor_cores_have_channels_last() {
        let (nchw, nhwc) = (FeatureLayout::Nchw, FeatureLayout::Nhwc);
        let at = |layout: Layout| [Precision::F32, Precision::Tf32, Precision::Bf16].map(|p| layout.at(p));
        assert_eq!(at(Layout::Auto), [nchw, nhwc, nhwc]);
        assert_eq!(at(Layout::Nchw), [nchw; 3]);
        assert_eq!(at(Layout::Nhwc), [nhwc; 3]);
        for precision in [Precision::Auto, Precision::Tf32, Precision::F32] {
            assert_eq!(Layout::Auto.on(&Device::Cpu, precision).unwrap(), nchw);
        }
    }
}
