//! How finely pictures tell light from dark.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many bits each number of a picture has; as a number and as a text, how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub enum Bits {
    /// 8: 256 shades, as photos have.
    #[default]
    Eight,
    /// 16: 65,536 shades, as microscopes and depth cameras have. Two bytes in a pack, the lower one first.
    Sixteen,
}

impl Bits {
    const ALL: [Self; 2] = [Self::Eight, Self::Sixteen];

    /// How many bytes a number takes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }

    /// The numbers of these bytes in 8 bits; of 16, the upper ones.
    pub(crate) fn upper(self, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Eight => bytes,
            Self::Sixteen => bytes.into_iter().skip(1).step_by(2).collect(),
        }
    }
}

impl TryFrom<usize> for Bits {
    type Error = String;

    fn try_from(count: usize) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|&bits| usize::from(bits) == count);
        found.ok_or_else(|| format!("pictures are kept with 8 or 16 bits, not {count}"))
    }
}

impl From<Bits> for usize {
    fn from(bits: Bits) -> Self {
        8 * bits.bytes()
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        usize::from(*self).fmt(f)
    }
}

impl FromStr for Bits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|bits| bits.to_string() == text);
        found.ok_or_else(|| "pictures are kept with 8 or 16 bits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_told_by_their_number() {
        for (text, bits) in [("8", Bits::Eight), ("16", Bits::Sixteen)] {
            assert_eq!((text.parse(), bits.to_string()), (Ok(bits), text.to_owned()));
            assert_eq!(serde_json::to_string(&bits).unwrap(), text);
            assert_eq!(serde_json::from_str::<Bits>(text).unwrap(), bits);
        }
        for text in ["", "0", "1", "32", "+8", "eight"] {
            assert!(text.parse::<Bits>().unwrap_err().contains("8 or 16"), "{text}");
        }
        assert!(serde_json::from_str::<Bits>("12").unwrap_err().to_string().contains("not 12"));
    }
}
